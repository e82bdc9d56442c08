"""Hair on and in the skin: brows, stubble, the shadow of a shaven beard, a cropped scalp."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from mien.data.skin.layout import Layout, enlarged
from mien.data.skin.look import SkinLook
from mien.data.skin.splat import SPOT, splat
from mien.textures.hair import brow_strokes
from mien.textures.skin import region

_FAIR, _BLACK, _RED, _GREY = (np.array(c) for c in ([0.26, 0.17, 0.085], [0.012, 0.010, 0.009],
                                                    [0.17, 0.055, 0.02], [0.42, 0.41, 0.39]))  # fmt: skip


def hair_colour(look: SkinLook) -> Float[np.ndarray, "3"]:
    """Linear sRGB of most hairs."""
    own = np.exp((1 - look.hair_colour) * np.log(_FAIR) + look.hair_colour * np.log(_BLACK))
    own = (1 - look.reddish) * own + look.reddish * _RED
    return (1 - 0.85 * look.grey) * own + 0.85 * look.grey * _GREY


def brow_cover(look: SkinLook, layout: Layout, resolution: int) -> Float[np.ndarray, "R R"]:
    """How much of each texel of the face tile brow hair covers."""
    rng = np.random.default_rng([look.seed, 3])
    return brow_strokes(layout.template, resolution, rng, fullness=look.brows)


def stubble_cover(look: SkinLook, layout: Layout, resolution: int) -> Float[np.ndarray, "R R"]:
    """Cut hairs as dots: on the scalp always, on the beard as much as this subject shaves little."""
    rng = np.random.default_rng([look.seed, len(layout.tile.triangles), 4])
    beard, scalp = region(layout.template, "beard"), region(layout.template, "scalp")
    density = 0.95 * np.maximum(scalp * 1.1, beard * min(1.0, 0.25 + look.stubble + 0.5 * look.shadow))
    if look.shadow == 0.0:
        density = 1.05 * scalp
    places = layout.scatter(layout.tile.at_texels(np.clip(density, 0, 1.1)), rng)
    count = len(places)
    on_scalp = layout.at(places, scalp)
    long = np.maximum(0.55 * on_scalp, look.stubble)
    radius = np.c_[0.06 + 0.45 * long, np.full(count, 0.05)] * np.exp(0.2 * rng.standard_normal((count, 1)))
    down = np.array([0.1, -1.0, 0.4]) + 0.5 * rng.standard_normal((count, 3))
    strength = np.maximum(on_scalp * 0.8, 0.25 + 0.5 * look.stubble) * rng.uniform(0.5, 1.0, count)
    canvas = np.zeros((resolution, resolution), np.float32)
    splat(canvas, layout.marks(places, down, radius, strength, resolution), SPOT)
    return 1.0 - np.exp(-canvas)


def shadow(look: SkinLook, layout: Layout, resolution: int) -> Float[np.ndarray, "R R"]:
    """0 to 1: hair under the surface, which takes light of all wavelengths and lets skin look bluish."""
    fields = np.maximum(
        region(layout.template, "beard") * look.shadow, 0.55 * region(layout.template, "scalp")
    )
    return np.clip(enlarged(layout.whole(fields), resolution), 0.0, 1.0)
