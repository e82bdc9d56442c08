"""Where in a scan is the face, and which way does it look?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from mien.geometry.align import fit_similarity_robust
from mien.geometry.sample import fibonacci_sphere
from mien.scan.landmarks.face_points import face_axes, face_length, multi_pie, what_is_no_face
from mien.scan.landmarks.mediapipe import Detection, detect, face_mesh
from mien.scan.landmarks.orthographic import Canvas, OrthographicView, Picture, draw

COARSE_PIXELS = 160
CLOSE_PIXELS = 256
N_DIRECTIONS = 48
PROMISING = 0.4  # detector score worth a closer look
PRESENT = 0.5  # the mesh network's own probability that its crop shows a face
MEASURED_SHARE = 0.7  # of the 51 inner points: the rest may lie in holes
MAX_OFF = 0.25  # face lengths between a lifted point and the network's own idea of it
MESH_ROOM = 1.5  # crop width over face box, as the network was trained
BOX_LENGTHS = 2.3  # width of the box of all 468 points, in face lengths (eyes to mouth)


@dataclass(frozen=True)
class FacePose:
    """A face found: axes (rows: the subject's left, up, forward), its centre, its length from eyes to
    mouth in the scan's unit, rough landmarks, and how sure the network is."""

    axes: Float[np.ndarray, "3 3"]
    centre: Float[np.ndarray, "3"]
    length: float
    landmarks: Float[np.ndarray, "68 3"]
    presence: float


def find_face_in_pictures(canvas: Canvas) -> FacePose | None:
    """Looks from all sides, in all rolls, and takes the first face that stands a closer look.

    Views along the coordinate axes come first, since most scans are upright in some convention.
    """
    low, high = canvas.vertices.min(axis=0), canvas.vertices.max(axis=0)
    centre, reach = (low + high) / 2, float(np.linalg.norm(high - low)) / 2
    for directions in (_along_axes(), _all_round()):
        views = (OrthographicView(axes, centre, reach, COARSE_PIXELS) for axes in directions)
        batch = [hit for view in views for hit in _look(canvas, view)]
        for view, detection in sorted(batch, key=lambda hit: -hit[1].score)[:8]:
            pose = approach(canvas, _closer(view, detection, canvas))
            if pose is not None:
                return pose
    return None


def _along_axes() -> Iterator[np.ndarray]:
    for axis in (2, 1, 0):
        for sign in (1.0, -1.0):
            yield camera_axes(sign * np.eye(3)[axis])


def _all_round() -> Iterator[np.ndarray]:
    """Fibonacci's sphere: nearly even directions, 33 degrees apart."""
    for direction in fibonacci_sphere(N_DIRECTIONS):
        yield camera_axes(direction)


def camera_axes(backward: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """Camera axes for a viewing direction, with Y up where that is possible."""
    back = backward / np.linalg.norm(backward)
    up = np.array([0.0, 1.0, 0.0]) if abs(back[1]) < 0.9 else np.array([0.0, 0.0, 1.0])
    right = np.cross(up, back)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(back, right), back])


def _look(canvas: Canvas, view: OrthographicView) -> Iterator[tuple[OrthographicView, Detection]]:
    """One picture, shown to the detector in four rolls; the views returned are rolled, too."""
    image = draw(canvas, view).image
    right, up, back = view.axes
    for quarter in range(4):
        found = detect(np.ascontiguousarray(np.rot90(image, quarter)))
        if found is not None and found.score > PROMISING:
            axes = ((right, up), (-up, right), (-right, -up), (up, -right))[quarter]
            yield OrthographicView(np.stack([*axes, back]), view.centre, view.reach, view.size), found


def _closer(view: OrthographicView, found: Detection, canvas: Canvas) -> OrthographicView:
    """A view centred on the box, rolled so that the eyes are level, with room for the mesh network."""
    eyes = found.keypoints[0] - found.keypoints[1]
    roll = np.arctan2(-eyes[1], -eyes[0])  # positive: the eyes fall to the right, clockwise
    c, s = np.cos(roll), np.sin(roll)
    right, up, back = view.axes
    axes = np.stack([c * right - s * up, s * right + c * up, back])
    pixel_size = 2 * view.reach / view.size
    depth = float(view.project(canvas.vertices.mean(axis=0))[2])
    centre = view.lift(found.box[:2], np.array(depth))
    return OrthographicView(
        axes, centre, MESH_ROOM * 0.5 * float(found.box[2:].max()) * pixel_size, CLOSE_PIXELS
    )


