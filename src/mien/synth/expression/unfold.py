"""Skin that an expression has turned over is let out: where triangles fold under, offsets are smoothed.

Carried onto a face whose own skin is closer together than the template's, a motion can push neighbouring
points past each other: in the nasolabial fold, at the mouth's corners, beside the nose.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

from mien.core.face import Template
from mien.geometry.weights import smoothstep
from mien.synth.expression.surface import FaceSurface, cross

OFF_LIDS = (1.0e-3, 3.0e-3)  # metres from the margins: nearer, lids roll over each other and contact rules
RINGS, STEPS = (
    (3, 3, 4, 6, 8, 10),
    (3, 5, 8, 12, 16, 20),
)  # each look: how far round folds skin gives, and how
_FIRM, _LEAST = 6.0, 0.02


class Unfolder:
    """Bound to the face part of a template."""

    def __init__(self, template: Template, surface: FaceSurface) -> None:
        self._surface = surface
        loops, points = template.loops, template.vertices
        lids = np.concatenate([line for name, line in loops.items() if name.startswith("lid_")])
        face = points[surface.vertices]
        self._free = smoothstep(cKDTree(points[lids]).query(face)[0], *OFF_LIDS).astype(np.float32)
        self._watched = self._free[surface.triangles].min(axis=1) > 0.5

    def turned(self, face: Float[np.ndarray, "F 3"]) -> Bool[np.ndarray, " T"]:
        """Triangles that look away from the mean of the skin round them."""
        across = self._surface.cross(face)
        return _dot(across, self._surface.around(across)) < 0

    def __call__(
        self,
        offsets: Float[np.ndarray, "F 3"],
        rest: Float[np.ndarray, "F 3"],
        at_rest: Bool[np.ndarray, " T"],
    ) -> Float[np.ndarray, "T 3"]:
        """Smooths the offsets of folded skin, in place; what is turned over `at_rest` is left.

        Returns the triangles' normals, twice their area long.
        """
        surface = self._surface
        across = surface.cross(rest + offsets)
        around = surface.around(across)
        near = np.flatnonzero(self._watched & ~at_rest)
        facing = _dot(across, around)[near]
        for rings, steps in zip(RINGS, STEPS, strict=True):
            folded = near[facing < 0]
            if len(folded) == 0:
                break
            rows, share = self._reach(folded, rings)
            self._smooth(offsets, rows, share, steps)
            moved = np.zeros(len(rest), bool)
            moved[rows] = True
            near = near[moved[surface.triangles[near]].any(axis=1)]
            a, b, c = ((rest + offsets).take(surface.triangles[near, k], axis=0) for k in range(3))
            across[near] = cross(b - a, c - a)
            facing = _dot(across[near], around[near])
        return across

    def _smooth(
        self,
        offsets: Float[np.ndarray, "F 3"],
        rows: Int[np.ndarray, " R"],
        share: Float[np.ndarray, "R 1"],
        steps: int,
    ) -> None:
        ring = self._surface.mean[rows]
        columns = np.unique(ring.indices)
        ring, own = ring[:, columns].tocsr(), np.searchsorted(columns, rows)
        values = offsets[columns]
        for _ in range(steps):
            values[own] += share * (ring @ values - values[own])
        offsets[rows] = values[own]

    def _reach(
        self, folded: Int[np.ndarray, " N"], rings: int
    ) -> tuple[Int[np.ndarray, " R"], Float[np.ndarray, "R 1"]]:
        """Vertices round folds and how much each gives."""
        share = np.zeros(len(self._free), np.float32)
        share[self._surface.triangles[folded]] = 1.0
        for _ in range(rings):
            share = self._surface.mean @ share
        share = np.minimum(_FIRM * share, 1.0) * self._free
        rows = np.flatnonzero(share > _LEAST)
        return rows, share[rows, None]


def _dot(one: Float[np.ndarray, "N 3"], other: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, " N"]:
    return np.einsum("nd,nd->n", one, other)
