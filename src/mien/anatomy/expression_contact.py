"""Lids on their balls and lips on each other while a face moves: precomputed on the template, no solves.

What is right on the template tells what should touch: where its lids or lips have closed by a share, those
of the subject close by the same share of their own opening.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mien.anatomy.eye_placement import PlacedEye
from mien.anatomy.eyeball import signed_clearance
from mien.anatomy.gaze import LOOK_DEGREES, look_rotation
from mien.anatomy.seat import SIDES, Seat
from mien.anatomy.seat_lips import LIP_GAP
from mien.core.conventions import SHAPE_INDEX, SHAPE_NAMES
from mien.core.face import Template
from mien.core.mesh import split_quads
from mien.geometry.patch import Patch
from mien.geometry.polyline import chord_share, points_at
from mien.geometry.weights import smoothstep

REACH = 13e-3  # metres round the margins in which lid corrections are felt
MARGIN_MOVES = 1e-5
CLOSING = 0.35  # share of the rest opening from which lids are drawn to close exactly
SHUT = 0.06  # share of it below which the lines are laid on each other
UPPER_SHARE = 0.8  # of a lid's closing that the upper one does
SEALED, APART = 0.15e-3, 0.8e-3  # metres between the template's lips: touching, surely open
CORNER_SHARE = (0.01, 0.09)  # of the mouth's width from a corner: from no correction to all of it
_CLAMP_ROUNDS, _JOIN_ROUNDS = 6, 3


def gaze_rotation(weights: Float[np.ndarray, "52"], side: str) -> Float[np.ndarray, "3 3"]:
    """An eye's rotation from the look shapes' weights: their rotation vectors add up."""
    vector = np.zeros(3)
    for stem in LOOK_DEGREES:
        name = f"{stem}{side.capitalize()}"
        weight = weights[SHAPE_INDEX[name]]
        if weight != 0.0:
            turn = look_rotation(name)
            axis = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
            vector += weight * np.radians(LOOK_DEGREES[stem]) * axis / np.linalg.norm(axis)
    angle = float(np.linalg.norm(vector))
    if angle == 0.0:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


@dataclass(frozen=True)
class _Margin:
    """An upper and a lower lid line as slots of `LidContact.held`."""

    upper: Int[np.ndarray, " N"]
    lower: Int[np.ndarray, " N"]


class LidContact:
    """One eye's lids, bound to the template."""

    def __init__(self, template: Template, seat: Seat, side: str, count: int) -> None:
        loops = template.loops
        pairs = [
            (loops[f"{kind}_upper_{side}"], loops[f"{kind}_lower_{side}"]) for kind in ("lid", "lid_inner")
        ]
        self.held = np.unique(np.concatenate([line for pair in pairs for line in pair]))
        self._margins = [_Margin(*(np.searchsorted(self.held, line) for line in pair)) for pair in pairs]
        self._rows, self._spread = _plate(template, self.held, count)
        self._seat, self._side = seat, side
        self._eye = seat.eye(side)
        self._rest = template.vertices[self.held]
        self._shapes = template.shapes[:, self.held].reshape(52, -1)
        self._clearance = self._eye.clearance(self._rest)

    def __call__(
        self,
        out: Float[np.ndarray, "S 3"],
        rest: Float[np.ndarray, "S 3"],
        ball: PlacedEye,
        weights: Float[np.ndarray, "52"],
    ) -> None:
        """Lays the lids of a moved skin `out` onto the turned ball, in place; `rest` is the neutral skin."""
        before, now = rest[self.held], out[self.held]
        turn = gaze_rotation(weights, self._side)
        gaze = turn @ ball.rotation[:, 2]
        if np.abs(now - before).max() < MARGIN_MOVES and gaze @ ball.rotation[:, 2] > 1 - 1e-9:
            return
        clearance = signed_clearance(before, ball.centre, ball.radius, ball.rotation[:, 2])
        wanted = self._rest + (weights @ self._shapes).reshape(-1, 3)
        there = signed_clearance(wanted, self._eye.centre, self._eye.radius, turn[:, 2])
        clearance += there - self._clearance
        goal = _at_clearance(now, clearance, ball, gaze)
        for margin in self._margins:
            self._meet(margin, goal, before, wanted)
        goal = _at_clearance(goal, clearance, ball, gaze)
        for margin in self._margins:
            self._join(margin, goal, before, wanted)
        out[self._rows] += self._spread @ (goal - now)
        self._seat.keep_off(out, self._side, ball, gaze)

    def _meet(
        self,
        margin: _Margin,
        goal: Float[np.ndarray, "H 3"],
        before: Float[np.ndarray, "H 3"],
        wanted: Float[np.ndarray, "H 3"],
    ) -> None:
        """Closes two lines by the share that the template's have closed, uncrosses them; in place."""
        opening = _opening(goal, margin)
        left, closing = self._closing(margin, wanted)
        new = (1 - closing) * opening + closing * left * np.maximum(_opening(before, margin), 0.0)
        change = opening - np.maximum(new, 0.0)
        change[[0, -1]] = 0.0
        share_upper, share_lower = chord_share(goal[margin.upper]), chord_share(goal[margin.lower])
        goal[margin.upper, 1] -= UPPER_SHARE * change
        goal[margin.lower, 1] += (1 - UPPER_SHARE) * np.interp(share_lower, share_upper, change)

    def _join(
        self,
        margin: _Margin,
        goal: Float[np.ndarray, "H 3"],
        before: Float[np.ndarray, "H 3"],
        wanted: Float[np.ndarray, "H 3"],
    ) -> None:
        """Lays the upper line onto the lower one where the template's lids are shut, or where they cross.

        Shut, the lower one gives too, where it stands out between points of the upper one.
        """
        left, _ = self._closing(margin, wanted)
        frame = before[margin.lower]
        above, below = _within(before[margin.upper], frame), _within(frame, frame)
        shut = 1 - smoothstep(np.array([left]), 0.0, SHUT)
        crossed = smoothstep(-_opening(goal, margin), 0.0, 0.1e-3)
        share = np.maximum(shut, crossed)[:, None]
        share[[0, -1]] = 0.0
        for _ in range(_JOIN_ROUNDS if shut[0] > 0 else 1):
            upper, lower = goal[margin.upper], goal[margin.lower]
            upper += share * (points_at(lower, below, above) - upper)
            goal[margin.upper] = upper
            goal[margin.lower] = lower + shut * (points_at(upper, above, below) - lower)

    def _closing(self, margin: _Margin, wanted: Float[np.ndarray, "H 3"]) -> tuple[float, float]:
        """What is left of the template's opening, and how much the subject's goes by it (0 to 1)."""
        generic = np.maximum(_opening(self._rest, margin), 1e-6)
        left = max(float(np.median((_opening(wanted, margin) / generic)[4:-4])), 0.0)
        return left, float(1 - smoothstep(np.array([left]), 0.0, CLOSING)[0])


