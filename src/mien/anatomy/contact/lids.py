"""What lids must do, and how well they do it: the constraint, apart from how the skin round them follows.

Measured, in metres: the gap between the lids (`LidMargins.gap`: positive open, negative crossed) and the
clearance of their back edges (`LidMargins.over_ball`: positive outside, negative inside the eyeball).

Asked for:
- at rest (`resting_moves`): back edges 0.05 to 0.25 mm off the ball; at the corners they stand off it;
- of a shape (`sliding_goals`, `shut`): margins keep the clearance that they have at rest, over the ball as it
  is turned; a blink lays the upper margin on the lower one;
- of any weights (`TemplateLids.goals`): margins change their clearance, and close their opening by the share,
  as the template's do at these weights; where its lids are shut, these are.

Then skin in front of the ball keeps its thickness, and what lines the lids stays behind them: both correctors
do that with `Eyeball.between`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mien.anatomy.contact.seam import Seam
from mien.anatomy.eyeball import Eyeball
from mien.anatomy.gaze import gaze_rotation
from mien.core.face import Template
from mien.geometry.polyline import arc_share, chord_share, nearest_on
from mien.geometry.weights import smoothstep

# Metres; chosen by eye.
REACH = 13e-3  # round the margins, in which lid corrections are felt
LEAST_GAP = 0.05e-3  # of a margin before the ball
MARGIN_GAP = (LEAST_GAP, 0.25e-3)  # of the margin's back edge at rest
LID_THICKNESS = 0.7e-3  # skin in front of the ball keeps at least this, where it had it at rest
SEEN_CLEARANCE = 0.3e-3  # skin farther than this before the ball at rest is in front of it
_MOVED = 1e-6  # a margin's vertex that moves by less stays where it is

# Shares; chosen by eye.
_CORNERS = 0.2  # of the margin's length at either end, where it stands off the ball
CLOSING = 0.35  # of the rest opening, from which lids are drawn to close exactly
SHUT = 0.06  # of it, below which the lines are laid on each other
UPPER_SHARE = 0.8  # of a lid's closing that the upper one does
_CROSSED = 0.1e-3  # metres of crossing at which lines are laid on each other whatever the template's do
_JOIN_ROUNDS = 3
_SKIPPED = 4  # points at either end of a line that do not say how far lids have closed


class LidMargins:
    """The margins of one eye's lids on one head: `front` and `back` edges, `held` all their vertices.

    `loops` are a template's or a base mesh's own, `side` "left" or "right", `rest` its skin at rest (metres).
    `seams` are front and back in the numbering of `held`, as is all that is asked for.
    """

    def __init__(
        self, loops: dict[str, Int[np.ndarray, " _"]], side: str, rest: Float[np.ndarray, "V 3"]
    ) -> None:
        self.side = side
        self.front, self.back = (
            Seam.paired(loops[f"{kind}_upper_{side}"], loops[f"{kind}_lower_{side}"], rest)
            for kind in ("lid", "lid_inner")
        )
        self.held = np.unique(np.concatenate([*self.front.lines, *self.back.lines]))
        self.seams = (self.front.within(self.held), self.back.within(self.held))
        self._middle = np.concatenate([_off_corners(line, rest) for line in self.back.lines])

    def gap(self, posed: Float[np.ndarray, "V 3"], ball: Eyeball) -> Float[np.ndarray, " L"]:
        """Metres from the lower to the upper front edge; positive open, negative crossed.

        At all vertices of either but the corners, each against the other's whole line. For lids that are
        nearly shut: where open ones run upward, beside the corners, no side is above.
        """
        upper, lower = (posed[line] for line in self.front.lines)
        above = signed_gap(upper, lower, ball)[1:-1]
        below = signed_gap(lower, upper, ball)[1:-1]
        return np.concatenate([above, -below])

    def over_ball(
        self,
        posed: Float[np.ndarray, "V 3"],
        ball: Eyeball,
        gaze: Float[np.ndarray, "3"] | None = None,
    ) -> Float[np.ndarray, " L"]:
        """Metres from the ball to the back edges, off the corners; negative is inside."""
        return ball.clearance(posed[self._middle], gaze)

    def resting_moves(self, rest: Float[np.ndarray, "H 3"], ball: Eyeball) -> Float[np.ndarray, "H 3"]:
        """Moves that bring the back edges of resting lids to `MARGIN_GAP` off the ball, front edges along."""
        moves = np.zeros((len(self.held), 3))
        for front, back in zip(self.seams[0].lines, self.seams[1].lines, strict=True):
            ramp = _from_ends(rest[back])[:, None]
            moves[back] = ramp * (ball.between(rest[back], *MARGIN_GAP) - rest[back])
            moves[front] = moves[back]
        return moves

    def raising_moves(
        self, rest: Float[np.ndarray, "H 3"], upper: float, lower: float
    ) -> Float[np.ndarray, "H 3"]:
        """Moves that raise the margins by so many metres in their middle, not at the corners."""
        moves = np.zeros((len(self.held), 3))
        for seam in self.seams:
            for line, up in zip(seam.lines, (upper, lower), strict=True):
                moves[line, 1] = up * _from_ends(rest[line])
        return moves

    def sliding_goals(
        self,
        rest: Float[np.ndarray, "H 3"],
        offsets: Float[np.ndarray, "H 3"],
        ball: Eyeball,
        gaze: Float[np.ndarray, "3"] | None = None,
    ) -> Float[np.ndarray, "H 3"]:
        """Where moved margins go: the offsets' own directions, at the clearance that they had at rest."""
        moved = rest + offsets
        goals = ball.at_clearance(moved, ball.clearance(rest), gaze)
        return np.where(np.linalg.norm(offsets, axis=1)[:, None] > _MOVED, goals, moved)

    def shut(self, goals: Float[np.ndarray, "H 3"], ball: Eyeball) -> None:
        """Lays the upper margin on the lower one, but not into the ball, in place."""
        for seam in self.seams:
            goals[seam.upper] = ball.between(seam.on_lower(goals), LEAST_GAP)


