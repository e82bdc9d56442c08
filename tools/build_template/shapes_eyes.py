"""Lids of the template's shapes: sliding on the eyeballs, closing in a blink, following the gaze."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from mien.anatomy.contact.exact_lids import ExactLids
from mien.anatomy.eyeball import Eyeball
from mien.anatomy.gaze import look_rotation
from mien.core.mesh import split_quads
from mien.geometry.weights import smoothstep
from tools.build_template.shapes_sides import mirrored
from tools.build_template.types import Skin

_CANTHUS = 9e-3  # metres round the lids' corners in which a blink calms down: they hardly move
_SQUINT_GAIN, _SQUINT_BLINK, _SQUINT_LOWER = 1.1, 0.08, 1.0e-3
_LOOK_DOWN_LID = 0.5  # share of a blink that the upper lid makes when the gaze falls


def left_lids(skin: Skin) -> ExactLids:
    """The left eye's lids on the neutral skin."""
    field = skin.eyes["left"]
    ball = Eyeball(field.centre, field.radius, np.eye(3))
    outer = np.zeros(len(skin.vertices), bool)
    for part in skin.parts:
        if part.name in ("face", "head"):
            outer[part.vertices] = True
    return ExactLids(skin.vertices, split_quads(skin.quads), skin.loops, "left", ball, outer)


def blink_left(skin: Skin, lids: ExactLids, carried: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "V 3"]:
    """The carried blink with calm corners, closed on this eyeball."""
    corners = skin.vertices[lids.margins.front.upper[[0, -1]]]
    distance = np.linalg.norm(skin.vertices[:, None] - corners, axis=2).min(axis=1)
    return lids.close(carried * (0.25 + 0.75 * smoothstep(distance / _CANTHUS, 0.0, 1.0))[:, None])


def look_left(
    skin: Skin, lids: ExactLids, name: str, carried: Float[np.ndarray, "V 3"], blink: Float[np.ndarray, "V 3"]
) -> Float[np.ndarray, "V 3"]:
    """The lids that go with a turned left eye; looking down, the upper one is half a blink."""
    if name == "eyeLookDownLeft":
        middle = skin.vertices[lids.margins.front.upper[[0, -1]], 1].mean()
        below = smoothstep((middle - 1e-3 - skin.vertices[:, 1]) / 3e-3, 0.0, 1.0)[:, None]
        carried = below * carried + (1 - below) * _LOOK_DOWN_LID * blink
    gaze = look_rotation(name) @ lids.ball.gaze
    return lids.slide(carried, gaze)


def squint_left(
    lids: ExactLids, carried: Float[np.ndarray, "V 3"], blink: Float[np.ndarray, "V 3"]
) -> Float[np.ndarray, "V 3"]:
    """The carried squint, whose lids hardly narrow, with the lids narrowed as ARKit's do."""
    narrowed = _SQUINT_GAIN * carried + _SQUINT_BLINK * blink + lids.shift(0.0, _SQUINT_LOWER)
    return lids.slide(narrowed)


def slide_both(skin: Skin, lids: ExactLids, offsets: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "V 3"]:
    """Any shape with both eyes' margins kept on their balls (symmetric if it was)."""
    left = lids.slide(offsets) - offsets
    right = mirrored(skin, lids.slide(mirrored(skin, offsets)) - mirrored(skin, offsets))
    return offsets + left + right
