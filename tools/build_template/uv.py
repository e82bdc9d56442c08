"""Texture coordinates: one tile per part, symmetric about u = 0.5 where the part is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla

from mien.core.mesh import split_quads
from mien.template import mouth_tile
from tools.build_template.edgeloops import boundary_loops
from tools.build_template.flatten import Border, Rest, flatten, joined, rest_edges, rest_metric
from tools.build_template.types import SkinPart

MARGIN = 0.002  # tile border left free, in UV
FILL_WEIGHT = 0.5  # of the triangles that keep holes open
EYE_BULGE, MOUTH_BULGE = (0.45, 0.3), (0.08, 0.08)  # half heights of the holes against their half widths
HEAD_HOLE = 0.6  # width of the face's hole in the head tile against its height
RESOLUTION, FACE_TEXELS, HEAD_TEXELS = 256, 2.15, 0.6  # texels at this size wanted at every vertex

FACE_SHORTEST, HEAD_SHORTEST = 0.0012, 0.002  # metres: shorter quad sides are drawn as if about this long


@dataclass(frozen=True)
class Patch:
    """A part cut to a disk. `ids` are skin vertices of the local ones; `fill` are triangles that close holes.

    `mirror` is local (-1 where the part is not symmetric in itself); `exponent` shapes the tile's outline.
    """

    ids: np.ndarray
    quads: np.ndarray
    position: np.ndarray
    mirror: np.ndarray
    exponent: float
    fill: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), np.int64))
    fill_position: np.ndarray | None = None
    texels: float = 0.0
    shortest: float = 0.0


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
        patch = _patch(part.name, vertices, quads[part.quads], mirror, loops)
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


def _patch(
    name: str, vertices: np.ndarray, quads: np.ndarray, mirror: np.ndarray, loops: dict[str, np.ndarray]
) -> Patch:
    ids, local = np.unique(quads, return_inverse=True)
    local = local.reshape(quads.shape)
    twin = np.searchsorted(ids, mirror[ids]).clip(0, len(ids) - 1)
    twin = np.where(ids[twin] == mirror[ids], twin, -1)
    if name == "face":
        fill, opened = _face_holes(ids, local, vertices, mirror, loops)
        return Patch(ids, local, vertices[ids], twin, 5.0, fill, opened, FACE_TEXELS, FACE_SHORTEST)
    if name == "head":
        return _head_patch(ids, local, vertices, twin)
    return Patch(ids, local, vertices[ids], twin, 2.5)


def _mirrored_copy(
    patch: Patch, left_quads: np.ndarray, mirror: np.ndarray, left_uv: np.ndarray
) -> np.ndarray:
    """The right socket uses the left one's coordinates, flipped in u."""
    left_ids = np.unique(left_quads)
    return left_uv[np.searchsorted(left_ids, mirror[patch.ids])] * [-1, 1] + [1, 0]


# --- holes and seams -------------------------------------------------------------------------------


