"""Lids on their eyeballs and lips that meet: cheap corrections of a new skin, precomputed once."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from mien.anatomy.eye_placement import EyeBinding, PlacedEye
from mien.anatomy.seat_lids import bind_lids, keep_off, settle
from mien.anatomy.seat_lips import LipSeat, bind_lips
from mien.anatomy.seat_zones import bind_corners, bind_lid_rims, bind_mouth_zone, bind_nostrils
from mien.core.face import Template
from mien.geometry.align import fit_similarity

SIDES = ("left", "right")
_STABLE_ABOVE = -0.03  # metres: the skull's part of the face, which says how the head stands


class Seat:
    """What lids, lips and linings need, bound to one template whose skin are the first `n_skin` rows."""

    def __init__(self, template: Template, n_skin: int) -> None:
        n = n_skin
        self.template = template
        face = template.part("face").vertices
        rows = np.arange(face.start, face.stop)
        self._stable = rows[template.vertices[rows, 1] > _STABLE_ABOVE]
        self._lids = {side: bind_lids(template, side, n) for side in SIDES}
        self.lips: LipSeat = bind_lips(template, n)
        self._rims = bind_lid_rims(template, n)
        self._healed = [*bind_corners(template, n), *bind_nostrils(template), bind_mouth_zone(template)]

    def __call__(
        self, skin: Float[np.ndarray, "S 3"]
    ) -> tuple[Float[np.ndarray, "S 3"], dict[str, PlacedEye]]:
        """The skin with lids laid on the balls and lips that meet, and the balls. A few hundred rows move."""
        out = np.array(skin, np.float64)
        for zone in [*self._rims, *self._healed]:
            zone.heal(out)
        self.lips.close(out)
        self.lips.part(out)
        head = fit_similarity(self.template.vertices[self._stable], out[self._stable])
        return out, {side: settle(self._lids[side], out, head) for side in SIDES}

    def set_balls(self, head: Float[np.ndarray, "V 3"], balls: dict[str, PlacedEye]) -> None:
        """Writes the eyeballs' rows of a whole head, in place."""
        for side, ball in balls.items():
            eye = self._lids[side].eye
            head[eye.rows] = ball.carry(self.template.vertices[eye.rows], eye)

    def eye(self, side: str) -> EyeBinding:
        """How lids and ball of one side ("left", "right") belong together."""
        return self._lids[side].eye

    def lip_opening(self, skin: Float[np.ndarray, "S 3"]) -> Float[np.ndarray, " U"]:
        """Signed metres between the lips' seams at the upper one's vertices; negative: crossed."""
        return self.lips.opening(skin)

    def heal_offsets(self, offsets: Float[np.ndarray, "S 3"], generic: Float[np.ndarray, "S 3"]) -> None:
        """Makes an expression's offsets at corners, nostrils and mouth walls follow the skin round them.

        In place; what `generic` (the template's own expression) does there is kept.
        """
        for zone in self._healed:
            zone.heal_offsets(offsets, generic)

    def keep_off(
        self, out: Float[np.ndarray, "S 3"], side: str, ball: PlacedEye, gaze: Float[np.ndarray, "3"]
    ) -> None:
        """Skin that moved onto a ball that looks along `gaze` kept off it, its socket behind the lids."""
        keep_off(self._lids[side], out, ball, gaze)
