"""Offsets given along the lids' margins, continued smoothly over the skin around them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import cKDTree

_SPREAD = 1.6e-3  # metres; smoothing of the margin's offsets along and across the lid
REACH = (1.5e-3, 9.0e-3)  # distances from the margin between which the offsets fade out


def spread_weights(
    vertices: Float[np.ndarray, "V 3"],
    points: Float[np.ndarray, "P 3"],
    reach: tuple[float, float] = REACH,
) -> tuple[Int[np.ndarray, " R"], Float[np.ndarray, "R P"]]:
    """Rows of `vertices` near the points, and the share of each point's offset that a row takes.

    Normalised Gaussians of the distance, times a smooth fade: 1 within the first distance of `reach`
    (metres), 0 beyond the second.
    """
    nearest = cKDTree(points).query(vertices)[0]
    rows = np.flatnonzero(nearest < reach[1])
    squared = ((vertices[rows, None] - points) ** 2).sum(axis=-1)
    weights = np.exp((squared.min(axis=1, keepdims=True) - squared) / (2 * _SPREAD**2))
    share = np.clip((reach[1] - nearest[rows]) / (reach[1] - reach[0]), 0.0, 1.0)
    fade = share**2 * (3 - 2 * share)
    return rows, weights * (fade / weights.sum(axis=1))[:, None]
