"""Synthetic people to look at: head, skin, eyes and teeth, at rest and in expressions."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from mien.anatomy.gaze import LOOK_DEGREES
from mien.bake.colour import tile_of
from mien.core.mesh import Image
from mien.render.renderable import Renderable, renderable_from_template
from mien.rigging.rig import Rig
from mien.synth.person import SyntheticPerson
from mien.template.load import load_template
from mien.textures.tangent import normal_from_displacement

SKIN_PARTS = ("face", "head")


def show_person(
    person: SyntheticPerson, weights: dict[str, float] | None = None, *, dynamic: bool = True
) -> Renderable:
    """A person in an expression; `dynamic`: with its blood and its wrinkles."""
    maps = person.maps_in(weights) if weights and dynamic else person.maps
    return show_head(person.pose(weights or {}), maps, person.neutral)


def show_head(
    head: Float[np.ndarray, "V 3"],
    maps: dict[str, Image],
    rest: Float[np.ndarray, "V 3"] | None = None,
) -> Renderable:
    """A head of the template's topology (metres) with these maps; normals are made of the displacement, on
    `rest` where given, since wrinkles there do not stretch with the skin.
    """
    template = load_template()
    at_rest = head if rest is None else rest
    shown = dict(maps)
    for part in SKIN_PARTS:
        height = maps[f"{part}_displacement"]
        tile = tile_of(template, part, height.pixels.shape[0])
        shown[f"{part}_normal"] = normal_from_displacement(height, tile, at_rest, template.topology.triangles)
    largest = max(image.pixels.shape[0] for image in shown.values())
    return renderable_from_template(template, Rig.on(template, head), shown, texture_limit=largest)


def gaze_toward(yaw: float, pitch: float = 0.0) -> dict[str, float]:
    """Shape weights that turn both eyes toward `yaw` degrees to the subject's left and `pitch` upward."""
    out = {}
    for side in ("Left", "Right"):
        stem = "eyeLookOut" if (yaw > 0) == (side == "Left") else "eyeLookIn"
        out[stem + side] = min(abs(yaw) / LOOK_DEGREES[stem], 1.0)
        up = "eyeLookUp" if pitch > 0 else "eyeLookDown"
        out[up + side] = min(abs(pitch) / LOOK_DEGREES[up], 1.0)
    return {name: weight for name, weight in out.items() if weight > 0}
