"""The mouth's walls behind lips and cheeks: they keep their distance from the skin before them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse
from scipy.spatial import cKDTree

from mien.core.face import Template
from mien.geometry.weights import smoothstep

# Chosen by eye:
_NEIGHBOURS, _SIGMA = 24, 4e-3  # skin before a place on the wall, and metres over which it is averaged
_FROM_LIPS = (1e-3, 6e-3)  # metres from the lips' inner edges over which skin becomes wall


@dataclass(frozen=True)
class WallBinding:
    """The wall's `rows`; `weights` (R x V) average the skin before each; `share`: 0 at the lips, 1 inside."""

    rows: Int[np.ndarray, " R"]
    weights: sparse.csr_matrix
    share: Float[np.ndarray, " R"]

    def placed(
        self, head: Float[np.ndarray, "V 3"], carried: Float[np.ndarray, "V 3"]
    ) -> Float[np.ndarray, "R 3"]:
        """Walls of `head`: as in `carried` (the template, moved rigidly) plus what the skin there did."""
        own = head[self.rows] - carried[self.rows]
        before = self.weights @ (head - carried)
        return carried[self.rows] + own + self.share[:, None] * (before - own)


def bind_walls(template: Template) -> WallBinding:
    """Reads off the template which skin lies before each place of the mouth socket."""
    face, wall = template.part("face").vertices, template.part("mouth_socket").vertices
    rows = np.arange(wall.start, wall.stop)
    skin = np.flatnonzero(template.regions["measured"][face.start : face.stop] > 0.5) + face.start
    distance, near = cKDTree(template.vertices[skin]).query(template.vertices[rows], k=_NEIGHBOURS)
    weight = np.exp(-0.5 * ((distance - distance[:, :1]) / _SIGMA) ** 2)
    weight /= weight.sum(axis=1, keepdims=True)
    index = (np.repeat(np.arange(len(rows)), _NEIGHBOURS), skin[near].ravel())
    weights = sparse.csr_matrix((weight.ravel(), index), (len(rows), len(template.vertices)))
    # Which of equally near neighbours were taken is chance: mirrored, they are taken too.
    weights = 0.5 * (weights + weights[template.mirror[rows] - wall.start][:, template.mirror])
    lips = np.concatenate([template.loops["lips_inner_upper"], template.loops["lips_inner_lower"]])
    away = cKDTree(template.vertices[lips]).query(template.vertices[rows])[0]
    return WallBinding(rows, weights, smoothstep(away, *_FROM_LIPS))
