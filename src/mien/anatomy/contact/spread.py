"""How skin follows when the margins of lids or lips are moved: by a solve, or by a matrix made beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

from mien.geometry.patch import Patch

# Chosen by eye, metres:
_SPREAD = 1.6e-3  # standard deviation of the Gaussian that smooths a margin's offsets
REACH = (1.5e-3, 9.0e-3)  # distances from a margin between which they fade out
_FELT = 1e-4  # share of a margin's move below which skin is left where it is


@runtime_checkable
class Spread(Protocol):
    """Moves of a margin's vertices, continued over the skin round it."""

    def __call__(self, moves: Float[np.ndarray, "H 3"]) -> Float[np.ndarray, "S 3"]:
        """Offsets (metres) of the whole skin; zero out of reach of the margin."""


class SolvedSpread:
    """The skin as a thin plate of a mesh's own shape: held vertices get their moves exactly. One solve each.

    Nothing farther than `reach` metres from a held vertex moves: `region` marks what may.
    """

    def __init__(
        self,
        vertices: Float[np.ndarray, "S 3"],
        triangles: Int[np.ndarray, "T 3"],
        held: Int[np.ndarray, " H"],
        reach: float,
    ) -> None:
        self.region = within_reach(vertices, held, reach)
        self._patch = Patch(vertices, triangles, self.region, held)
        self._size, self._count = len(vertices), len(held)

    def __call__(
        self, moves: Float[np.ndarray, "H 3"], pulls: tuple[np.ndarray, np.ndarray] | None = None
    ) -> Float[np.ndarray, "S 3"]:
        """`pulls` are vertex ids and offsets that these should (not: must) get as well."""
        return self._patch.correct(moves, self._size, pulls)

    def tabulated(self) -> LinearSpread:
        """The same as a matrix: a column for each held vertex, three to a solve."""
        columns = []
        for first in range(0, self._count, 3):
            few = np.arange(first, min(first + 3, self._count))
            moves = np.zeros((self._count, 3))
            moves[few, np.arange(len(few))] = 1.0
            columns.append(self(moves)[:, : len(few)])
        matrix = np.concatenate(columns, axis=1)
        rows = np.flatnonzero(np.abs(matrix).max(axis=1) > _FELT)
        return LinearSpread(rows, matrix[rows], self._size)


@dataclass(frozen=True)
class LinearSpread:
    """A fixed matrix from a margin's moves to the offsets of `rows` of a skin of `size` vertices."""

    rows: Int[np.ndarray, " R"]
    matrix: Float[np.ndarray, "R H"]
    size: int

    def __call__(self, moves: Float[np.ndarray, "H 3"]) -> Float[np.ndarray, "S 3"]:
        """One product of matrices."""
        out = np.zeros((self.size, 3))
        out[self.rows] = self.matrix @ moves
        return out


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


def within_reach(
    vertices: Float[np.ndarray, "V 3"], ids: Int[np.ndarray, " H"], reach: float
) -> Bool[np.ndarray, " V"]:
    """True at the vertices nearer than `reach` metres to one of `ids`."""
    return cKDTree(vertices[ids]).query(vertices, distance_upper_bound=reach)[0] < reach
