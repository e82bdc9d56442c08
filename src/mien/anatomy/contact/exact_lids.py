"""Lids in contact on any head, mesh and shape: the skin round the margins solved for as a thin plate."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from mien.anatomy.contact.lids import LID_THICKNESS, REACH, SEEN_CLEARANCE, LidMargins
from mien.anatomy.contact.spread import SolvedSpread
from mien.anatomy.eyeball import Eyeball
from mien.anatomy.gaze import gaze_rotation
from mien.core.conventions import SHAPE_INDEX
from mien.geometry.normals import normalized

# Metres; chosen by eye.
_MARGIN_MOVES = 2e-5  # a shape that moves a lid's margin by less leaves it on the ball
_LINING_CLEARANCE = 0.1e-3  # what lines a moving lid is kept this close to the ball
_LINING_MOVES = 1e-3  # the motion from which it is so entirely
_IN_DEPTH = 0.02e-3  # skin may lack this much of its thickness
_EASE_ROUNDS = 4


class ExactLids:
    """One eye's lids on one head at rest (metres). `loops` are a template's, `side` "left" or "right".

    `outer` marks the skin that is seen; the rest lines the socket and hides in the ball when it moves.
    """

    def __init__(
        self,
        vertices: Float[np.ndarray, "S 3"],
        triangles: Int[np.ndarray, "T 3"],
        loops: dict[str, Int[np.ndarray, " _"]],
        side: str,
        ball: Eyeball,
        outer: Bool[np.ndarray, " S"],
    ) -> None:
        self.vertices, self.ball = vertices, ball
        self.margins = LidMargins(loops, side, vertices)
        held = self.margins.held
        self._rest = vertices[held]
        self._spread = SolvedSpread(vertices, triangles, held, REACH)
        rest = ball.clearance(vertices)
        self._floor = np.minimum(rest, LID_THICKNESS)
        self._skin = self._spread.region & outer & (rest > SEEN_CLEARANCE)
        self._lining = self._spread.region & ~outer
        self._skin[held] = self._lining[held] = False
        self._ceiling = np.minimum(rest, _LINING_CLEARANCE)

    def gap(self, offsets: Float[np.ndarray, "S 3"]) -> Float[np.ndarray, " L"]:
        """See `Contact.gap`: between the lids' front edges."""
        return self.margins.gap(self.vertices + offsets, self.ball)

    def enforce(
        self, offsets: Float[np.ndarray, "S 3"], weights: Float[np.ndarray, "52"]
    ) -> Float[np.ndarray, "S 3"]:
        """See `Contact.enforce`: a blink of this eye at full weight closes, everything else slides."""
        if np.abs(offsets[self.margins.held]).max() < _MARGIN_MOVES:
            return offsets
        if weights[SHAPE_INDEX[f"eyeBlink{self.margins.side.capitalize()}"]] >= 1.0:
            return self.close(offsets)
        return self.slide(offsets, gaze_rotation(weights, self.margins.side) @ self.ball.gaze)

    def settle(self) -> Float[np.ndarray, "S 3"]:
        """Offsets (metres) that bring the margins' back edges at rest to 0.05 ... 0.25 mm off the ball."""
        return self._spread(self.margins.resting_moves(self._rest, self.ball))

    def shift(self, upper: float, lower: float) -> Float[np.ndarray, "S 3"]:
        """Offsets that raise the two margins by so many metres in their middle, not at the corners."""
        return self._spread(self.margins.raising_moves(self._rest, upper, lower))

    def slide(
        self, offsets: Float[np.ndarray, "S 3"], gaze: Float[np.ndarray, "3"] | None = None
    ) -> Float[np.ndarray, "S 3"]:
        """A shape's offsets, corrected so that margins keep their clearance and skin stays outside."""
        return self._follow(offsets, self._slid(offsets, gaze), gaze)

    def close(self, offsets: Float[np.ndarray, "S 3"]) -> Float[np.ndarray, "S 3"]:
        """A blink's offsets, corrected so that the upper margin comes to lie on the lower one."""
        goals = self._slid(offsets, None)
        self.margins.shut(goals, self.ball)
        return self._follow(offsets, goals, None)

    def _slid(
        self, offsets: Float[np.ndarray, "S 3"], gaze: Float[np.ndarray, "3"] | None
    ) -> Float[np.ndarray, "H 3"]:
        return self.margins.sliding_goals(self._rest, offsets[self.margins.held], self.ball, gaze)

    def _follow(
        self,
        offsets: Float[np.ndarray, "S 3"],
        goals: Float[np.ndarray, "H 3"],
        gaze: Float[np.ndarray, "3"] | None,
    ) -> Float[np.ndarray, "S 3"]:
        """Margins exactly at their goals; then the skin eased out of the ball where it dips in."""
        moves = goals - self._rest - offsets[self.margins.held]
        moved_at_all = np.linalg.norm(offsets, axis=1) > 0
        if not moved_at_all[self._spread.region].any():
            return offsets
        base = self._spread(moves)
        out = offsets + base
        push = np.zeros_like(offsets)
        for _ in range(_EASE_ROUNDS):
            points = self.vertices + out
            deep = self._skin & (self.ball.clearance(points, gaze) < self._floor - _IN_DEPTH)
            deep |= np.linalg.norm(push, axis=1) > 0
            if not deep.any():
                break
            ids = np.flatnonzero(deep)
            lack = np.maximum(self._floor[ids] - self.ball.clearance(points[ids], gaze), 0.0)
            push[ids] += normalized(points[ids] - self.ball.centre) * lack[:, None]
            pulls = push[ids] + ((offsets + base) - offsets)[ids]
            out = offsets + self._spread(moves, (ids, pulls))
        return self._sink_lining(out, gaze)

    def _sink_lining(
        self, offsets: Float[np.ndarray, "S 3"], gaze: Float[np.ndarray, "3"] | None
    ) -> Float[np.ndarray, "S 3"]:
        """The lining of a moving lid kept close to the ball, so that it cannot come through the thin lid."""
        ids = np.flatnonzero(self._lining)
        points = self.vertices[ids] + offsets[ids]
        goal = self.ball.between(points, high=self._ceiling[ids], gaze=gaze)
        moving = np.clip(np.linalg.norm(offsets[ids], axis=1) / _LINING_MOVES, 0.0, 1.0)[:, None]
        out = offsets.copy()
        out[ids] += moving * (goal - points)
        return out
