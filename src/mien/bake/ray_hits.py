"""Every texel's point on the scan: a coarse grid of rays, then the triangles found there tried again.

Neighbouring texels mostly meet the same scan triangle. Rays are therefore traced on a coarse tile only; a
fine texel first tries the triangles of the coarse texels round it, and is traced itself where none holds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Float, Int
from numba import njit

from mien.bake.project import project_along_normals
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


def strips(rows: Int[np.ndarray, " N"]) -> list[Int[np.ndarray, " n"]]:
    """Rows in pieces of at most `STRIP`."""
    return np.array_split(rows, max(1, -(-len(rows) // STRIP)))


@dataclass(frozen=True)
class TexelRays:
    """What is traced: a tile of the head as scanned, the scan's surface, and what the coarse tile met.

    `places` are the tile's covered texels in the flattened square, `steps` those of `texel_steps`.
    """

    tile: Tile
    vertices: Float[np.ndarray, "V 3"]
    normals: Float[np.ndarray, "V 3"]
    surface: ClosestPoint
    coarse: CoarseHits
    places: Int[np.ndarray, " N"]
    steps: Float[np.ndarray, "T 2 3"]

    def hits(self, rows: Int[np.ndarray, " N"]) -> TexelHits:
        """The hits of some of the tile's covered texels."""
        tile, surface = self.tile, self.surface
        points = at_texels_of(tile, self.vertices, rows)
        direction = normalized(at_texels_of(tile, self.normals, rows)).astype(np.float32)
        triangle, offset = _tried_again(
            points, direction, self.places[rows], tile.resolution, surface, self.coarse
        )
        lost = np.flatnonzero(triangle == -2)
        if len(lost):
            found = project_along_normals(surface, points[lost], direction[lost])
            triangle[lost], offset[lost] = found.triangle, found.offset
        on = triangle >= 0
        if not on.all():
            rows, triangle, points, direction, offset = (
                a[on] for a in (rows, triangle, points, direction, offset)
            )
        points += offset[:, None] * direction
        steps = self.steps[tile.texel_triangle[rows]]
        corners = surface.triangles[triangle]
        return TexelHits(rows, triangle, *footprints(surface.vertices, corners, points, direction, steps))


def texel_rays(
    tile: Tile,
    vertices: Float[np.ndarray, "V 3"],
    normals: Float[np.ndarray, "V 3"],
    surface: ClosestPoint,
    coarse: CoarseHits,
) -> TexelRays:
    """Rays for all covered texels of a tile, `normals` at the vertices."""
    places, steps = np.flatnonzero(tile.covered), texel_steps(tile, vertices)
    return TexelRays(tile, vertices, normals, surface, coarse, places, steps)


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
    vertices: Float[np.ndarray, "V 3"],
    corners: Int[np.ndarray, "N 3"],
    points: Float[np.ndarray, "N 3"],
    directions: Float[np.ndarray, "N 3"],
    steps: Float[np.ndarray, "N 2 3"],
) -> tuple[Float[np.ndarray, "N 3"], Float[np.ndarray, "N 3"], Float[np.ndarray, "N 3"]]:
    """Barycentric weights of points on triangles of these `corners`, and their change by two steps on the
    head that are carried to the triangle's plane along `directions`."""
    out = tuple(np.empty((len(points), 3), np.float32) for _ in range(3))
    _footprints(vertices, corners, points, directions, steps, *out)
    return out[0], out[1], out[2]


