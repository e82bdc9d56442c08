"""What the 52 shapes do to the parts beside the skin: eyes turn, the lower jaw moves rigidly, lashes ride."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from mien.core.conventions import SHAPE_INDEX
from mien.core.face import Template
from mien.geometry.align import Similarity
from mien.rig.gaze import LOOK_DEGREES, look_rotation
from mien.template.followers import follow_shape

LOWER_JAW = ("teeth_lower", "gums_lower", "tongue")


def with_parts(template: Template, jaw: dict[str, Similarity]) -> Template:
    """The template whose shapes move its parts too; `jaw` are the rigid motions of the lower teeth."""
    shapes = template.shapes.copy()
    for stem in LOOK_DEGREES:
        for side in ("Left", "Right"):
            _turn_eye(template, shapes[SHAPE_INDEX[stem + side]], stem + side)
    lower = template.vertex_mask(*LOWER_JAW)
    for name, motion in jaw.items():
        shapes[SHAPE_INDEX[name], lower] = motion(template.vertices[lower]) - template.vertices[lower]
    for k, shape in enumerate(shapes):
        shapes[k] = follow_shape(template, shape)
    return replace(template, shapes=shapes)


def _turn_eye(template: Template, shape: Float[np.ndarray, "V 3"], name: str) -> None:
    """Ball and cornea turned about the eye's joint: at full weight exactly where the rotation ends."""
    side = "left" if name.endswith("Left") else "right"
    centre = next(j.position for j in template.joints if j.name == f"eye_{side}")
    rows = template.vertex_mask(f"eye_{side}", f"cornea_{side}")
    arm = template.vertices[rows] - centre
    shape[rows] = arm @ look_rotation(name).T - arm
