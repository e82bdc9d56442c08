"""What lips must do, and how well they do it: the constraint, apart from how the skin round them follows.

Measured, in metres: the opening of the inner lines (`LipMargins.opening`, along the mouth's own up: positive
open, negative crossed).

Asked for:
- always (`parting_moves`): lips that cross give way until they meet;
- of a shape (`meeting_moves`): lips that touch all along on the template touch on every head, `LIP_GAP`
  apart, and mouthClose seals an open jaw;
- of any weights (`TemplateLips.sealed`): the same point by point, as surely as the template's touch there.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from mien.anatomy.contact.seam import Seam
from mien.core.conventions import SHAPE_INDEX, SHAPE_NAMES
from mien.core.face import Template
from mien.geometry.polyline import chord_share, points_at, share_within
from mien.geometry.weights import smoothstep

# Metres:
LIP_GAP = 0.05e-3  # left between touching lips: what a neutral template has
SHUT = 0.3e-3  # lips nowhere farther apart are closed; chosen by eye
SEALED, APART = 0.15e-3, 0.8e-3  # between the template's lips: touching, surely open; chosen by eye
SEAL_SHARE = 0.25  # of the way by which the upper lip comes down to an open jaw's, which travels farther
CORNER_SHARE = (0.01, 0.09)  # of the mouth's width from a corner: from no correction to all of it; by eye

LIP_LOOPS = ("lips_inner_upper", "lips_inner_lower", "lips_front_upper", "lips_front_lower")


class LipMargins:
    """The lips' lines on one head: the `inner` seam and the front edges, `held` all their vertices.

    `loops` are a template's or a base mesh's own, `rest` its skin at rest (metres). Moves are in the order of
    `held`; the corners' are zero.
    """

    def __init__(self, loops: dict[str, Int[np.ndarray, " _"]], rest: Float[np.ndarray, "V 3"]) -> None:
        inner_upper, inner_lower, *front = (loops[name] for name in LIP_LOOPS)
        self.inner = Seam.paired(inner_upper, inner_lower, rest)
        self.held = np.unique(np.concatenate([*self.inner.lines, *front]))
        self._corners = self.inner.upper[[0, -1]]
        self._shares = self.inner.shares
        self._front_shares = tuple(share_within(rest[line], rest[self._corners]) for line in front)
        self._inner_slots = self.inner.within(self.held).lines
        self._front_slots = tuple(np.searchsorted(self.held, line) for line in front)

    def opening(self, posed: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, " U"]:
        """Signed metres between the inner lines, upward from the lower one, at the upper's vertices."""
        return self.inner.opening(posed, self._up(posed))

    def closed(self, posed: Float[np.ndarray, "V 3"]) -> bool:
        """Whether the lips lie on each other all along."""
        return bool(np.abs(self.opening(posed)).max() < SHUT)

    def meeting_moves(
        self, posed: Float[np.ndarray, "V 3"], upper_share: float = 0.5, *, in_depth: bool = True
    ) -> Float[np.ndarray, "H 3"]:
        """Moves after which lips touch all along; the upper lip gives `upper_share` of the way.

        Without `in_depth` they meet in height alone: a lip rolled in stays behind the other.
        """
        up = self._up(posed)
        gap_upper, gap_lower = (np.where(_inside(s)[:, None], LIP_GAP * up, 0.0) for s in self._shares)
        way_down = self.inner.on_lower(posed) + gap_upper - posed[self.inner.upper]
        way_up = self.inner.on_upper(posed) - gap_lower - posed[self.inner.lower]
        if not in_depth:
            way_down, way_up = np.outer(way_down @ up, up), np.outer(way_up @ up, up)
        moves = np.zeros((len(self.held), 3))
        for k, way in enumerate((upper_share * way_down, (1 - upper_share) * way_up)):
            moves[self._inner_slots[k]] = way
            moves[self._front_slots[k]] = points_at(way, self._shares[k], self._front_shares[k])
        return self._corners_kept(moves)

    def parting_moves(
        self, posed: Float[np.ndarray, "V 3"], upper_share: float = 0.5
    ) -> Float[np.ndarray, "H 3"]:
        """Moves after which lips that cross meet; what does not cross stays, but for a smooth run-out."""
        lack = np.maximum(LIP_GAP - self.opening(posed), 0.0) * _inside(self._shares[0])
        lack = _broadened(lack)
        up = self._up(posed)
        moves = np.zeros((len(self.held), 3))
        for k, way in enumerate((upper_share, upper_share - 1.0)):
            lines = ((self._front_slots[k], self._front_shares[k]), (self._inner_slots[k], self._shares[k]))
            for slots, share in lines:
                size = np.interp(share, self._shares[0], lack)
                moves[slots] = way * size[:, None] * up
        return self._corners_kept(moves)

    def _corners_kept(self, moves: Float[np.ndarray, "H 3"]) -> Float[np.ndarray, "H 3"]:
        for line in (*self._front_slots, *self._inner_slots):
            moves[line[[0, -1]]] = 0.0
        return moves

    def _up(self, posed: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "3"]:
        """Up on this head: square to the line between the mouth's corners, as near to +Y as can be."""
        corners = posed[self._corners]
        across = corners[1] - corners[0]
        up = np.array([0.0, 1.0, 0.0])
        up = up - across * (up @ across) / (across @ across)
        return up / np.linalg.norm(up)


