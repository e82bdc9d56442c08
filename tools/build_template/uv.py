"""Texture coordinates: one tile per part, exactly symmetric about u = 0.5."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla

from tools.build_template.edgeloops import boundary_loops
from tools.build_template.types import SkinPart

MARGIN = 0.004  # tile border left free, in UV


def build_uvs(
    vertices: np.ndarray, quads: np.ndarray, parts: tuple[SkinPart, ...], mirror: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(T, 2) coordinates and (F, 4) indices; parts never share coordinates."""
    uvs, quad_uvs, count = [], np.zeros_like(quads), 0
    for part in parts:
        own = quads[part.quads]
        ids, local = np.unique(own, return_inverse=True)
        local = local.reshape(own.shape)
        if part.name == "head":
            ids, local = _cut_back(ids, local, vertices, mirror)
        coordinates = _tutte_square(vertices[ids], local)
        uvs.append(coordinates)
        quad_uvs[part.quads] = local + count
        count += len(ids)
    return np.concatenate(uvs), quad_uvs


def _cut_back(
    ids: np.ndarray, local: np.ndarray, vertices: np.ndarray, mirror: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Doubles the midline at the back of the head, from the neck to the crown; left keeps the old ids."""
    position = vertices[ids]
    on_seam = (mirror[ids] == ids) & (position[:, 2] < -0.07) & (position[:, 1] < 0.13)
    top = np.flatnonzero(on_seam)[np.argmax(position[on_seam, 2] + position[on_seam, 1])]
    on_seam[top] = False
    right = position[local][:, :, 0].mean(axis=1) < 0
    twin = np.arange(len(ids))
    twin[on_seam] = len(ids) + np.arange(on_seam.sum())
    local = np.where(right[:, None], twin[local], local)
    return np.concatenate([ids, ids[on_seam]]), local


def _tutte_square(position: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """Tutte's embedding (1963): the longest border on a square, other holes closed by a hub; no overlaps."""
    outer, *holes = _loops_by_length(position, quads)
    n = len(position)
    pairs = np.concatenate(
        [quads[:, [i, (i + 1) % 4]] for i in range(4)] + [quads[:, [0, 2]], quads[:, [1, 3]]]
    )
    hubs = [np.stack([np.full(len(h), n + i), h], axis=1) for i, h in enumerate(holes)]
    pairs = np.concatenate([pairs, *hubs]) if hubs else pairs
    size = n + len(holes)
    graph = sp.coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (size, size)).tocsr()
    graph = ((graph + graph.T) > 0).astype(float)
    laplacian = sp.diags(np.asarray(graph.sum(axis=1)).ravel()) - graph
    uv = np.zeros((size, 2))
    uv[outer] = _square(position[outer])
    free = np.setdiff1d(np.arange(size), outer)
    rhs = -laplacian[free][:, outer] @ uv[outer]
    uv[free] = spla.spsolve(laplacian[free][:, free].tocsc(), rhs)
    return uv[:n]


def _loops_by_length(position: np.ndarray, quads: np.ndarray) -> list[np.ndarray]:
    def length(loop: np.ndarray) -> float:
        return float(np.linalg.norm(position[loop] - position[np.roll(loop, 1)], axis=1).sum())

    return sorted(boundary_loops(quads), key=lambda loop: -length(loop))


def _square(points: np.ndarray) -> np.ndarray:
    """Border points on the tile's square by arc length, the middle of the lowest side at u = 0.5."""
    start = int(np.lexsort((points[:, 1], np.abs(points[:, 0]).round(6)))[0])
    turned = np.roll(np.arange(len(points)), -start)
    p = points[turned]
    step = np.linalg.norm(np.roll(p, -1, axis=0) - p, axis=1)
    t = np.concatenate([[0], np.cumsum(step)[:-1]]) / step.sum() * 4
    corners = np.array([[0.5, 0], [1, 0], [1, 1], [0, 1], [0, 0], [0.5, 0]])
    knots = np.array([0, 0.5, 1.5, 2.5, 3.5, 4])
    uv = np.stack([np.interp(t, knots, corners[:, i]) for i in range(2)], axis=1)
    out = np.empty_like(uv)
    out[turned] = MARGIN + uv * (1 - 2 * MARGIN)
    return out
