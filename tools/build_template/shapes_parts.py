"""What the 52 shapes do to the parts beside the skin: eyes turn, the lower jaw moves rigidly, lashes ride."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from mien.anatomy.gaze import LOOK_DEGREES, look_rotation
from mien.anatomy.parts import follow_shape
from mien.core.conventions import SHAPE_INDEX
from mien.core.face import Template
from mien.geometry.align import Similarity
from mien.geometry.weights import smoothstep

_TONGUE_PUSH, _TONGUE_THINNER = 0.034, 0.2  # metres at the tip; share of the thickness lost there
_TONGUE_FALL = 14.0  # metres of fall to the square metre beyond the teeth
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
    _tongue_out(template, shapes[SHAPE_INDEX["tongueOut"]])
    for k, shape in enumerate(shapes):
        shapes[k] = follow_shape(template, shape)
    return replace(template, shapes=shapes)


def _tongue_out(template: Template, shape: Float[np.ndarray, "V 3"]) -> None:
    """The tongue pushed out over the lower teeth and bent down before the lip; made for an open jaw.

    Root to tip it is pushed ever farther forward, thins, rises to clear the incisors and falls beyond them.
    """
    rows = template.vertex_mask("tongue")
    tongue = template.vertices[rows]
    incisors = template.vertices[template.vertex_mask("teeth_lower")]
    front = incisors[:, 2].max()
    edge = incisors[np.abs(incisors[:, 0]) < 5e-3, 1].max()
    root, tip = tongue[:, 2].min(), tongue[:, 2].max()
    along = (tongue[:, 2] - root) / (tip - root)
    middle = np.interp(along, *_spine(along, tongue[:, 1]))
    forward = tongue[:, 2] + _TONGUE_PUSH * along**1.2
    thick = 1 - _TONGUE_THINNER * along
    over = smoothstep((forward - front + 0.030) / 0.028, 0.0, 1.0)
    rise = np.maximum(edge + 0.5e-3 - (middle + thick * (tongue[:, 1] - middle).min()), 0.0)
    fall = _TONGUE_FALL * np.maximum(forward - front - 2e-3, 0.0) ** 2
    shape[rows, 0] = 0.45 * along**2 * tongue[:, 0]
    shape[rows, 1] = middle + thick * (tongue[:, 1] - middle) + over * rise - fall - tongue[:, 1]
    shape[rows, 2] = forward - tongue[:, 2]


def _spine(
    along: Float[np.ndarray, " N"], height: Float[np.ndarray, " N"]
) -> tuple[Float[np.ndarray, " B"], Float[np.ndarray, " B"]]:
    """Mid height of the tongue at eleven stations from root to tip."""
    stations = np.linspace(0.0, 1.0, 11)
    close = [np.argsort(np.abs(along - s), kind="stable")[:24] for s in stations]
    return stations, np.array([(height[i].min() + height[i].max()) / 2 for i in close])


def _turn_eye(template: Template, shape: Float[np.ndarray, "V 3"], name: str) -> None:
    """Ball and cornea turned about the eye's joint: at full weight exactly where the rotation ends."""
    side = "left" if name.endswith("Left") else "right"
    centre = next(j.position for j in template.joints if j.name == f"eye_{side}")
    rows = template.vertex_mask(f"eye_{side}", f"cornea_{side}")
    arm = template.vertices[rows] - centre
    shape[rows] = arm @ look_rotation(name).T - arm
