"""The 68 Multi-PIE landmarks as surface points, picked on the left by base.obj ids and mirrored."""

from __future__ import annotations

import numpy as np

from mien.core.face import SurfacePoints
from mien.core.mesh import split_quads
from tools.build_template.types import Skin

# Left-hand vertices (ids of base.obj) by landmark number; numbers on the right follow by mirroring.
_EYE = {42: 6850, 43: 6838, 44: 6784, 45: 6808, 46: 6825, 47: 6831}
_NOSE = {27: 132, 28: 131, 29: 201, 30: 5054, 33: 317, 34: 7077, 35: 7119}
_MOUTH_COLUMN = {"outer": 6, "inner": 1}
# Front-view targets (x, y) in metres; the surface point in front of or beside them is taken.
_BROW = {
    22: (0.0105, 0.0165),
    23: (0.0185, 0.0215),
    24: (0.0275, 0.0235),
    25: (0.0370, 0.0220),
    26: (0.0455, 0.0165),
}
_JAW_HEIGHT = {16: 0.000, 15: -0.022, 14: -0.044, 13: -0.066, 12: -0.084, 11: -0.099, 10: -0.1085, 9: -0.1130}
_CHIN = 5225

# The number on the subject's right of each number on the left (or midline).
TWIN = {
    **{i: 16 - i for i in range(17)},
    **{i: 43 - i for i in range(17, 27)},
    **{i: i for i in (27, 28, 29, 30)},
    **{i: 66 - i for i in range(31, 36)},
    36: 45, 37: 44, 38: 43, 39: 42, 40: 47, 41: 46, 45: 36, 44: 37, 43: 38, 42: 39, 47: 40, 46: 41,
    **{i: 102 - i for i in range(48, 55)},
    **{i: 114 - i for i in range(55, 60)},
    **{i: 124 - i for i in range(60, 65)},
    **{i: 132 - i for i in range(65, 68)},
}  # fmt: skip


def build_landmarks(skin: Skin) -> SurfacePoints:
    """Exactly symmetric: the right side is the mirror image of the left, triangle by triangle."""
    fine_of = _fine_of_base(skin)
    vertex = {number: fine_of[base] for number, base in (_EYE | _NOSE | {8: _CHIN}).items()}
    vertex |= _mouth(skin)
    points = {number: _at_vertex(skin, v) for number, v in vertex.items()}
    points |= {number: _in_front(skin, np.array(xy)) for number, xy in _BROW.items()}
    points |= {number: _contour(skin, y) for number, y in _JAW_HEIGHT.items()}
    return _mirrored(skin, points)


def _fine_of_base(skin: Skin) -> dict[int, int]:
    """Fine vertex of each cage vertex: the row in which it weighs most."""
    matrix = skin.subdivision.tocsc()
    best = np.asarray(matrix.argmax(axis=0)).ravel()
    return dict(zip(skin.cage_ids.tolist(), best.tolist(), strict=True))


def _mouth(skin: Skin) -> dict[int, int]:
    """Along the vermilion border and the lips' front edges: corners, and points by share of width."""
    out = {}
    rows = {
        ("lips_outer_upper", (51, 52, 53), (0.0, 0.22, 0.62)),
        ("lips_outer_lower", (57, 56, 55), (0.0, 0.28, 0.66)),
        ("lips_front_upper", (62, 63), (0.0, 0.5)),
        ("lips_front_lower", (66, 65), (0.0, 0.5)),
    }
    for name, numbers, shares in sorted(rows):
        line = skin.loops[name]
        half = line[len(line) // 2 :]
        x = skin.vertices[half, 0] / skin.vertices[half[-1], 0]
        for number, share in zip(numbers, shares, strict=True):
            out[number] = int(half[np.argmin(np.abs(x - share))])
    out[54] = int(skin.loops["lips_outer_upper"][-1])
    out[64] = int(skin.loops["lips_front_upper"][-1])
    return out


Point = tuple[int, np.ndarray]  # triangle, barycentric


def _at_vertex(skin: Skin, vertex: int) -> Point:
    triangles = split_quads(skin.quads)
    left = skin.vertices[triangles][:, :, 0].mean(axis=1) >= 0
    hits = np.flatnonzero((triangles == vertex).any(axis=1) & left)
    return int(hits[0]), (triangles[hits[0]] == vertex).astype(float)


def _in_front(skin: Skin, xy: np.ndarray) -> Point:
    """The foremost surface point at (x, y)."""
    corners = skin.vertices[split_quads(skin.quads)]
    weights = _flat_barycentric(corners[:, :, :2], xy)
    inside = (weights >= -1e-9).all(axis=1)
    depth = np.where(inside, np.einsum("tk,tk->t", weights, corners[:, :, 2]), -np.inf)
    best = int(np.argmax(depth))
    return best, np.clip(weights[best], 0, 1) / np.clip(weights[best], 0, 1).sum()


def _flat_barycentric(corners: np.ndarray, xy: np.ndarray) -> np.ndarray:
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    area = np.where(np.abs(area) < 1e-14, 1e-14, area)
    w1 = ((xy[0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (xy[1] - a[:, 1]) * (c[:, 0] - a[:, 0])) / area
    w2 = ((b[:, 0] - a[:, 0]) * (xy[1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (xy[0] - a[:, 0])) / area
    return np.stack([1 - w1 - w2, w1, w2], axis=1)


def _contour(skin: Skin, y: float) -> Point:
    """The vertex nearest the front-view outline of the face part at height y, left side."""
    face = next(part for part in skin.parts if part.name == "face")
    ids = np.arange(face.vertices.start, face.vertices.stop)
    p = skin.vertices[ids]
    near = (np.abs(p[:, 1] - y) < 0.004) & (p[:, 0] > 0)
    score = np.where(near, p[:, 0] - 0.25 * np.abs(p[:, 1] - y), -np.inf)
    return _at_vertex(skin, int(ids[np.argmax(score)]))


def _mirrored(skin: Skin, points: dict[int, Point]) -> SurfacePoints:
    triangles = split_quads(skin.quads)
    index_of = {tuple(row): i for i, row in enumerate(np.sort(triangles, axis=1).tolist())}
    count = 68
    triangle, barycentric = np.zeros(count, np.int64), np.zeros((count, 3))
    for number, (t, weights) in points.items():
        triangle[number], barycentric[number] = t, weights
        twin = TWIN[number]
        if twin in points:
            continue
        flipped = skin.mirror[triangles[t]]
        other = index_of[tuple(sorted(flipped.tolist()))]
        triangle[twin] = other
        barycentric[twin] = [weights[flipped.tolist().index(v)] for v in triangles[other].tolist()]
    return SurfacePoints(triangle, barycentric)
