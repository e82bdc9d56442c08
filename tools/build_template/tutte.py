"""Tutte's embedding: a start for the flattening that has no flips, whatever the patch."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla

from mien.core.mesh import split_quads
from tools.build_template.edgeloops import boundary_loops
from tools.build_template.uv_patches import Patch, outer_loop


def tutte(patch: Patch, margin: float) -> np.ndarray:
    """Tutte's embedding (1963): outline on the tile's superellipse, filled holes as part of the mesh."""
    outer = outer_loop(patch)
    triangles = np.concatenate([split_quads(patch.quads), patch.fill])
    n = len(patch.position)
    hubs = _hubs(patch, outer, n)
    triangles = np.concatenate([triangles, *hubs])
    size = int(triangles.max()) + 1
    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    graph = sp.coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (size, size)).tocsr()
    graph = ((graph + graph.T) > 0).astype(float)
    laplacian = (sp.diags(np.asarray(graph.sum(axis=1)).ravel()) - graph).tocsr()
    uv = np.zeros((size, 2))
    uv[outer] = _outline(patch.position[outer], patch.exponent, margin)
    free = np.setdiff1d(np.arange(size), outer)
    uv[free] = spla.spsolve(laplacian[free][:, free].tocsc(), -laplacian[free][:, outer] @ uv[outer])
    return uv[:n]


def _hubs(patch: Patch, outer: np.ndarray, n: int) -> list[np.ndarray]:
    """A fan over each hole that `fill` leaves open."""
    if len(patch.fill):
        return []
    holes = [loop for loop in boundary_loops(patch.quads) if loop[0] not in outer]
    return [np.stack([np.full(len(h), n + i), np.roll(h, -1), h], axis=1) for i, h in enumerate(holes)]


def _outline(points: np.ndarray, exponent: float, margin: float) -> np.ndarray:
    """Border points on the superellipse by arc length, the lowest point of the midline at (0.5, 0)."""
    start = int(np.lexsort((points[:, 1], np.abs(points[:, 0]).round(6)))[0])
    turned = np.roll(np.arange(len(points)), -start)
    p = points[turned]
    step = np.linalg.norm(np.roll(p, -1, axis=0) - p, axis=1)
    t = np.concatenate([[0], np.cumsum(step)[:-1]]) / step.sum()
    angle = np.linspace(0, 2 * np.pi, 4001) - np.pi / 2
    ray = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    curve = ray / (np.abs(ray) ** exponent).sum(axis=1, keepdims=True) ** (1 / exponent)
    arc = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    uv = np.stack([np.interp(t * arc[-1], arc, curve[:, i]) for i in range(2)], axis=1)
    out = np.empty_like(uv)
    out[turned] = 0.5 + uv * (0.5 - margin)
    return out
