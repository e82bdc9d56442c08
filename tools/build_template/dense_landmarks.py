"""The dense landmarks: along lids, lips, nostrils and the midline, then spread evenly over the face."""

from __future__ import annotations

import numpy as np

from mien.core.face import SurfacePoints
from mien.core.mesh import split_quads
from tools.build_template.types import Skin

COUNT = 220
_EVERY = {"lid_upper": 4, "lid_lower": 4, "lips_outer_upper": 4, "lips_outer_lower": 4, "lips_front_upper": 6,
          "lips_front_lower": 4, "nostril": 4}  # fmt: skip


def build_dense_landmarks(skin: Skin, sparse: SurfacePoints, measured: np.ndarray) -> SurfacePoints:
    """About `COUNT` vertices of the face part, symmetric: left and midline first, then their twins."""
    chosen = _feature_vertices(skin)
    triangles = split_quads(skin.quads)
    corner = np.argmax(sparse.barycentric, axis=1)
    anchors = triangles[sparse.triangle, corner]
    chosen |= {int(v) for v in anchors if skin.vertices[v, 0] >= 0}
    face = next(part for part in skin.parts if part.name == "face")
    ids = np.arange(face.vertices.start, face.vertices.stop)
    pool = ids[(skin.vertices[ids, 0] >= 0) & (measured[ids] > 0.9)]
    left = _spread_evenly(skin, sorted(chosen), pool)
    twins = [int(skin.mirror[v]) for v in left if skin.mirror[v] != v]
    return _at_vertices(triangles, np.array(left + twins))


def _feature_vertices(skin: Skin) -> set[int]:
    chosen: set[int] = set()
    for name, loop in skin.loops.items():
        step = next((s for stem, s in _EVERY.items() if name.startswith(stem)), None)
        if step is None or name.endswith("_right"):
            continue
        middle = len(loop) // 2
        points = {*loop[middle::step].tolist(), *loop[middle::-step].tolist(), int(loop[0]), int(loop[-1])}
        chosen |= {v for v in points if skin.vertices[v, 0] >= 0}
    return chosen


def _spread_evenly(skin: Skin, start: list[int], pool: np.ndarray) -> list[int]:
    """Farthest-point sampling from the features on, until both halves together have `COUNT`."""
    left = list(start)
    distance = np.full(len(pool), np.inf)
    for v in left:
        distance = np.minimum(distance, np.linalg.norm(skin.vertices[pool] - skin.vertices[v], axis=1))
    while sum(1 if skin.mirror[v] == v else 2 for v in left) < COUNT:
        best = int(pool[np.argmax(distance)])
        left.append(best)
        distance = np.minimum(distance, np.linalg.norm(skin.vertices[pool] - skin.vertices[best], axis=1))
    return left


def _at_vertices(triangles: np.ndarray, vertices: np.ndarray) -> SurfacePoints:
    """The first triangle that has the vertex, with all the weight on it."""
    first = np.full(int(triangles.max()) + 1, len(triangles))
    np.minimum.at(first, triangles.ravel(), np.repeat(np.arange(len(triangles)), 3))
    triangle = first[vertices]
    return SurfacePoints(triangle, (triangles[triangle] == vertices[:, None]).astype(float))
