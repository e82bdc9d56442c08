"""Walking over a quad mesh: edge loops, rings around holes, regions between barriers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from jaxtyping import Int


class QuadGraph:
    """Neighbourhoods of an all-quad mesh by vertex id (ids need not be compact)."""

    def __init__(self, quads: Int[np.ndarray, "F 4"]):
        self.quads = quads
        self.neighbours: dict[int, set[int]] = defaultdict(set)
        self.faces_of_edge: dict[tuple[int, int], list[int]] = defaultdict(list)
        for face, quad in enumerate(quads.tolist()):
            for a, b in zip(quad, quad[1:] + quad[:1], strict=True):
                self.neighbours[a].add(b)
                self.neighbours[b].add(a)
                self.faces_of_edge[_key(a, b)].append(face)

    def straight(self, previous: int, current: int) -> int | None:
        """The vertex opposite to `previous` across `current`; None at a pole or a border."""
        around = self.neighbours[current]
        behind = set(self.faces_of_edge[_key(previous, current)])
        if len(around) != 4 or len(behind) != 2:
            return None
        ahead = [
            n for n in around if n != previous and not behind & set(self.faces_of_edge[_key(current, n)])
        ]
        return ahead[0] if len(ahead) == 1 else None

    def walk(self, first: int, second: int, limit: int = 400) -> list[int]:
        """The edge line from `first` through `second`, until it closes, ends or reaches `limit`."""
        line = [first, second]
        while len(line) < limit:
            following = self.straight(line[-2], line[-1])
            if following is None or following == first:
                break
            line.append(following)
        return line

    def ring(self, first: int, second: int) -> list[int]:
        """A closed edge loop; raises ValueError where the line does not close."""
        line = self.walk(first, second)
        if line[0] not in self.neighbours[line[-1]] or len(line) < 4:
            raise ValueError(f"the edge line from {first} through {second} does not close")
        return line

    def flood(self, seed_face: int, barrier: set[tuple[int, int]]) -> Int[np.ndarray, " K"]:
        """Faces reached from a seed without crossing a barrier edge (sorted)."""
        seen, stack = {seed_face}, [seed_face]
        while stack:
            quad = self.quads[stack.pop()].tolist()
            for a, b in zip(quad, quad[1:] + quad[:1], strict=True):
                if _key(a, b) in barrier:
                    continue
                for face in self.faces_of_edge[_key(a, b)]:
                    if face not in seen:
                        seen.add(face)
                        stack.append(face)
        return np.array(sorted(seen))

    def face_with(self, *vertices: int) -> int:
        """The first face that has all these vertices."""
        hits = np.flatnonzero(np.all([(self.quads == v).any(axis=1) for v in vertices], axis=0))
        return int(hits[0])


def ring_edges(*rings: Iterable[int]) -> set[tuple[int, int]]:
    """The edges of closed rings, as barrier for `QuadGraph.flood`."""
    out: set[tuple[int, int]] = set()
    for ring in rings:
        line = list(ring)
        out |= {_key(a, b) for a, b in zip(line, line[1:] + line[:1], strict=True)}
    return out


def boundary_edges(quads: Int[np.ndarray, "F 4"]) -> Int[np.ndarray, "B 2"]:
    """Directed edges that belong to one face only, in that face's winding."""
    directed = np.stack([quads, np.roll(quads, -1, axis=1)], axis=2).reshape(-1, 2)
    _, inverse, counts = np.unique(np.sort(directed, axis=1), axis=0, return_inverse=True, return_counts=True)
    return directed[counts[inverse.ravel()] == 1]


def boundary_loops(quads: Int[np.ndarray, "F 4"]) -> list[Int[np.ndarray, " L"]]:
    """Closed border loops in winding order, each starting at its lowest id, longest first."""
    following = dict(boundary_edges(quads).tolist())
    loops = []
    while following:
        start = min(following)
        loop = [start]
        while (nxt := following.pop(loop[-1])) != start:
            loop.append(nxt)
        loops.append(np.array(loop))
    return sorted(loops, key=lambda loop: (-len(loop), loop[0]))


def _key(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)
