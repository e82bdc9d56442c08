"""Lids in contact on heads of the template's topology: no solves, a fixed matrix made on the template."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from mien.anatomy.contact.lids import LEAST_GAP, REACH, SEEN_CLEARANCE, LidMargins, TemplateLids
from mien.anatomy.contact.spread import LinearSpread, SolvedSpread
from mien.anatomy.eye_placement import bind_eye
from mien.anatomy.eyeball import Eyeball
from mien.anatomy.gaze import gaze_rotation
from mien.core.face import Template
from mien.core.mesh import split_quads
from mien.geometry.align import Similarity

# Chosen by eye, metres where nothing else is said:
_LID_THICKNESS = 0.6e-3  # kept before the ball, where the template has as much
_MARGIN_MOVES = 1e-5  # a pose that moves no margin by more, and not the ball, leaves the lids alone
_STILL_GAZE = 1 - 1e-9  # cosine above which the ball has not turned
_LID_ROUNDS = 3
_SMOOTHING = 0.01  # of the margin's offsets, against ripples: a ridge beside a fit of diagonal about 1


class LinearLids:
    """One eye's lids on the template, whose skin are its first `n_skin` vertices: what other heads follow."""

    def __init__(self, template: Template, side: str, n_skin: int) -> None:
        self._template, self._side, self._count = template, side, n_skin
        self.eye = eye = bind_eye(template, side, np.arange(n_skin))
        on_margin = eye.spread[np.searchsorted(eye.around, eye.contact)]
        inverse = np.linalg.solve(
            on_margin.T @ on_margin + _SMOOTHING * np.eye(len(eye.contact)), on_margin.T
        )  # regularised: the margin's wishes are met but for ripples
        self._fit = eye.spread @ inverse
        clearance = eye.ball.clearance(template.vertices[eye.around])
        held = np.isin(eye.around, eye.contact)
        outer = np.isin(eye.around, np.flatnonzero(template.vertex_mask("face")))
        seen = (outer & (clearance > SEEN_CLEARANCE)) | held
        self._skin = eye.around[seen]
        self._floor = np.minimum(clearance, np.where(held, LEAST_GAP, _LID_THICKNESS))[seen]
        socket = template.part(f"eye_socket_{side}").vertices
        self._lining = np.arange(socket.start, socket.stop)
        self._ceiling = np.maximum(eye.ball.clearance(template.vertices[socket]), LEAST_GAP)

    def settle(self, out: Float[np.ndarray, "S 3"], head: Similarity) -> Eyeball:
        """Places the ball of a standing `head` and lays the lids of its skin `out` on it, in place."""
        for sink in (False, True):
            ball = self.eye.place(out, head, sink=sink)
            for _ in range(_LID_ROUNDS):
                self.eye.lay_margin(out, ball, self._fit)
        self.keep_off(out, ball, ball.gaze)
        return ball

    def keep_off(self, out: Float[np.ndarray, "S 3"], ball: Eyeball, gaze: Float[np.ndarray, "3"]) -> None:
        """The lids' skin at least as far off the ball as on the template, their lining at most; in place."""
        out[self._skin] = ball.between(out[self._skin], low=self._floor, gaze=gaze)
        out[self._lining] = ball.between(out[self._lining], high=self._ceiling, gaze=gaze)

    def on(self, rest: Float[np.ndarray, "S 3"], ball: Eyeball) -> LinearLidContact:
        """These lids on another head at rest (metres)."""
        return LinearLidContact(self, rest, ball, LidMargins(self._template.loops, self._side, rest))

    @cached_property
    def asked(self) -> TemplateLids:
        """What weights ask of the lids."""
        return TemplateLids(self._template, self._side, self.eye.ball)

    @cached_property
    def spread(self) -> LinearSpread:
        """How the skin round the lids follows: the exact plate of the template, tabulated on first use."""
        return template_plate(self._template, self._side, self._count).tabulated()


@dataclass(frozen=True)
class LinearLidContact:
    """One eye's lids on a head at rest (metres) whose ball is placed."""

    lids: LinearLids
    rest: Float[np.ndarray, "S 3"]
    ball: Eyeball
    margins: LidMargins

    def gap(self, offsets: Float[np.ndarray, "S 3"]) -> Float[np.ndarray, " L"]:
        """See `Contact.gap`: between the lids' front edges."""
        return self.margins.gap(self.rest + offsets, self.ball)

    def enforce(
        self, offsets: Float[np.ndarray, "S 3"], weights: Float[np.ndarray, "52"]
    ) -> Float[np.ndarray, "S 3"]:
        """See `Contact.enforce`: lids lie on the turned ball and close as the template's do."""
        out = self.rest + offsets
        before, now = self.rest[self.margins.held], out[self.margins.held]
        gaze = gaze_rotation(weights, self.margins.side) @ self.ball.gaze
        if np.abs(now - before).max() < _MARGIN_MOVES and gaze @ self.ball.gaze > _STILL_GAZE:
            return offsets
        goals = self.lids.asked.goals(self.margins, before, now, self.ball, weights)
        out += self.lids.spread(goals - now)
        self.lids.keep_off(out, self.ball, gaze)
        return out - self.rest


def template_plate(template: Template, side: str, n_skin: int) -> SolvedSpread:
    """The thin plate round the lids of one side on the template itself."""
    quads = template.topology.quads
    triangles = split_quads(quads[(quads < n_skin).all(axis=1)])
    held = LidMargins(template.loops, side, template.vertices).held
    return SolvedSpread(template.vertices[:n_skin], triangles, held, REACH)
