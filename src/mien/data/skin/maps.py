"""A subject's skin as maps: albedo, specular, roughness, displacement, at any resolution."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from mien.core.conventions import linear_to_srgb
from mien.core.mesh import Image
from mien.data.skin.hairs import brow_cover, hair_colour, shadow, stubble_cover
from mien.data.skin.layout import Layout, enlarged, layout
from mien.data.skin.look import SkinLook
from mien.data.skin.pigment import pigment
from mien.data.skin.relief import relief
from mien.data.skin_table import table_colour
from mien.textures.skin import regional_fields

_SHADE = np.array([0.62, 0.72, 0.82], np.float32)  # what a full beard's shadow leaves of red, green and blue


def skin_maps(look: SkinLook, resolution: int, parts: tuple[str, ...] = ("face", "head")) -> dict[str, Image]:
    """The maps of both tiles by name ("face_albedo", ...): albedo in sRGB, displacement in mm, the rest linear.

    The same look and resolution give the same pixels.
    """
    out: dict[str, Image] = {}
    for part in parts:
        for kind, image in _tile_maps(layout(part), look, resolution, part).items():
            out[f"{part}_{kind}"] = image
    return out


def _tile_maps(tile: Layout, look: SkinLook, resolution: int, part: str) -> dict[str, Image]:
    places = enlarged(tile.whole(tile.points), resolution)
    height = relief(tile, look, resolution, places)
    albedo = _albedo(tile, look, resolution, part, places, height)
    specular, roughness, _ = np.moveaxis(
        enlarged(tile.whole(regional_fields(tile.template)), resolution), -1, 0
    )
    pit = np.clip(-height / 0.06, 0.0, 1.0)
    specular = specular * (1.0 - 0.35 * pit)
    roughness = roughness + 0.10 * (0.5 - look.oil) + 0.10 * pit
    return {
        "albedo": Image(linear_to_srgb(albedo).astype(np.float32), "srgb"),
        "specular": Image(np.clip(specular, 0.0, 0.5)[..., None]),
        "roughness": Image(np.clip(roughness, 0.2, 0.9)[..., None]),
        "displacement": Image(height[..., None].astype(np.float32), "linear", "mm"),
    }


def _albedo(
    tile: Layout, look: SkinLook, resolution: int, part: str, places: np.ndarray, height: np.ndarray
) -> Float[np.ndarray, "R R 3"]:
    made = pigment(tile, look, resolution, places)
    deep = np.clip(-height, 0.0, 0.25)
    # Creases and pores hold more blood and melanin for their area than the flat skin round them.
    colour = table_colour(
        np.exp(made.melanin + 1.6 * deep), np.exp(made.blood + 2.2 * deep), look.oxygenation
    )
    colour *= np.exp(shadow(look, tile, resolution)[..., None] * np.log(_SHADE))
    hair = hair_colour(look).astype(np.float32)
    cover = stubble_cover(look, tile, resolution)[..., None]
    colour += cover * (hair - colour)
    if part == "face":
        cover = brow_cover(look, tile, resolution)[..., None]
        colour += cover * (hair - colour)
    return colour
