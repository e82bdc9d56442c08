"""A light copy of a scan of millions of triangles: for finding the face, for registration and for colour.

Textures stay as they are, with texture coordinates true to a small part of a cell. Relief, and vertex
colours, are read from the full scan.
"""

from __future__ import annotations

import weakref
from dataclasses import replace
from threading import Lock
from typing import Any, no_type_check

import numpy as np
from jaxtyping import Bool, Float, Int
from numba import njit

from mien.core.mesh import Scan
from mien.geometry.cluster import Clustered, cluster_means, clustered

# Fifteen times what the registered head has. A scan of this size follows the full one to a few hundredths
# of a millimetre: below the noise of scanners.
LIGHT_TRIANGLES = 400_000
_SAME_CHART = 0.3  # of an edge, in texture coordinates: corners of one vertex nearer than this are one


def light_scan(scan: Scan, target: int = LIGHT_TRIANGLES) -> Scan:
    """A scan of about `target` triangles; a scan of up to twice as many comes back as it is.

    Vertices are averaged within small cells, colours, masks and texture coordinates with them; where charts
    meet in a cell, coordinates are carried on in the plane of a triangle of each. Asked again for the same
    arrays, it gives the same copy.
    """
    if len(scan.triangles) <= 2 * target:
        return scan
    with _LOCK:
        for arrays, made in _MADE:
            if made[1] == target and all(a() is b for a, b in zip(arrays, _arrays(scan), strict=True)):
                return replace(scan, **made[0])
        fields = _lightened(scan, target)
        _MADE[:] = [
            ([weakref.ref(a) if a is not None else _nothing for a in _arrays(scan)], (fields, target))
        ]
    return replace(scan, **fields)


_LOCK = Lock()
_MADE: list[Any] = []  # the last copy: it is needed by stage after stage


def _nothing() -> None:
    """Stands for a reference to an array that a scan does not have."""


def _arrays(scan: Scan) -> tuple[np.ndarray | None, ...]:
    return (
        scan.vertices, scan.triangles, scan.corner_uvs, scan.triangle_texture, scan.vertex_colours,
        scan.vertex_mask,
    )  # fmt: skip


def _lightened(scan: Scan, target: int) -> dict[str, Any]:
    """The fields of the scan that its light copy has otherwise."""
    few = clustered(scan.vertices, scan.triangles, target)
    mask, colours, texture = scan.vertex_mask, scan.vertex_colours, scan.triangle_texture
    return {
        "vertices": few.vertices,
        "triangles": few.triangles,
        "corner_uvs": None if scan.corner_uvs is None else _corner_uvs(scan, few),
        "triangle_texture": None if texture is None else texture[few.source],
        "vertex_colours": None if colours is None else _means(colours, few),
        "vertex_mask": None if mask is None else _means(mask[:, None], few)[:, 0],
    }


def _means(values: Float[np.ndarray, "N C"], few: Clustered) -> Float[np.ndarray, "K C"]:
    kept = few.cluster >= 0
    return cluster_means(values[kept], few.cluster[kept])


def heaviness(scan: Scan, target: int = LIGHT_TRIANGLES) -> tuple[str, ...]:
    """What is to be said of a scan that `light_scan` thins out."""
    if len(scan.triangles) <= 2 * target:
        return ()
    return (f"{len(scan.triangles):,} triangles: fitted on a copy of about {target:,}",)


def _corner_uvs(scan: Scan, few: Clustered) -> Float[np.ndarray, "T 3 2"]:
    uvs, seam = _vertex_uvs(scan)
    at_seam = np.zeros(len(few.vertices), bool)
    at_seam[few.cluster[seam & (few.cluster >= 0)]] = True
    out = _means(uvs, few)[few.triangles]
    rows = np.flatnonzero(at_seam[few.triangles].any(axis=1))
    carried = _carried_uvs(scan, few.source[rows], few.vertices[few.triangles[rows]])
    texture = np.zeros(len(rows), np.int64)
    if scan.triangle_texture is not None:
        texture = scan.triangle_texture[few.source[rows]]
    carried = _agreed(carried, few.triangles[rows], texture)
    out[rows] = np.where(at_seam[few.triangles[rows]][..., None], carried, out[rows])
    return out


