"""Laplacians: positive semi-definite, symmetric, rows sum to zero, without the mass matrix."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from mien.geometry.normals import triangle_areas


def cotangent_laplacian(
    vertices: Float[np.ndarray, "V 3"],
    triangles: Int[np.ndarray, "T 3"],
    max_cotangent: float = np.inf,
) -> sparse.csr_matrix:
    """Cotangent stiffness matrix: L_ij = -(cot a + cot b) / 2 off the diagonal.

    `max_cotangent` limits |cot| so that slivers cannot dominate; the result stays symmetric with rows
    that sum to zero. Pinkall and Polthier 1993, eq. 9.
    """
    rows, columns, weights = [], [], []
    for k in range(3):
        apex, i, j = (triangles[:, (k + n) % 3] for n in range(3))
        to_i, to_j = vertices[i] - vertices[apex], vertices[j] - vertices[apex]
        doubled_area = np.linalg.norm(np.cross(to_i, to_j), axis=1)
        cotangent = np.einsum("td,td->t", to_i, to_j) / np.maximum(doubled_area, 1e-30)
        rows.append(i)
        columns.append(j)
        weights.append(0.5 * np.clip(cotangent, -max_cotangent, max_cotangent))
    return _from_edge_weights(
        len(vertices), np.concatenate(rows), np.concatenate(columns), np.concatenate(weights)
    )


def graph_laplacian(n_vertices: int, edges: Int[np.ndarray, "E 2"]) -> sparse.csr_matrix:
    """Degree minus adjacency: every edge weighs one."""
    return _from_edge_weights(n_vertices, edges[:, 0], edges[:, 1], np.ones(len(edges)))


def lumped_mass(
    vertices: Float[np.ndarray, "V 3"], triangles: Int[np.ndarray, "T 3"]
) -> Float[np.ndarray, " V"]:
    """A third of the area of the triangles round each vertex (barycentric mass)."""
    thirds = np.repeat(triangle_areas(vertices, triangles) / 3.0, 3)
    return np.bincount(triangles.ravel(), weights=thirds, minlength=len(vertices))


def _from_edge_weights(n: int, i: np.ndarray, j: np.ndarray, weight: np.ndarray) -> sparse.csr_matrix:
    adjacency = sparse.coo_matrix(
        (np.concatenate([weight, weight]), (np.concatenate([i, j]), np.concatenate([j, i]))), shape=(n, n)
    ).tocsr()
    degree = np.asarray(adjacency.sum(axis=1)).ravel()
    return (sparse.diags(degree) - adjacency).tocsr()
