"""Triangle and vertex normals, areas."""

from __future__ import annotations

from typing import no_type_check

import numpy as np
from jaxtyping import Float, Int
from numba import njit


def triangle_cross(
    vertices: Float[np.ndarray, "V 3"], triangles: Int[np.ndarray, "T 3"]
) -> Float[np.ndarray, "T 3"]:
    """Cross product of two edges: along the outward normal, twice the area long."""
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    return np.cross(b - a, c - a)


def triangle_normals(
    vertices: Float[np.ndarray, "V 3"], triangles: Int[np.ndarray, "T 3"]
) -> Float[np.ndarray, "T 3"]:
    """Unit normals; zero where a triangle has no area."""
    return normalized(triangle_cross(vertices, triangles))


def triangle_areas(
    vertices: Float[np.ndarray, "V 3"], triangles: Int[np.ndarray, "T 3"]
) -> Float[np.ndarray, " T"]:
    """Areas in squared units of the vertices."""
    return 0.5 * np.linalg.norm(triangle_cross(vertices, triangles), axis=1)


def fast_areas(
    vertices: Float[np.ndarray, "V 3"], triangles: Int[np.ndarray, "T 3"]
) -> Float[np.ndarray, " T"]:
    """`triangle_areas` without arrays of corners in between: for millions of triangles."""
    out = np.empty(len(triangles))
    _areas_into(np.ascontiguousarray(vertices, np.float64), triangles, out)
    return out


def vertex_normals(
    vertices: Float[np.ndarray, "V 3"], triangles: Int[np.ndarray, "T 3"]
) -> Float[np.ndarray, "V 3"]:
    """Area-weighted unit normals; zero at a vertex without area around it."""
    total = np.zeros((len(vertices), 3))
    _add_crosses(np.ascontiguousarray(vertices, np.float64), triangles, total)
    return normalized(total)


@njit(cache=True)
@no_type_check
def _cross(vertices, i, j, k):
    ax, ay, az = vertices[i, 0], vertices[i, 1], vertices[i, 2]
    ux, uy, uz = vertices[j, 0] - ax, vertices[j, 1] - ay, vertices[j, 2] - az
    wx, wy, wz = vertices[k, 0] - ax, vertices[k, 1] - ay, vertices[k, 2] - az
    return uy * wz - uz * wy, uz * wx - ux * wz, ux * wy - uy * wx


@njit(cache=True)
@no_type_check
def _areas_into(vertices, triangles, out):
    for t in range(triangles.shape[0]):
        x, y, z = _cross(vertices, triangles[t, 0], triangles[t, 1], triangles[t, 2])
        out[t] = 0.5 * np.sqrt(x * x + y * y + z * z)


@njit(cache=True)
@no_type_check
def _add_crosses(vertices, triangles, total):
    for t in range(triangles.shape[0]):
        x, y, z = _cross(vertices, triangles[t, 0], triangles[t, 1], triangles[t, 2])
        for k in range(3):
            v = triangles[t, k]
            total[v, 0] += x
            total[v, 1] += y
            total[v, 2] += z


def vertex_normals_plain(
    vertices: Float[np.ndarray, "V 3"], triangles: Int[np.ndarray, "T 3"]
) -> Float[np.ndarray, "V 3"]:
    """`vertex_normals` as a specification: one triangle after the other."""
    total = np.zeros_like(vertices)
    for i, j, k in triangles:
        cross = np.cross(vertices[j] - vertices[i], vertices[k] - vertices[i])
        for corner in (i, j, k):
            total[corner] += cross
    lengths = np.linalg.norm(total, axis=1)
    total[lengths > 0] /= lengths[lengths > 0, None]
    return total


def normalized(vectors: Float[np.ndarray, "*N 3"]) -> Float[np.ndarray, "*N 3"]:
    """Vectors at unit length; zero vectors stay zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1.0)
