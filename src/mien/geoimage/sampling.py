"""Where a geometry image is read: bilinear weights, and sample points spread over the triangles."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from mien.geometry.uv import signed_uv_area


def bilinear_weights(uvs: Float[np.ndarray, "N 2"], resolution: int) -> sparse.csr_matrix:
    """N x R²: the four texels round each point, texel centres at (i + 0.5) / R, row 0 at v = 1.

    Points beyond the outermost centres take the border's texels (clamped, as samplers do).
    """
    x = np.clip(uvs[:, 0] * resolution - 0.5, 0.0, resolution - 1.0)
    y = np.clip((1.0 - uvs[:, 1]) * resolution - 0.5, 0.0, resolution - 1.0)
    column = np.minimum(x.astype(np.int64), resolution - 2)
    row = np.minimum(y.astype(np.int64), resolution - 2)
    fx, fy = x - column, y - row
    texels = np.stack([row * resolution + column + d for d in (0, 1, resolution, resolution + 1)], axis=1)
    weights = np.stack([(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy], axis=1)
    n = len(uvs)
    indptr = np.arange(0, 4 * n + 1, 4)
    return sparse.csr_matrix((weights.ravel(), texels.ravel(), indptr), shape=(n, resolution**2))


def surface_samples(
    corner_uvs: Float[np.ndarray, "T 3 2"], resolution: int, vertex_weight: float
) -> tuple[Int[np.ndarray, " N"], Float[np.ndarray, "N 3"], Float[np.ndarray, " N"]]:
    """Points on all triangles, about one a texel and at least one each, and every corner.

    Returns triangle, barycentric weights and the weight of each point in the fit: the inner points of a
    triangle share its area in texels (at least a quarter), a corner counts `vertex_weight` shared among
    about six triangles.
    """
    texels = np.abs(signed_uv_area(corner_uvs)) / 2.0 * resolution**2
    levels = np.clip(np.ceil(np.sqrt(2.0 * texels)), 1, 8).astype(int)
    triangle, barycentric, weight = [], [], []
    for level in np.unique(levels).tolist():
        inside = _centroids(level)
        rows = np.flatnonzero(levels == level)
        triangle.append(np.repeat(rows, len(inside)))
        barycentric.append(np.tile(inside, (len(rows), 1)))
        weight.append(np.repeat(np.maximum(texels[rows], 0.25) / len(inside), len(inside)))
    rows = np.arange(len(corner_uvs))
    triangle.append(np.repeat(rows, 3))
    barycentric.append(np.tile(np.eye(3), (len(rows), 1)))
    weight.append(np.full(3 * len(rows), vertex_weight / 6.0))
    return np.concatenate(triangle), np.concatenate(barycentric), np.concatenate(weight)


def _centroids(level: int) -> Float[np.ndarray, "N 3"]:
    """Barycentric centroids of the level² small triangles into which a triangle is cut."""
    points = []
    for i in range(level):
        for j in range(level - i):
            points.append(((i + 1 / 3) / level, (j + 1 / 3) / level))
            if i + j < level - 1:
                points.append(((i + 2 / 3) / level, (j + 2 / 3) / level))
    first = np.array(points)
    return np.c_[first, 1.0 - first.sum(axis=1)]
