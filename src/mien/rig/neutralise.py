"""Taking an expression out of a scanned head."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from mien.core.face import Template
from mien.rig.personal import skin_mesh
from mien.rig.transfer import Transfer
from mien.template.followers import place_parts

_ROUNDS = 3


def remove_expression(
    template: Template, registered_vertices: Float[np.ndarray, "V 3"], weights: Float[np.ndarray, "52"]
) -> Float[np.ndarray, "V 3"]:
    """The person's neutral: `neutral + weights . shapes(neutral)` gives the registered skin back.

    The shapes depend on the neutral that is sought: a fixed point, three rounds. Identity is kept, since
    only transferred shapes are subtracted. Metres; parts are placed anew. All-zero weights change nothing.
    """
    active = np.flatnonzero(np.abs(weights) > 1e-3)
    if len(active) == 0:
        return place_parts(template, registered_vertices)
    skin = skin_mesh(template)
    posed = registered_vertices[: skin.count]
    source = template.vertices[: skin.count]
    pose_offset = np.tensordot(weights[active], template.shapes[active, : skin.count], axes=1)
    neutral = (
        posed + Transfer(source + pose_offset, posed, skin.triangles, skin.frame).apply(-pose_offset[None])[0]
    )
    for _ in range(_ROUNDS - 1):
        shapes = Transfer(source, neutral, skin.triangles, skin.frame).apply(
            template.shapes[active, : skin.count]
        )
        neutral = posed - np.tensordot(weights[active], shapes, axes=1)
    out = registered_vertices.copy()
    out[: skin.count] = neutral
    return place_parts(template, out)