class TemplateLips:
    """How the template's own lips move: what any weights ask of those of another head."""

    def __init__(self, template: Template) -> None:
        held = LipMargins(template.loops, template.vertices).held
        own = {name: np.searchsorted(held, template.loops[name]) for name in LIP_LOOPS}
        self._held_rest = template.vertices[held]
        self._held_shapes = template.shapes[:, held]
        self._margins = LipMargins(own, self._held_rest)
        inner = self._margins.inner
        rows = held[np.concatenate(inner.lines)]
        self._rest = template.vertices[rows]
        self._shapes = template.shapes[:, rows].reshape(52, -1)
        order = np.arange(len(rows))
        self._seam = Seam.paired(order[: len(inner.upper)], order[len(inner.upper) :], self._rest)
        self._pressing = np.array([name.startswith(("mouthPress", "mouthRoll")) for name in SHAPE_NAMES])
        share = chord_share(self._rest[self._seam.upper])
        self.ramp = smoothstep(np.minimum(share, 1 - share), *CORNER_SHARE)

    def concern(self, weights: Float[np.ndarray, "52"]) -> bool:
        """Whether these weights move the lips at all."""
        return bool(self._held_shapes[weights != 0].any())

    def closed(self, weights: Float[np.ndarray, "52"]) -> bool:
        """Whether the template's lips touch all along at these weights."""
        return self._margins.closed(self._held_rest + np.tensordot(weights, self._held_shapes, axes=1))

    def sealed(self, weights: Float[np.ndarray, "52"]) -> Float[np.ndarray, " U"]:
        """How surely they touch, 0 to 1, at each vertex of the upper inner line."""
        posed = self._rest + (weights @ self._shapes).reshape(-1, 3)
        return 1 - smoothstep(self._seam.opening(posed), SEALED, APART)

    def pressed(self, weights: Float[np.ndarray, "52"]) -> float:
        """How far lips are pressed on each other or rolled in, 0 to 1."""
        return min(1.0, float(np.abs(weights[self._pressing]).sum()))


def seals(weights: Float[np.ndarray, "52"]) -> bool:
    """Whether mouthClose is asked to seal an open jaw."""
    return bool(weights[SHAPE_INDEX["mouthClose"]] > 0 and weights[SHAPE_INDEX["jawOpen"]] > 0)


def rolled_in(weights: Float[np.ndarray, "52"]) -> bool:
    """Whether a lip is rolled in: it lies behind the other, and meets it in height alone."""
    return any(weights[SHAPE_INDEX[name]] > 0 for name in SHAPE_NAMES if "Roll" in name)


def _inside(share: Float[np.ndarray, " L"]) -> Bool[np.ndarray, " L"]:
    return (share > 0) & (share < 1)


def _broadened(lack: Float[np.ndarray, " L"]) -> Float[np.ndarray, " L"]:
    """A smooth curve that is nowhere less: so that lips give way without a dent."""
    wide = np.maximum.reduce([np.roll(np.pad(lack, 2), k)[2:-2] for k in (-2, -1, 0, 1, 2)])
    for _ in range(2):
        padded = np.pad(wide, 1, mode="edge")
        wide = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    return np.maximum(wide, lack)