class LipContact:
    """Both lips, bound to the template. Pairs of points over each other are those of the head at rest."""

    def __init__(self, template: Template, seat: Seat) -> None:
        self._lips = seat.lips
        rows = np.concatenate([self._lips.seam_upper, self._lips.seam_lower])
        self._seat, self._rows = seat, rows
        self._rest = template.vertices[rows]
        self._shapes = template.shapes[:, rows].reshape(52, -1)
        self._pressing = np.array([name.startswith(("mouthPress", "mouthRoll")) for name in SHAPE_NAMES])
        count = len(self._lips.seam_upper)
        share = chord_share(self._rest[:count])
        self._inner = smoothstep(np.minimum(share, 1 - share), *CORNER_SHARE)
        self._count = count

    def opening(
        self, posed: Float[np.ndarray, "S 3"], rest: Float[np.ndarray, "S 3"]
    ) -> Float[np.ndarray, " U"]:
        """Signed metres of height between the lips' seams, at the upper one's points; negative: crossed."""
        return self._heights(posed[self._rows], rest[self._rows])

    def __call__(
        self, out: Float[np.ndarray, "S 3"], rest: Float[np.ndarray, "S 3"], weights: Float[np.ndarray, "52"]
    ) -> None:
        """Parts lips that cross and closes those that the template's weights close, in place."""
        generic = self._rest + (weights @ self._shapes).reshape(-1, 3)
        sealed = 1 - smoothstep(self._heights(generic, self._rest), SEALED, APART)
        pressed = min(1.0, float(np.abs(weights[self._pressing]).sum()))
        before = np.maximum(self.opening(rest, rest), LIP_GAP)
        allowed = before * (1 - 0.8 * pressed) + LIP_GAP * pressed
        for _ in range(_CLAMP_ROUNDS):
            opening = self.opening(out, rest)
            lack = np.maximum(LIP_GAP - opening, 0.0)
            lack = np.maximum.reduce([lack, np.roll(lack, 1), np.roll(lack, -1)])  # no ripples in the seam
            lack = self._inner * (lack - sealed * np.maximum(opening - allowed, 0.0))
            if np.abs(lack).max() < 5e-6:
                return
            self._lips.move(out, lack)

    def _heights(
        self, posed: Float[np.ndarray, "P 3"], rest: Float[np.ndarray, "P 3"]
    ) -> Float[np.ndarray, " U"]:
        upper, lower = rest[: self._count], rest[self._count :]
        below = np.interp(_within(upper, upper), _within(lower, upper), posed[self._count :, 1])
        return posed[: self._count, 1] - below


