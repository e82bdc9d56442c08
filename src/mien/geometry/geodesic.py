"""Distance along a surface."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int


def geodesic_distance(
    vertices: Float[np.ndarray, "V 3"], triangles: Int[np.ndarray, "T 3"], source: int
) -> Float[np.ndarray, " V"]:
    """Distance from one vertex along the surface, by the heat method (Crane et al. 2017).

    Infinite at vertices of other components and at vertices without triangles.
    """
    import potpourri3d

    component = _component_of(source, triangles, len(vertices))
    inside = component[triangles[:, 0]]
    used, local = np.unique(triangles[inside], return_inverse=True)
    out = np.full(len(vertices), np.inf)
    if len(used) == 0:
        out[source] = 0.0
        return out
    solver = potpourri3d.MeshHeatMethodDistanceSolver(vertices[used], local.reshape(-1, 3))
    out[used] = solver.compute_distance(int(np.searchsorted(used, source)))
    return out


def _component_of(source: int, triangles: np.ndarray, n: int) -> np.ndarray:
    from scipy import sparse
    from scipy.sparse.csgraph import connected_components

    i, j = triangles[:, [0, 1]].ravel(), triangles[:, [1, 2]].ravel()
    graph = sparse.coo_matrix((np.ones(len(i), np.int8), (i, j)), shape=(n, n))
    labels = connected_components(graph, directed=False)[1]
    return labels == labels[source]
