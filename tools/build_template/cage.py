"""The head cut out of the body as a cage of quads, its parts and its named loops (ids of base.obj)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from tools.build_template.edgeloops import QuadGraph, ring_edges
from tools.build_template.source import Source

# Pairs of neighbouring base.obj vertices that start an edge loop; left side where there are two.
_NECK = (1524, 8206)
_FACE = (983, 747)  # midline vertices of the loop from the forehead past the ear to under the chin
_MOUTH_END = (537, 7282)  # one ring behind the line where the lips touch
_LIPS_TOUCH = (520, 7267)
_LIPS_FRONT = (474, 7229)
_LID_FRONT = (6831, 6834)
_LID_BACK = (7761, 7760)
_NOSTRIL = (7094, 7093)
_MOUTH_CORNER = (7195, 7192)  # the column that leaves the left corner outward
_EYE_INNER = (6850, 13365)  # the columns that run inward over the lid margin at the canthi
_EYE_OUTER = (6808, 13376)
_VERMILION_RING = 5  # rings outside _LIPS_FRONT

PART_MATERIALS = {
    "face": "face",
    "head": "head",
    "mouth_socket": "mouth",
    "eye_socket_left": "eye_socket",
    "eye_socket_right": "eye_socket",
}


@dataclass(frozen=True)
class Cage:
    """All ids are base.obj's. `part_of_quad` indexes `PART_MATERIALS`; open loops run as in `Skin.loops`."""

    quads: Int[np.ndarray, "F 4"]
    part_of_quad: Int[np.ndarray, " F"]
    loops: dict[str, list[int]]
    graph: QuadGraph


def cut_cage(source: Source) -> Cage:
    body = source.quads[source.group_of_quad == "body"]
    graph = QuadGraph(body)
    mirror = source.mirror
    loops = _named_loops(graph, mirror)
    parts = _flood_parts(graph, mirror, loops)
    order = np.concatenate(list(parts.values()))
    part_of_quad = np.repeat(np.arange(len(parts)), [len(faces) for faces in parts.values()])
    quads = body[order]
    return Cage(quads, part_of_quad, loops, QuadGraph(quads))


def _flood_parts(graph: QuadGraph, mirror: np.ndarray, loops: dict[str, list[int]]) -> dict[str, np.ndarray]:
    def flipped(ring: list[int]) -> list[int]:
        return mirror[ring].tolist()

    lid_back = graph.ring(*_LID_BACK)
    barrier = ring_edges(loops["neck"], graph.ring(*_MOUTH_END), lid_back, flipped(lid_back))
    nose, crown = graph.face_with(5054), graph.face_with(881)
    inside = graph.flood(nose, barrier | ring_edges(_face_loop(graph)))
    face = _grow(graph, inside)
    everything = graph.flood(nose, barrier)
    assert np.isin(graph.face_with(881), everything), crown
    deep = graph.face_with(7773)
    return {
        "face": np.intersect1d(face, everything),
        "head": np.setdiff1d(everything, face),
        "mouth_socket": graph.flood(graph.face_with(605), barrier),
        "eye_socket_left": graph.flood(deep, barrier),
        "eye_socket_right": graph.flood(graph.face_with(int(mirror[7773])), barrier),
    }


def _face_loop(graph: QuadGraph) -> list[int]:
    start, opposite = _FACE
    for second in sorted(graph.neighbours[start]):
        line = graph.walk(start, second)
        if opposite in line:
            return line
    raise ValueError("the loop around the face was not found")


def _grow(graph: QuadGraph, faces: np.ndarray) -> np.ndarray:
    """One more row of quads all round."""
    inside = np.isin(graph.quads, graph.quads[faces]).any(axis=1)
    return np.flatnonzero(inside)


def _named_loops(graph: QuadGraph, mirror: np.ndarray) -> dict[str, list[int]]:
    loops = {"neck": graph.ring(*_NECK)}
    loops |= _lid_loops(graph)
    loops |= _lip_loops(graph, mirror)
    loops["nostril_left"] = graph.ring(*_NOSTRIL)
    for name in [n for n in loops if n.endswith("_left")]:
        loops[name.removesuffix("left") + "right"] = mirror[loops[name]].tolist()
    return loops


def _lid_loops(graph: QuadGraph) -> dict[str, list[int]]:
    inner, outer = graph.walk(*_EYE_INNER, 3), graph.walk(*_EYE_OUTER, 3)
    loops = {}
    for name, start, depth in (("lid", _LID_FRONT, 0), ("lid_inner", _LID_BACK, 2)):
        one, other = _split(graph.ring(*start), inner[depth], outer[depth])
        upper, lower = (one, other) if (6784 in one or 7747 in one) else (other, one)
        loops[f"{name}_upper_left"], loops[f"{name}_lower_left"] = upper, lower
    return loops


def _lip_loops(graph: QuadGraph, mirror: np.ndarray) -> dict[str, list[int]]:
    column = graph.walk(*_MOUTH_CORNER, 12)
    spoke = graph.walk(520, 474, 12)  # the midline of the upper lip, outward
    loops = {}
    for name, ring_index in (("lips_inner", 0), ("lips_front", 1), ("lips_outer", 1 + _VERMILION_RING)):
        side = [n for n in graph.neighbours[spoke[ring_index]] if n not in spoke and mirror[n] != n]
        ring = graph.ring(spoke[ring_index], min(side))
        corner = column[ring_index]
        assert corner in ring, (name, corner)
        one, other = _split(ring, int(mirror[corner]), corner)
        upper, lower = (one, other) if spoke[ring_index] in one else (other, one)
        loops[f"{name}_upper"], loops[f"{name}_lower"] = upper, lower
    return loops


def _split(ring: list[int], start: int, end: int) -> tuple[list[int], list[int]]:
    """The two ways from start to end along a ring, both inclusive."""
    i = ring.index(start)
    turned = ring[i:] + ring[:i]
    j = turned.index(end)
    return turned[: j + 1], [start, *reversed(turned[j:])]
