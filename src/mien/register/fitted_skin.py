"""The part of the template that is fitted: one connected skin, in compact arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from mien.core.face import Template
from mien.geometry.laplacian import cotangent_laplacian, lumped_mass


@dataclass(frozen=True)
class FittedSkin:
    """The connected surface that contains the face: template vertices `index`, triangles in its own numbers.

    `measured` is 1 where a scanner sees the skin and 0 inside sockets, mouth and nostrils.
    """

    index: Int[np.ndarray, " S"]
    triangles: Int[np.ndarray, "G 3"]
    quads: Int[np.ndarray, "F 4"]
    rest: Float[np.ndarray, "S 3"]
    measured: Float[np.ndarray, " S"]

    @property
    def n(self) -> int:
        """Number of vertices."""
        return len(self.index)

    @cached_property
    def edges(self) -> Int[np.ndarray, "E 2"]:
        """Quad edges, each once."""
        pairs = np.sort(self.quads[:, [0, 1, 1, 2, 2, 3, 3, 0]].reshape(-1, 2), axis=1)
        return np.unique(pairs, axis=0)

    @cached_property
    def stiffness(self) -> sparse.csr_matrix:
        """Cotangent Laplacian of the rest shape, slivers limited."""
        return cotangent_laplacian(self.rest, self.triangles, max_cotangent=5.0)

    @cached_property
    def mass(self) -> Float[np.ndarray, " S"]:
        """Area that belongs to each vertex of the rest shape, square metres."""
        mass = lumped_mass(self.rest, self.triangles)
        return np.maximum(mass, 0.05 * np.median(mass))

    @cached_property
    def triangle_pairs(self) -> Int[np.ndarray, "P 2"]:
        """Triangles that share an edge."""
        edges = np.sort(self.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
        key = edges[:, 0] * self.n + edges[:, 1]
        order = np.argsort(key, kind="stable")
        same = np.flatnonzero(key[order][1:] == key[order][:-1])
        return np.stack([order[same], order[same + 1]], axis=1) // 3

    def of(self, values: np.ndarray) -> np.ndarray:
        """A per-vertex array of the whole template, for the skin only."""
        return values[self.index]


def template_skin(template: Template) -> FittedSkin:
    """The connected components of the template that the parts "face" and "head" belong to."""
    quads = template.topology.quads
    n = template.topology.n_vertices
    pairs = quads[:, [0, 1, 1, 2, 2, 3]].reshape(-1, 2)
    graph = sparse.coo_matrix((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    labels = connected_components(graph, directed=False)[1]
    wanted = [p.quads for p in template.parts if p.name in ("face", "head")]
    ours = np.unique(np.concatenate([labels[quads[run]].ravel() for run in wanted]))
    inside = np.isin(labels[quads[:, 0]], ours)
    index = np.unique(quads[inside])
    local = np.full(n, -1)
    local[index] = np.arange(len(index))
    return FittedSkin(
        index=index,
        triangles=local[template.topology.triangles[np.repeat(inside, 2)]],
        quads=local[quads[inside]],
        rest=template.vertices[index],
        measured=template.regions["measured"][index],
    )
