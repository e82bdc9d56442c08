"""Freckles, moles, spots of age, blemishes, vessels, scars: where they are on one subject.

Needs numpy and scipy only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from mien.synth.skin.fields import grid_fields
from mien.synth.skin.grid import SIZE, Grid
from mien.synth.skin.grid import grid as grid_of
from mien.synth.skin.look import SkinLook
from mien.synth.skin.marks import BLOT, CREASE, SPOT, Marks
from mien.synth.skin.pigment import BLOOD, MELANIN
from mien.synth.skin.volume import mottle

_SKIN_AREA = 60_000.0  # square millimetres of bare skin on both tiles, about


@dataclass(frozen=True)
class Layer:
    """Marks of one kind that add to one column of pigment; `height` mm, outward, of the same."""

    column: int
    marks: Marks
    profile: int
    height: float = 0.0


def spots(grid: Grid, look: SkinLook, resolution: int) -> list[Layer]:
    """All spots of a subject on one tile, the same on a map of any resolution."""
    stream = 10 + ("face", "head").index(grid.part)
    kinds = (_freckles, _moles, _age_spots, _blemishes, _vessels, _scars)
    out = []
    for number, kind in enumerate(kinds):
        rng = np.random.default_rng([look.seed, stream, number])
        out += kind(grid, look, resolution, rng)
    return [layer for layer in out if len(layer.marks)]


def _freckles(grid: Grid, look: SkinLook, resolution: int, rng: np.random.Generator) -> list[Layer]:
    """Small flat spots where the sun falls: nose, inner cheeks, forehead; crowded in clusters."""
    if look.freckles < 0.03:
        return []
    fields = grid_fields(grid.part)
    sunny = fields.of("central") + 0.35 * fields.of("cheek") + 0.25 * fields.of("forehead") + 0.04
    clusters = np.exp(0.8 * mottle(fields.points, 2.5, look.seed + 60, nearest=True)[:, 0])
    density = 0.16 * look.freckles * np.clip(sunny, 0, 1) * clusters * (1 - fields.of("lips"))
    places = grid.scatter(density * (1 - fields.of("scalp")), rng)
    count = len(places)
    radius = 0.34 * np.exp(0.42 * rng.standard_normal((count, 1)))
    radius = radius * np.exp(0.18 * rng.standard_normal((count, 2)))
    amount = (0.3 + 0.35 * min(look.freckles, 1.5)) * rng.gamma(1.6, 0.6, count)
    return [Layer(MELANIN, grid.marks(places, _any(rng, count), radius, amount, resolution), SPOT)]


def _moles(grid: Grid, look: SkinLook, resolution: int, rng: np.random.Generator) -> list[Layer]:
    places = _anywhere(grid, look.moles, rng)
    count = len(places)
    radius = 0.5 * np.exp(0.45 * rng.standard_normal((count, 1)))
    radius = radius * np.exp(0.1 * rng.standard_normal((count, 2)))
    amount = rng.uniform(1.0, 6.0, count)
    raised = float(rng.uniform(0.0, 0.18))
    marks = grid.marks(places, _any(rng, count), radius, amount, resolution)
    return [Layer(MELANIN, marks, BLOT, raised)]


def _age_spots(grid: Grid, look: SkinLook, resolution: int, rng: np.random.Generator) -> list[Layer]:
    """Flat, irregular and larger: several blots in one another."""
    places, radii, amounts = [], [], []
    for centre in _anywhere(grid, look.age_spots, rng):
        blobs = int(rng.integers(5, 12))
        size = 1.1 * np.exp(0.5 * rng.standard_normal())
        spread = 0.75 * size * rng.standard_normal((blobs, 2))
        frame = np.linalg.norm(grid.frame[grid.texel_triangle[grid.texel(centre[None])[0]]], axis=0)
        places.append(centre + spread / np.maximum(frame, 1.0))
        radii.append(size * rng.uniform(0.3, 0.75, (blobs, 2)))
        amounts.append(np.full(blobs, rng.uniform(0.06, 0.22)))
    if not places:
        return []
    at, radius, amount = (np.concatenate(a) for a in (places, radii, amounts))
    on = grid.on(at)
    at, radius, amount = at[on], radius[on], amount[on]
    return [Layer(MELANIN, grid.marks(at, _any(rng, len(at)), radius, amount, resolution), BLOT)]


def _blemishes(grid: Grid, look: SkinLook, resolution: int, rng: np.random.Generator) -> list[Layer]:
    """Red, a little raised, with a soft halo."""
    places = _anywhere(grid, look.blemishes, rng)
    count = len(places)
    radius = 0.8 * np.exp(0.35 * rng.standard_normal((count, 1))) * np.ones(2)
    amount = rng.uniform(0.3, 1.0, count)
    way = _any(rng, count)
    return [
        Layer(BLOOD, grid.marks(places, way, radius, amount, resolution), SPOT, 0.07),
        Layer(BLOOD, grid.marks(places, way, 2.2 * radius, 0.3 * amount, resolution), SPOT),
    ]


def _vessels(grid: Grid, look: SkinLook, resolution: int, rng: np.random.Generator) -> list[Layer]:
    """Fine red threads that wander, on the nose's wings and the cheeks."""
    if look.vessels < 0.03:
        return []
    fields = grid_fields(grid.part)
    where = np.clip(fields.of("nose") + 0.6 * fields.of("cheek") + 0.3 * fields.of("central"), 0, 1)
    seeds = grid.scatter(0.035 * look.vessels * where, rng)
    count, steps = len(seeds), 7
    if count == 0:
        return []
    angle = rng.uniform(0, 2 * np.pi, (count, 1)) + np.cumsum(0.55 * rng.standard_normal((count, steps)), 1)
    way = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    scale = np.linalg.norm(grid.frame[grid.texel_triangle[grid.texel(seeds)]], axis=1)
    path = seeds[:, None] + np.cumsum(0.42 * way, axis=1) / scale[:, None]
    amount = np.repeat(rng.uniform(0.25, 0.75, count), steps) * np.tile(np.linspace(1, 0.4, steps), count)
    at, way = path.reshape(-1, 2), way.reshape(-1, 2)
    on = grid.on(at)
    at, way, amount = at[on], way[on], amount[on]
    direction = np.einsum("kds,ks->kd", grid.frame[grid.texel_triangle[grid.texel(at)]], way)
    radius = np.c_[np.full(len(at), 0.34), np.full(len(at), 0.07)]
    return [Layer(BLOOD, grid.marks(at, direction, radius, amount, resolution), CREASE)]


