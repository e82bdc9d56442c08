"""Taking an expression out of a scanned head."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from mien.core.conventions import SHAPE_INDEX
from mien.core.face import Template
from mien.rig.personal import SkinMesh, person_eye, skin_mesh, skin_shapes
from mien.rig.transfer import Transfer
from mien.template.followers import place_parts

_ROUNDS = 2


def remove_expression(
    template: Template, registered_vertices: Float[np.ndarray, "V 3"], weights: Float[np.ndarray, "52"]
) -> Float[np.ndarray, "V 3"]:
    """The person's neutral: `neutral + weights . shapes(neutral)` gives the registered skin back.

    The shapes depend on the neutral that is sought: a fixed point, approached in rounds. Identity is kept,
    since only transferred shapes are subtracted. Metres; parts are placed anew. Zero weights change nothing.
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
        eyes = {side: person_eye(template, head, side) for side in ("left", "right")}
        shapes = skin_shapes(template, skin, head, eyes, which)
        neutral = posed - np.tensordot(weights[which], shapes, axes=1)
    out = registered_vertices.copy()
    out[: skin.count] = neutral
    return place_parts(template, out)


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
