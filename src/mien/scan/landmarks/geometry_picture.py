"""What Mien's landmark networks see: normals, depth and coverage from an orthographic camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mien.geometry.raster import Raster, rasterize
from mien.scan.landmarks.face_points import eyes_and_mouth, face_axes, face_length
from mien.scan.landmarks.orthographic import OrthographicView

FINDER_SIZE = 64
LANDMARK_SIZE = 128
CLOSER = 2.2  # half the width of the finder's second picture, in the face lengths of its first guess
REACH = 1.5  # half the crop's width, in face lengths
DROP = 0.65  # the crop's centre, from the eyes down toward the mouth


@dataclass(frozen=True)
class FaceFrame:
    """A face's place: axes (rows: the subject's left, up, forward), the crop's centre and the face's
    length from eyes to mouth."""

    axes: Float[np.ndarray, "3 3"]
    centre: Float[np.ndarray, "3"]
    length: float


def face_frame_of(landmarks: Float[np.ndarray, "68 3"]) -> FaceFrame:
    """The frame of a face with these landmarks."""
    eyes, mouth = eyes_and_mouth(landmarks)
    return FaceFrame(face_axes(landmarks), eyes + DROP * (mouth - eyes), face_length(landmarks))


def crop_view(frame: FaceFrame, yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> OrthographicView:
    """The crop of a face seen from `yaw` (from its left), `pitch` (from above) and rolled, in radians."""
    left, up, forward = frame.axes
    back = np.cos(yaw) * forward + np.sin(yaw) * left
    right = np.cos(yaw) * left - np.sin(yaw) * forward
    turned_up = np.cos(pitch) * up - np.sin(pitch) * back
    back = np.cos(pitch) * back + np.sin(pitch) * up
    axes = np.stack(
        [
            np.cos(roll) * right + np.sin(roll) * turned_up,
            np.cos(roll) * turned_up - np.sin(roll) * right,
            back,
        ]
    )
    return OrthographicView(axes, frame.centre, REACH * frame.length, LANDMARK_SIZE)


def geometry_image(
    vertices: Float[np.ndarray, "N 3"],
    normals: Float[np.ndarray, "N 3"],
    triangles: Int[np.ndarray, "M 3"],
    view: OrthographicView,
) -> tuple[Float[np.ndarray, "5 H H"], Raster]:
    """Normal in camera axes (right, up, toward the viewer; away from him where a face shows its back), depth
    toward the viewer in half image widths within -1..1, coverage; and the raster, of all triangles."""
    projected = view.project(vertices)
    near = _in_frame(projected, triangles, view.size)
    raster = rasterize(projected[:, :2], projected[:, 2], triangles[near], view.size, view.size)
    seen = raster.covered
    triangle = near[raster.triangle[seen]]
    turned = (normals @ view.axes.T)[triangles[triangle]]
    normal = np.einsum("nk,nkd->nd", raster.barycentric[seen], turned)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    image = np.zeros((5, view.size, view.size), np.float32)
    image[:3, seen] = normal.T
    image[3, seen] = np.clip(-raster.depth[seen] / view.reach, -1.0, 1.0)
    image[4, seen] = 1.0
    whole = np.full(raster.triangle.shape, -1, np.int64)
    whole[seen] = triangle
    return image, Raster(whole, raster.barycentric, raster.depth)


def _in_frame(projected: np.ndarray, triangles: np.ndarray, size: int) -> np.ndarray:
    """Rows of the triangles that may touch the image."""
    x, y = projected[:, 0], projected[:, 1]
    side = (x < 0).astype(np.uint8) + 2 * (x > size) + 4 * (y < 0) + 8 * (y > size)
    corners = side[triangles]
    return np.flatnonzero((corners[:, 0] & corners[:, 1] & corners[:, 2]) == 0)
