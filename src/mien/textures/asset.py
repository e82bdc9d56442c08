"""All maps of one asset."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from mien.bake.colour import bake_colour, tile_of
from mien.bake.iris import measured_iris
from mien.bake.relief import scan_relief
from mien.bake.skin_prior import tone_of_colour
from mien.core.conventions import srgb_to_linear
from mien.core.face import PreparedScan, Registration, Template
from mien.core.mesh import Image
from mien.geometry.weights import smoothstep
from mien.template.regions import region
from mien.textures.eyes import eye_maps, iris_named, likely_iris
from mien.textures.generated import generated_skin
from mien.textures.lashes import lash_maps, occlusion_maps
from mien.textures.mouth import mouth_maps
from mien.textures.skin import static_maps
from mien.textures.skin_generator import SkinGenerator

DEFAULT_TONE = 0.2
LARGEST_PART_MAP = 1024  # texels


def asset_maps(
    template: Template,
    registration: Registration,
    prepared: PreparedScan,
    resolution: int = 1024,
    parts: dict[str, Image] | None = None,
    iris: str | None = None,
    skin: SkinGenerator = generated_skin,
) -> tuple[dict[str, Image], Image | None, str, str]:
    """The maps by name, the face tile's confidence, where the skin's colour is from and the eyes'.

    "measured": baked from the scan, completed where it has gaps; the maps then hold "head_confidence", too.
    "generated": the scan has no colour, the confidence is then None. Eyes: "given" as `iris`, "measured"
    where the scan's are open, or "invented". `parts` are the `part_maps`, made here if left out; `skin`
    invents the colour of a scan that has none.
    """
    vertices, shown = registration.vertices, _shown(registration, prepared)
    if prepared.scan.has_colour:
        baked = bake_colour(
            template, vertices, prepared, resolution, registration.confidence, shown, registration.bare
        )
        albedo = {"face": baked.face_albedo, "head": baked.head_albedo}
        confidence, source = baked.face_confidence, "measured"
    else:
        seed = int(prepared.scan.sha256[:8] or "0", 16)
        albedo = skin(template, DEFAULT_TONE, seed, resolution)
        confidence, source = None, "generated"
    relief = scan_relief(template, vertices, prepared, resolution, shown, registration.confidence)
    maps = static_maps(template, vertices, albedo, relief)
    if prepared.scan.has_colour:
        maps["head_confidence"] = baked.head_confidence
    size = min(resolution, LARGEST_PART_MAP)
    maps |= part_maps(size) if parts is None else parts
    colour, eyes = _iris(template, registration, prepared, albedo["face"], iris)
    maps |= eye_maps(size, colour)
    return maps, confidence, source, eyes


def _iris(
    template: Template, registration: Registration, prepared: PreparedScan, skin: Image, given: str | None
) -> tuple[tuple[float, float, float], str]:
    """sRGB of the irises, and where it is from."""
    if given is not None:
        return iris_named(given), f"given: {given}"
    measured = measured_iris(template, registration.vertices, prepared)
    if measured is not None:
        return measured, "measured: " + "#" + "".join(f"{round(255 * c):02x}" for c in measured)
    tile = tile_of(template, "face", skin.pixels.shape[0])
    cheek = skin.pixels[tile.covered][tile.at_texels(region(template, "cheek")) > 0.5, :3]
    name = likely_iris(tone_of_colour(np.median(srgb_to_linear(cheek), axis=0)))
    return iris_named(name), f"invented: {name}"


def _shown(registration: Registration, prepared: PreparedScan) -> Float[np.ndarray, " V"] | None:
    """0 where the user masked the scan, or Mien did where the mask leaves it to Mien; None without one.

    Without a mask colour is judged by itself: short hair that hides the form may still show skin.
    """
    if prepared.scan.vertex_mask is None or registration.bare is None:
        return None
    return smoothstep(registration.bare, 0.2, 0.6)


def part_maps(resolution: int) -> dict[str, Image]:
    """The maps that are the same for every head: mouth, lashes, the shade of the lids."""
    return mouth_maps(resolution) | lash_maps() | occlusion_maps()
