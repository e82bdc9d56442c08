"""Open lids for eyes that were closed in the scan."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from mien.anatomy.contact.lids import REACH, LidMargins
from mien.anatomy.contact.spread import within_reach
from mien.anatomy.eye_placement import template_eyeball
from mien.anatomy.eyeball import Eyeball
from mien.anatomy.skin_mesh import SkinMesh
from mien.core.face import Template
from mien.geometry.align import Similarity
from mien.geometry.patch import Patch


def opened_lids(
    template: Template, skin: SkinMesh, vertices: Float[np.ndarray, "S 3"], side: str, ball: Eyeball
) -> Float[np.ndarray, "S 3"]:
    """Offsets (metres) to the template's open lids between this person's corners and this person's orbit.

    For eyes that were closed in the scan, which shows nothing of how they look open.
    """
    own = template.vertices[: skin.count]
    margins = LidMargins(template.loops, side, own)
    corners = np.unique([line[[0, -1]] for seam in (margins.front, margins.back) for line in seam.lines])
    carried = _with_the_ball(template_eyeball(template, side), ball)(own)
    patch = Patch(own, skin.triangles, within_reach(own, margins.held, REACH), corners)
    difference = vertices - carried
    return carried + patch.correct(difference[corners], skin.count, around=difference) - vertices


def _with_the_ball(rest: Eyeball, placed: Eyeball) -> Similarity:
    """From a ball to where it was placed; its gaze says how it is turned."""
    scale = placed.radius / rest.radius
    return Similarity(scale, placed.rotation, placed.centre - scale * placed.rotation @ rest.centre)
