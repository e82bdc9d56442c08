"""Every texel's point on the scan: a coarse grid of rays, then the triangles found there tried again.

Neighbouring texels mostly meet the same scan triangle. Rays are therefore traced on a coarse tile only; a
fine texel first tries the triangles of the coarse texels round it, and is traced itself where none holds it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Float, Int
from numba import njit

from mien.bake.project import REACH, project_along_normals
from mien.geometry.closest import ClosestPoint
from mien.geometry.normals import normalized
from mien.geometry.uvspace import Tile, at_texels_of

STRIP = 1_000_000  # texels at a time
_SAME_SHEET = 0.0004  # metres by which a texel's offset may leave that of the coarse texel beside it


@dataclass(frozen=True)
class CoarseHits:
    """Per texel of a coarse tile, as images: scan triangle (-1 where none) and offset along the normal."""

    triangle: Int[np.ndarray, "R R"]
    offset: Float[np.ndarray, "R R"]


@dataclass(frozen=True)
class TexelHits:
    """Where some covered texels of a tile lie on the scan, and how far a step of one texel goes there.

    `rows` count the tile's covered texels; all hit. `along_x` and `along_y` are the changes of the
    barycentric weights by one texel to the right and one down.
    """

    rows: Int[np.ndarray, " N"]
    triangle: Int[np.ndarray, " N"]
    barycentric: Float[np.ndarray, "N 3"]
    along_x: Float[np.ndarray, "N 3"]
    along_y: Float[np.ndarray, "N 3"]


def strips(tile: Tile) -> Iterator[slice]:
    """The covered texels in pieces of at most `STRIP`."""
    n = len(tile.weights)
    for start in range(0, n, STRIP):
        yield slice(start, min(start + STRIP, n))


def texel_hits(
    tile: Tile,
    piece: slice,
    vertices: Float[np.ndarray, "V 3"],
    normals: Float[np.ndarray, "V 3"],
    surface: ClosestPoint,
    coarse: CoarseHits,
) -> TexelHits:
    """The hits of one strip of a tile."""
    points = at_texels_of(tile, vertices, piece)
    direction = normalized(at_texels_of(tile, normals, piece)).astype(np.float32)
    flat = np.flatnonzero(tile.covered)[piece] if len(tile.weights) > STRIP else np.flatnonzero(tile.covered)
    triangle, offset = _tried_again(points, direction, flat, tile.resolution, surface, coarse)
    lost = np.flatnonzero(triangle == -2)
    if len(lost):
        found = project_along_normals(surface, points[lost], direction[lost])
        triangle[lost], offset[lost] = found.triangle, found.offset
    on = np.flatnonzero(triangle >= 0)
    steps = texel_steps(tile, vertices)[tile.texel_triangle[piece][on]]
    return TexelHits(
        on + piece.start,
        triangle[on],
        *footprints(
            surface.vertices[surface.triangles[triangle[on]]].astype(np.float32),
            points[on] + offset[on, None] * direction[on],
            direction[on],
            steps,
        ),
    )


def _tried_again(
    points: np.ndarray,
    directions: np.ndarray,
    flat: np.ndarray,
    resolution: int,
    surface: ClosestPoint,
    coarse: CoarseHits,
) -> tuple[np.ndarray, np.ndarray]:
    """Triangle and offset; -2 where the coarse texels' triangles do not hold the texel, -1 where all of
    them miss the scan."""
    triangle = np.empty(len(points), np.int64)
    offset = np.zeros(len(points), np.float32)
    _try_neighbours(
        points,
        directions,
        flat,
        resolution,
        surface.vertices,
        surface.triangles,
        np.ascontiguousarray(coarse.triangle, np.int64),
        np.ascontiguousarray(coarse.offset, np.float32),
        triangle,
        offset,
    )
    return triangle, offset


@njit(cache=True, nogil=True)
@no_type_check
def _try_neighbours(
    points, directions, flat, resolution, vertices, triangles, coarse, coarse_offset, triangle, offset
):
    size = coarse.shape[0]
    scale = size / resolution
    for n in range(points.shape[0]):
        y, x = flat[n] // resolution, flat[n] % resolution
        cx, cy = (x + 0.5) * scale - 0.5, (y + 0.5) * scale - 0.5
        x0, y0 = int(np.floor(cx)), int(np.floor(cy))
        triangle[n] = -1
        best = 1e9
        for j in range(2):
            for i in range(2):
                r, c = min(max(y0 + j, 0), size - 1), min(max(x0 + i, 0), size - 1)
                t = coarse[r, c]
                if t < 0:
                    continue
                if triangle[n] == -1:
                    triangle[n] = -2
                hit, along = _meet(points[n], directions[n], vertices, triangles[t])
                apart = abs(along - coarse_offset[r, c])
                if hit and apart < best and apart < _SAME_SHEET:
                    best = apart
                    triangle[n] = t
                    offset[n] = along


@njit(cache=True, nogil=True)
@no_type_check
def _meet(point, direction, vertices, corner):
    """Moeller and Trumbore 1997: whether the line meets the triangle, and how far along."""
    a, b, c = vertices[corner[0]], vertices[corner[1]], vertices[corner[2]]
    e1x, e1y, e1z = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    e2x, e2y, e2z = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    px = direction[1] * e2z - direction[2] * e2y
    py = direction[2] * e2x - direction[0] * e2z
    pz = direction[0] * e2y - direction[1] * e2x
    det = e1x * px + e1y * py + e1z * pz
    if abs(det) < 1e-18:
        return False, 0.0
    sx, sy, sz = point[0] - a[0], point[1] - a[1], point[2] - a[2]
    u = (sx * px + sy * py + sz * pz) / det
    qx, qy, qz = sy * e1z - sz * e1y, sz * e1x - sx * e1z, sx * e1y - sy * e1x
    v = (direction[0] * qx + direction[1] * qy + direction[2] * qz) / det
    if u < 0.0 or v < 0.0 or u + v > 1.0:
        return False, 0.0
    return True, (e2x * qx + e2y * qy + e2z * qz) / det


def texel_steps(tile: Tile, vertices: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "T 2 3"]:
    """Per triangle of the tile: how far one texel to the right and one down go on the surface (metres)."""
    p = vertices[tile.triangles]
    t = tile.uvs[tile.triangle_uvs] * tile.resolution
    e1, e2 = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]
    d1, d2 = t[:, 1] - t[:, 0], t[:, 2] - t[:, 0]
    det = d1[:, 0] * d2[:, 1] - d1[:, 1] * d2[:, 0]
    det = np.where(np.abs(det) > 1e-12, det, np.inf)[:, None]
    along_u = (e1 * d2[:, 1:] - e2 * d1[:, 1:]) / det
    along_v = (e2 * d1[:, :1] - e1 * d2[:, :1]) / det
    return np.stack([along_u, -along_v], axis=1).astype(np.float32)


def footprints(
    corners: Float[np.ndarray, "N 3 3"],
    points: Float[np.ndarray, "N 3"],
    directions: Float[np.ndarray, "N 3"],
    steps: Float[np.ndarray, "N 2 3"],
) -> tuple[Float[np.ndarray, "N 3"], Float[np.ndarray, "N 3"], Float[np.ndarray, "N 3"]]:
    """Barycentric weights of points on their triangles, and their change by two steps on the head that are
    carried to the triangle's plane along `directions`."""
    out = tuple(np.empty((len(points), 3), np.float32) for _ in range(3))
    _footprints(corners, points.astype(np.float32), directions, steps, *out)
    return out[0], out[1], out[2]


