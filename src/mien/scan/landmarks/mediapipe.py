"""The two networks that find a face in a picture: MediaPipe's, run through OpenCV.

Bazarevsky et al. 2019, BlazeFace (arXiv 1907.05047); Kartynnik et al. 2019, face mesh (1907.06724).
Their files (Apache-2.0) come with the Python package `mediapipe` 0.10.21, which is never imported.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mien.core.errors import MienError

DETECTOR_SIZE = 128
MESH_SIZE = 192
_DETECTOR = "modules/face_detection/face_detection_short_range.tflite"
_MESH = "modules/face_landmark/face_landmark.tflite"


@dataclass(frozen=True)
class Detection:
    """A face box: score in 0..1; centre, width and height and the keypoints (right eye, left eye, nose
    tip, mouth, right and left ear) in pixels."""

    score: float
    box: Float[np.ndarray, "4"]
    keypoints: Float[np.ndarray, "6 2"]


def network_files() -> tuple[Path, Path]:
    """The detector's and the mesh network's file; refused with what to install where they are missing."""
    files = _files()
    if files is None:
        raise MienError(
            "the face detector's files were not found (they come with mediapipe 0.10.21); "
            "install them with `pip install --no-deps mediapipe==0.10.21`, or give --landmarks FILE"
        )
    return files


def has_network_files() -> bool:
    """Whether they are installed."""
    return _files() is not None


def networks_can_be_read() -> bool:
    """Whether this OpenCV reads the installed files: a version too old or too new may not."""
    import cv2

    try:
        _networks()
    except (cv2.error, AttributeError):
        return False
    return True


def _files() -> tuple[Path, Path] | None:
    spec = importlib.util.find_spec("mediapipe")
    folders = [Path(p) for p in (spec.submodule_search_locations or [])] if spec else []
    for folder in folders:
        if (folder / _DETECTOR).is_file() and (folder / _MESH).is_file():
            return folder / _DETECTOR, folder / _MESH
    return None


@lru_cache(maxsize=1)
def _networks():
    import cv2

    detector, mesh = network_files()
    # the classic engine: OpenCV 5's new one drops all outputs but one of these files
    engine = cv2.dnn.ENGINE_CLASSIC
    return cv2.dnn.readNetFromTFLite(str(detector), engine), cv2.dnn.readNetFromTFLite(str(mesh), engine)


@lru_cache(maxsize=1)
def _anchors() -> Float[np.ndarray, "896 2"]:
    """Centres of the detector's anchors in 0..1: two a cell on a 16 grid, then six a cell on an 8 grid."""
    grids = []
    for cells, repeats in ((16, 2), (8, 6)):
        y, x = np.mgrid[0:cells, 0:cells]
        centres = (np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5) / cells
        grids.append(np.repeat(centres, repeats, axis=0))
    return np.concatenate(grids)


def detect(image: np.ndarray) -> Detection | None:
    """The best face in a square RGB uint8 image, with overlapping candidates averaged by their score."""
    import cv2

    size = image.shape[0]
    small = image
    if size != DETECTOR_SIZE:
        small = cv2.resize(image, (DETECTOR_SIZE, DETECTOR_SIZE), interpolation=cv2.INTER_AREA)
    net = _networks()[0]
    net.setInput((small.astype(np.float32) / 127.5 - 1.0).transpose(2, 0, 1)[None])
    logits, boxes = net.forward(["classificators", "regressors"])
    score = 1.0 / (1.0 + np.exp(-np.clip(logits[0, :, 0].astype(np.float64), -50, 50)))
    best = int(np.argmax(score))
    decoded = boxes[0].astype(np.float64).reshape(-1, 8, 2) / DETECTOR_SIZE
    decoded[:, 0] += _anchors()
    decoded[:, 2:] += _anchors()[:, None]
    near = (score > 0.5 * score[best]) & (_overlap(decoded, decoded[best]) > 0.3)
    weight = score[near] / score[near].sum()
    mean = np.einsum("n,nkd->kd", weight, decoded[near]) * size
    return Detection(float(score[best]), mean[:2].reshape(4), mean[2:])


def _overlap(boxes: Float[np.ndarray, "N 8 2"], one: Float[np.ndarray, "8 2"]) -> Float[np.ndarray, " N"]:
    """Intersection over union of (centre, extent) boxes."""
    low = np.maximum(boxes[:, 0] - boxes[:, 1] / 2, one[0] - one[1] / 2)
    high = np.minimum(boxes[:, 0] + boxes[:, 1] / 2, one[0] + one[1] / 2)
    common = np.prod(np.maximum(high - low, 0), axis=1)
    return common / (np.abs(np.prod(boxes[:, 1], axis=1)) + abs(np.prod(one[1])) - common + 1e-12)


def face_mesh(
    image: np.ndarray, centre: Float[np.ndarray, "2"], width: float, roll: float = 0.0
) -> tuple[Float[np.ndarray, "468 3"], float]:
    """468 points (x, y in pixels of `image`, z in the same scale, toward the viewer negative) and the
    probability that there is a face. The crop is a square of `width` pixels turned by `roll` radians
    (clockwise in the image)."""
    import cv2

    scale = width / MESH_SIZE
    c, s = np.cos(roll) * scale, np.sin(roll) * scale
    crop_to_image = np.array([[c, -s], [s, c]])
    offset = np.asarray(centre) - crop_to_image @ np.full(2, MESH_SIZE / 2)
    # OpenCV puts pixel centres at integers, we at halves
    shift = offset + crop_to_image @ np.full(2, 0.5) - 0.5
    matrix = np.concatenate([crop_to_image, shift[:, None]], axis=1)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    crop = cv2.warpAffine(image, matrix, (MESH_SIZE, MESH_SIZE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    net = _networks()[1]
    net.setInput((crop.astype(np.float32) / 255.0).transpose(2, 0, 1)[None])
    points, presence = net.forward(["conv2d_21", "conv2d_31"])
    local = points.reshape(468, 3).astype(np.float64)
    flat = local[:, :2] @ crop_to_image.T + offset
    probability = 1.0 / (1.0 + np.exp(-float(presence.reshape(-1)[0])))
    return np.concatenate([flat, local[:, 2:] * scale], axis=1), probability