@njit(cache=True, nogil=True)
@no_type_check
def _footprints(vertices, corners, points, directions, steps, bary, along_x, along_y):
    for n in range(points.shape[0]):
        a, b, c = vertices[corners[n, 0]], vertices[corners[n, 1]], vertices[corners[n, 2]]
        ax, ay, az = a[0], a[1], a[2]
        e = (b[0] - ax, b[1] - ay, b[2] - az)
        f = (c[0] - ax, c[1] - ay, c[2] - az)
        normal = (e[1] * f[2] - e[2] * f[1], e[2] * f[0] - e[0] * f[2], e[0] * f[1] - e[1] * f[0])
        area = max(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2, 1e-30)
        dx, dy, dz = directions[n, 0], directions[n, 1], directions[n, 2]
        down = normal[0] * dx + normal[1] * dy + normal[2] * dz
        if abs(down) < 0.1 * np.sqrt(area):  # no steeper than 84 degrees
            down = np.sqrt(area) * (0.1 if down >= 0 else -0.1)
        w1, w2 = _weights(points[n, 0] - ax, points[n, 1] - ay, points[n, 2] - az, e, f, normal, area)
        w1, w2 = min(max(w1, 0.0), 1.0), min(max(w2, 0.0), 1.0)
        total = max(w1 + w2, 1.0)
        bary[n, 0], bary[n, 1], bary[n, 2] = 1.0 - (w1 + w2) / total, w1 / total, w2 / total
        for k in range(2):
            x, y, z = steps[n, k, 0], steps[n, k, 1], steps[n, k, 2]
            lift = (normal[0] * x + normal[1] * y + normal[2] * z) / down
            s1, s2 = _weights(x - lift * dx, y - lift * dy, z - lift * dz, e, f, normal, area)
            out = along_x if k == 0 else along_y
            out[n, 0], out[n, 1], out[n, 2] = -s1 - s2, s1, s2


@njit(cache=True, nogil=True)
@no_type_check
def _weights(x, y, z, e, f, normal, area):
    """Weights of the second and the third corner of a vector (x, y, z) in the triangle's plane."""
    first = (y * f[2] - z * f[1]) * normal[0] + (z * f[0] - x * f[2]) * normal[1]
    first += (x * f[1] - y * f[0]) * normal[2]
    second = (e[1] * z - e[2] * y) * normal[0] + (e[2] * x - e[0] * z) * normal[1]
    second += (e[0] * y - e[1] * x) * normal[2]
    return first / area, second / area


def interpolated(
    triangle: Int[np.ndarray, " N"],
    barycentric: Float[np.ndarray, "N 3"],
    triangles: Int[np.ndarray, "M 3"],
    vertex_values: Float[np.ndarray, "V C"],
) -> Float[np.ndarray, "N C"]:
    """Values given at vertices at points on triangles."""
    values = np.ascontiguousarray(vertex_values, np.float32)
    out = np.empty((len(triangle), values.shape[1]), np.float32)
    _interpolate(triangle, barycentric, triangles, values, out)
    return out


@njit(cache=True, nogil=True)
@no_type_check
def _interpolate(triangle, bary, triangles, values, out):
    for n in range(triangle.shape[0]):
        a, b, c = triangles[triangle[n], 0], triangles[triangle[n], 1], triangles[triangle[n], 2]
        for k in range(values.shape[1]):
            low = bary[n, 0] * values[a, k] + bary[n, 1] * values[b, k]
            out[n, k] = low + bary[n, 2] * values[c, k]


def carried(
    hits: TexelHits, corner_values: Float[np.ndarray, "M 3 C"]
) -> tuple[Float[np.ndarray, "N C"], Float[np.ndarray, "N C"], Float[np.ndarray, "N C"]]:
    """Values given at the scan's triangle corners at the hits, and their change by one texel."""
    out = tuple(np.empty((len(hits.triangle), corner_values.shape[2]), np.float32) for _ in range(3))
    weights = (hits.barycentric, hits.along_x, hits.along_y)
    _carry(hits.triangle, *weights, corner_values, *out)
    return out[0], out[1], out[2]


@njit(cache=True, nogil=True)
@no_type_check
def _carry(triangle, bary, along_x, along_y, values, at, by_x, by_y):
    for n in range(triangle.shape[0]):
        for c in range(values.shape[2]):
            a, b, d = values[triangle[n], 0, c], values[triangle[n], 1, c], values[triangle[n], 2, c]
            at[n, c] = bary[n, 0] * a + bary[n, 1] * b + bary[n, 2] * d
            by_x[n, c] = along_x[n, 0] * a + along_x[n, 1] * b + along_x[n, 2] * d
            by_y[n, c] = along_y[n, 0] * a + along_y[n, 1] * b + along_y[n, 2] * d