@njit(cache=True, nogil=True)
@no_type_check
def _footprints(corners, points, directions, steps, bary, along_x, along_y):
    for n in range(points.shape[0]):
        a = corners[n, 0].astype(np.float64)
        e1, e2 = corners[n, 1] - a, corners[n, 2] - a
        normal = np.cross(e1, e2)
        area = max(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2, 1e-30)
        d = directions[n]
        down = normal[0] * d[0] + normal[1] * d[1] + normal[2] * d[2]
        if abs(down) < 0.1 * np.sqrt(area):  # no steeper than 84 degrees
            down = np.sqrt(area) * (0.1 if down >= 0 else -0.1)
        w1, w2 = _weights(points[n] - a, e1, e2, normal, area)
        w1, w2 = min(max(w1, 0.0), 1.0), min(max(w2, 0.0), 1.0)
        total = max(w1 + w2, 1.0)
        bary[n, 0], bary[n, 1], bary[n, 2] = 1.0 - (w1 + w2) / total, w1 / total, w2 / total
        for k in range(2):
            step = steps[n, k].astype(np.float64)
            lift = (normal[0] * step[0] + normal[1] * step[1] + normal[2] * step[2]) / down
            s1, s2 = _weights(step - lift * d, e1, e2, normal, area)
            out = along_x if k == 0 else along_y
            out[n, 0], out[n, 1], out[n, 2] = -s1 - s2, s1, s2


@njit(cache=True, nogil=True)
@no_type_check
def _weights(r, e1, e2, normal, area):
    """Weights of the second and the third corner of a vector in the triangle's plane."""
    c1 = np.cross(r, e2)
    c2 = np.cross(e1, r)
    w1 = (c1[0] * normal[0] + c1[1] * normal[1] + c1[2] * normal[2]) / area
    w2 = (c2[0] * normal[0] + c2[1] * normal[1] + c2[2] * normal[2]) / area
    return w1, w2


__all__ = ["REACH", "CoarseHits", "TexelHits", "footprints", "strips", "texel_hits", "texel_steps"]
