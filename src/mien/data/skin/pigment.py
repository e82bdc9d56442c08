"""What skin is made of at every texel: shares of melanin and blood, by region, blotch and spot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mien.bake.prior import regional_pattern
from mien.data.biophysics import Skin, colour
from mien.data.skin.cells import lattice_noise
from mien.data.skin.layout import Layout, enlarged
from mien.data.skin.look import SkinLook
from mien.data.skin.splat import BLOT, CREASE, SPOT, splat
from mien.textures.skin import region

_BLOTCHES = ((11.0, 0.10, 0.05), (4.5, 0.10, 0.06), (1.6, 0.07, 0.05), (0.6, 0.05, 0.045))
_FLUSHED = {"cheek": 0.35, "nose": 0.40, "ear": 0.30, "chin": 0.12}


@dataclass(frozen=True)
class Pigment:
    """Logarithms of melanin and blood shares over a map, and what lies on the skin as a share of cover."""

    melanin: Float[np.ndarray, "R R"]
    blood: Float[np.ndarray, "R R"]


def pigment(layout: Layout, look: SkinLook, resolution: int, places_mm: np.ndarray) -> Pigment:
    """Melanin and blood of one tile; `places_mm` (R R 3) are its texels' places at rest."""
    rng = np.random.default_rng([look.seed, len(layout.tile.triangles), 2])
    melanin, blood = (
        enlarged(layout.whole(field), resolution).astype(np.float32)
        for field in regional_pigment(layout, look).T
    )
    flat = places_mm.reshape(-1, 3)
    amount = 0.5 + look.mottling
    for n, (size, in_blood, in_melanin) in enumerate(_BLOTCHES):
        blood += amount * in_blood * lattice_noise(flat, size, look.seed + 20 + n).reshape(blood.shape)
        sun = amount * in_melanin * (0.7 + look.sun)
        melanin += sun * lattice_noise(flat, size * 1.2, look.seed + 40 + n).reshape(blood.shape)
    _freckles(layout, look, resolution, rng, melanin)
    _moles(layout, look, resolution, rng, melanin)
    _age_spots(layout, look, resolution, rng, melanin)
    _blemishes(layout, look, resolution, rng, blood)
    _vessels(layout, look, resolution, rng, blood)
    return Pigment(melanin, blood)


def regional_pigment(layout: Layout, look: SkinLook) -> Float[np.ndarray, "V 2"]:
    """Log melanin and log blood at each vertex: the pattern that photographs show, told as pigment.

    The pattern is a log ratio of colour; near the subject's own skin it is linear in both pigments.
    """
    template = layout.template
    tone = float(np.clip((np.log(look.melanin) - np.log(0.013)) / (np.log(0.43) - np.log(0.013)), 0, 1))
    pattern = regional_pattern(template, tone, look.masculine)
    scalp = region(template, "scalp")[:, None]
    base = np.log([look.melanin, look.blood])
    slopes = np.stack([_slope(base, k) for k in (0, 1)], axis=1)
    made = np.clip(pattern @ np.linalg.pinv(slopes).T, [-0.6, -0.9], [1.6, 1.3])
    made[:, 1] += (look.flush - 0.45) * sum(
        share * region(template, name) for name, share in _FLUSHED.items()
    )
    made[:, 1] += (look.lips - 0.5) * 0.8 * region(template, "lips")
    lower = region(template, "lower_lid") + 0.6 * region(template, "upper_lid")
    made += look.circles * lower[:, None] * [0.30, 0.35]
    made[:, 0] += 0.25 * look.sun * (region(template, "forehead") + region(template, "nose") - 0.3)
    made *= 1.0 - 0.3 * scalp
    return base + made


def _slope(base: np.ndarray, which: int) -> np.ndarray:
    step = np.zeros(2)
    step[which] = 0.05
    up, down = (np.exp(base + sign * step) for sign in (1, -1))
    return (np.log(colour(Skin(*up))) - np.log(colour(Skin(*down)))) / 0.1


