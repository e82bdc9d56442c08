"""The lids' and lips' margins on a base mesh: paths along its edges beside the template's loops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from mien.anatomy.contact.lips import LIP_LOOPS
from mien.anatomy.eyeball import SIDES
from mien.basemesh.bind import BoundMesh
from mien.core.face import Template

LID_LOOPS = tuple(
    f"{kind}_{lid}_{side}" for kind in ("lid", "lid_inner") for lid in ("upper", "lower") for side in SIDES
)

_REACH = 12e-3  # metres from the template's loop within which a path may run
_END_REACH = 3e-3
_PULL = 0.6  # edge lengths beside the template's loop at which an edge costs double
_TURN = 3.0  # edge lengths that a right angle costs
_STEP = 0.004  # of the chord: a margin's vertices follow one another by at least this
_WRONG_SIDE = 20.0  # times the cost of an edge that belongs to the other lip or lid
_SHARED = 0.3  # of a path in common with its opposite: the mesh has no opening there

Loops = dict[str, Int[np.ndarray, " _"]]


def margins(template: Template, bound: BoundMesh) -> Loops:
    """Ordered loops of skin vertices (numbers within `bound.skin`) under the template's names.

    Left out where the mesh has no opening (lids or lips grown together) or nothing there to follow.
    """
    found: Loops = {}
    for names in (*_eye_groups(), LIP_LOOPS):
        group: Loops = {}
        for upper in (name for name in names if "upper" in name and name in template.loops):
            group |= _pair_of_paths(template, bound, upper, upper.replace("upper", "lower"))
        if _opens(group, names):
            found |= group
    return found


def _eye_groups() -> list[tuple[str, ...]]:
    return [tuple(name for name in LID_LOOPS if name.endswith(side)) for side in SIDES]


def _opens(group: Loops, names: tuple[str, ...]) -> bool:
    if len(group) < len(names) or any(len(path) < 4 for path in group.values()):
        return False
    for name, path in group.items():
        if "upper" in name:
            other = group[name.replace("upper", "lower")]
            if len(np.intersect1d(path[1:-1], other[1:-1])) > _SHARED * min(len(path), len(other)):
                return False
    return True


def _pair_of_paths(template: Template, bound: BoundMesh, upper: str, lower: str) -> Loops:
    """Both margins of an opening: the two cheapest ways along edges that share their ends."""
    walks = [_Walks.beside(template, bound, name) for name in (upper, lower)]
    if any(walk is None for walk in walks):
        return {}
    points = bound.vertices[bound.skin]
    curve = bound.registered[template.loops[upper]]
    ends = [_ends(points, place) for place in (curve[0], curve[-1])]
    runs = [walk.between(ends[0], ends[1]) for walk in walks if walk is not None]
    total = sum(run[0] for run in runs)
    away = [
        ((points[e] - place) ** 2).sum(axis=1) / 2e-3
        for e, place in zip(ends, (curve[0], curve[-1]), strict=True)
    ]
    total = total + away[0][:, None] + away[1][None]
    start, stop = np.unravel_index(np.argmin(total), total.shape)
    if not np.isfinite(total[start, stop]):
        return {}
    paths = [walk.path(run, int(start), int(stop)) for walk, run in zip(walks, runs, strict=True) if walk]
    return {name: _forward(points, path) for name, path in zip((upper, lower), paths, strict=True)}


def _forward(points: np.ndarray, path: np.ndarray) -> Int[np.ndarray, " _"]:
    """The path without vertices at which it goes back on the way from corner to corner (a caruncle's folds).

    The longest run of growing shares of the chord; the ends always stay.
    """
    chord = points[path[-1]] - points[path[0]]
    share = (points[path] - points[path[0]]) @ chord / max(float(chord @ chord), 1e-20)
    inner = np.flatnonzero((share > _STEP) & (share < 1.0 - _STEP))
    best, before = np.ones(len(inner), int), np.full(len(inner), -1)
    for i in range(len(inner)):
        earlier = np.flatnonzero(share[inner[:i]] < share[inner[i]] - _STEP)
        if len(earlier):
            before[i] = earlier[np.argmax(best[earlier])]
            best[i] = best[before[i]] + 1
    kept, at = [], int(np.argmax(best)) if len(inner) else -1
    while at >= 0:
        kept.append(int(inner[at]))
        at = int(before[at])
    return path[[0, *kept[::-1], len(path) - 1]]


def _ends(points: np.ndarray, place: np.ndarray) -> Int[np.ndarray, " K"]:
    """Vertices near a corner of the template's, at which paths may end."""
    away = np.linalg.norm(points - place, axis=1)
    return np.flatnonzero(away < max(_END_REACH, 1.01 * float(away.min())))


@dataclass(frozen=True)
class _Walks:
    """Directed edges near a curve, and what it costs to go from one to the next: length, distance from the
    curve, and the turn between the two."""

    way: Int[np.ndarray, "H 2"]
    cost: Float[np.ndarray, " H"]
    links: sparse.coo_matrix

    @classmethod
    def beside(cls, template: Template, bound: BoundMesh, name: str) -> _Walks | None:
        """The walks beside one of the template's loops; None where the mesh has nothing near it."""
        points = bound.vertices[bound.skin]
        edges, other = _skin_edges(bound), _other_side(template, bound, name)
        a, b = points[edges[:, 0]], points[edges[:, 1]]
        curve = _resampled(bound.registered[template.loops[name]])
        away = cKDTree(curve).query(0.5 * (a + b), distance_upper_bound=_REACH)[0]
        near = np.isfinite(away)
        if not near.any():
            return None
        length = np.linalg.norm(a - b, axis=1)
        close = away < 2e-3
        size = float(np.median(length[close if close.any() else near]))
        wrong = np.maximum(other[edges[:, 0]], other[edges[:, 1]])
        cost = (
            length * (1.0 + (np.where(near, away, 0.0) / (_PULL * size)) ** 2) * (1.0 + _WRONG_SIDE * wrong)
        )
        way = np.concatenate([edges[near], edges[near][:, ::-1]])
        cost = np.concatenate([cost[near], cost[near]])
        return cls(way, cost, _links(points, way, cost, size))

    def between(self, starts: np.ndarray, stops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Costs from each start to each stop, and Dijkstra's predecessors a start."""
        h, a, b = len(self.way), len(starts), len(stops)
        out = [
            (h + i, e, self.cost[e])
            for i, v in enumerate(starts)
            for e in np.flatnonzero(self.way[:, 0] == v)
        ]
        into = [
            (e, h + a + j, 1e-9) for j, v in enumerate(stops) for e in np.flatnonzero(self.way[:, 1] == v)
        ]
        extra = np.array(out + into, float).reshape(-1, 3)
        rows = np.concatenate([self.links.row, extra[:, 0].astype(np.int64)])
        columns = np.concatenate([self.links.col, extra[:, 1].astype(np.int64)])
        values = np.concatenate([self.links.data, extra[:, 2]])
        graph = sparse.coo_matrix((values, (rows, columns)), shape=(h + a + b, h + a + b)).tocsr()
        distance, before = dijkstra(graph, indices=np.arange(h, h + a), return_predecessors=True)
        return distance[:, h + a :], before

    def path(self, run: tuple[np.ndarray, np.ndarray], start: int, stop: int) -> Int[np.ndarray, " _"]:
        """The vertices from one start to one stop."""
        before = run[1][start]
        at = int(before[len(self.way) + len(run[1]) + stop])
        path = [int(self.way[at, 1])]
        while at < len(self.way):
            path.append(int(self.way[at, 0]))
            at = int(before[at])
        return np.array(path[::-1], np.int64)


def _links(points: np.ndarray, way: np.ndarray, cost: np.ndarray, size: float) -> sparse.coo_matrix:
    """From each directed edge to those that start where it ends; straight on is cheapest."""
    order = np.argsort(way[:, 0], kind="stable")
    first = np.searchsorted(way[order, 0], way[:, 1])
    count = np.searchsorted(way[order, 0], way[:, 1], side="right") - first
    here = np.repeat(np.arange(len(way)), count)
    offset = np.arange(len(here)) - np.repeat(np.cumsum(count) - count, count)
    following = order[np.repeat(first, count) + offset]
    step = points[way[:, 1]] - points[way[:, 0]]
    step /= np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-12)
    turn = 1.0 - np.einsum("hd,hd->h", step[here], step[following])
    weight = cost[following] + _TURN * size * turn + 1e-9  # zero would be no link at all
    return sparse.coo_matrix((weight, (here, following)), shape=(len(way), len(way)))


def _resampled(curve: Float[np.ndarray, "N 3"], count: int = 200) -> Float[np.ndarray, "M 3"]:
    steps = np.linalg.norm(np.diff(curve, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.linspace(0.0, along[-1], count)
    return np.stack([np.interp(at, along, curve[:, k]) for k in range(3)], axis=1)


def _skin_edges(bound: BoundMesh) -> Int[np.ndarray, "E 2"]:
    local = np.full(len(bound.vertices), -1)
    local[bound.skin] = np.arange(len(bound.skin))
    edges = local[bound.base.edges]
    return edges[(edges >= 0).all(axis=1)]


def _other_side(template: Template, bound: BoundMesh, name: str) -> Float[np.ndarray, " S"]:
    """1 at vertices that hang on the opposite lip or lid, by the template's own lower and upper sides."""
    lower = "lower" in name
    side = next((f"_{s}" for s in SIDES if name.endswith(s)), "")
    pair = ("lower_lip", "upper_lip") if "lips" in name else (f"lower_lid{side}", f"upper_lid{side}")
    own, other = pair if lower else pair[::-1]
    count = template.topology.n_vertices
    zero = np.zeros(count)
    here = bound.attachment.of(template.regions.get(own, zero))
    there = bound.attachment.of(template.regions.get(other, zero))
    return np.clip(there - here, 0.0, 1.0)