def _vertex_uvs(scan: Scan) -> tuple[Float[np.ndarray, "N 2"], Bool[np.ndarray, " N"]]:
    """One UV a vertex, and the vertices that have several (or several textures)."""
    assert scan.corner_uvs is not None
    flat, corner_uvs = scan.triangles.ravel(), scan.corner_uvs.reshape(-1, 2)
    corner = np.zeros(len(scan.vertices), np.int64)
    corner[flat] = np.arange(len(flat))
    uvs = corner_uvs[corner]
    differs = (corner_uvs != uvs[flat]).any(axis=1)
    if scan.triangle_texture is not None:
        differs |= np.repeat(scan.triangle_texture, 3) != scan.triangle_texture[corner // 3][flat]
    seam = np.zeros(len(scan.vertices), bool)
    seam[flat[differs]] = True
    return uvs, seam


def _carried_uvs(
    scan: Scan, rows: Int[np.ndarray, " R"], to: Float[np.ndarray, "R 3 3"]
) -> Float[np.ndarray, "R 3 2"]:
    """UVs of points near the corners of these triangles, linear in each triangle's plane."""
    assert scan.corner_uvs is not None
    p, uv = scan.vertices[scan.triangles[rows]], scan.corner_uvs[rows]
    e1, e2 = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]
    a, b, c = ((x * y).sum(axis=1) for x, y in ((e1, e1), (e1, e2), (e2, e2)))
    det = np.maximum(a * c - b * b, 0.05 * a * c)[:, None]  # slivers (below 13 degrees) are not trusted far
    step = to - p
    s1, s2 = np.einsum("rkd,rd->rk", step, e1), np.einsum("rkd,rd->rk", step, e2)
    w1 = (c[:, None] * s1 - b[:, None] * s2) / det
    w2 = (a[:, None] * s2 - b[:, None] * s1) / det
    d1, d2 = uv[:, None, 1] - uv[:, None, 0], uv[:, None, 2] - uv[:, None, 0]
    return uv + w1[..., None] * d1 + w2[..., None] * d2


def _agreed(
    uvs: Float[np.ndarray, "R 3 2"], corners: Int[np.ndarray, "R 3"], texture: Int[np.ndarray, " R"]
) -> Float[np.ndarray, "R 3 2"]:
    """Corners of one vertex and one chart get the mean of their UVs."""
    edge = np.linalg.norm(uvs - np.roll(uvs, 1, axis=1), axis=2).mean(axis=1)
    flat, vertex = uvs.reshape(-1, 2), corners.ravel()
    order = np.lexsort((np.repeat(texture, 3), vertex))
    first = np.empty(len(flat), np.int64)
    _first_near(flat, vertex, np.repeat(texture, 3), order, np.repeat(_SAME_CHART * edge, 3), first)
    _, group = np.unique(first, return_inverse=True)
    return cluster_means(flat, group)[group].reshape(uvs.shape)


@njit(cache=True)
@no_type_check
def _first_near(uvs, vertex, texture, order, near, first):
    """For each corner the first of its vertex and texture, in `order`, whose UV is near."""
    start = 0
    for n in range(order.shape[0]):
        row, head = order[n], order[start]
        if vertex[row] != vertex[head] or texture[row] != texture[head]:
            start = n
        first[row] = row
        for m in range(start, n):
            other = order[m]
            apart = np.hypot(uvs[row, 0] - uvs[other, 0], uvs[row, 1] - uvs[other, 1])
            if first[other] == other and apart < near[row]:
                first[row] = other
                break
