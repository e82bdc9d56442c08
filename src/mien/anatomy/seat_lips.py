"""Lips that meet and do not cross: how the skin round the mouth follows its two seams."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse
from scipy.sparse.csgraph import dijkstra

from mien.anatomy.lid_spread import spread_weights
from mien.core.face import Template
from mien.geometry.polyline import chord_share
from mien.geometry.weights import smoothstep

LIP_GAP = 0.05e-3  # metres kept between the seams
_AT_EASE, _LEFT_OPEN = 0.25e-3, 0.3  # metres that lips at rest lie open; share left of what is beyond
_LIP_REACH = (2.0e-3, 12.0e-3)
_LIP_ROUNDS = 4


@dataclass(frozen=True)
class LipSeat:
    """The lips' seams, right corner to left; `rows` near them take `upper` / `lower` seam offsets."""

    seam_upper: Int[np.ndarray, " U"]
    seam_lower: Int[np.ndarray, " L"]
    rows: Int[np.ndarray, " R"]
    weights: Float[np.ndarray, "R U"]
    sign: Float[np.ndarray, " R"]

    def opening(self, skin: Float[np.ndarray, "S 3"]) -> Float[np.ndarray, " U"]:
        """Signed metres between the seams at the upper one's vertices; negative: crossed."""
        upper, lower = skin[self.seam_upper], skin[self.seam_lower]
        below = np.interp(chord_share(upper), chord_share(lower), lower[:, 1])
        return upper[:, 1] - below

    def close(self, out: Float[np.ndarray, "S 3"]) -> None:
        """Lips at rest lie together: most of a wider opening is closed, by either half of it, in place."""
        beyond = np.maximum(self.opening(out) - _AT_EASE, 0.0)
        self.move(out, (_LEFT_OPEN - 1.0) * beyond)

    def part(self, out: Float[np.ndarray, "S 3"]) -> None:
        """Parts crossed lips, each by half, in place."""
        for _ in range(_LIP_ROUNDS):
            lack = np.maximum(LIP_GAP - self.opening(out), 0.0)
            lack[[0, -1]] = 0.0
            if lack.max() <= 1e-6:
                return
            wide = np.maximum.reduce([lack, np.roll(lack, 1), np.roll(lack, -1)])
            self.move(out, wide)

    def move(self, out: Float[np.ndarray, "S 3"], apart: Float[np.ndarray, " U"]) -> None:
        """Moves the lips' skin so far apart along the upper seam (metres, negative: together), in place."""
        out[self.rows, 1] += 0.5 * self.sign * (self.weights @ apart)


def bind_lips(template: Template, n_skin: int) -> LipSeat:
    """Reads off the template which skin belongs to which lip."""
    upper, lower = template.loops["lips_inner_upper"], template.loops["lips_inner_lower"]
    seam = template.vertices[upper]
    rows, weights = spread_weights(template.vertices[:n_skin], seam, _LIP_REACH)
    above = _nearer(template, n_skin, upper[1:-1], lower[1:-1])[rows]
    x = np.abs(template.vertices[rows, 0])
    inside = 1 - smoothstep(x, 0.93 * seam[:, 0].max(), seam[:, 0].max())  # corners belong to both lips
    return LipSeat(upper, lower, rows, weights, np.where(above, 1.0, -1.0) * inside)


def _nearer(
    template: Template, n_skin: int, one: Int[np.ndarray, " A"], other: Int[np.ndarray, " B"]
) -> Bool[np.ndarray, " S"]:
    """True where the way along the skin to `one` is shorter than that to `other`."""
    edges = template.topology.edges
    edges = edges[(edges < n_skin).all(axis=1)]
    length = np.linalg.norm(template.vertices[edges[:, 0]] - template.vertices[edges[:, 1]], axis=1)
    graph = sparse.coo_matrix((length, (edges[:, 0], edges[:, 1])), (n_skin, n_skin)).tocsr()
    ways = [dijkstra(graph, directed=False, indices=ids, min_only=True, limit=0.05) for ids in (one, other)]
    return ways[0] <= ways[1]
