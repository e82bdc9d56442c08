"""A subject's skin as maps: albedo, specular, roughness, displacement, at any resolution."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from jaxtyping import Float

from mien.core.mesh import Image
from mien.synth.skin.brows import Hairs, brow_hairs, hair_colour, hair_colours
from mien.synth.skin.colouring import Texels, coloured, encode_srgb
from mien.synth.skin.fields import vertex_fields
from mien.synth.skin.hairs import shadow, stubble_marks
from mien.synth.skin.layout import Layout, enlarged, layout
from mien.synth.skin.look import SkinLook
from mien.synth.skin.marks import SPOT, Marks
from mien.synth.skin.pigment import mottled, ragged, regional_pigment, vermilion
from mien.synth.skin.relief import Relief, relief
from mien.synth.skin.splat import splat
from mien.synth.skin.spots import Layer, spots
from mien.synth.skin.strokes import draw_hairs, lay_cover
from mien.textures.skin import regional_fields


def skin_maps(look: SkinLook, resolution: int, parts: tuple[str, ...] = ("face", "head")) -> dict[str, Image]:
    """The maps of both tiles by name ("face_albedo", ...): albedo sRGB, displacement in mm, the rest linear.

    The same look and resolution give the same pixels.
    """
    tiles = [layout(part) for part in parts]
    with ThreadPoolExecutor(max(len(tiles), 1)) as pool:  # what takes long holds no interpreter lock
        made = list(pool.map(lambda tile: _tile_maps(tile, look, resolution), tiles))
    return {
        f"{part}_{kind}": image
        for part, maps in zip(parts, made, strict=True)
        for kind, image in maps.items()
    }


def _tile_maps(tile: Layout, look: SkinLook, resolution: int) -> dict[str, Image]:
    layers = spots(tile.grid, look, resolution)
    form = relief(tile, look, resolution, layers)
    albedo = linear_albedo(tile, look, resolution, layers, form)
    values = enlarged(tile.whole(regional_fields(tile.template)), resolution)
    specular, roughness = values[..., 0], values[..., 1]
    pit = np.clip(form.groove / 0.06, 0.0, 1.0)
    specular = specular * (1.0 - 0.35 * pit) * (1.0 + 0.06 * form.network)
    roughness = roughness + 0.05 + 0.10 * (0.5 - look.oil) + 0.10 * pit - 0.02 * form.network
    return {
        "albedo": Image(encode_srgb(albedo), "srgb"),
        "specular": Image(np.clip(specular, 0.0, 0.5).astype(np.float32)[..., None]),
        "roughness": Image(np.clip(roughness, 0.2, 0.9).astype(np.float32)[..., None]),
        "displacement": Image(form.height[..., None].astype(np.float32), "linear", "mm"),
    }


def linear_albedo(
    tile: Layout, look: SkinLook, resolution: int, layers: list[Layer], form: Relief
) -> Float[np.ndarray, "R R 3"]:
    """Linear sRGB: pigment by region, blotch and spot; hair in and on the skin."""
    made = [enlarged(column, resolution) for column in np.moveaxis(coarse_pigment(tile, look), -1, 0)]
    for layer in layers:
        splat(made[layer.column], layer.marks, layer.profile)
    hidden = enlarged(tile.whole(shadow(vertex_fields(), look)), resolution)
    out = coloured(look, Texels((made[0], made[1], made[2]), form.groove, form.network, hidden))
    _add_stubble(out, tile, look, resolution)
    if tile.grid.part == "face":
        hairs = brow_hairs(tile.grid, look)
        draw_hairs(out, hairs, texels_per_mm(tile, hairs, resolution))
    return out


def coarse_pigment(tile: Layout, look: SkinLook) -> Float[np.ndarray, "C C 3"]:
    """Pigment (`mien.synth.skin.pigment`) without spots, over the coarse square."""
    fields = vertex_fields()
    made = tile.whole(regional_pigment(fields, look))
    lips = tile.whole(np.stack([fields.of("lips"), fields.of("lower_lip")], axis=1))
    near = lips[..., 0] > 0.01
    lips[near, 0] = ragged(lips[near, 0], tile.places[near], look)
    made = vermilion(made, lips[..., 0], lips[..., 1], look)
    half = tile.places[::2, ::2]
    blotches = mottled(half.reshape(-1, 3), look).reshape(*half.shape[:2], 2)
    made[..., :2] += enlarged(blotches, tile.places.shape[0])
    return made


def _add_stubble(out: np.ndarray, tile: Layout, look: SkinLook, resolution: int) -> None:
    marks, grey = stubble_marks(tile.grid, look, resolution)
    pale, _ = hair_colours(look, 1, 1.0, np.random.default_rng(0))
    for chosen, colour in ((~grey, hair_colour(look)), (grey, pale[0])):
        if not chosen.any():
            continue
        canvas = np.zeros(out.shape[:2], np.float32)
        parts = (marks.centre, marks.to_surface, marks.radius, marks.strength)
        splat(canvas, Marks(*(part[chosen] for part in parts)), SPOT)
        lay_cover(out, canvas, colour.astype(np.float32))


def texels_per_mm(tile: Layout, hairs: Hairs, resolution: int) -> Float[np.ndarray, " H"]:
    """Texels a millimetre at each hair's root."""
    root = np.clip(hairs.points[:, 0], 0.0, 1.0 - 1e-6)
    return resolution / np.sqrt(tile.grid.texel_area[tile.grid.texel(root)]) / len(tile.grid.covered)
