"""Vertex clustering: a mesh of millions of triangles made light in about a second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Bool, Float, Int
from numba import njit

from mien.geometry.normals import fast_areas


@dataclass(frozen=True)
class Clustered:
    """A lighter mesh: its triangles, the triangle that each came from, and the vertex that each former one
    became a part of (-1 where that is in no triangle)."""

    vertices: Float[np.ndarray, "K 3"]
    triangles: Int[np.ndarray, "M 3"]
    source: Int[np.ndarray, " M"]
    cluster: Int[np.ndarray, " V"]


def clustered(
    vertices: Float[np.ndarray, "V 3"], triangles: Int[np.ndarray, "T 3"], target: int
) -> Clustered:
    """A mesh of about `target` triangles: vertices averaged within cells, flaps left out."""
    area = float(fast_areas(vertices, triangles).sum())
    cell = np.sqrt(2.4 * area / target)  # measured on heads: 1.2 triangles for each half of a cell's face
    cluster = cluster_vertices(vertices, triangles, cell)
    few = cluster[triangles]
    i, j, k = few.T
    source = np.flatnonzero(first_of_each(few, (i != j) & (j != k) & (k != i), fold=True))
    means = cluster_means(vertices, cluster)
    used, few = np.unique(few[source], return_inverse=True)
    number = np.full(len(means), -1)
    number[used] = np.arange(len(used))
    return Clustered(means[used], few.reshape(-1, 3), source, number[cluster])


def cluster_vertices(
    vertices: Float[np.ndarray, "V 3"], triangles: Int[np.ndarray, "T 3"], cell: float
) -> Int[np.ndarray, " V"]:
    """The cluster of each vertex, numbered in order of first appearance.

    A cluster is what hangs together by edges inside one cubic cell of this width (Rossignac and Borrel 1993,
    but connected: sheets that only touch, such as lips and lids, stay apart).
    """
    low = vertices.min(axis=0)
    cells = np.floor((vertices - low) / cell).astype(np.int32)
    parent = np.arange(len(vertices), dtype=np.int32)
    _unite(cells, np.ascontiguousarray(triangles), parent)
    return _numbered(parent)


def cluster_vertices_plain(
    vertices: Float[np.ndarray, "V 3"], triangles: Int[np.ndarray, "T 3"], cell: float
) -> Int[np.ndarray, " V"]:
    """`cluster_vertices` as a specification: components of the graph of edges inside cells."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    cells = np.floor((vertices - vertices.min(axis=0)) / cell)
    edges = triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    edges = edges[(cells[edges[:, 0]] == cells[edges[:, 1]]).all(axis=1)]
    graph = coo_matrix((np.ones(len(edges)), edges.T), shape=(len(vertices),) * 2)
    piece = connected_components(graph, directed=False)[1]
    _, first, inverse = np.unique(piece, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def connected_pieces(n_vertices: int, triangles: Int[np.ndarray, "T 3"]) -> Int[np.ndarray, " V"]:
    """The connected piece of each vertex, numbered in order of appearance; loose vertices are pieces."""
    parent = np.arange(n_vertices, dtype=np.int32)
    _unite(np.zeros((n_vertices, 1), np.int32), np.ascontiguousarray(triangles), parent)
    return _numbered(parent)


def cluster_means(
    values: Float[np.ndarray, "V C"], cluster: Int[np.ndarray, " V"]
) -> Float[np.ndarray, "K C"]:
    """The mean over each cluster."""
    count = np.bincount(cluster)
    sums = [np.bincount(cluster, values[:, c], len(count)) for c in range(values.shape[1])]
    return np.stack(sums, axis=1) / count[:, None]


def first_of_each(
    triangles: Int[np.ndarray, "T 3"], among: Bool[np.ndarray, " T"] | None = None, *, fold: bool = False
) -> Bool[np.ndarray, " T"]:
    """True at the first triangle of each set of three vertices, whatever its winding; False off `among`.

    With `fold`, two that face opposite ways take each other out instead, as the sides of a flap do.
    """
    keep = np.ones(len(triangles), bool) if among is None else among.copy()
    size = 1 << max(int(2 * max(len(triangles), 1) - 1).bit_length(), 4)
    _drop_repeats(np.ascontiguousarray(triangles), keep, np.full(size, -1, np.int32), fold)
    return keep


def first_of_each_plain(
    triangles: Int[np.ndarray, "T 3"], among: Bool[np.ndarray, " T"], *, fold: bool = False
) -> Bool[np.ndarray, " T"]:
    """`first_of_each` as a specification."""
    standing: dict[tuple[int, ...], int] = {}
    keep = np.zeros(len(triangles), bool)
    for row in np.flatnonzero(among).tolist():
        corners = triangles[row].tolist()
        at = corners.index(min(corners))
        turned = corners[at:] + corners[:at]
        key = tuple(sorted(corners))
        other = standing.get(key)
        if other is None:
            keep[row] = True
            standing[key] = row
        elif fold:
            before = triangles[other].tolist()
            start = before.index(min(before))
            if before[start:] + before[:start] != turned:
                keep[other] = False
                del standing[key]
    return keep


@njit(cache=True)
@no_type_check
def _root(parent, v):
    while parent[v] != v:
        parent[v] = parent[parent[v]]
        v = parent[v]
    return v


@njit(cache=True)
@no_type_check
def _unite(cells, triangles, parent):
    """Joins the ends of every edge whose ends lie in one cell; the smaller number becomes the root."""
    width = cells.shape[1]
    for t in range(triangles.shape[0]):
        for k in range(3):
            a, b = triangles[t, k], triangles[t, (k + 1) % 3]
            same = True
            for d in range(width):
                same = same and cells[a, d] == cells[b, d]
            if same:
                ra, rb = _root(parent, a), _root(parent, b)
                if ra < rb:
                    parent[rb] = ra
                elif rb < ra:
                    parent[ra] = rb


@njit(cache=True)
@no_type_check
def _numbered(parent):
    number = np.full(parent.shape[0], -1, np.int64)
    out = np.empty(parent.shape[0], np.int64)
    count = 0
    for v in range(parent.shape[0]):
        root = _root(parent, v)
        if number[root] < 0:
            number[root] = count
            count += 1
        out[v] = number[root]
    return out


@njit(cache=True)
@no_type_check
def _forward(a, b, c):
    """Whether the corners, turned to begin with the least, rise."""
    if a <= b and a <= c:
        return b < c
    if b <= a and b <= c:
        return c < a
    return a < b


@njit(cache=True)
@no_type_check
def _drop_repeats(triangles, keep, table, fold):
    """Open addressing with linear probing; the table holds rows of `triangles`, dropped ones as marks."""
    mask = np.int64(table.shape[0] - 1)
    for t in range(triangles.shape[0]):
        if not keep[t]:
            continue
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        low, high = min(a, b, c), max(a, b, c)
        middle = a + b + c - low - high
        key = np.uint64(low) * np.uint64(0x9E3779B97F4A7C15)
        key = (key ^ np.uint64(middle)) * np.uint64(0xC2B2AE3D27D4EB4F)
        key = (key ^ np.uint64(high)) * np.uint64(0x165667B19E3779F9)
        slot = np.int64(key >> np.uint64(20)) & mask
        while table[slot] >= 0:
            i, j, k = triangles[table[slot], 0], triangles[table[slot], 1], triangles[table[slot], 2]
            first, last = min(i, j, k), max(i, j, k)
            if first == low and last == high and i + j + k - first - last == middle:
                break
            slot = (slot + 1) & mask
        other = table[slot]
        if other < 0 or not keep[other]:
            table[slot] = t
            continue
        keep[t] = False
        if fold and _forward(a, b, c) != _forward(i, j, k):
            keep[other] = False
