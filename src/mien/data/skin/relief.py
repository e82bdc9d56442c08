"""Displacement of skin in millimetres: texture lines, pores, fine creases, lips, wrinkles of age."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from mien.data.skin.cells import cell_noise, lattice_noise
from mien.data.skin.layout import Layout, enlarged
from mien.data.skin.look import SkinLook
from mien.data.skin.splat import CREASE, PORE, splat
from mien.data.skin.wrinkles import wrinkle_lines, wrinkle_marks
from mien.textures.skin import region

# Pores a square millimetre, their radius and depth (mm), by region: largest on nose and inner cheeks.
PORES: dict[str, tuple[float, float, float]] = {
    "nose": (0.85, 0.17, 0.055),
    "cheek": (0.55, 0.16, 0.050),
    "forehead": (0.45, 0.12, 0.032),
    "chin": (0.50, 0.14, 0.042),
    "upper_lip": (0.40, 0.10, 0.022),
    "neck": (0.25, 0.10, 0.018),
}
_ELSEWHERE = (0.35, 0.11, 0.022)
_LINES = 0.55  # mm from one line of the skin's own network to the next
_LINE_DEPTH = 0.016
_BUMPS = ((3.2, 0.022), (1.3, 0.012))  # size and standard deviation, mm: unevenness under the pores


def relief(
    layout: Layout, look: SkinLook, resolution: int, places_mm: np.ndarray
) -> Float[np.ndarray, "R R"]:
    """Displacement of one tile (mm, outward); `places_mm` (R R 3) are its texels' places at rest."""
    rng = np.random.default_rng([look.seed, len(layout.tile.triangles), 1])
    flat = places_mm.reshape(-1, 3)
    smooth = enlarged(layout.whole(_smoothness(layout)), resolution)
    height = _network(flat, look).reshape(resolution, resolution) * (1.0 - smooth)
    for n, (size, deviation) in enumerate(_BUMPS):
        strength = deviation * (0.6 + 0.6 * look.pores + 0.5 * look.old)
        height += (
            strength * (1 - 0.6 * smooth) * lattice_noise(flat, size, look.seed + n).reshape(height.shape)
        )
    height -= _pits(layout, look, resolution, rng)
    height -= _creases(layout, look, resolution, rng)
    height -= _lip_creases(layout, look, resolution, rng)
    if _part(layout) == "face":
        height -= _wrinkles(layout, look, resolution, rng)
    return height


def _part(layout: Layout) -> str:
    face = layout.template.part("face").vertices
    return "face" if layout.tile.triangles.max() < face.stop else "head"


def _smoothness(layout: Layout) -> Float[np.ndarray, " V"]:
    """1 where skin has no network of lines: lips, wet rims, lids less so."""
    template = layout.template
    lids = np.maximum(region(template, "upper_lid"), region(template, "lower_lid"))
    return np.clip(region(template, "lips") + region(template, "eye_rim") + 0.35 * lids, 0.0, 1.0)


def _network(places: np.ndarray, look: SkinLook) -> np.ndarray:
    """The skin's own fine lines: borders of cells, raised in their middle like cobbles."""
    first, second = cell_noise(places, _LINES * look.fineness, look.seed)
    edge = np.minimum((second - first) * 2.2, 1.0)
    depth = _LINE_DEPTH * (0.7 + 0.8 * look.lines)
    return depth * (edge * (2.0 - edge) - 0.6)


def _pits(layout: Layout, look: SkinLook, resolution: int, rng: np.random.Generator) -> np.ndarray:
    fields = pore_fields(layout)
    places = layout.scatter(layout.tile.at_texels(fields[:, 0] * (0.8 + 0.4 * look.pores)), rng)
    here = layout.at(places, fields)
    count = len(places)
    size = here[:, 1] * (0.65 + 0.7 * look.pores) * np.exp(0.28 * rng.standard_normal(count))
    stretch = np.exp(0.18 * rng.standard_normal(count) + 0.15)
    strength = here[:, 2] * (0.45 + 1.1 * look.pores) * rng.gamma(2.5, 0.4, count)
    marks = layout.marks(
        places, layout.at(places, layout.tension), np.c_[size * stretch, size / stretch], strength, resolution
    )
    canvas = np.zeros((resolution, resolution), np.float32)
    splat(canvas, marks, PORE, deepest=True)
    return canvas


def pore_fields(layout: Layout) -> Float[np.ndarray, "V 3"]:
    """Density (1/mm²), radius and depth (mm) of pores at each vertex."""
    values = np.tile(np.array(_ELSEWHERE), (len(layout.template.vertices), 1))
    for name, target in PORES.items():
        values += region(layout.template, name)[:, None] * (np.array(target) - values)
    bare = np.clip(1.0 - region(layout.template, "lips") - region(layout.template, "eye_rim"), 0.0, 1.0)
    values[:, 0] *= bare
    return values


def _creases(layout: Layout, look: SkinLook, resolution: int, rng: np.random.Generator) -> np.ndarray:
    """Fine creases along the skin's tension: short and faint in youth, longer and deeper with age."""
    template = layout.template
    lids = np.maximum(region(template, "upper_lid"), region(template, "lower_lid"))
    where = 0.10 + 0.30 * lids + 0.10 * region(template, "neck") + 0.06 * region(template, "forehead")
    where *= np.clip(1.0 - region(template, "lips"), 0.0, 1.0)
    places = layout.scatter(layout.tile.at_texels(where), rng)
    count = len(places)
    direction = layout.at(places, layout.tension) + 0.22 * rng.standard_normal((count, 3))
    length = 1.1 * np.exp(0.4 * rng.standard_normal(count)) * (0.8 + 0.8 * look.lines)
    width = 0.11 * np.exp(0.2 * rng.standard_normal(count))
    depth = (0.008 + 0.034 * look.lines) * rng.gamma(2.0, 0.5, count)
    canvas = np.zeros((resolution, resolution), np.float32)
    splat(canvas, layout.marks(places, direction, np.c_[length, width], depth, resolution), CREASE)
    return canvas


def _lip_creases(layout: Layout, look: SkinLook, resolution: int, rng: np.random.Generator) -> np.ndarray:
    """Lips are creased from the skin to the mouth, across their length."""
    lips = region(layout.template, "lips")
    places = layout.scatter(layout.tile.at_texels(0.55 * np.clip(1.5 * lips - 0.3, 0, 1)), rng)
    canvas = np.zeros((resolution, resolution), np.float32)
    count = len(places)
    if count == 0:
        return canvas
    solid = layout.at(places, layout.points)
    direction = np.c_[
        0.012 * solid[:, 0] + 0.1 * rng.standard_normal(count), np.ones(count), -0.5 * np.ones(count)
    ]
    length = 1.6 * np.exp(0.3 * rng.standard_normal(count))
    width = 0.22 * np.exp(0.3 * rng.standard_normal(count))
    depth = (0.035 + 0.045 * look.lines) * rng.gamma(2.5, 0.4, count)
    splat(canvas, layout.marks(places, direction, np.c_[length, width], depth, resolution), CREASE)
    return canvas


def _wrinkles(layout: Layout, look: SkinLook, resolution: int, rng: np.random.Generator) -> np.ndarray:
    canvas = np.zeros((resolution, resolution), np.float32)
    lines = wrinkle_lines(layout, look, rng)
    splat(canvas, wrinkle_marks(layout, lines, resolution, rng), CREASE, deepest=True)
    return canvas