def _freckles(
    layout: Layout, look: SkinLook, resolution: int, rng: np.random.Generator, into: np.ndarray
) -> None:
    """Small flat spots where the sun falls: nose, cheeks, forehead; crowded in clusters."""
    template = layout.template
    sunny = (
        1.0 * region(template, "nose") + 0.9 * region(template, "cheek") + 0.35 * region(template, "forehead")
    )
    clusters = np.exp(0.7 * lattice_noise(layout.points, 9.0, look.seed + 60))
    density = 0.11 * look.freckles * np.clip(sunny + 0.05, 0, 1) * clusters * (1 - region(template, "lips"))
    places = layout.scatter(layout.tile.at_texels(density), rng)
    count = len(places)
    radius = (
        0.45 * np.exp(0.35 * rng.standard_normal((count, 1))) * np.exp(0.15 * rng.standard_normal((count, 2)))
    )
    strength = 0.55 * rng.gamma(2.0, 0.5, count)
    splat(into, layout.marks(places, _any(rng, count), radius, strength, resolution), SPOT)


def _moles(
    layout: Layout, look: SkinLook, resolution: int, rng: np.random.Generator, into: np.ndarray
) -> None:
    places = _anywhere(layout, look.moles, rng)
    count = len(places)
    radius = (
        0.55 * np.exp(0.45 * rng.standard_normal((count, 1))) * np.exp(0.1 * rng.standard_normal((count, 2)))
    )
    splat(
        into, layout.marks(places, _any(rng, count), radius, rng.uniform(0.7, 2.2, count), resolution), BLOT
    )


def _age_spots(
    layout: Layout, look: SkinLook, resolution: int, rng: np.random.Generator, into: np.ndarray
) -> None:
    """Flat, irregular and larger: several blots in one another."""
    centres = _anywhere(layout, look.age_spots, rng)
    for centre in centres:
        blobs = int(rng.integers(3, 8))
        size = 1.3 * np.exp(0.4 * rng.standard_normal())
        spread = size * 0.6 / 250.0
        places = _on_tile(layout, centre + spread * rng.standard_normal((blobs, 2)))
        radius = size * rng.uniform(0.4, 0.9, (len(places), 2))
        strength = np.full(len(places), rng.uniform(0.12, 0.35))
        splat(into, layout.marks(places, _any(rng, len(places)), radius, strength, resolution), BLOT)


def _blemishes(
    layout: Layout, look: SkinLook, resolution: int, rng: np.random.Generator, into: np.ndarray
) -> None:
    places = _anywhere(layout, look.blemishes, rng)
    count = len(places)
    radius = 0.9 * np.exp(0.3 * rng.standard_normal((count, 1))) * np.ones(2)
    splat(
        into, layout.marks(places, _any(rng, count), radius, rng.uniform(0.3, 0.9, count), resolution), SPOT
    )


def _vessels(
    layout: Layout, look: SkinLook, resolution: int, rng: np.random.Generator, into: np.ndarray
) -> None:
    """Fine red threads on the nose's wings and the cheeks."""
    template = layout.template
    where = 0.10 * look.vessels * np.clip(region(template, "nose") + 0.5 * region(template, "cheek"), 0, 1)
    places = layout.scatter(layout.tile.at_texels(where), rng)
    count = len(places)
    radius = np.c_[rng.uniform(0.5, 1.6, count), np.full(count, 0.07)]
    splat(
        into, layout.marks(places, _any(rng, count), radius, rng.uniform(0.3, 0.9, count), resolution), CREASE
    )


def _any(rng: np.random.Generator, count: int) -> Float[np.ndarray, "N 3"]:
    return rng.standard_normal((count, 3))


def _anywhere(layout: Layout, count: int, rng: np.random.Generator) -> Float[np.ndarray, "K 2"]:
    """About `count` places on bare skin of the two tiles together, even by area."""
    bare = 1.0 - np.maximum(region(layout.template, "lips"), region(layout.template, "scalp"))
    weight = np.clip(layout.tile.at_texels(bare), 0, 1) * layout.texel_area
    if count == 0:
        return np.zeros((0, 2))
    some = rng.poisson(count * min(float(weight.sum()) / 60_000.0, 1.0))
    texel = rng.choice(len(weight), some, p=weight / weight.sum())
    row, column = np.nonzero(layout.tile.covered)
    return np.stack([column[texel] + 0.5, row[texel] + 0.5], axis=1) / layout.tile.resolution


def _on_tile(layout: Layout, places: np.ndarray) -> np.ndarray:
    size = layout.tile.resolution
    cell = (places * size).astype(int)
    places = places[((cell >= 0) & (cell < size)).all(axis=1)]
    cell = (places * size).astype(int)
    return places[layout.texel_of[cell[:, 1], cell[:, 0]] >= 0]
