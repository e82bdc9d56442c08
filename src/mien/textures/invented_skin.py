"""Skin for heads that were scanned without colour: plausible, and always labelled as generated.

Regional tone from the prior, blood and melanin at several scales, pores, freckles, brows, stubble.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mien.bake.colour import TILES, tile_of
from mien.bake.colour_confidence import diffuse, skin_index, skin_triangles
from mien.bake.fill import from_log, to_log, typical_texel
from mien.bake.skin_prior import regional_pattern, tone_colour
from mien.core.conventions import linear_to_srgb
from mien.core.face import Template
from mien.core.mesh import Image
from mien.geometry.laplacian import lumped_mass
from mien.geometry.uvspace import Tile, fill_gutter, smooth_gutter
from mien.template.regions import region
from mien.textures.brow_strokes import brow_strokes

# Changes of log light (R, G, B) for a unit more of each: haemoglobin absorbs green, melanin blue most.
BLOOD = np.array([-0.10, -0.50, -0.42])
MELANIN = np.array([-0.40, -0.62, -0.85])
_MOTTLING = ((0.012, 0.05, 0.03), (0.005, 0.06, 0.03))  # metres, then strength in blood and in melanin
_PORES = ((0.00025, 0.030), (0.0006, 0.028), (0.0015, 0.016))  # metres (sigma), standard deviation
_FLUSH = {"cheek": 0.25, "nose": 0.22, "ear": 0.12, "lips": 0.4}  # more blood than the prior has
_HAIR = np.array([0.035, 0.024, 0.018])  # linear


@dataclass(frozen=True)
class GeneratedLook:
    """What `generated_skin` varies beside tone and seed; all 0..1."""

    masculine: float = 0.35
    stubble: float = 0.0
    freckles: float = 0.25


def generated_skin(
    template: Template, tone: float, seed: int, resolution: int = 1024, look: GeneratedLook | None = None
) -> dict[str, Image]:
    """sRGB albedo of "face" and "head" by tile name; `tone` 0 lightest to 1 darkest.

    The same arguments give the same pixels. Label what is made with it as generated.
    """
    look = look or GeneratedLook()
    rng = np.random.default_rng(seed)
    base = _vertex_colour(template, tone, look, rng)
    out = {}
    for name in TILES:
        tile = tile_of(template, name, resolution)
        log_colour = tile.image(tile.at_texels(base)) + _detail(tile, template, rng)
        log_colour += _spots(tile, template, look.freckles * (1.0 - 0.7 * tone), rng)
        log_colour += _stubble(tile, template, look.stubble, rng)
        linear = from_log(log_colour)
        if name == "face":
            cover = brow_strokes(template, resolution, rng, fullness=0.7 + 0.5 * look.masculine)[..., None]
            linear = linear * (1 - cover) + _HAIR * cover
        linear = smooth_gutter(fill_gutter(linear.astype(np.float32), tile.covered), tile.covered)
        out[name] = Image(linear_to_srgb(linear).astype(np.float32), "srgb")
    return out


def _vertex_colour(
    template: Template, tone: float, look: GeneratedLook, rng: np.random.Generator
) -> Float[np.ndarray, "V 3"]:
    """Log colour over face and head with blotches of blood and melanin."""
    log_colour = np.log(tone_colour(tone)) + regional_pattern(template, tone, look.masculine)
    log_colour = to_log(np.exp(log_colour))
    skin, triangles = skin_index(template), skin_triangles(template)
    area = np.maximum(lumped_mass(template.vertices[skin], triangles), 1e-8)
    for size, blood, melanin in _MOTTLING:
        white = rng.standard_normal((len(skin), 2)) / np.sqrt(area)[:, None]  # white over the surface
        smooth = diffuse(template.vertices[skin], triangles, white, size)
        smooth /= smooth.std(axis=0)
        log_colour[skin] += blood * smooth[:, :1] * BLOOD + melanin * smooth[:, 1:] * MELANIN
    flush = sum(amount * region(template, name) for name, amount in _FLUSH.items())
    deep = region(template, "nostrils")
    return log_colour + np.asarray(flush)[:, None] * BLOOD + deep[:, None] * np.log([0.45, 0.3, 0.28])


def _detail(tile: Tile, template: Template, rng: np.random.Generator) -> Float[np.ndarray, "R R 3"]:
    """Pores and fine mottling at their size on the surface; lips get vertical creases instead."""
    texel = typical_texel(tile, template.vertices)
    out = np.zeros((*tile.covered.shape, 3), np.float32)
    direction = (0.8 * MELANIN + 0.2 * BLOOD).astype(np.float32)
    direction /= np.abs(direction).mean()
    for size, strength in _PORES:
        sigma = size / texel
        if sigma < 0.35:
            continue
        out += strength * _noise(tile.resolution, (sigma, sigma), rng)[..., None] * direction
    creases = _noise(tile.resolution, (max(0.0030 / texel, 0.5), max(0.00045 / texel, 0.4)), rng)
    lips = tile.image(tile.at_texels(region(template, "lips")))[..., None]
    return (out * (1 - 0.5 * lips) + 0.05 * lips * creases[..., None]).astype(np.float32)


def _noise(resolution: int, sigma: tuple[float, float], rng: np.random.Generator) -> Float[np.ndarray, "R R"]:
    """Band-passed noise of unit variance, periodic; sigma in texels along rows and columns."""
    white = rng.standard_normal((resolution, resolution), np.float32)
    fy = np.fft.fftfreq(resolution)[:, None]
    fx = np.fft.rfftfreq(resolution)[None]
    squared = (sigma[0] * fy) ** 2 + (sigma[1] * fx) ** 2
    gain = np.exp(-2 * np.pi**2 * squared) - np.exp(-2 * np.pi**2 * 6.0 * squared)
    noise = np.fft.irfft2(np.fft.rfft2(white) * gain, s=white.shape)
    return (noise / noise.std()).astype(np.float32)


def _spots(
    tile: Tile, template: Template, freckles: float, rng: np.random.Generator
) -> Float[np.ndarray, "R R 3"]:
    """Freckles, mostly on nose and cheeks, and a few moles, as melanin."""
    texel = typical_texel(tile, template.vertices)
    sunny = region(template, "nose") + region(template, "cheek") + 0.3 * region(template, "forehead")
    chance = tile.at_texels(np.clip(sunny + 0.04, 0, 1) * (1 - region(template, "lips")))
    cells = np.flatnonzero(tile.covered)
    layer = np.zeros(tile.covered.shape, np.float32)
    for count, low, high, depth, weights in (
        (int(900 * freckles), 0.0004, 0.0011, 0.16, chance),
        (7, 0.0006, 0.0014, 1.1, np.ones(len(chance))),
    ):
        if count == 0:
            continue
        chosen = rng.choice(cells, count, p=weights / weights.sum())
        radius = rng.uniform(low, high, count) / texel
        strength = depth * rng.uniform(0.4, 1.0, count)
        for cell, r, s in zip(chosen, radius, strength, strict=True):
            _dab(layer, int(cell) // tile.resolution, int(cell) % tile.resolution, r, s)
    return layer[..., None] * MELANIN.astype(np.float32)


def _dab(layer: np.ndarray, row: int, column: int, radius: float, strength: float) -> None:
    reach = int(np.ceil(2.5 * radius)) + 1
    rows = slice(max(0, row - reach), row + reach + 1)
    columns = slice(max(0, column - reach), column + reach + 1)
    y, x = np.ogrid[
        rows.start : min(rows.stop, layer.shape[0]), columns.start : min(columns.stop, layer.shape[1])
    ]
    distance = np.hypot(y - row, x - column) / max(radius, 0.5)
    layer[rows, columns] += strength / (1 + distance**4)


def _stubble(
    tile: Tile, template: Template, beard: float, rng: np.random.Generator
) -> Float[np.ndarray, "R R 3"]:
    """Cropped hair as dots over a bluish shade, on the scalp always, on the beard as asked."""
    weight = np.maximum(beard * region(template, "beard"), 0.6 * region(template, "scalp"))
    amount = tile.image(tile.at_texels(weight))
    texel = typical_texel(tile, template.vertices)
    dots = _noise(tile.resolution, (max(0.00022 / texel, 0.4),) * 2, rng)
    dark = np.clip(dots - 0.8, 0, 2.0) * amount * 0.55
    shade = amount * beard * 0.25
    return -(dark[..., None] + shade[..., None] * np.array([1.0, 0.85, 0.7])).astype(np.float32)
