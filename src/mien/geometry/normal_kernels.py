"""The loops behind `normals`, in machine code; apart, so that what does without numba can import the rest."""

from __future__ import annotations

from typing import no_type_check

import numpy as np
from numba import njit


@njit(cache=True)
@no_type_check
def _cross(vertices, i, j, k):
    ax, ay, az = vertices[i, 0], vertices[i, 1], vertices[i, 2]
    ux, uy, uz = vertices[j, 0] - ax, vertices[j, 1] - ay, vertices[j, 2] - az
    wx, wy, wz = vertices[k, 0] - ax, vertices[k, 1] - ay, vertices[k, 2] - az
    return uy * wz - uz * wy, uz * wx - ux * wz, ux * wy - uy * wx


@njit(cache=True)
@no_type_check
def areas_into(vertices, triangles, out):
    """Writes each triangle's area to `out`."""
    for t in range(triangles.shape[0]):
        x, y, z = _cross(vertices, triangles[t, 0], triangles[t, 1], triangles[t, 2])
        out[t] = 0.5 * np.sqrt(x * x + y * y + z * z)


@njit(cache=True)
@no_type_check
def add_crosses(vertices, triangles, total):
    """Adds each triangle's cross product to `total` at its corners."""
    for t in range(triangles.shape[0]):
        x, y, z = _cross(vertices, triangles[t, 0], triangles[t, 1], triangles[t, 2])
        for k in range(3):
            v = triangles[t, k]
            total[v, 0] += x
            total[v, 1] += y
            total[v, 2] += z
