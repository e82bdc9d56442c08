"""Smooth local corrections: some vertices of a patch are moved, the rest of it follows as a thin plate."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse

from mien.geometry.laplacian import cotangent_laplacian, lumped_mass
from mien.geometry.solve import SpdSolver


class Patch:
    """A region of a mesh that may be corrected; outside it, and at its `held` vertices, nothing moves freely.

    Energy: |M^-1/2 L c|^2 of the correction c (bending), zero outside the region, given at `held`.
    """

    def __init__(
        self,
        vertices: Float[np.ndarray, "V 3"],
        triangles: Int[np.ndarray, "T 3"],
        region: Bool[np.ndarray, " V"],
        held: Int[np.ndarray, " H"],
    ) -> None:
        near = region[triangles].any(axis=1)
        ring = np.zeros(len(vertices), bool)
        ring[triangles[near].ravel()] = True
        wide = ring[triangles].any(axis=1)
        self.ids = np.unique(triangles[wide])
        local = np.full(len(vertices), -1)
        local[self.ids] = np.arange(len(self.ids))
        corners = local[triangles[wide]]
        laplacian = cotangent_laplacian(vertices[self.ids], corners, max_cotangent=5.0)
        mass = lumped_mass(vertices[self.ids], corners)
        self._mass = np.maximum(mass, 1e-3 * np.median(mass))
        self._bending = (laplacian.T @ sparse.diags(1 / self._mass) @ laplacian).tocsr()
        self.held = held
        is_held = np.zeros(len(self.ids), bool)
        is_held[local[held]] = True
        self._free = np.flatnonzero(region[self.ids] & ~is_held)
        self._fixed = np.setdiff1d(np.arange(len(self.ids)), self._free)
        self._couple = self._bending[self._free][:, self._fixed]
        self._system = self._bending[self._free][:, self._free].tocsc()
        self._stiffness = float(np.median(self._system.diagonal()))
        self._solver = SpdSolver(self._system)

    def correct(
        self,
        moves: Float[np.ndarray, "H 3"],
        size: int,
        pulls: tuple[np.ndarray, np.ndarray] | None = None,
        around: Float[np.ndarray, "V 3"] | None = None,
    ) -> Float[np.ndarray, "V 3"]:
        """The correction (V = `size`) in which the held vertices move by `moves`.

        Outside the region it is `around` (zero where not given), and joins it smoothly.
        `pulls` are vertex ids and corrections that they should (not: must) get as well; a factor of its own.
        """
        out = np.zeros((size, 3)) if around is None else around.copy()
        out[self.held] = moves
        right = -(self._couple @ out[self.ids[self._fixed]])
        solver = self._solver
        if pulls is not None and len(pulls[0]):
            weight, wanted = np.zeros(size), np.zeros((size, 3))
            weight[pulls[0]], wanted[pulls[0]] = 1.0, pulls[1]
            free = self.ids[self._free]
            diagonal = 10.0 * self._stiffness * weight[free]
            solver = SpdSolver(self._system + sparse.diags(diagonal))
            right = right + diagonal[:, None] * wanted[free]
        out[self.ids[self._free]] = solver.solve(right)
        return out
