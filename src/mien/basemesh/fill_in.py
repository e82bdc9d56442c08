"""Filling in: vertices that hang on nothing follow those around them, bent as little as possible."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse

from mien.geometry.laplacian import cotangent_laplacian, lumped_mass
from mien.geometry.solve import SpdSolver

_MEMBRANE_LENGTH = 0.02  # metres over which bending gives way to stretching: far away nothing overshoots


class Filler:
    """Values on a mesh where only some vertices know theirs.

    Minimises |M^-1/2 L x|^2 + x' L x / l^2 (bending, and a membrane of length l) with the known vertices
    held. `weak` vertices are drawn to a guess with the stiffness of a spring instead.
    """

    def __init__(
        self,
        vertices: Float[np.ndarray, "W 3"],
        triangles: Int[np.ndarray, "T 3"],
        known: Bool[np.ndarray, " W"],
        weak: Float[np.ndarray, " W"] | None = None,
    ) -> None:
        used = np.zeros(len(vertices), bool)
        used[triangles.ravel()] = True
        self._known = np.flatnonzero(known | ~used)
        self._open = np.flatnonzero(~known & used)
        if not len(self._open):
            return
        laplacian = cotangent_laplacian(vertices, triangles, max_cotangent=5.0)
        mass = lumped_mass(vertices, triangles)
        mass = np.maximum(mass, 1e-2 * np.median(mass[used]))
        energy = laplacian.T @ sparse.diags(1 / mass) @ laplacian + laplacian / _MEMBRANE_LENGTH**2
        spring = 1e-6 * mass / _MEMBRANE_LENGTH**4
        if weak is not None:
            spring = spring + weak * mass / _MEMBRANE_LENGTH**4
        self._spring = spring[self._open]
        rows = energy.tocsr()[self._open]
        self._couple = rows[:, self._known]
        self._solver = SpdSolver(rows[:, self._open] + sparse.diags(self._spring))

    def fill(
        self, values: Float[np.ndarray, "W C"], guess: Float[np.ndarray, "W C"] | None = None
    ) -> Float[np.ndarray, "W C"]:
        """The values, those that are not known replaced."""
        out = values.copy()
        if not len(self._open):
            return out
        right = -(self._couple @ values[self._known])
        if guess is not None:
            right = right + self._spring[:, None] * guess[self._open]
        out[self._open] = self._solver.solve(right)
        return out


def neighbour_mean(
    values: Float[np.ndarray, "W C"], edges: Int[np.ndarray, "E 2"], rounds: int
) -> Float[np.ndarray, "W C"]:
    """Values averaged with those of their neighbours, half and half, a number of times."""
    n = len(values)
    pairs = np.concatenate([edges, edges[:, ::-1]])
    graph = sparse.csr_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    degree = np.asarray(graph.sum(axis=1)).ravel()
    mean = sparse.diags(1.0 / np.maximum(degree, 1)) @ graph
    out = values
    for _ in range(rounds):
        out = np.where(degree[:, None] > 0, 0.5 * (out + mean @ out), out)
    return out
