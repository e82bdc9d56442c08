"""Triangle and vertex normals, areas."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int


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
    from mien.geometry.normal_kernels import areas_into  # numba only where it is used

    out = np.empty(len(triangles))
    areas_into(np.ascontiguousarray(vertices, np.float64), triangles, out)
    return out


def vertex_normals(
    vertices: Float[np.ndarray, "V 3"], triangles: Int[np.ndarray, "T 3"]
) -> Float[np.ndarray, "V 3"]:
    """Area-weighted unit normals; zero at a vertex without area around it."""
    from mien.geometry.normal_kernels import add_crosses

    total = np.zeros((len(vertices), 3))
    add_crosses(np.ascontiguousarray(vertices, np.float64), triangles, total)
    return normalized(total)


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
