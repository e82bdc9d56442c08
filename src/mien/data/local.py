"""How a head differs from the template round each point of its skin: local deformation gradients."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from mien.geometry.normals import triangle_cross

ROUNDS = 10  # of smoothing over neighbours: what is finer than a centimetre is skin, not form
LARGEST = 1.6  # singular values lie between its inverse and it
_NORMAL = 1.0  # weight of the normal's stretch against that of the edges


class LocalGradients:
    """F of each vertex, with x'_j - x'_v = F (x_j - x_v) over its neighbours by least squares.

    The normal goes to the new normal, stretched by the root of the change of area. Bound to one source skin.
    """

    def __init__(self, source: Float[np.ndarray, "S 3"], triangles: Int[np.ndarray, "T 3"]) -> None:
        self.triangles, count = triangles, len(source)
        edges = np.concatenate([triangles[:, [a, b]] for a in range(3) for b in range(3) if a != b])
        edges = np.unique(edges, axis=0)
        i, j = edges.T
        edge = source[j] - source[i]
        corners = (np.ones(triangles.size), (triangles.ravel(), np.repeat(np.arange(len(triangles)), 3)))
        self._touching = sparse.csr_matrix(corners, (count, len(triangles)), dtype=np.float32)
        normal, self._area = self._normals(source)
        size = np.bincount(i, (edge**2).sum(axis=1), count) / np.maximum(np.bincount(i, minlength=count), 1)
        moment = np.zeros((count, 3, 3))
        np.add.at(moment, i, edge[:, :, None] * edge[:, None, :])
        across = _NORMAL * size * np.maximum(np.bincount(i, minlength=count), 1) / 2
        moment += across[:, None, None] * normal[:, :, None] * normal[:, None, :]
        inverse = np.linalg.inv(moment + 1e-9 * size.mean() * np.eye(3))
        reach = np.einsum("eab,eb->ea", inverse[i], edge)
        self._along = [self._difference(i, j, reach[:, k], count) for k in range(3)]
        self._up = across[:, None] * np.einsum("vab,vb->va", inverse, normal)
        ring = sparse.csr_matrix((np.ones(len(i)), (i, j)), (count, count)) + 2.0 * sparse.eye(count)
        self._mean = (
            (sparse.diags(1.0 / np.asarray(ring.sum(axis=1)).ravel()) @ ring).tocsr().astype(np.float32)
        )
        self._own = self._raw(source)

    def __call__(self, target: Float[np.ndarray, "S 3"]) -> Float[np.ndarray, "S 3 3"]:
        """F at every vertex, smoothed, single precision; the identity on the source itself."""
        raw = (self._raw(target) - self._own).reshape(len(target), 9).astype(np.float32)
        for _ in range(ROUNDS):
            raw = self._mean @ raw
        gradient = raw.reshape(-1, 3, 3) + np.eye(3, dtype=np.float32)
        return gradient

    def _raw(self, target: Float[np.ndarray, "S 3"]) -> Float[np.ndarray, "S 3 3"]:
        out = np.stack([along @ target for along in self._along], axis=2)
        normal, area = self._normals(target)
        stretch = np.sqrt(np.clip(area / self._area, LARGEST**-2, LARGEST**2))
        return out + (stretch[:, None] * normal)[:, :, None] * self._up[:, None, :]

    def _normals(
        self, skin: Float[np.ndarray, "S 3"]
    ) -> tuple[Float[np.ndarray, "S 3"], Float[np.ndarray, " S"]]:
        total = self._touching @ triangle_cross(skin, self.triangles)
        length = np.maximum(np.linalg.norm(total, axis=1), 1e-12)
        return total / length[:, None], length

    @staticmethod
    def _difference(i: np.ndarray, j: np.ndarray, weight: np.ndarray, count: int) -> sparse.csr_matrix:
        matrix = sparse.csr_matrix((weight, (i, j)), (count, count))
        return (matrix - sparse.diags(np.bincount(i, weight, count))).tocsr()