def _face_holes(
    ids: np.ndarray, quads: np.ndarray, vertices: np.ndarray, mirror: np.ndarray, loops: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Triangles over the eyes and the mouth slit, and the positions that give them a rest shape."""
    opened = vertices[ids].copy()
    local = {int(v): i for i, v in enumerate(ids)}
    eye = [[local[int(v)] for v in loops[f"lid_inner_{row}_left"]] for row in ("upper", "lower")]
    mouth = _mouth_chains(ids, quads, vertices)
    _open_lens(opened, *eye, EYE_BULGE, whole=True)
    _open_lens(opened, *mouth, MOUTH_BULGE, whole=False)
    strips = []
    for upper, lower in (eye, mouth):
        strip = _strip(upper, lower, opened)
        twins = [_flip(chain, ids, mirror) for chain in (upper, lower)]
        for chain, twin in zip((upper, lower), twins, strict=True):
            opened[twin] = opened[chain] * [-1, 1, 1]
        strips += [strip, np.array([_flip(list(row), ids, mirror) for row in strip])[:, ::-1]]
    return np.concatenate(strips), opened


def _flip(chain: list[int], ids: np.ndarray, mirror: np.ndarray) -> list[int]:
    return np.searchsorted(ids, mirror[ids[chain]]).tolist()


def _mouth_chains(ids: np.ndarray, quads: np.ndarray, vertices: np.ndarray) -> tuple[list[int], list[int]]:
    """Left half of the mouth border, midline to corner: upper and lower (they share the corner)."""
    loops = [
        loop
        for loop in boundary_loops(quads)
        if vertices[ids[loop], 0].min() < 0 < vertices[ids[loop], 0].max()
    ]
    mouth = min(loops, key=len)
    x, y = vertices[ids[mouth], 0], vertices[ids[mouth], 1]
    middle = np.flatnonzero(np.abs(x) < 1e-9)
    top, bottom = sorted(middle, key=lambda i: -_depth(mouth, i, y))
    corner = int(np.argmax(x))
    return _arc(mouth, top, corner), _arc(mouth, bottom, corner)


def _depth(loop: np.ndarray, i: int, y: np.ndarray) -> float:
    """Height of the loop near i: neighbours tell upper from lower where the lips touch."""
    return float(y[[(i - 1) % len(loop), i, (i + 1) % len(loop)]].mean())


def _arc(loop: np.ndarray, start: int, end: int) -> list[int]:
    """From start to end on the left side, whichever way round that is."""
    n = len(loop)
    forward = [int(loop[(start + k) % n]) for k in range((end - start) % n + 1)]
    backward = [int(loop[(start - k) % n]) for k in range((start - end) % n + 1)]
    return min(forward, backward, key=len)


def _open_lens(
    position: np.ndarray, upper: list[int], lower: list[int], bulge: tuple[float, float], *, whole: bool
) -> None:
    """Lays two chains flat as a lens (or its left half, tip last), as wide as their lengthened sides ask.

    `bulge` is the height of either side against the half width.
    """
    start, end = (0.0, np.pi) if whole else (np.pi / 2, np.pi)
    steps = [np.linalg.norm(np.diff(position[chain], axis=0), axis=1) for chain in (upper, lower)]
    steps = [(s**4 + FACE_SHORTEST**4) ** 0.25 for s in steps]
    width = np.mean([s.sum() for s in steps]) / (2 if whole else 1)
    for chain, step, height in zip((upper, lower), steps, (bulge[0], -bulge[1]), strict=True):
        angle = np.linspace(start, end, 2001)
        curve = np.stack([-np.cos(angle), height * np.sin(angle) ** 1.3], axis=1)
        arc = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
        along = np.concatenate([[0], np.cumsum(step)]) / step.sum() * arc[-1]
        curve = curve * width
        for axis in range(2):
            position[chain, axis] = np.interp(along, arc, curve[:, axis])
        position[chain, 2] = 0.0


def _strip(upper: list[int], lower: list[int], position: np.ndarray) -> np.ndarray:
    """Triangles that zip two chains, advancing where the diagonal is shorter; winding seen from the front."""
    triangles = []
    i = j = 0
    while i < len(upper) - 1 or j < len(lower) - 1:
        u, w = upper[i], lower[j]
        next_u = upper[i + 1] if i < len(upper) - 1 else None
        next_w = lower[j + 1] if j < len(lower) - 1 else None
        take_upper = next_w is None or (
            next_u is not None
            and np.linalg.norm(position[next_u] - position[w])
            <= np.linalg.norm(position[next_w] - position[u])
        )
        corner = next_u if take_upper else next_w
        if len({u, w, corner}) == 3:
            triangles.append((w, corner, u))
        i, j = (i + 1, j) if take_upper else (i, j + 1)
    return np.array(triangles)


def _head_patch(ids: np.ndarray, quads: np.ndarray, vertices: np.ndarray, twin: np.ndarray) -> Patch:
    """The midline at the back doubled from the neck to the crown: originals stay left, copies go right."""
    position = vertices[ids]
    on_seam = (twin == np.arange(len(ids))) & (position[:, 2] < -0.09)
    top = np.flatnonzero(on_seam)[np.argmax(position[on_seam, 1])]
    on_seam[top] = False
    right = position[quads][:, :, 0].mean(axis=1) < 0
    copy = np.arange(len(ids))
    copy[on_seam] = len(ids) + np.arange(on_seam.sum())
    quads = np.where(right[:, None], copy[quads], quads)
    twin = np.concatenate([np.where(on_seam, copy, twin), np.flatnonzero(on_seam)])
    ids = np.concatenate([ids, ids[on_seam]])
    return _with_face_hole(
        Patch(ids, quads, vertices[ids], twin, 5.0, texels=HEAD_TEXELS, shortest=HEAD_SHORTEST)
    )


def _with_face_hole(patch: Patch) -> Patch:
    """Closes the hole where the face is by a fan about one more vertex, so that its sides cannot cross."""
    outer = _outer_loop(patch)
    hole = next(loop for loop in boundary_loops(patch.quads) if loop[0] not in outer)
    start = int(np.argmax(np.where(patch.mirror[hole] == hole, patch.position[hole, 1], -np.inf)))
    hole = np.roll(hole, -start)  # from the forehead round
    hub = len(patch.ids)
    fan = np.stack([np.full(len(hole), hub), np.roll(hole, -1), hole], axis=1)
    p = patch.position[hole]
    step = np.linalg.norm(np.roll(p, -1, axis=0) - p, axis=1)
    angle = 2 * np.pi * np.concatenate([[0], np.cumsum(step)[:-1]]) / step.sum()
    side = np.sign(p[len(p) // 4, 0])
    opened = np.concatenate([patch.position, np.zeros((1, 3))])
    height = step.sum() / (2 * np.pi)
    opened[hole] = height * np.stack([side * HEAD_HOLE * np.sin(angle), np.cos(angle), 0 * angle], axis=1)
    position = np.concatenate([patch.position, p.mean(axis=0, keepdims=True) * [0, 1, 1]])
    return replace(
        patch, position=position, mirror=np.append(patch.mirror, hub), fill=fan, fill_position=opened
    )


# --- solving ---------------------------------------------------------------------------------------


def solve_patch(patch: Patch) -> np.ndarray:
    """Tutte's embedding for a start without flips, then low stretch; on the left half where symmetric."""
    start = _tutte(patch)
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
    outer = np.intersect1d(_outer_loop(patch), used)
    border = Border(local[outer], patch.exponent, MARGIN)
    middle = local[np.intersect1d(midline, used)]
    scale = np.ones(len(used))
    uv = start[used]
    for _ in range(6 if patch.texels else 1):
        rest = _rest(patch, used, local[triangles], local[fill] if len(fill) else fill, scale)
        uv = flatten(uv, rest, border, middle, iterations=100, tolerance=1e-4)
        lack = _texel_lack(uv, local[triangles], middle, patch.texels)
        if lack.max() <= 1.0:
            break
        scale = scale * _smooth_on(local[triangles], np.minimum(lack**0.6, 1.5), 2)
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
    if not len(fill):
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


def _outer_loop(patch: Patch) -> np.ndarray:
    def length(loop: np.ndarray) -> float:
        p = patch.position[loop]
        return float(np.linalg.norm(p - np.roll(p, 1, axis=0), axis=1).sum())

    return max(boundary_loops(patch.quads), key=length)


def _tutte(patch: Patch) -> np.ndarray:
    """Tutte's embedding (1963): outline on the tile's superellipse, filled holes as part of the mesh."""
    outer = _outer_loop(patch)
    triangles = np.concatenate([split_quads(patch.quads), patch.fill])
    n = len(patch.position)
    hubs = _hubs(patch, outer, n)
    triangles = np.concatenate([triangles, *hubs])
    size = int(triangles.max()) + 1
    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    graph = sp.coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (size, size)).tocsr()
    graph = ((graph + graph.T) > 0).astype(float)
    laplacian = (sp.diags(np.asarray(graph.sum(axis=1)).ravel()) - graph).tocsr()
    uv = np.zeros((size, 2))
    uv[outer] = _outline(patch.position[outer], patch.exponent)
    free = np.setdiff1d(np.arange(size), outer)
    uv[free] = spla.spsolve(laplacian[free][:, free].tocsc(), -laplacian[free][:, outer] @ uv[outer])
    return uv[:n]


