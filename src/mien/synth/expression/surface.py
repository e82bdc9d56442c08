"""Normals, areas and ring means of the face part, fast enough to be taken for every expression."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from mien.core.face import Template
from mien.core.mesh import split_quads


class FaceSurface:
    """The face part of one template: F vertices, T triangles; `mean` (F x F) averages a vertex's ring."""

    def __init__(self, template: Template) -> None:
        part = template.part("face")
        self.vertices: slice = part.vertices
        quads = template.topology.quads[part.quads]
        triangles = split_quads(quads[(quads < part.vertices.stop).all(axis=1)])
        self.triangles: Int[np.ndarray, "T 3"] = triangles
        self.corners = tuple(np.ascontiguousarray(triangles[:, k]) for k in range(3))
        index = (triangles.ravel(), np.repeat(np.arange(len(triangles)), 3))
        shape = (part.vertices.stop, len(triangles))
        self.touching = sparse.csr_matrix((np.ones(triangles.size, np.float32), index), shape)
        ring = (self.touching @ self.touching.T).tocsr()
        share = sparse.diags(1 / np.asarray(ring.sum(axis=1)).ravel())
        self.mean: sparse.csr_matrix = (share @ ring).tocsr().astype(np.float32)

    def cross(self, face: Float[np.ndarray, "F 3"]) -> Float[np.ndarray, "T 3"]:
        """Normals of the triangles, as long as twice their area."""
        a, b, c = (face.take(corner, axis=0) for corner in self.corners)
        return cross(b - a, c - a)

    def around(self, cross: Float[np.ndarray, "T 3"]) -> Float[np.ndarray, "T 3"]:
        """Along the mean normal of the skin round each triangle."""
        normals = self.mean @ (self.touching @ cross)
        a, b, c = (normals.take(corner, axis=0) for corner in self.corners)
        return a + b + c

    def normals(
        self, face: Float[np.ndarray, "F 3"]
    ) -> tuple[Float[np.ndarray, "F 3"], Float[np.ndarray, " F"]]:
        """Unit normals of the vertices, and areas round them (to scale)."""
        return self.normals_of(self.cross(face))

    def normals_of(
        self, cross: Float[np.ndarray, "T 3"]
    ) -> tuple[Float[np.ndarray, "F 3"], Float[np.ndarray, " F"]]:
        """`normals` from the triangles' `cross`."""
        total = self.touching @ cross
        length = np.maximum(np.sqrt(np.einsum("fd,fd->f", total, total)), 1e-12)
        return total / length[:, None], length


def cross(one: Float[np.ndarray, "N 3"], other: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 3"]:
    """numpy's, spelled out: a third of its time."""
    out = np.empty_like(one)
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        out[:, k] = one[:, i] * other[:, j] - one[:, j] * other[:, i]
    return out
