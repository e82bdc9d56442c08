"""Lids on their eyeball: margins slide on the ball, a blink closes, nothing pokes through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from mien.anatomy.eyeball import signed_clearance
from mien.geometry.normals import normalized
from mien.geometry.patch import Patch
from mien.geometry.polyline import chord_share, points_at
from mien.geometry.weights import smoothstep

REACH = 0.013  # metres round the margins within which lid corrections may be felt
MARGIN_GAP = (0.05e-3, 0.25e-3)  # the margin's back edge stays this far off the ball
LID_THICKNESS = 0.7e-3  # skin in front of the ball keeps at least this, where it had it at rest
LINING_CLEARANCE = 0.1e-3
_EASE_ROUNDS = 4


@dataclass(frozen=True)
class Eye:
    """An eyeball at rest: centre (metres), radius of the sclera, rotation of its own axes."""

    centre: Float[np.ndarray, "3"]
    radius: float
    rotation: Float[np.ndarray, "3 3"]

    @property
    def gaze(self) -> Float[np.ndarray, "3"]:
        """Where it looks, unit length."""
        return self.rotation[:, 2]

    def clearance(
        self, points: Float[np.ndarray, "N 3"], gaze: Float[np.ndarray, "3"] | None = None
    ) -> Float[np.ndarray, " N"]:
        """Metres outside the ball (negative: inside)."""
        return signed_clearance(points, self.centre, self.radius, self.gaze if gaze is None else gaze)

    def at_clearance(
        self,
        points: Float[np.ndarray, "N 3"],
        clearance: Float[np.ndarray, " N"],
        gaze: Float[np.ndarray, "3"] | None = None,
    ) -> Float[np.ndarray, "N 3"]:
        """Points moved along their rays from the centre to the given clearance."""
        short = clearance - self.clearance(points, gaze)
        return points + normalized(points - self.centre) * short[:, None]


class Lids:
    """One eye's lids on one head at rest. `loops` are a template's, `side` "left" or "right".

    `outer` marks the skin that is seen; the rest lines the socket and hides in the ball when it moves.
    """

    def __init__(
        self,
        vertices: Float[np.ndarray, "V 3"],
        triangles: Int[np.ndarray, "T 3"],
        loops: dict[str, Int[np.ndarray, " _"]],
        side: str,
        eye: Eye,
        outer: Bool[np.ndarray, " V"],
    ) -> None:
        self.vertices, self.eye, self.side = vertices, eye, side
        self.front = (loops[f"lid_upper_{side}"], loops[f"lid_lower_{side}"])
        self.back = (loops[f"lid_inner_upper_{side}"], loops[f"lid_inner_lower_{side}"])
        self.held = np.unique(np.concatenate([*self.front, *self.back]))
        self.region = _near(vertices, self.held, REACH)
        self._patch = Patch(vertices, triangles, self.region, self.held)
        self._slot = np.zeros(len(vertices), np.int64)
        self._slot[self.held] = np.arange(len(self.held))
        rest = eye.clearance(vertices)
        self.floor = np.minimum(rest, LID_THICKNESS)
        self.skin = self.region & outer & (rest > 0.3e-3)
        self.lining = self.region & ~outer
        self.skin[self.held] = self.lining[self.held] = False
        self._ceiling = np.minimum(rest, LINING_CLEARANCE)

    def seat(self) -> Float[np.ndarray, "V 3"]:
        """Offsets (metres) that bring the margins' back edges at rest to 0.05 ... 0.25 mm off the ball."""
        moves = np.zeros((len(self.held), 3))
        for loop in self.back:
            points = self.vertices[loop]
            goal = np.clip(self.eye.clearance(points), *MARGIN_GAP)
            ramp = _from_ends(points)[:, None]  # the canthi stand off the ball
            moves[self._slot[loop]] = ramp * (self.eye.at_clearance(points, goal) - points)
        for front, back in zip(self.front, self.back, strict=True):
            moves[self._slot[front]] = moves[self._slot[back]]
        return self._patch.correct(moves, len(self.vertices))

    def slide(
        self, offsets: Float[np.ndarray, "V 3"], gaze: Float[np.ndarray, "3"] | None = None
    ) -> Float[np.ndarray, "V 3"]:
        """A shape's offsets, corrected so that margins keep their clearance and skin stays outside."""
        return self._settle(offsets, self._on_ball(offsets, gaze), gaze)

    def close(self, offsets: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "V 3"]:
        """A blink's offsets, corrected so that the upper margin comes to lie on the lower one."""
        goals = self._on_ball(offsets, None)
        for upper, lower in (self.front, self.back):
            seam = goals[self._slot[lower]]
            frame = self.vertices[lower]
            share = np.clip(chord_share(self.vertices[upper], frame), 0.0, 1.0)
            on_seam = points_at(seam, np.clip(chord_share(frame), 0.0, 1.0), share)
            outside = np.maximum(self.eye.clearance(on_seam), MARGIN_GAP[0])
            goals[self._slot[upper]] = self.eye.at_clearance(on_seam, outside)
        return self._settle(offsets, goals, None)

    def shift(self, upper: float, lower: float) -> Float[np.ndarray, "V 3"]:
        """Offsets that raise the two margins by so many metres in their middle, not at the corners."""
        moves = np.zeros((len(self.held), 3))
        for up, pair in ((upper, (self.front[0], self.back[0])), (lower, (self.front[1], self.back[1]))):
            for loop in pair:
                moves[self._slot[loop], 1] = up * _from_ends(self.vertices[loop])
        return self._patch.correct(moves, len(self.vertices))

    def _on_ball(
        self, offsets: Float[np.ndarray, "V 3"], gaze: Float[np.ndarray, "3"] | None
    ) -> Float[np.ndarray, "H 3"]:
        """Where the margins go: the offsets' own directions, at the clearance that they had at rest."""
        rest = self.vertices[self.held]
        moved = rest + offsets[self.held]
        ahead = np.linalg.norm(offsets[self.held], axis=1) > 1e-6
        goals = self.eye.at_clearance(moved, self.eye.clearance(rest), gaze)
        return np.where(ahead[:, None], goals, moved)

    def _settle(
        self,
        offsets: Float[np.ndarray, "V 3"],
        goals: Float[np.ndarray, "H 3"],
        gaze: Float[np.ndarray, "3"] | None,
    ) -> Float[np.ndarray, "V 3"]:
        """Margins exactly at their goals; then the skin eased out of the ball where it dips in."""
        moves = goals - self.vertices[self.held] - offsets[self.held]
        moved_at_all = np.linalg.norm(offsets, axis=1) > 0
        if not moved_at_all[self.region].any():
            return offsets
        out = offsets + self._patch.correct(moves, len(offsets))
        push = np.zeros_like(offsets)
        for _ in range(_EASE_ROUNDS):
            points = self.vertices + out
            deep = self.skin & (self.eye.clearance(points, gaze) < self.floor - 0.02e-3)
            deep |= np.linalg.norm(push, axis=1) > 0
            if not deep.any():
                break
            ids = np.flatnonzero(deep)
            lack = np.maximum(self.floor[ids] - self.eye.clearance(points[ids], gaze), 0.0)
            push[ids] += normalized(points[ids] - self.eye.centre) * lack[:, None]
            base = offsets + self._patch.correct(moves, len(offsets))
            out = offsets + self._patch.correct(moves, len(offsets), (ids, push[ids] + (base - offsets)[ids]))
        return self._sink_lining(out, gaze)

    def _sink_lining(
        self, offsets: Float[np.ndarray, "V 3"], gaze: Float[np.ndarray, "3"] | None
    ) -> Float[np.ndarray, "V 3"]:
        """The lining of a moving lid kept close to the ball, so that it cannot come through the thin lid."""
        ids = np.flatnonzero(self.lining)
        points = self.vertices[ids] + offsets[ids]
        clearance = self.eye.clearance(points, gaze)
        goal = self.eye.at_clearance(points, np.minimum(clearance, self._ceiling[ids]), gaze)
        moving = np.clip(np.linalg.norm(offsets[ids], axis=1) / 1e-3, 0.0, 1.0)[:, None]
        out = offsets.copy()
        out[ids] += moving * (goal - points)
        return out


def _near(
    vertices: Float[np.ndarray, "V 3"], ids: Int[np.ndarray, " H"], reach: float
) -> Bool[np.ndarray, " V"]:
    from scipy.spatial import cKDTree

    return cKDTree(vertices[ids]).query(vertices, distance_upper_bound=reach)[0] < reach


def _from_ends(points: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, " N"]:
    """0 at both ends of a polyline to 1 from a fifth of its length inward, smooth."""
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)]) / steps.sum()
    return smoothstep(np.minimum(along, 1 - along), 0.0, 0.2)
