"""Mien's own networks on a scan: find the face from all round, close in on it, fuse many views of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mien.geometry.sample import fibonacci_sphere
from mien.scan.landmarks.face_points import MIRROR_68, what_is_no_face
from mien.scan.landmarks.fuse import FusedFace, robust_mean
from mien.scan.landmarks.geometry_picture import (
    CLOSER,
    FINDER_SIZE,
    FaceFrame,
    crop_view,
    face_frame_of,
    geometry_image,
)
from mien.scan.landmarks.networks import run_finder, run_points, shipped
from mien.scan.landmarks.orthographic import Canvas, OrthographicView
from mien.scan.landmarks.picture_search import FacePose, camera_axes

N_DIRECTIONS = 24
CANDIDATES = 24
TURNS = 2
LOOKS = 8  # at most, while closing in
LOOKS_AT_ALL = 12  # that a search in the whole of a scan may take: a face takes two or three
LOOKS_IN_A_SEARCH = 48
AT_ONCE = 48  # pictures that the finder is shown together
PRESENT = 0.5
SURE = 0.06  # expected error, in face lengths, of a face that needs no second candidate
UNSURE = 0.08  # likewise, of what is no face: 0.047 at most on heads kept for this choice, else 0.092 or more
VIEWS = tuple((yaw, pitch) for yaw in (-30, -15, 0, 15, 30) for pitch in (-15, 0, 15))  # degrees

Guess = tuple[FaceFrame, float]  # where the finder thinks a face is, and the log of the error that it expects


@dataclass(frozen=True)
class NetworkReading:
    """What the network sees in one crop: points in the scan's coordinates, the error expected of each in the
    scan's unit, and the probability of a face."""

    points: Float[np.ndarray, "68 3"]
    error: Float[np.ndarray, "68"]
    presence: float


@dataclass
class Budget:
    """Looks left to a search: their number, which is the same on every machine, ends it, not the clock."""

    looks: int = LOOKS_IN_A_SEARCH


def find_face_by_shape(canvas: Canvas, budget: Budget) -> FacePose | None:
    """The face of a scan in any orientation, by its shape alone; None where there is none."""
    low, high = canvas.vertices.min(axis=0), canvas.vertices.max(axis=0)
    centre, reach = (low + high) / 2, float(np.linalg.norm(high - low)) / 2
    views = [OrthographicView(axes, centre, reach, FINDER_SIZE) for axes in directions(N_DIRECTIONS)]
    return surest(canvas, candidates(canvas, glances(canvas, views)), budget, LOOKS_AT_ALL)


def surest(
    canvas: Canvas, guesses: list[Guess], budget: Budget, most: int, clip: float | None = None
) -> FacePose | None:
    """The face that the network is surest of, or the first that it is sure of, in `most` looks or a few more;
    None where there is none. `clip` is that of `candidates`."""
    best, least = None, np.inf
    saved = max(budget.looks - most, 0)
    for frame, _ in guesses:
        if budget.looks <= saved:
            break
        found = _approach(_clipped(canvas, frame, clip), frame, budget)
        if found is None:
            continue
        pose, error = found
        if error < least:
            best, least = pose, error
        if error < SURE:
            break
    return best


def candidates(canvas: Canvas, guesses: list[Guess], clip: float | None = None) -> list[Guess]:
    """Where the finder thinks the face is, the surest first: after its first guesses it looks at each of them
    from what it thinks is the front, upright and closer. With `clip`, only at what lies within so many face
    lengths of it: other things may stand before it."""
    every = list(guesses)
    for _ in range(TURNS):
        frames = [frame for frame, _ in _different(guesses)[:CANDIDATES]]
        views = [_closer(frame) for frame in frames]
        images = [geometry(_clipped(canvas, f, clip), v) for f, v in zip(frames, views, strict=True)]
        guesses = guesses_from(images, views)
        every = guesses + every
    return _different(every)[:CANDIDATES]


def _clipped(canvas: Canvas, frame: FaceFrame, clip: float | None) -> Canvas:
    return canvas if clip is None else within(canvas, frame.centre, clip * frame.length)


def within(canvas: Canvas, centre: Float[np.ndarray, "3"], radius: float) -> Canvas:
    """The triangles that reach into a ball, without colour."""
    inside = ((canvas.vertices - centre) ** 2).sum(axis=1) < radius**2
    used, triangles = np.unique(canvas.triangles[inside[canvas.triangles].any(axis=1)], return_inverse=True)
    return Canvas(canvas.vertices[used], triangles.reshape(-1, 3), canvas.normals[used])


def glances(canvas: Canvas, views: list[OrthographicView]) -> list[Guess]:
    """The finder's guesses, where it sees a head; the surest first."""
    return guesses_from([geometry(canvas, view) for view in views], views)


def geometry(canvas: Canvas, view: OrthographicView) -> Float[np.ndarray, "5 H H"]:
    """What a network sees of a surface."""
    return geometry_image(canvas.vertices, canvas.normals, canvas.triangles, view)[0]


