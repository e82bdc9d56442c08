"""Texture coordinates: one tile per part, symmetric about u = 0.5 where the part is."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from mien.core.mesh import split_quads
from mien.template import mouth_tile
from tools.build_template.flatten import Border, Rest, flatten, joined, rest_edges, rest_metric
from tools.build_template.tutte import tutte
from tools.build_template.types import SkinPart
from tools.build_template.uv_patches import Patch, outer_loop, part_patch

MARGIN = 0.002  # tile border left free, in UV
FILL_WEIGHT = 0.5  # of the triangles that keep holes open
RESOLUTION = 256  # at which texels are counted


def build_uvs(
    vertices: np.ndarray,
    quads: np.ndarray,
    parts: tuple[SkinPart, ...],
    mirror: np.ndarray,
    loops: dict[str, np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """(T, 2) coordinates and (F, 4) indices; parts never share coordinates."""
    uvs: list[np.ndarray] = []
    quad_uvs, count = np.zeros_like(quads), 0
    for part in parts:
        patch = part_patch(part.name, vertices, quads[part.quads], mirror, loops)
        if part.name == "eye_socket_right":
            left = next(p for p in parts if p.name == "eye_socket_left")
            coordinates = _mirrored_copy(patch, quads[left.quads], mirror, uvs[-1])
        else:
            coordinates = solve_patch(patch)
        if part.name == "mouth_socket":  # shares its tile with gums and tongue
            u0, u1, v0, v1 = mouth_tile.SOCKET
            coordinates = np.array([u0, v0]) + coordinates * [u1 - u0, v1 - v0]
        uvs.append(coordinates)
        quad_uvs[part.quads] = patch.quads + count
        count += len(coordinates)
    return np.concatenate(uvs), quad_uvs


def _mirrored_copy(
    patch: Patch, left_quads: np.ndarray, mirror: np.ndarray, left_uv: np.ndarray
) -> np.ndarray:
    """The right socket uses the left one's coordinates, flipped in u."""
    left_ids = np.unique(left_quads)
    return left_uv[np.searchsorted(left_ids, mirror[patch.ids])] * [-1, 1] + [1, 0]


def solve_patch(patch: Patch) -> np.ndarray:
    """Tutte's embedding for a start without flips, then low stretch; on the left half where symmetric."""
    start = tutte(patch, MARGIN)
    symmetric = bool((patch.mirror >= 0).all())
    triangles, fill = split_quads(patch.quads), patch.fill
    if not symmetric:
        return _solve(patch, start, triangles, fill, np.zeros(0, np.int64))[: len(patch.ids)]
    middle = patch.mirror == np.arange(len(patch.mirror))
    start = (start + np.stack([1 - start[patch.mirror, 0], start[patch.mirror, 1]], axis=1)) / 2
    left = middle.copy()
    left[patch.quads[patch.position[patch.quads][:, :, 0].mean(axis=1) > 0]] = True
    keep = left[triangles].all(axis=1)
    keep_fill = left[fill].all(axis=1) if len(fill) else np.zeros(0, bool)
    uv = _solve(patch, start, triangles[keep], fill[keep_fill], np.flatnonzero(middle))
    right = ~left
    uv[right] = uv[patch.mirror[right]] * [-1, 1] + [1, 0]
    return uv[: len(patch.ids)]


def _solve(
    patch: Patch, start: np.ndarray, triangles: np.ndarray, fill: np.ndarray, midline: np.ndarray
) -> np.ndarray:
    """Flattens; then enlarges the rest shape where a vertex gets too few texels, and repeats."""
    used = np.unique(np.concatenate([triangles, fill]))
    local = np.full(len(start), -1)
    local[used] = np.arange(len(used))
    outer = np.intersect1d(outer_loop(patch), used)
    border = Border(local[outer], patch.exponent, MARGIN)
    middle = local[np.intersect1d(midline, used)]
    scale = np.ones(len(used))
    uv = start[used]
    for _ in range(14 if patch.texels else 1):
        rest = _rest(patch, used, local[triangles], local[fill] if len(fill) else fill, scale)
        uv = flatten(uv, rest, border, middle, iterations=100, tolerance=1e-4)
        lack = _texel_lack(uv, local[triangles], middle, patch.texels)
        if lack.max() <= 1.0:
            break
        scale = scale * _smooth_on(local[triangles], np.minimum(lack**0.9, 1.4), 1)
    out = start.copy()
    out[used] = uv
    return out


def _rest(patch: Patch, used: np.ndarray, triangles: np.ndarray, fill: np.ndarray, scale: np.ndarray) -> Rest:
    """Rest shapes in UV units: their areas sum to the tile's."""
    edges = (
        rest_edges(patch.position[used], triangles, patch.shortest)
        * scale[triangles].mean(axis=1)[:, None, None]
    )
    tile = 0.95 * (0.5 if len(used) < len(patch.ids) else 1.0)
    unit = np.sqrt(tile / (np.linalg.det(edges) / 2).sum())
    rest = rest_metric(triangles, unit * edges)
    if patch.fill_position is None or not len(fill):
        return rest
    return joined(rest, rest_metric(fill, unit * rest_edges(patch.fill_position[used], fill), FILL_WEIGHT))


def _texel_lack(uv: np.ndarray, triangles: np.ndarray, middle: np.ndarray, wanted: float) -> np.ndarray:
    """How much larger (linearly) each vertex's cell must be; 1 where it is large enough."""
    quads = _areas_2d(uv, triangles).reshape(-1, 2).sum(axis=1)
    share = np.bincount(triangles.reshape(-1, 6)[:, [0, 1, 2, 5]].ravel(), np.repeat(quads, 4), len(uv)) / 3
    share[middle] *= 2  # the other half lies beyond the midline
    if wanted == 0:
        return np.ones(len(uv))
    return np.maximum(1.0, np.sqrt(wanted / (np.where(share > 0, share, np.inf) * RESOLUTION**2)))


def _smooth_on(triangles: np.ndarray, values: np.ndarray, rounds: int) -> np.ndarray:
    """Spreads a per-vertex factor over its neighbours, never below the value itself."""
    n = len(values)
    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    graph = sp.csr_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (n, n))
    graph = graph + graph.T
    mean = sp.diags(1 / np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1)) @ graph
    out = values
    for _ in range(rounds):
        out = np.maximum(values, mean @ out)
    return out


def _areas(position: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    a, b, c = (position[triangles[:, i]] for i in range(3))
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2


def _areas_2d(uv: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    a, b, c = (uv[triangles[:, i]] for i in range(3))
    return ((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])) / 2
