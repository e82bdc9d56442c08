"""The least-squares encoder as a sparse matrix, found by probing.

Samples lie about a texel apart, so one vertex moves only the texels of its own triangles and a few round
them. Vertices whose neighbourhoods do not meet share one solve, and each texel's value belongs to the vertex
in whose neighbourhood it lies.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse
from scipy.spatial import cKDTree

REACH = 7.0  # texels beyond a vertex's own triangles: the response has fallen to a few hundred-thousandths
SMALLEST = 1e-5  # against the largest possible response, 1
PROBES_AT_ONCE = 32


def local_operator(
    solve: Callable[[np.ndarray], np.ndarray],
    gather: sparse.csr_matrix,
    centre: Float[np.ndarray, "K 2"],
    own: Float[np.ndarray, " K"],
    known: Int[np.ndarray, " K"],
    wanted: Int[np.ndarray, " N"],
    resolution: int,
) -> sparse.csr_matrix:
    """N x V, float32: the rows of `wanted` texels of the operator `solve(gather @ values)`.

    `known` are the vertices in the tile, `centre` their texel positions (row, column), `own` how far their
    triangles reach (texels). Rows are scaled to the full operator's sums: constants stay constant.
    """
    reach = own + REACH
    texels = cKDTree(np.stack(np.divmod(wanted, resolution), axis=1).astype(float))
    owned = texels.query_ball_point(centre, reach)
    groups = _apart(centre, reach)
    rows, columns, values = [], [], []
    for first in range(0, len(groups), PROBES_AT_ONCE):
        some = groups[first : first + PROBES_AT_ONCE]
        response = solve(gather @ _indicators([known[group] for group in some], gather.shape[1]))[wanted]
        for k, group in enumerate(some):
            row = np.concatenate([owned[i] for i in group])
            value = response[row, k]
            column = np.repeat(known[group], [len(owned[i]) for i in group])
            keep = np.abs(value) > SMALLEST
            rows.append(row[keep])
            columns.append(column[keep])
            values.append(value[keep])
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    cut = sparse.csr_matrix(entries, shape=(len(wanted), gather.shape[1]))
    full = solve(gather @ np.ones(gather.shape[1]))[wanted]
    return (sparse.diags(full / np.asarray(cut.sum(axis=1)).ravel()) @ cut).tocsr().astype(np.float32)


def _apart(centre: np.ndarray, reach: np.ndarray) -> list[np.ndarray]:
    """Groups of points, no two of a group with overlapping reaches: greedy colouring, widest first."""
    tree = cKDTree(centre)
    colour = np.full(len(centre), -1)
    for i in np.argsort(-reach, kind="stable"):
        near = np.array(tree.query_ball_point(centre[i], reach[i] + reach.max()))
        away = np.linalg.norm(centre[near] - centre[i], axis=1)
        taken = np.unique(colour[near[away < reach[near] + reach[i]]])
        free = np.setdiff1d(np.arange(len(taken) + 1), taken, assume_unique=True)
        colour[i] = free[0]
    return [np.flatnonzero(colour == c) for c in range(colour.max() + 1)]


def _indicators(groups: list[np.ndarray], size: int) -> np.ndarray:
    out = np.zeros((size, len(groups)))
    for k, members in enumerate(groups):
        out[members, k] = 1.0
    return out