def approach(canvas: Canvas, view: OrthographicView, rounds: int = 6) -> FacePose | None:
    """From a rough view to a frontal one: find points, lift them, turn toward them, until it is stable."""
    pose: FacePose | None = None
    for _ in range(rounds):
        picture = draw(canvas, view)
        mesh, presence = face_mesh(picture.image, np.full(2, view.size / 2), float(view.size))
        points = multi_pie(mesh)
        landmarks, measured = complete(lift_points(canvas, picture, points[:, :2]), in_space(points, view))
        if presence < PRESENT or measured[17:].mean() < MEASURED_SHARE:
            return None
        previous, pose = pose, _pose(landmarks, presence)
        if previous is not None and _close(previous, pose):
            break
        view = frontal_view(pose)
    return pose if pose is not None and not what_is_no_face(pose.landmarks) else None


def in_space(points: Float[np.ndarray, "K 3"], view: OrthographicView) -> Float[np.ndarray, "K 3"]:
    """The network's own points as a shape with the scan's orientation (not its place or scale)."""
    return points * [1.0, -1.0, -1.0] @ view.axes


def complete(
    lifted: Float[np.ndarray, "68 3"], shape: Float[np.ndarray, "68 3"]
) -> tuple[Float[np.ndarray, "68 3"], Bool[np.ndarray, "68"]]:
    """Lifted points, with those that fell into a hole (or through it, onto the back of the head) replaced by
    the network's own shape carried onto the others; and which were measured."""
    known = np.isfinite(lifted).all(axis=1)
    inner = known & (np.arange(68) >= 17)
    if inner.sum() < 10:
        return lifted, np.zeros(68, bool)
    fit, _ = fit_similarity_robust(shape[inner], lifted[inner])
    carried = fit(shape)
    off = np.linalg.norm(np.where(known[:, None], lifted, 0.0) - carried, axis=1)
    measured = known & (off < MAX_OFF * face_length(carried))
    return np.where(measured[:, None], lifted, carried), measured


def _pose(landmarks: np.ndarray, presence: float) -> FacePose:
    inner = landmarks[17:]
    axes = face_axes(landmarks)
    local = inner @ axes.T
    centre = (local.min(axis=0) + local.max(axis=0)) / 2 @ axes
    return FacePose(axes, centre, face_length(landmarks), landmarks, presence)


def frontal_view(
    pose: FacePose, yaw: float = 0.0, pitch: float = 0.0, size: int = CLOSE_PIXELS
) -> OrthographicView:
    """The face filling the mesh network's crop, seen from `yaw` (from its left) and `pitch` (from above),
    in radians."""
    left, up, forward = pose.axes
    back = np.cos(yaw) * forward + np.sin(yaw) * left
    right = np.cos(yaw) * left - np.sin(yaw) * forward
    turned_up = np.cos(pitch) * up - np.sin(pitch) * back
    back = np.cos(pitch) * back + np.sin(pitch) * up
    reach = 0.5 * MESH_ROOM * BOX_LENGTHS * pose.length
    return OrthographicView(np.stack([right, turned_up, back]), pose.centre, reach, size)


def _close(a: FacePose, b: FacePose) -> bool:
    turn = np.arccos(np.clip((np.trace(a.axes @ b.axes.T) - 1) / 2, -1, 1))
    shift = np.linalg.norm(a.centre - b.centre) / b.length
    return bool(turn < np.radians(1.0) and shift < 0.02 and abs(a.length / b.length - 1) < 0.02)


def lift_points(
    canvas: Canvas, picture: Picture, pixels: Float[np.ndarray, "K 2"]
) -> Float[np.ndarray, "K 3"]:
    """Where the rays through these pixels meet the surface; NaN where they miss it.

    The triangle comes from the pixel, the depth from that triangle's plane at the exact position.
    """
    size = picture.view.size
    column = np.clip(pixels[:, 0].astype(int), 0, size - 1)
    row = np.clip(pixels[:, 1].astype(int), 0, size - 1)
    triangle = picture.raster.triangle[row, column]
    inside = (pixels >= 0).all(axis=1) & (pixels < size).all(axis=1) & (triangle >= 0)
    corners = picture.view.project(canvas.vertices[canvas.triangles[triangle]])
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    normal = np.cross(b - a, c - a)
    slope = np.where(np.abs(normal[:, 2]) > 1e-12, normal[:, 2], np.inf)
    offset = pixels - a[:, :2]
    depth = a[:, 2] - (normal[:, :2] * offset).sum(axis=1) / slope
    depth = np.clip(depth, corners[..., 2].min(axis=1), corners[..., 2].max(axis=1))
    lifted = picture.view.lift(pixels, depth)
    lifted[~inside] = np.nan
    return lifted
