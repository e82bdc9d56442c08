"""Pores: openings of follicles, by region; none crowds another."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial import cKDTree

from mien.synth.skin.fields import grid_fields, vertex_fields
from mien.synth.skin.layout import Layout
from mien.synth.skin.look import SkinLook
from mien.synth.skin.marks import PORE
from mien.synth.skin.splat import splat
from mien.synth.skin.volume import mottle

# Pores that show a square millimetre, their radius and depth (mm), by region: largest on nose and inner
# cheeks. A pore looks about two and a half radii wide. Follicles stand closer (Blume et al. 1991: 4 a square
# millimetre on forehead and cheek, 12 on the nose's wings), but most open too finely to be seen.
PORES: dict[str, tuple[float, float, float]] = {
    "forehead": (1.2, 0.074, 0.022),
    "cheek": (1.2, 0.088, 0.030),
    "chin": (1.2, 0.088, 0.030),
    "central": (1.4, 0.102, 0.038),
    "nose": (1.9, 0.112, 0.046),
    "upper_lip": (1.0, 0.068, 0.015),
    "neck": (0.5, 0.066, 0.012),
    "scalp": (0.6, 0.066, 0.012),
}
_ELSEWHERE = (0.8, 0.066, 0.015)
_LARGEST = 0.17  # millimetres
_CROWDED = 1.25  # more are scattered by this share than stay: those too near to another give way
_APART = 0.62  # of the mean distance: what a pore keeps free
_FINEST = 0.55  # texels: a smaller pore is drawn this wide, and shallower


def pits(layout: Layout, look: SkinLook, resolution: int, rng: np.random.Generator) -> np.ndarray:
    """Depth of pores (mm, R R), stretched along the lines of tension, the more the older the skin."""
    grid, fields = layout.grid, pore_fields()
    density = grid.at_texels(fields[:, 0]) * (0.8 + 0.4 * look.pores)
    uneven = mottle(grid_fields(grid.part).points, 1.6, look.seed + 13)[:, 1]
    density *= np.clip(1.0 + 0.25 * uneven, 0.4, 1.6)
    places = grid.scatter(_CROWDED * density, rng)
    room = _APART / np.sqrt(np.maximum(density[grid.texel(places)], 1e-6))
    places = places[_with_room(grid.at(places, grid.points), room, rng.random(len(places)))]
    here, count = grid.at(places, fields), len(places)
    size = here[:, 1] * (0.7 + 0.6 * look.pores) * np.exp(0.28 * rng.standard_normal(count))
    size = np.minimum(size, _LARGEST)
    stretch = np.exp(0.12 * rng.standard_normal(count) + 0.08 + 0.14 * look.old)
    depth = here[:, 2] * (0.5 + look.pores) * np.minimum(rng.gamma(3.0, 0.33, count), 1.9)
    radius = np.c_[size * stretch, size / stretch]
    drawn = np.maximum(radius, _FINEST * np.sqrt(grid.texel_area[grid.texel(places)])[:, None]
                       * len(grid.covered) / resolution)  # fmt: skip
    depth = depth * (radius / drawn).prod(axis=1)
    marks = grid.marks(places, grid.at(places, layout.tension), drawn, depth, resolution)
    canvas = np.zeros((resolution, resolution), np.float32)
    splat(canvas, marks, PORE, deepest=True)
    return canvas


def pore_fields() -> Float[np.ndarray, "V 3"]:
    """Density (1/mm²), radius and depth (mm) of pores at each vertex."""
    fields = vertex_fields()
    values = np.tile(np.array(_ELSEWHERE), (len(fields.points), 1))
    for name, target in PORES.items():
        values += fields.of(name)[:, None] * (np.array(target) - values)
    bare = np.clip(1.0 - 1.4 * fields.of("lips") - fields.of("eye_rim"), 0.0, 1.0)
    values[:, 0] *= bare
    return values


def _with_room(
    points: Float[np.ndarray, "N 3"], room: Float[np.ndarray, " N"], rank: Float[np.ndarray, " N"]
) -> Bool[np.ndarray, " N"]:
    """Which points stay where of two nearer than their mean `room` the lower in rank gives way."""
    stays = np.ones(len(points), bool)
    if len(points) == 0:
        return stays
    # Sparse regions have little to clear away: the reach of the search is that of the dense ones.
    pairs = cKDTree(points).query_pairs(float(np.quantile(room, 0.9)), output_type="ndarray")
    gap = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    pairs = pairs[gap < 0.5 * room[pairs].sum(axis=1)]
    lower = np.where(rank[pairs[:, 0]] < rank[pairs[:, 1]], pairs[:, 0], pairs[:, 1])
    stays[lower] = False
    return stays