def guesses_from(images: list[np.ndarray], views: list[OrthographicView]) -> list[Guess]:
    """The finder's guesses in pictures of these views; the surest first."""
    seen: list[Guess] = []
    for start in range(0, len(views), AT_ONCE):
        some = np.stack(images[start : start + AT_ONCE])
        numbers = run_finder(shipped()[0], some).astype(np.float64)
        seen += [
            (_frame(n, v), float(n[11])) for n, v in zip(numbers, views[start:], strict=False) if n[0] > 0
        ]
    return sorted(seen, key=lambda guess: guess[1])


def _closer(frame: FaceFrame) -> OrthographicView:
    return OrthographicView(frame.axes, frame.centre, CLOSER * frame.length, FINDER_SIZE)


def _different(guesses: list[Guess]) -> list[Guess]:
    """Without those that nearly repeat one before them."""
    kept: list[Guess] = []
    for guess in guesses:
        if not any(_alike(guess[0], other, np.radians(15.0), 0.2) for other, _ in kept):
            kept.append(guess)
    return kept


def directions(around: int) -> Iterator[np.ndarray]:
    """Along the axes, then Fibonacci's sphere with as many as `around`."""
    for axis in (2, 1, 0):
        for sign in (1.0, -1.0):
            yield camera_axes(sign * np.eye(3)[axis])
    for direction in fibonacci_sphere(around):
        yield camera_axes(direction)


def _frame(numbers: Float[np.ndarray, "12"], view: OrthographicView) -> FaceFrame:
    left, up = numbers[5:8] @ view.axes, numbers[8:11] @ view.axes
    left = left / np.linalg.norm(left)
    up = up - (up @ left) * left
    up = up / np.linalg.norm(up)
    centre = _in_scan(numbers[None, 1:4], view)[0]
    return FaceFrame(np.stack([left, up, np.cross(left, up)]), centre, float(np.exp(numbers[4]) * view.reach))


def _in_scan(points: Float[np.ndarray, "K 3"], view: OrthographicView) -> Float[np.ndarray, "K 3"]:
    """From the network's numbers (half image widths from the middle) to the scan's coordinates."""
    return view.lift((points[:, :2] + 1.0) * (view.size / 2), -points[:, 2] * view.reach)


def look(canvas: Canvas, view: OrthographicView) -> NetworkReading:
    """One crop, read as it is and mirrored."""
    image = geometry(canvas, view)
    mirrored = image[:, :, ::-1] * np.array([-1, 1, 1, 1, 1], np.float32)[:, None, None]
    points, log_error, logit = run_points(shipped()[1], np.stack([image, mirrored]))
    both = np.stack([points[0], (points[1] * [-1, 1, 1])[MIRROR_68]]).mean(axis=0)
    error = np.exp(np.stack([log_error[0], log_error[1][MIRROR_68]]).mean(axis=0)) * view.reach
    presence = float((1.0 / (1.0 + np.exp(-np.clip(logit, -50, 50)))).mean())
    return NetworkReading(_in_scan(both.astype(np.float64), view), error, presence)


def _approach(canvas: Canvas, frame: FaceFrame, budget: Budget) -> tuple[FacePose, float] | None:
    """Looks again and again, each time from where the last look puts the face's front."""
    for attempt in range(LOOKS):
        budget.looks -= 1
        seen = look(canvas, crop_view(frame))
        if seen.presence < 0.1 and attempt > 0:
            return None
        last, frame = frame, face_frame_of(seen.points)
        if _alike(last, frame, np.radians(2.0), 0.03):
            break
    if seen.presence < PRESENT or what_is_no_face(seen.points):
        return None
    error = float(seen.error[17:].mean()) / frame.length
    if error > UNSURE:
        return None
    return FacePose(frame.axes, frame.centre, frame.length, seen.points, seen.presence), error


def _alike(a: FaceFrame, b: FaceFrame, angle: float, share: float) -> bool:
    """Turned by less than the angle, shifted and longer by less than the share of the length."""
    turn = np.arccos(np.clip((np.trace(a.axes @ b.axes.T) - 1) / 2, -1, 1))
    shift = np.linalg.norm(a.centre - b.centre) / b.length
    return bool(turn < angle and shift < share and abs(a.length / b.length - 1) < share)


def fuse_network_views(canvas: Canvas, pose: FacePose) -> FusedFace:
    """The face from `VIEWS`: the network's own points in 3D, weighted by the error it expects. (Carried
    along the line of sight onto the surface first, they were worse: 3.9 mm, not 3.5, on a real scan.)
    """
    frame = face_frame_of(pose.landmarks)
    views = [crop_view(frame, np.radians(yaw), np.radians(pitch)) for yaw, pitch in VIEWS]
    looks = [look(canvas, view) for view in views]
    samples = np.stack([one.points for one in looks])
    present = np.array([one.presence > PRESENT for one in looks])
    weight = np.stack([(0.02 * pose.length / one.error) ** 2 for one in looks]) * present[:, None]
    points, spread = robust_mean(samples, weight.astype(np.float64), 0.02 * pose.length)
    expected = np.stack([one.error for one in looks]).min(axis=0)
    presence = float(np.mean([one.presence for one in looks]))
    seen = np.full(68, present.mean())
    return FusedFace(points, np.maximum(spread, 0.5 * expected), seen, presence)
