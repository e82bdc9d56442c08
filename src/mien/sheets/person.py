"""People of the face database to look at: head, skin, eyes and teeth, at rest and in expressions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from mien.anatomy.gaze import LOOK_DEGREES
from mien.bake.colour import tile_of
from mien.core.conventions import linear_to_srgb, shape_weights, srgb_to_linear
from mien.core.face import Rig
from mien.core.mesh import Image
from mien.render.renderable import Renderable, renderable_from_template
from mien.synth.expression.maker import expression_maker
from mien.synth.identity.basis import load_basis
from mien.synth.skin.dynamic import (
    blood_factor,
    expression_blood,
    expression_relief,
    face_and_head_triangles,
    strain_of,
    wrinkle_patterns,
)
from mien.synth.skin.features import feature_maps
from mien.synth.skin.layout import enlarged, layout
from mien.synth.skin.look import SkinLook, draw_look
from mien.synth.skin.maps import skin_maps
from mien.synth.subject import Subject
from mien.synth.whole_head import WholeHead, whole_expression, whole_head
from mien.template.load import load_template
from mien.textures.lashes import occlusion_maps
from mien.textures.tangent import normal_from_displacement

SKIN_PARTS = ("face", "head")
_FEATURES = 1024  # texels of eyes and teeth, at most


@dataclass(frozen=True)
class Person:
    """A drawn person: head (metres, all parts), look, and maps by name without normals."""

    someone: Subject
    whole: WholeHead
    look: SkinLook
    maps: dict[str, Image]

    def pose(self, weights: dict[str, float]) -> Float[np.ndarray, "V 3"]:
        """All vertices (metres) of an expression in this person's own form; `KeyError` for unknown shapes."""
        offsets = whole_expression(expression_maker(load_basis()), self.whole, shape_weights(weights))
        return (self.whole.neutral + offsets).astype(np.float64)

    def seen(self, weights: dict[str, float] | None = None, *, dynamic: bool = True) -> Renderable:
        """Something to look at, in an expression; `dynamic`: with its blood and its wrinkles."""
        rest, posed = self.whole.neutral.astype(np.float64), self.pose(weights or {})
        maps = self.maps
        if weights and dynamic:
            maps = expressive(maps, self.look, rest, posed, self._patterns)
        return seen(posed, maps, rest)

    @cached_property
    def _patterns(self) -> Float[np.ndarray, "2 R R"]:
        return folding(self.maps, self.look)


def draw_person(someone: Subject, resolution: int = 1024) -> Person:
    """A person of the database with skin; `resolution` of the face's maps, half of it for the head's."""
    maker = expression_maker(load_basis())
    head = maker.heads.head(someone)
    whole = whole_head(maker, maker.bind(head, maker.draw_form(someone, head)), someone)
    look = draw_look(someone)
    return Person(someone, whole, look, person_maps(someone, look, resolution))


def person_maps(someone: Subject, look: SkinLook, resolution: int) -> dict[str, Image]:
    """Skin, eyes, teeth, lashes and the lids' shade of one person, by name."""
    return {
        **skin_maps(look, resolution, ("face",)),
        **skin_maps(look, max(resolution // 2, 256), ("head",)),
        **feature_maps(someone, look, min(max(resolution // 2, 256), _FEATURES)),
        **occlusion_maps(),
    }


def folding(maps: dict[str, Image], look: SkinLook) -> Float[np.ndarray, "2 R R"]:
    """Where this face folds, at its displacement's resolution: `wrinkle_patterns`."""
    return wrinkle_patterns(layout("face"), look, maps["face_displacement"].pixels.shape[0])


def expressive(
    maps: dict[str, Image],
    look: SkinLook,
    rest: Float[np.ndarray, "V 3"],
    posed: Float[np.ndarray, "V 3"],
    patterns: Float[np.ndarray, "2 R R"],
) -> dict[str, Image]:
    """The maps as a pose (metres) changes the face's: blood pressed out or gathered, wrinkles of compression
    where `patterns` (`folding`) lie.
    """
    face = layout("face")
    strain = strain_of(rest, posed, face_and_head_triangles(face), face.tension)
    colour, height = maps["face_albedo"].pixels, maps["face_displacement"].pixels
    change = enlarged(face.whole(expression_blood(strain, look)), colour.shape[0])
    linear = np.clip(srgb_to_linear(colour[..., :3]) * blood_factor(change, look), 0.0, 1.0)
    folds = expression_relief(face, look, strain, patterns)
    return {
        **maps,
        "face_albedo": Image(linear_to_srgb(linear).astype(np.float32), "srgb"),
        "face_displacement": Image(height + folds[..., None], "linear", "mm"),
    }


def seen(
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
    rig = Rig(head, template.shapes, template.joints, template.joint_weights)
    largest = max(image.pixels.shape[0] for image in shown.values())
    return renderable_from_template(template, rig, shown, texture_limit=largest)


def gaze_toward(yaw: float, pitch: float = 0.0) -> dict[str, float]:
    """Shape weights that turn both eyes toward `yaw` degrees to the subject's left and `pitch` upward."""
    out = {}
    for side in ("Left", "Right"):
        stem = "eyeLookOut" if (yaw > 0) == (side == "Left") else "eyeLookIn"
        out[stem + side] = min(abs(yaw) / LOOK_DEGREES[stem], 1.0)
        up = "eyeLookUp" if pitch > 0 else "eyeLookDown"
        out[up + side] = min(abs(pitch) / LOOK_DEGREES[up], 1.0)
    return {name: weight for name, weight in out.items() if weight > 0}
