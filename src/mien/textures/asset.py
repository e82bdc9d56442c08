"""All maps of one asset."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from mien.bake.colour import bake_colour, tile_of
from mien.bake.iris import measured_iris
from mien.bake.possible_skin_colour import not_skin
from mien.bake.relief import scan_relief
from mien.bake.skin_prior import tone_of_colour
from mien.core.conventions import srgb_to_linear
from mien.core.face import PreparedScan, Registration, Template
from mien.core.mesh import Image
from mien.geometry.weights import smoothstep
from mien.template.regions import region
from mien.textures.eyes import eye_maps, iris_named, likely_iris
from mien.textures.invented_skin import generated_skin
from mien.textures.lashes import lash_maps, occlusion_maps
from mien.textures.mouth import mouth_maps
from mien.textures.skin import static_maps
from mien.textures.skin_generator import SkinGenerator

MEASURED, OWN, GENERATED = "measured", "the scan's own, no human skin", "generated"  # where skin is from
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
    "the scan's own, no human skin": the same, of a statue perhaps. "generated": the scan has no colour, or
    one that says nothing; the confidence is then None. Eyes: "given" as `iris`, "measured" (or the scan's
    own) where the scan's are open, or "invented". `parts` are the `part_maps`, made here if left out; `skin`
    is the generator.
    """
    vertices, shown = registration.vertices, _shown(registration, prepared)
    albedo, confidence, source = skin_of(template, registration, prepared, resolution, shown, skin)
    relief = scan_relief(template, vertices, prepared, resolution, shown, registration.confidence)
    maps = static_maps(template, vertices, albedo, relief)
    if confidence is not None:
        maps["head_confidence"] = confidence["head"]
    size = min(resolution, LARGEST_PART_MAP)
    maps |= part_maps(size) if parts is None else parts
    colour, eyes = _iris(template, registration, prepared, albedo["face"], (source, iris))
    maps |= eye_maps(size, colour)
    return maps, None if confidence is None else confidence["face"], source, eyes


def skin_of(
    template: Template,
    registration: Registration,
    prepared: PreparedScan,
    resolution: int,
    shown: Float[np.ndarray, " V"] | None = None,
    skin: SkinGenerator = generated_skin,
) -> tuple[dict[str, Image], dict[str, Image] | None, str]:
    """Albedo and confidence of "face" and "head", and where the colour is from (see `asset_maps`).

    A colour that no human skin has is kept and called the scan's own; black, or one colour all over, is no
    information and gives way to generated skin.
    """
    why = ""
    if prepared.scan.has_colour:
        baked = bake_colour(
            template,
            registration.vertices,
            prepared,
            resolution,
            registration.confidence,
            shown,
            registration.bare,
        )
        foreign = not_skin(template, baked)
        if foreign is None or foreign.colour_of_something:
            albedo = {"face": baked.face_albedo, "head": baked.head_albedo}
            confidence = {"face": baked.face_confidence, "head": baked.head_confidence}
            return albedo, confidence, MEASURED if foreign is None else f"{OWN} ({foreign.why})"
        why = f": the scan is {foreign.why}, which no skin is"
    seed = int(prepared.scan.sha256[:8] or "0", 16)
    return skin(template, DEFAULT_TONE, seed, resolution), None, GENERATED + why


def _iris(
    template: Template,
    registration: Registration,
    prepared: PreparedScan,
    skin: Image,
    asked: tuple[str, str | None],
) -> tuple[tuple[float, float, float], str]:
    """sRGB of the irises, and where it is from; `asked`: where skin is from, and the iris that was given."""
    source, given = asked
    if given is not None:
        return iris_named(given), f"given: {given}"
    seen = not source.startswith(GENERATED)
    measured = measured_iris(template, registration.vertices, prepared) if seen else None
    if measured is not None:
        word = MEASURED if source == MEASURED else "the scan's own"
        return measured, f"{word}: #" + "".join(f"{round(255 * c):02x}" for c in measured)
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