def _plate(
    template: Template, held: Int[np.ndarray, " H"], count: int
) -> tuple[Int[np.ndarray, " R"], Float[np.ndarray, "R H"]]:
    """How the skin round the lids follows their lines, as a matrix: a thin plate on the template."""
    from scipy.spatial import cKDTree

    quads = template.topology.quads
    triangles = split_quads(quads[(quads < count).all(axis=1)])
    skin = template.vertices[:count]
    region = cKDTree(skin[held]).query(skin, distance_upper_bound=REACH)[0] < REACH
    patch = Patch(skin, triangles, region, held)
    columns = []
    for first in range(0, len(held), 3):
        moves = np.zeros((len(held), 3))
        few = np.arange(first, min(first + 3, len(held)))
        moves[few, np.arange(len(few))] = 1.0
        columns.append(patch.correct(moves, count)[:, : len(few)])
    matrix = np.concatenate(columns, axis=1)
    rows = np.flatnonzero(np.abs(matrix).max(axis=1) > 1e-4)
    return rows, matrix[rows]


def _at_clearance(
    points: Float[np.ndarray, "N 3"],
    clearance: Float[np.ndarray, " N"],
    ball: PlacedEye,
    gaze: Float[np.ndarray, "3"],
) -> Float[np.ndarray, "N 3"]:
    ray = points - ball.centre
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    lack = clearance - signed_clearance(points, ball.centre, ball.radius, gaze)
    return points + lack[:, None] * ray


def _opening(points: Float[np.ndarray, "H 3"], margin: _Margin) -> Float[np.ndarray, " N"]:
    return _gap(points[margin.upper], points[margin.lower])


def _gap(upper: Float[np.ndarray, "N 3"], lower: Float[np.ndarray, "M 3"]) -> Float[np.ndarray, " N"]:
    """Height of one line over another at the same share of the way between their ends."""
    return upper[:, 1] - np.interp(chord_share(upper), chord_share(lower), lower[:, 1])


def _within(points: Float[np.ndarray, "N 3"], frame: Float[np.ndarray, "M 3"]) -> Float[np.ndarray, " N"]:
    """Share of the way along a frame, not beyond its ends."""
    return np.clip(chord_share(points, frame), 0.0, 1.0)


def lid_contacts(template: Template, seat: Seat, count: int) -> dict[str, LidContact]:
    """Both eyes'."""
    return {side: LidContact(template, seat, side, count) for side in SIDES}
