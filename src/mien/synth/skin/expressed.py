"""A subject's maps in an expression: albedo with its blood moved, displacement with its wrinkles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from mien.core.conventions import linear_to_srgb, srgb_to_linear
from mien.core.mesh import Image
from mien.synth.skin.dynamic import (
    Strain,
    blood_factor,
    expression_blood,
    face_and_head_triangles,
    fold_heights,
    strain_of,
    wrinkle_patterns,
)
from mien.synth.skin.fast import over_square
from mien.synth.skin.layout import enlarged, layout
from mien.synth.skin.look import SkinLook
from mien.synth.skin.relief import relief
from mien.synth.skin.spots import spots


@dataclass(frozen=True)
class DynamicSkin:
    """Maps of one subject's face that expressions change, all of one resolution: `albedo` at rest (sRGB);
    `displacement` at rest (mm) and where skin folds (`wrinkle_patterns`), or nothing of both.
    """

    look: SkinLook
    albedo: UInt8[np.ndarray, "R R 3"]
    displacement: Float[np.ndarray, "R R"] | None = None
    patterns: Float[np.ndarray, "2 R R"] | None = None

    def albedo_in(self, strain: Strain) -> UInt8[np.ndarray, "R R 3"]:
        """Albedo (sRGB) where skin is strained; without strain that at rest, to the byte."""
        change = enlarged(over_square(expression_blood(strain, self.look)), len(self.albedo))
        linear = srgb_to_linear(self.albedo / np.float32(255.0)) * blood_factor(change, self.look)
        return np.clip(np.rint(255.0 * linear_to_srgb(linear)), 0, 255).astype(np.uint8)

    def displacement_in(self, strain: Strain) -> Float[np.ndarray, "R R"]:
        """Displacement (mm) where skin is strained."""
        if self.displacement is None or self.patterns is None:
            raise ValueError("this skin was made without displacement")
        out = self.displacement.copy()
        for pattern, height in zip(self.patterns, fold_heights(self.look, strain), strict=True):
            out -= enlarged(over_square(height), len(out)) * np.maximum(pattern, 0.0)
        return out

    def maps_in(self, rest: Float[np.ndarray, "V 3"], posed: Float[np.ndarray, "V 3"]) -> dict[str, Image]:
        """The face's albedo and displacement of a pose of a whole head (metres), by name."""
        strain = strain_in(rest, posed - rest)
        albedo = self.albedo_in(strain).astype(np.float32) / np.float32(255.0)
        return {
            "face_albedo": Image(albedo, "srgb"),
            "face_displacement": Image(self.displacement_in(strain)[..., None], "linear", "mm"),
        }


def dynamic_skin(
    look: SkinLook, albedo: UInt8[np.ndarray, "R R 3"], *, displacement: bool = False
) -> DynamicSkin:
    """What a subject's expressions need: its albedo at rest (sRGB bytes), and `displacement` if asked."""
    if not displacement:
        return DynamicSkin(look, albedo)
    resolution = len(albedo)
    face = layout("face")
    height = relief(face, look, resolution, spots(face.grid, look, resolution)).height
    return DynamicSkin(look, albedo, height, wrinkle_patterns(face, look, resolution))


def strain_in(neutral: Float[np.ndarray, "N 3"], offset: Float[np.ndarray, "N 3"]) -> Strain:
    """The strain of an expression of a head; whole heads and skins alone give the same."""
    face = layout("face")
    triangles = face_and_head_triangles(face)
    skin = int(triangles.max()) + 1
    rest = np.zeros(face.template.vertices.shape)
    rest[:skin] = neutral[:skin]
    posed = rest.copy()
    posed[:skin] += offset[:skin]
    return strain_of(rest, posed, triangles, face.tension)