def _hubs(patch: Patch, outer: np.ndarray, n: int) -> list[np.ndarray]:
    """A fan over each hole that `fill` leaves open."""
    if len(patch.fill):
        return []
    holes = [loop for loop in boundary_loops(patch.quads) if loop[0] not in outer]
    return [np.stack([np.full(len(h), n + i), np.roll(h, -1), h], axis=1) for i, h in enumerate(holes)]


def _outline(points: np.ndarray, exponent: float) -> np.ndarray:
    """Border points on the superellipse by arc length, the lowest point of the midline at (0.5, 0)."""
    start = int(np.lexsort((points[:, 1], np.abs(points[:, 0]).round(6)))[0])
    turned = np.roll(np.arange(len(points)), -start)
    p = points[turned]
    step = np.linalg.norm(np.roll(p, -1, axis=0) - p, axis=1)
    t = np.concatenate([[0], np.cumsum(step)[:-1]]) / step.sum()
    angle = np.linspace(0, 2 * np.pi, 4001) - np.pi / 2
    ray = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    curve = ray / (np.abs(ray) ** exponent).sum(axis=1, keepdims=True) ** (1 / exponent)
    arc = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    uv = np.stack([np.interp(t * arc[-1], arc, curve[:, i]) for i in range(2)], axis=1)
    out = np.empty_like(uv)
    out[turned] = 0.5 + uv * (0.5 - MARGIN)
    return out
