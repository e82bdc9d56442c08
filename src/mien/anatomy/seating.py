"""A drawn skin made a head: linings follow, lips meet, lids lie on eyeballs. Precomputed, no solves."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from mien.anatomy.contact.linear_lids import LinearLids
from mien.anatomy.contact.linear_lips import LinearLips
from mien.anatomy.eye_placement import EyeBinding
from mien.anatomy.eyeball import SIDES, Eyeball
from mien.anatomy.following_skin import bind_corners, bind_lid_rims, bind_mouth_zone, bind_nostrils
from mien.anatomy.skin_mesh import skull_rows
from mien.core.face import Template
from mien.geometry.align import fit_similarity


class Seat:
    """What lids, lips and linings need, bound to one template whose skin are the first `n_skin` rows."""

    def __init__(self, template: Template, n_skin: int) -> None:
        n = n_skin
        self.template = template
        self._skull = skull_rows(template)
        self.lids = {side: LinearLids(template, side, n) for side in SIDES}
        self.lips = LinearLips(template, n)
        self._rims = bind_lid_rims(template, n)
        self._healed = [*bind_corners(template, n), *bind_nostrils(template), bind_mouth_zone(template)]

    def __call__(self, skin: Float[np.ndarray, "S 3"]) -> tuple[Float[np.ndarray, "S 3"], dict[str, Eyeball]]:
        """The skin with lids laid on the balls and lips that meet, and the balls. A few hundred rows move."""
        out = np.array(skin, np.float64)
        for zone in [*self._rims, *self._healed]:
            zone.heal(out)
        self.lips.settle(out)
        head = fit_similarity(self.template.vertices[self._skull], out[self._skull])
        return out, {side: lids.settle(out, head) for side, lids in self.lids.items()}

    def set_balls(self, head: Float[np.ndarray, "V 3"], balls: dict[str, Eyeball]) -> None:
        """Writes the eyeballs' rows of a whole head, in place."""
        for side, ball in balls.items():
            eye = self.eye(side)
            head[eye.rows] = eye.carried(self.template.vertices[eye.rows], ball)

    def eye(self, side: str) -> EyeBinding:
        """How lids and ball of one side ("left", "right") belong together."""
        return self.lids[side].eye

    def heal_offsets(self, offsets: Float[np.ndarray, "S 3"], generic: Float[np.ndarray, "S 3"]) -> None:
        """Makes an expression's offsets at corners, nostrils and mouth walls follow the skin round them.

        In place; what `generic` (the template's own expression) does there is kept.
        """
        for zone in self._healed:
            zone.heal_offsets(offsets, generic)
