"""Hair in the skin: stubble, the shadow of a shaven beard, a cropped scalp.

Needs numpy and scipy only; `stubble_marks` are drawn finely by `mien.synth.skin.splat`.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from mien.geometry.weights import smoothstep
from mien.synth.skin.fields import Fields, grid_fields
from mien.synth.skin.grid import Grid
from mien.synth.skin.look import SkinLook
from mien.synth.skin.marks import Marks

# What a full beard's shadow leaves of red, green and blue: hair takes all, the skin above gives blue back.
SHADE = np.array([0.52, 0.60, 0.68], np.float32)
_DARK = (np.log(0.05), np.log(0.25))  # melanin over which grey stubble fades into the skin
_ON_SCALP, _ON_FACE = 1.25, 0.6  # hairs a square millimetre
_HALF_WIDTH = 0.042


def shadow(fields: Fields, look: SkinLook) -> Float[np.ndarray, " P"]:
    """0 to 1: hair under the surface."""
    dark = (0.25 + 0.75 * look.hair_colour) * (1.0 - 0.65 * look.grey)
    beard = fields.of("beard") * look.shadow * (0.5 + 0.5 * dark)
    return np.clip(np.maximum(beard, 0.55 * fields.of("scalp") * (0.3 + 0.7 * dark)), 0.0, 1.0)


def _density(fields: Fields, look: SkinLook) -> Float[np.ndarray, " P"]:
    beard = fields.of("beard") * (look.shadow > 0.02) * min(1.0, 0.3 + 0.8 * look.stubble)
    return np.maximum(_ON_SCALP * fields.of("scalp"), _ON_FACE * beard)


def _length(on_scalp: np.ndarray, look: SkinLook) -> np.ndarray:
    """Half a hair's length, millimetres."""
    return 0.05 + np.maximum(0.5 * on_scalp, 0.55 * look.stubble)


def _cover(on_scalp: np.ndarray, look: SkinLook) -> np.ndarray:
    return np.maximum(0.62 * on_scalp, 0.3 + 0.45 * look.stubble)


def _grey_seen(look: SkinLook) -> float:
    """Of the cover of grey stubble what is left: on dark skin each hair would shine like dandruff."""
    return 1.0 - 0.8 * float(smoothstep(np.log([look.melanin]), *_DARK)[0])


def grey_share(look: SkinLook) -> float:
    """The share of grey in the colour that stubble gives to skin."""
    seen = look.grey * _grey_seen(look)
    return seen / (1.0 - look.grey + seen) if seen > 0 else 0.0


def stubble_marks(grid: Grid, look: SkinLook, resolution: int) -> tuple[Marks, np.ndarray]:
    """Cut hairs: on the scalp always, on the beard as much as this subject shaves little; and which are
    grey."""
    rng = np.random.default_rng([look.seed, len(grid.triangles), 4])
    fields = grid_fields(grid.part)
    places = grid.scatter(_density(fields, look), rng)
    count = len(places)
    on_scalp = fields.of("scalp")[grid.texel(places)]
    radius = np.c_[_length(on_scalp, look), np.full(count, _HALF_WIDTH)]
    radius = radius * np.exp(0.2 * rng.standard_normal((count, 1)))
    down = np.array([0.1, -1.0, 0.4]) + 0.55 * rng.standard_normal((count, 3))
    strength = _cover(on_scalp, look) * rng.uniform(0.5, 1.0, count)
    grey = rng.random(count) < look.grey
    strength = np.where(grey, _grey_seen(look) * strength, strength)
    return grid.marks(places, down, radius, strength, resolution), grey


def mean_stubble(fields: Fields, look: SkinLook) -> Float[np.ndarray, " P"]:
    """The mean share of skin that `stubble_marks` cover."""
    on_scalp = fields.of("scalp")
    area = np.pi * _length(on_scalp, look) * _HALF_WIDTH * np.exp(2 * 0.2**2)
    area = area * (1.0 - look.grey * (1.0 - _grey_seen(look)))
    return 1.0 - np.exp(-_density(fields, look) * area * 0.75 * _cover(on_scalp, look))
