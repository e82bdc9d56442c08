"""Taking an expression out of a scanned head."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from mien.anatomy.eyeball import SIDES
from mien.anatomy.opened_lids import opened_lids
from mien.anatomy.parts import place_parts, placed_eyeball
from mien.anatomy.skin_mesh import SkinMesh, skin_mesh
from mien.core.conventions import SHAPE_INDEX
from mien.core.face import Template
from mien.rigging.deformation_transfer import Transfer
from mien.rigging.personal import skin_shapes

_ROUNDS = 2
_HALF_SHUT = (0.4, 0.8)  # weights of a blink between which the scan stops telling how the open lids look


def remove_expression(
    template: Template, registered_vertices: Float[np.ndarray, "V 3"], weights: Float[np.ndarray, "52"]
) -> Float[np.ndarray, "V 3"]:
    """The person's neutral: `neutral + weights . shapes(neutral)` gives the registered skin back.

    The shapes depend on the neutral that is sought: a fixed point, approached in rounds. Identity is kept,
    since only transferred shapes are subtracted. Metres; parts are placed anew. Zero weights change nothing.
    Eyes that were closed get the template's open lids between this person's corners.
    """
    active = np.flatnonzero(np.abs(weights) > 1e-3)
    if len(active) == 0:
        return place_parts(template, registered_vertices)
    skin = skin_mesh(template)
    posed = registered_vertices[: skin.count]
    neutral = _first_guess(template, skin, posed, active, weights)
    which = _with_jaw(active)
    for _ in range(_ROUNDS):
        head = registered_vertices.copy()
        head[: skin.count] = neutral
        head = place_parts(template, head)
        eyes = {side: placed_eyeball(template, head, side) for side in SIDES}
        shapes = skin_shapes(template, skin, head, eyes, which)
        neutral = posed - np.tensordot(weights[which], shapes, axes=1)
    out = registered_vertices.copy()
    out[: skin.count] = neutral
    out[: skin.count] += _open_eyes(template, skin, place_parts(template, out), weights)
    return place_parts(template, out)


def _open_eyes(
    template: Template,
    skin: SkinMesh,
    head: Float[np.ndarray, "V 3"],
    weights: Float[np.ndarray, "52"],
) -> Float[np.ndarray, "S 3"]:
    """Offsets that give eyes that were closed in the scan the template's open lids."""
    out = np.zeros((skin.count, 3))
    for side in SIDES:
        shut = weights[SHAPE_INDEX[f"eyeBlink{side.capitalize()}"]]
        share = float(np.clip((shut - _HALF_SHUT[0]) / (_HALF_SHUT[1] - _HALF_SHUT[0]), 0.0, 1.0))
        if share > 0:
            ball = placed_eyeball(template, head, side)
            out += share * opened_lids(template, skin, head[: skin.count], side, ball)
    return out


def _first_guess(
    template: Template,
    skin: SkinMesh,
    posed: Float[np.ndarray, "S 3"],
    active: Int[np.ndarray, " K"],
    weights: Float[np.ndarray, "52"],
) -> Float[np.ndarray, "S 3"]:
    """The template's own way back from this expression to its neutral, carried to the posed head."""
    source = template.vertices[: skin.count]
    offset = np.tensordot(weights[active], template.shapes[active, : skin.count], axes=1)
    way_back = Transfer(source + offset, posed, skin.triangles, skin.frame).apply(-offset[None])
    return posed + way_back[0]


def _with_jaw(active: Int[np.ndarray, " K"]) -> Int[np.ndarray, " L"]:
    """mouthClose is defined over the open jaw: it takes jawOpen along (at its own weight, even zero)."""
    if SHAPE_INDEX["mouthClose"] in active:
        return np.union1d(active, SHAPE_INDEX["jawOpen"])
    return active
