"""Open lines of points, such as the margins of lids and lips: places on them, distances from them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int


def chord_share(
    points: Float[np.ndarray, "N 3"], frame: Float[np.ndarray, "M 3"] | None = None
) -> Float[np.ndarray, " N"]:
    """Share of the way along the chord of `frame` (of the points themselves when left out), never going back.

    0 at the frame's first point, 1 at its last; below and above beyond them.
    """
    frame = points if frame is None else frame
    chord = frame[-1] - frame[0]
    return np.maximum.accumulate((points - frame[0]) @ chord / (chord @ chord))


def share_within(
    points: Float[np.ndarray, "N 3"], frame: Float[np.ndarray, "M 3"]
) -> Float[np.ndarray, " N"]:
    """`chord_share` along a frame, not beyond its ends: 0 to 1."""
    return np.clip(chord_share(points, frame), 0.0, 1.0)


def arc_share(points: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, " N"]:
    """Share of the line's own length at each of its points: 0 at the first, 1 at the last."""
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)]) / max(steps.sum(), 1e-12)


def points_at(
    line: Float[np.ndarray, "N 3"], knots: Float[np.ndarray, " N"], share: Float[np.ndarray, " M"]
) -> Float[np.ndarray, "M 3"]:
    """The line at other shares of the way than those (`knots`) of its own points."""
    return np.stack([np.interp(share, knots, line[:, k]) for k in range(3)], axis=-1)


def nearest_on(
    points: Float[np.ndarray, "N 3"], line: Float[np.ndarray, "M 3"]
) -> tuple[Float[np.ndarray, "N 3"], Int[np.ndarray, " N"]]:
    """The nearest place on the line to each point, and the number of the segment on which it lies."""
    start, step = line[:-1], np.diff(line, axis=0)
    along = np.einsum("nmd,md->nm", points[:, None] - start, step) / np.maximum((step**2).sum(axis=1), 1e-20)
    places = start + np.clip(along, 0.0, 1.0)[..., None] * step
    segment = np.linalg.norm(points[:, None] - places, axis=2).argmin(axis=1)
    return places[np.arange(len(points)), segment], segment
