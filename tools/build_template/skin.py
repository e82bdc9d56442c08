"""The skin: cage, one Catmull-Clark step, parts made contiguous, mirror, loops, neutral and UV."""

from __future__ import annotations

import numpy as np

from mien.geometry.subdivision import Subdivision, catmull_clark
from tools.build_template import uv
from tools.build_template.cage import PART_MATERIALS, Cage, cut_cage
from tools.build_template.neutral import close_lips
from tools.build_template.source import Source
from tools.build_template.types import EyeField, Skin, SkinPart

EYEBALL_RADIUS = 0.012


def build_skin(source: Source) -> Skin:
    """Deterministic; the topology and the mirror map come from the cage's connectivity alone."""
    cage = cut_cage(source)
    cage_ids = np.unique(cage.quads)
    local = np.full(len(source.vertices), -1)
    local[cage_ids] = np.arange(len(cage_ids))
    fine = catmull_clark(local[cage.quads], len(cage_ids))
    mirror = _fine_mirror(local[cage.quads], local[source.mirror[cage_ids]], fine, len(cage_ids))
    part_of_quad = np.repeat(cage.part_of_quad, 4)
    new_of_old, part_vertices = _contiguous(fine.quads, part_of_quad)
    matrix = fine.matrix[np.argsort(new_of_old)].tocsr()
    quads = new_of_old[fine.quads]
    mirror = _permuted_mirror(mirror, new_of_old)
    vertices = symmetrised(matrix @ source.vertices[cage_ids], mirror)
    loops = _fine_loops(cage, local, fine, new_of_old)
    correction = close_lips(vertices, quads, loops, mirror)
    vertices = symmetrised(vertices + correction, mirror)
    parts = _parts(part_vertices, part_of_quad)
    uvs, quad_uvs = uv.build_uvs(vertices, quads, parts, mirror, loops)
    left = fit_eye(vertices, loops)
    eyes = {"left": left, "right": EyeField(left.centre * [-1, 1, 1], left.radius)}
    return Skin(
        vertices, quads, uvs, quad_uvs, parts, part_of_quad, mirror, matrix, cage_ids, correction, loops, eyes
    )  # fmt: skip


def symmetrised(values: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Vectors averaged with their mirror image; exactly symmetric afterwards."""
    out = (values + values[mirror] * [-1, 1, 1]) / 2
    out[mirror == np.arange(len(mirror)), 0] = 0.0
    lower = mirror > np.arange(len(mirror))
    out[mirror[lower]] = out[lower] * [-1, 1, 1]
    return out


def fit_eye(vertices: np.ndarray, loops: dict[str, np.ndarray]) -> EyeField:
    """The left eyeball behind the lids: the sphere that the margins' back edges rest on, in the mean.

    Only the middle of the lids is asked (the canthi stand off the eyeball); x lies midway between them.
    """
    upper, lower = vertices[loops["lid_inner_upper_left"]], vertices[loops["lid_inner_lower_left"]]
    points = np.concatenate([upper[8:-8], lower[8:-8]])
    corners = np.stack([upper[0], upper[-1]])
    x = 0.35 * corners[0, 0] + 0.65 * corners[1, 0] - 0.0035
    y = (upper[8:-8, 1].mean() + lower[8:-8, 1].mean()) / 2 + 0.0005
    reach = np.sqrt(np.maximum(EYEBALL_RADIUS**2 - (points[:, 0] - x) ** 2 - (points[:, 1] - y) ** 2, 0))
    z = float(np.median(points[:, 2] - reach))
    return EyeField(np.array([x, y, z]), EYEBALL_RADIUS)


def _fine_mirror(
    cage_quads: np.ndarray, cage_mirror: np.ndarray, fine: Subdivision, n_cage: int
) -> np.ndarray:
    """Cage vertices, edges and faces each go to their twins."""
    flipped_edges = np.sort(cage_mirror[fine.edges], axis=1)
    key = fine.edges[:, 0] * n_cage + fine.edges[:, 1]
    edge_twin = np.searchsorted(key, flipped_edges[:, 0] * n_cage + flipped_edges[:, 1])
    face_of = {tuple(row): i for i, row in enumerate(np.sort(cage_quads, axis=1).tolist())}
    face_twin = np.array([face_of[tuple(row)] for row in np.sort(cage_mirror[cage_quads], axis=1).tolist()])
    return np.concatenate([cage_mirror, n_cage + edge_twin, n_cage + len(fine.edges) + face_twin])


def _contiguous(quads: np.ndarray, part_of_quad: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """A renumbering in which each vertex belongs to the first part that uses it; and the parts' counts."""
    owner = np.full(quads.max() + 1, len(PART_MATERIALS))
    np.minimum.at(owner, quads.ravel(), np.repeat(part_of_quad, 4))
    order = np.argsort(owner, kind="stable")
    new_of_old = np.empty_like(order)
    new_of_old[order] = np.arange(len(order))
    return new_of_old, np.bincount(owner, minlength=len(PART_MATERIALS)).tolist()


def _permuted_mirror(mirror: np.ndarray, new_of_old: np.ndarray) -> np.ndarray:
    out = np.empty_like(mirror)
    out[new_of_old] = new_of_old[mirror]
    return out


def _parts(counts: list[int], part_of_quad: np.ndarray) -> tuple[SkinPart, ...]:
    ends = np.concatenate([[0], np.cumsum(counts)])
    parts = []
    for i, (name, material) in enumerate(PART_MATERIALS.items()):
        quads = np.flatnonzero(part_of_quad == i)
        parts.append(
            SkinPart(
                name,
                material,
                slice(int(ends[i]), int(ends[i + 1])),
                slice(int(quads[0]), int(quads[-1]) + 1),
            )
        )
    return tuple(parts)


def _fine_loops(
    cage: Cage, local: np.ndarray, fine: Subdivision, new_of_old: np.ndarray
) -> dict[str, np.ndarray]:
    """Cage loops with the edge points put in between."""
    n_cage = int(local.max()) + 1
    edge_of = {tuple(edge): n_cage + i for i, edge in enumerate(fine.edges.tolist())}
    closed = {"neck", "nostril_left", "nostril_right"}
    loops = {}
    for name, ids in cage.loops.items():
        line = local[ids].tolist()
        ahead = line[1:] + line[:1]
        fine_line = []
        for a, b in zip(line, ahead, strict=True):
            fine_line.append(a)
            if name in closed or len(fine_line) < 2 * len(line) - 1:
                fine_line.append(edge_of[(min(a, b), max(a, b))])
        loops[name] = new_of_old[np.array(fine_line)]
    return loops
