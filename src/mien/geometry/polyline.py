"""Open lines of points, such as the margins of lids and lips: places on them by share of the way."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def chord_share(
    points: Float[np.ndarray, "N 3"], frame: Float[np.ndarray, "M 3"] | None = None
) -> Float[np.ndarray, " N"]:
    """Share of the way along the chord of `frame` (of the points themselves when left out), never going back.

    0 at the frame's first point, 1 at its last; below and above beyond them.
    """
    frame = points if frame is None else frame
    chord = frame[-1] - frame[0]
    return np.maximum.accumulate((points - frame[0]) @ chord / (chord @ chord))


def arc_share(points: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, " N"]:
    """Share of the line's length up to each of its points, 0 to 1."""
    way = np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))]
    return way / max(way[-1], 1e-12)


def points_at(
    line: Float[np.ndarray, "N 3"], knots: Float[np.ndarray, " N"], share: Float[np.ndarray, " M"]
) -> Float[np.ndarray, "M 3"]:
    """The line at other shares of the way than those (`knots`) of its own points."""
    return np.stack([np.interp(share, knots, line[:, k]) for k in range(3)], axis=-1)
