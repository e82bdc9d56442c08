"""Courses on the skin: threads that follow a direction over the surface, and lines laid along given points.

Needs numpy and scipy only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

from mien.geometry.normals import normalized
from mien.synth.skin.grid import SIZE, Grid


@dataclass(frozen=True)
class Courses:
    """K courses of S places each on a tile (0..1, right and down), the direction in space at each, and which
    of them lie on the tile.
    """

    places: Float[np.ndarray, "K S 2"]
    ahead: Float[np.ndarray, "K S 3"]
    on: Bool[np.ndarray, "K S"]


def threads(
    grid: Grid,
    seeds: Float[np.ndarray, "K 2"],
    direction: Float[np.ndarray, "V 3"],
    steps: int,
    step: float,
    turn: Float[np.ndarray, "K S"],
) -> Courses:
    """Courses from `seeds` along a field of unit directions, `step` millimetres at a time, turned by angles
    (radians) within the surface. A field of lines may change its sense; a thread never turns back.
    """
    count = len(seeds)
    places, ahead, on = (
        np.empty((count, steps, 2)),
        np.empty((count, steps, 3)),
        np.zeros((count, steps), bool),
    )
    at, alive = seeds.copy(), grid.on(seeds)
    before = np.zeros((count, 3))
    for k in range(steps):
        safe = np.where(alive[:, None], at, seeds)
        triangle = grid.texel_triangle[grid.texel(safe)]
        way = grid.at(safe, direction)
        normal = _normals(grid)[triangle]
        way = np.cos(turn[:, k, None]) * way + np.sin(turn[:, k, None]) * np.cross(normal, way)
        way *= np.where(np.einsum("kd,kd->k", way, before) < 0, -1.0, 1.0)[:, None]
        places[:, k], ahead[:, k], on[:, k] = safe, way, alive
        at = safe + step * np.einsum("ksd,kd->ks", _to_tile(grid)[triangle], way)
        alive = alive & grid.on(at)
        before = way
    return Courses(places, ahead, on)


def laid(grid: Grid, points: Float[np.ndarray, "N 3"]) -> Courses:
    """One course through points near the surface (mm at rest), as given."""
    distance, texel = _tree(grid).query(points)
    row, column = np.nonzero(grid.covered)
    centre = np.stack([column[texel] + 0.5, row[texel] + 0.5], axis=1) / SIZE
    from_centre = points - _texel_points(grid)[texel]
    triangle = grid.texel_triangle[texel]
    places = centre + np.einsum("nsd,nd->ns", _to_tile(grid)[triangle], from_centre)
    on = grid.on(places) & (distance < 4.0)
    ahead = normalized(np.gradient(points, axis=0))
    return Courses(np.where(on[:, None], places, 0.5)[None], ahead[None], on[None])


def wander(count: int, steps: int, smooth: float, rng: np.random.Generator) -> Float[np.ndarray, "K S"]:
    """Smooth random values of unit variance along each course; `smooth` in steps."""
    noise = gaussian_filter1d(rng.standard_normal((count, steps + 8)), smooth, axis=1, mode="reflect")
    return noise[:, 4:-4] * np.sqrt(2.0 * np.sqrt(np.pi) * max(smooth, 0.3))


@lru_cache(maxsize=2)
def _by_part(part: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, cKDTree]:
    from mien.synth.skin.grid import grid

    places = grid(part)
    frame = places.frame
    normal = normalized(np.cross(frame[..., 0], frame[..., 1]))
    texels = places.at_texels(places.points)
    return np.linalg.pinv(frame), -normal, texels, cKDTree(texels)


def _to_tile(grid: Grid) -> Float[np.ndarray, "T 2 3"]:
    return _by_part(grid.part)[0]


def _normals(grid: Grid) -> Float[np.ndarray, "T 3"]:
    return _by_part(grid.part)[1]


def _texel_points(grid: Grid) -> Float[np.ndarray, "N 3"]:
    return _by_part(grid.part)[2]


def _tree(grid: Grid) -> cKDTree:
    return _by_part(grid.part)[3]
