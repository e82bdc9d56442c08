"""Seam levelling: charts of a scan's texture that were lit or exposed differently are made to agree.

Lempitsky and Ivanov 2007, "Seamless mosaicing of image-based texture maps", eq. 4, in log light: a
smooth gain per chart closes the jump at every seam. A texture without jumps is left as it is.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np
from jaxtyping import Float, Int
from numba import njit
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, cg

from mien.bake.texture_sampling import ColourSource
from mien.core.mesh import Scan
from mien.geometry.solve import SpdSolver

_AVERAGING = 0.004  # metres over which colour is compared at a seam
_SEAM_WEIGHT = 30.0
_ANCHOR = 1e-4
_OUTLIER = 0.25  # log jumps beyond this are other things than light (hair against skin)
LARGE = 60_000  # nodes; the direct solution of more takes seconds
_TOLERANCE = 1e-5
_INWARD = 0.3  # how far from the corner toward the triangle's centre colour is read


def level_seams(scan: Scan) -> ColourSource:
    """The scan's colour with per-corner gains that close the jumps between texture charts."""
    source = ColourSource(scan)
    if not scan.textures or scan.corner_uvs is None:
        return source
    node, node_vertex = chart_nodes(scan)
    pairs = _seam_pairs(node_vertex)
    if len(pairs) == 0:
        return source
    colour, trust = _node_colours(source, node, len(node_vertex))
    gains = solve_gains(colour, trust, pairs, _edges(node))
    return source.with_gains(gains[node].astype(np.float32))


def chart_nodes(scan: Scan) -> tuple[Int[np.ndarray, "M 3"], Int[np.ndarray, " K"]]:
    """Vertices split where their texture coordinates differ: node of each corner, vertex of each node."""
    assert scan.corner_uvs is not None
    texture = np.zeros(len(scan.triangles)) if scan.triangle_texture is None else scan.triangle_texture
    keys = np.column_stack(
        [scan.triangles.ravel(), np.repeat(texture, 3), np.round(scan.corner_uvs.reshape(-1, 2) * 2**20)]
    ).astype(np.int64)
    order = np.lexsort(keys.T[::-1])
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(keys[order], axis=0) != 0).any(axis=1)
    ids = np.empty(len(order), np.int64)
    ids[order] = np.cumsum(new) - 1
    return ids.reshape(-1, 3), keys[order[new], 0]


def _seam_pairs(node_vertex: np.ndarray) -> np.ndarray:
    """Neighbouring copies of the same vertex (nodes are sorted by vertex)."""
    first = np.flatnonzero(node_vertex[1:] == node_vertex[:-1])
    return np.column_stack([first, first + 1])


def _edges(node: np.ndarray) -> np.ndarray:
    return np.unique(np.sort(node[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)


def _node_colours(source: ColourSource, node: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean log colour round each node, on its own chart's side; and how far it can be trusted."""
    triangle = np.repeat(np.arange(len(node)), 3)
    corner = np.tile(np.eye(3, dtype=np.float32), (len(node), 1))
    barycentric = (1 - _INWARD) * corner + _INWARD / 3
    size = np.full(len(triangle), _AVERAGING, np.float32)
    log_colour = np.log(source.read(triangle, barycentric, size) + 0.01)
    weight = (source.grazing_confidence(triangle) + 1e-3) * np.isfinite(log_colour).all(axis=1)
    log_colour = np.nan_to_num(log_colour)
    total = np.maximum(np.bincount(node.ravel(), weight, n), 1e-9)
    sums = [np.bincount(node.ravel(), weight * log_colour[:, c], n) for c in range(3)]
    count = np.maximum(np.bincount(node.ravel(), minlength=n), 1)
    return np.stack(sums, axis=1) / total[:, None], total / count


def solve_gains(
    colour: Float[np.ndarray, "K 3"],
    trust: Float[np.ndarray, " K"],
    pairs: Int[np.ndarray, "P 2"],
    edges: Int[np.ndarray, "E 2"],
) -> Float[np.ndarray, "K 3"]:
    """Log gains at nodes of log colour f that close the jumps between `pairs`, smooth along `edges`:
    min sum_seams w (g_i + f_i - g_j - f_j)^2 + sum_edges (g_a - g_b)^2 + anchor |g|^2.

    Up to `LARGE` nodes are solved directly, more by iteration, to a hundredth of the gains."""
    n = len(colour)
    jump = colour[pairs[:, 1]] - colour[pairs[:, 0]]
    smooth = _differences(edges, n)
    seam = _differences(pairs, n)
    base = smooth.T @ smooth + _ANCHOR * sparse.identity(n)
    gains = np.zeros((n, 3))
    groups = _groups(edges, n) if n > LARGE else None
    for _ in range(3):
        residual = np.linalg.norm(jump - seam @ gains, axis=1) / np.sqrt(3)
        robust = 1.0 / (1.0 + (residual / _OUTLIER) ** 2) ** 2  # Geman-McClure
        weight = sparse.diags(_SEAM_WEIGHT * robust * np.minimum(trust[pairs[:, 0]], trust[pairs[:, 1]]))
        system, right = base + seam.T @ weight @ seam, seam.T @ (weight @ jump)
        gains = (
            SpdSolver(system).solve(right)
            if groups is None
            else _iterated(system.tocsr(), right, groups, gains)
        )
    return gains


def _iterated(
    system: sparse.csr_matrix, right: np.ndarray, groups: np.ndarray, start: np.ndarray
) -> Float[np.ndarray, "K 3"]:
    """Conjugate gradients, preconditioned by the diagonal and by the solution for whole groups of nodes (the
    additive two-level method of Dryja and Widlund 1987 with piecewise constant groups)."""
    n = len(groups)
    whole = sparse.csr_matrix((np.ones(n), (np.arange(n), groups)), shape=(n, int(groups.max()) + 1))
    coarse, diagonal = SpdSolver(whole.T @ system @ whole), system.diagonal()

    def precondition(residual: np.ndarray) -> np.ndarray:
        return residual / diagonal + whole @ coarse.solve(whole.T @ residual)

    operator = LinearOperator((n, n), matvec=precondition)
    columns = [
        cg(system, right[:, c], x0=start[:, c], rtol=_TOLERANCE, maxiter=200, M=operator)[0]
        for c in range(right.shape[1])
    ]
    return np.stack(columns, axis=1)


def _groups(edges: Int[np.ndarray, "E 2"], n: int) -> Int[np.ndarray, " K"]:
    """About forty neighbouring nodes each: twice a node with all its neighbours that have no group yet."""
    groups = np.arange(n)
    for _ in range(2):
        pairs = groups[edges]
        pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        m = int(groups.max()) + 1
        graph = sparse.csr_matrix((np.ones(len(pairs)), pairs.T), shape=(m, m))
        graph = (graph + graph.T).tocsr()
        groups = _gathered(graph.indptr, graph.indices)[groups]
    return groups


@njit(cache=True)
@no_type_check
def _gathered(indptr, indices):
    out = np.full(indptr.shape[0] - 1, -1, np.int64)
    count = 0
    for node in range(out.shape[0]):
        if out[node] >= 0:
            continue
        out[node] = count
        for k in range(indptr[node], indptr[node + 1]):
            if out[indices[k]] < 0:
                out[indices[k]] = count
        count += 1
    return out


def _differences(pairs: np.ndarray, n: int) -> sparse.csr_matrix:
    """Rows g_i - g_j."""
    m = len(pairs)
    data = np.tile([1.0, -1.0], m)
    return sparse.csr_matrix((data, (np.repeat(np.arange(m), 2), pairs.ravel())), shape=(m, n))