@dataclass(frozen=True)
class Closing:
    """How far the template's lids have closed: `left` of their opening, `share` by which others follow."""

    left: float
    share: float

    @classmethod
    def of(cls, opening: Float[np.ndarray, " U"], at_rest: Float[np.ndarray, " U"]) -> Closing:
        """Read off one seam of the template, posed and at rest (metres)."""
        usual = (opening / np.maximum(at_rest, 1e-6))[_SKIPPED:-_SKIPPED]
        left = max(float(np.median(usual)), 0.0)
        return cls(left, float(1 - smoothstep(np.array([left]), 0.0, CLOSING)[0]))

    def narrow(self, seam: Seam, goals: Float[np.ndarray, "H 3"], at_rest: Float[np.ndarray, " U"]) -> None:
        """Closes a seam by the share that the template's has closed of `at_rest`, uncrosses it; in place."""
        opening = seam.height(goals)
        new = (1 - self.share) * opening + self.share * self.left * np.maximum(at_rest, 0.0)
        change = opening - np.maximum(new, 0.0)
        change[[0, -1]] = 0.0
        share_upper, share_lower = (chord_share(goals[line]) for line in seam.lines)
        goals[seam.upper, 1] -= UPPER_SHARE * change
        goals[seam.lower, 1] += (1 - UPPER_SHARE) * np.interp(share_lower, share_upper, change)

    def join(self, seam: Seam, goals: Float[np.ndarray, "H 3"]) -> None:
        """Lays the upper line onto the lower one where the template's lids are shut, or where they cross.

        In place. Shut, the lower one gives too, where it stands out between points of the upper one.
        """
        shut = 1 - smoothstep(np.array([self.left]), 0.0, SHUT)
        crossed = smoothstep(-seam.height(goals), 0.0, _CROSSED)
        share = np.maximum(shut, crossed)[:, None]
        share[[0, -1]] = 0.0
        for _ in range(_JOIN_ROUNDS if shut[0] > 0 else 1):
            goals[seam.upper] += share * (seam.on_lower(goals) - goals[seam.upper])
            goals[seam.lower] += shut * (seam.on_upper(goals) - goals[seam.lower])


class TemplateLids:
    """How the template's own lids move on its own ball: what any weights ask of another head's."""

    def __init__(self, template: Template, side: str, ball: Eyeball) -> None:
        margins = LidMargins(template.loops, side, template.vertices)
        self._side, self._ball, self._seams = side, ball, margins.seams
        self._rest = template.vertices[margins.held]
        self._shapes = template.shapes[:, margins.held].reshape(52, -1)
        self._clearance = ball.clearance(self._rest)
        self._opening = [seam.height(self._rest) for seam in self._seams]

    def goals(
        self,
        margins: LidMargins,
        rest: Float[np.ndarray, "H 3"],
        posed: Float[np.ndarray, "H 3"],
        ball: Eyeball,
        weights: Float[np.ndarray, "52"],
    ) -> Float[np.ndarray, "H 3"]:
        """Where the margins of a head on the template's topology go, which without contact are at `posed`."""
        turn = gaze_rotation(weights, self._side)
        generic = self._rest + (weights @ self._shapes).reshape(-1, 3)
        clearance = ball.clearance(rest)
        clearance += self._ball.clearance(generic, turn[:, 2]) - self._clearance
        closings = [
            Closing.of(seam.height(generic), at_rest)
            for seam, at_rest in zip(self._seams, self._opening, strict=True)
        ]
        goals = ball.at_clearance(posed, clearance, turn @ ball.gaze)
        for seam, closing in zip(margins.seams, closings, strict=True):
            closing.narrow(seam, goals, seam.height(rest))
        goals = ball.at_clearance(goals, clearance, turn @ ball.gaze)
        for seam, closing in zip(margins.seams, closings, strict=True):
            closing.join(seam, goals)
        return goals


def signed_gap(
    upper: Float[np.ndarray, "A 3"], lower: Float[np.ndarray, "B 3"], ball: Eyeball
) -> Float[np.ndarray, " A"]:
    """Distance of each upper point to the lower polyline, signed by the side on which it lies (metres).

    The side is told across the line, square to the ray from the ball's centre; positive is above.
    """
    foot, segment = nearest_on(upper, lower)
    up = np.cross(foot - ball.centre, np.diff(lower, axis=0)[segment])
    up *= np.sign(up[:, 1])[:, None]
    up /= np.maximum(np.linalg.norm(up, axis=1, keepdims=True), 1e-20)
    return np.einsum("ad,ad->a", upper - foot, up)


def _off_corners(line: Int[np.ndarray, " L"], rest: Float[np.ndarray, "V 3"]) -> Int[np.ndarray, " M"]:
    along = arc_share(rest[line])
    return line[(along > _CORNERS) & (along < 1 - _CORNERS)]


def _from_ends(points: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, " N"]:
    """0 at both ends of a polyline to 1 from a fifth of its length inward, smooth."""
    along = arc_share(points)
    return smoothstep(np.minimum(along, 1 - along), 0.0, _CORNERS)