def _scars(grid: Grid, look: SkinLook, resolution: int, rng: np.random.Generator) -> list[Layer]:
    """Short pale lines, a little sunken."""
    places = _anywhere(grid, look.scars, rng)
    count = len(places)
    radius = np.c_[rng.uniform(1.2, 4.0, count), rng.uniform(0.3, 0.6, count)]
    marks = grid.marks(places, _any(rng, count), radius, -rng.uniform(0.3, 0.7, count), resolution)
    return [Layer(BLOOD, marks, CREASE, 0.06), Layer(MELANIN, _scaled(marks, 0.25), CREASE)]


def _scaled(marks: Marks, share: float) -> Marks:
    return replace(marks, strength=share * marks.strength)


def _any(rng: np.random.Generator, count: int) -> Float[np.ndarray, "N 3"]:
    return rng.standard_normal((count, 3))


def _anywhere(grid: Grid, count: int, rng: np.random.Generator) -> Float[np.ndarray, "K 2"]:
    """This tile's share of `count` places on bare skin, even by area, more of them on the front."""
    share = _bare(grid.part)
    some = int(rng.poisson(count * min(float(share[-1]) / _SKIN_AREA, 1.0)))
    return grid.anywhere(share, min(some, SIZE), rng)


@lru_cache(maxsize=2)
def _bare(part: str) -> Float[np.ndarray, " N"]:
    """Square millimetres of bare skin up to each texel of a tile."""
    fields, places = grid_fields(part), grid_of(part)
    bare = 1.0 - np.maximum(fields.of("lips"), fields.of("scalp"))
    return np.cumsum(np.clip(bare * (fields.points[:, 2] > -60), 0.0, 1.0) * places.texel_area)
