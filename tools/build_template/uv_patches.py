"""Parts of the skin cut to disks for flattening: seams, and triangles that keep holes open."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from tools.build_template.edgeloops import boundary_loops

EYE_BULGE, MOUTH_BULGE = (0.45, 0.3), (0.08, 0.08)  # half heights of the holes against their half widths
HEAD_HOLE = 0.6  # width of the face's hole in the head tile against its height
FACE_TEXELS, HEAD_TEXELS = 2.15, 0.6  # texels at 256 x 256 wanted at every vertex
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


def part_patch(
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


def outer_loop(patch: Patch) -> np.ndarray:
    def length(loop: np.ndarray) -> float:
        p = patch.position[loop]
        return float(np.linalg.norm(p - np.roll(p, 1, axis=0), axis=1).sum())

    return max(boundary_loops(patch.quads), key=length)


def _face_holes(
    ids: np.ndarray, quads: np.ndarray, vertices: np.ndarray, mirror: np.ndarray, loops: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Triangles over the eyes and the mouth slit, and the positions that give them a rest shape."""
    opened = vertices[ids].copy()
    local = {int(v): i for i, v in enumerate(ids)}
    eye = tuple([local[int(v)] for v in loops[f"lid_inner_{row}_left"]] for row in ("upper", "lower"))
    mouth = _mouth_chains(ids, quads, vertices)
    _open_lens(opened, (eye[0], eye[1]), EYE_BULGE, whole=True)
    _open_lens(opened, mouth, MOUTH_BULGE, whole=False)
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
    top, bottom = sorted(middle.tolist(), key=lambda i: -_depth(mouth, i, y))
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
    position: np.ndarray, chains: tuple[list[int], list[int]], bulge: tuple[float, float], *, whole: bool
) -> None:
    """Lays an upper and a lower chain flat as a lens (its left half, tip last, where it is not `whole`).

    It is as wide as their lengthened sides ask; `bulge` is the height of either side against the half width.
    """
    start, end = (0.0, np.pi) if whole else (np.pi / 2, np.pi)
    steps = [np.linalg.norm(np.diff(position[chain], axis=0), axis=1) for chain in chains]
    steps = [(s**4 + FACE_SHORTEST**4) ** 0.25 for s in steps]
    width = np.mean([s.sum() for s in steps]) / (2 if whole else 1)
    for chain, step, height in zip(chains, steps, (bulge[0], -bulge[1]), strict=True):
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
    outer = outer_loop(patch)
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
