"""Catmull-Clark subdivision as a linear map: fine = S @ cage, for positions and for offsets alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from jaxtyping import Int


@dataclass(frozen=True)
class Subdivision:
    """One level. Fine vertices are the C cage vertices, then one per edge, then one per face.

    `matrix` (V x C) has rows that sum to one. `quads` 4i..4i+3 come from cage quad i, in the order of
    its corners, each starting at that corner. `edges` (sorted pairs) and `boundary_edges` belong to the cage.
    """

    matrix: sp.csr_matrix
    quads: Int[np.ndarray, "F 4"]
    edges: Int[np.ndarray, "E 2"]
    on_boundary: np.ndarray


def catmull_clark(quads: Int[np.ndarray, "F 4"], n_vertices: int) -> Subdivision:
    """One Catmull-Clark step (Catmull & Clark 1978) of an all-quad mesh.

    Boundary edges get midpoints, boundary vertices the cubic B-spline rule (1/8, 6/8, 1/8), so that an
    open border depends on the border alone.
    """
    edges, quad_edges, on_boundary = _edges(quads)
    faces = _averages(quads, n_vertices)
    midpoints = _averages(edges, n_vertices)
    edge_faces = _incidence(quad_edges, len(edges))
    edge_points = _edge_points(midpoints, faces, edge_faces, on_boundary)
    vertex_points = _vertex_points(quads, edges, on_boundary, midpoints, faces, n_vertices)
    matrix = sp.vstack([vertex_points, edge_points, faces]).tocsr()
    matrix.sort_indices()
    return Subdivision(matrix, _fine_quads(quads, quad_edges, n_vertices, len(edges)), edges, on_boundary)


def _edges(quads: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unique edges, the edge index of each quad side (corner i to i + 1), and which are on a border."""
    sides = np.stack([quads, np.roll(quads, -1, axis=1)], axis=2)
    edges, inverse, counts = np.unique(
        np.sort(sides.reshape(-1, 2), axis=1), axis=0, return_inverse=True, return_counts=True
    )
    if counts.max() > 2:
        raise ValueError(f"{(counts > 2).sum()} edges have more than two faces; expected a manifold mesh")
    return edges, inverse.reshape(quads.shape), counts == 1


def _averages(rows: np.ndarray, columns: int) -> sp.csr_matrix:
    """Row i is the mean of the columns named in rows[i]."""
    count, width = rows.shape
    index = np.repeat(np.arange(count), width)
    return sp.csr_matrix((np.full(rows.size, 1 / width), (index, rows.ravel())), (count, columns))


def _incidence(quad_edges: np.ndarray, n_edges: int) -> sp.csr_matrix:
    """(E x F): half where the face touches the edge (an inner edge has two faces)."""
    index = np.repeat(np.arange(len(quad_edges)), 4)
    return sp.csr_matrix(
        (np.full(quad_edges.size, 0.5), (quad_edges.ravel(), index)), (n_edges, len(quad_edges))
    )


def _edge_points(
    midpoints: sp.csr_matrix, faces: sp.csr_matrix, edge_faces: sp.csr_matrix, on_boundary: np.ndarray
) -> sp.csr_matrix:
    inner = sp.diags(np.where(on_boundary, 0.0, 0.5))
    return sp.diags(np.where(on_boundary, 1.0, 0.5)) @ midpoints + inner @ (edge_faces @ faces)


def _vertex_points(
    quads: np.ndarray,
    edges: np.ndarray,
    on_boundary: np.ndarray,
    midpoints: sp.csr_matrix,
    faces: sp.csr_matrix,
    n: int,
) -> sp.csr_matrix:
    """Inner: (Q + 2 R + (k - 3) P) / k. Border: 3/4 P + 1/8 of each border neighbour."""
    valence = np.bincount(edges.ravel(), minlength=n).astype(float)
    border = np.zeros(n, bool)
    border[edges[on_boundary].ravel()] = True
    k = np.where(border | (valence == 0), 1.0, valence)
    face_mean = _transpose_mean(quads, len(quads), n) @ faces
    edge_mean = _transpose_mean(edges, len(edges), n) @ midpoints
    inner = sp.diags(1 / k) @ face_mean + sp.diags(2 / k) @ edge_mean + sp.diags((k - 3) / k)
    rim = edges[on_boundary]
    neighbours = sp.csr_matrix(
        (np.full(2 * len(rim), 0.125), (np.r_[rim[:, 0], rim[:, 1]], np.r_[rim[:, 1], rim[:, 0]])), (n, n)
    )
    isolated = valence == 0
    keep = sp.diags(np.where(isolated, 1.0, np.where(border, 0.75, 0.0)))
    return sp.diags(np.where(border | isolated, 0.0, 1.0)) @ inner + keep + neighbours


def _transpose_mean(rows: np.ndarray, count: int, n: int) -> sp.csr_matrix:
    """(n x count): the mean over the rows that name a vertex."""
    index = np.repeat(np.arange(count), rows.shape[1])
    hits = sp.csr_matrix((np.ones(rows.size), (rows.ravel(), index)), (n, count))
    return sp.diags(1 / np.maximum(np.bincount(rows.ravel(), minlength=n), 1)) @ hits


def _fine_quads(quads: np.ndarray, quad_edges: np.ndarray, n_vertices: int, n_edges: int) -> np.ndarray:
    after = n_vertices + quad_edges
    before = np.roll(after, 1, axis=1)
    centre = np.broadcast_to((n_vertices + n_edges + np.arange(len(quads)))[:, None], quads.shape)
    return np.stack([quads, after, centre, before], axis=2).reshape(-1, 4)
