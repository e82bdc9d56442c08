"""A tile of the template for fine maps: whole fields over its square, and the lines of the skin's tension."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import cv2
import numpy as np
from jaxtyping import Float

from mien.bake.colour import tile_of
from mien.core.face import Template
from mien.geometry.normals import normalized, vertex_normals
from mien.geometry.uvspace import Tile, fill_gutter, smooth_gutter
from mien.synth.skin.grid import Grid, grid
from mien.template.load import load_template

COARSE = 1024  # fields that vary over millimetres are computed at this resolution


@dataclass(frozen=True)
class Layout:
    """One tile of the template, measured in millimetres at rest: coarse `tile` for whole fields, and the
    `grid` on which marks are placed.
    """

    template: Template
    tile: Tile
    grid: Grid

    @cached_property
    def tension(self) -> Float[np.ndarray, "V 3"]:
        """Unit direction of the relaxed skin tension lines at each vertex, along the surface."""
        return tension_lines(self.template)

    @cached_property
    def places(self) -> Float[np.ndarray, "R R 3"]:
        """Each coarse texel's place at rest, millimetres."""
        return self.whole(self.grid.points)

    def whole(self, vertex_values: Float[np.ndarray, " V *C"]) -> Float[np.ndarray, "R R *C"]:
        """Vertex values over the coarse square, continued into the gutter."""
        image = self.tile.image(self.tile.at_texels(vertex_values))
        shaped = image if image.ndim == 3 else image[..., None]
        filled = smooth_gutter(fill_gutter(shaped, self.tile.covered), self.tile.covered)
        return filled if image.ndim == 3 else filled.reshape(image.shape)


@lru_cache(maxsize=2)
def layout(part: str) -> Layout:
    """The layout of "face" or "head"."""
    template = load_template()
    return Layout(template, tile_of(template, part, COARSE), grid(part))


def enlarged(field: Float[np.ndarray, "R R *C"], resolution: int) -> Float[np.ndarray, "Q Q *C"]:
    """A coarse field at a map's resolution: bicubic upwards, area averages downwards."""
    if field.shape[0] == resolution:
        return field.astype(np.float32)
    how = cv2.INTER_CUBIC if resolution > field.shape[0] else cv2.INTER_AREA
    return cv2.resize(field.astype(np.float32), (resolution, resolution), interpolation=how)


def tension_lines(template: Template) -> Float[np.ndarray, "V 3"]:
    """Relaxed skin tension lines (Borges and Alexander 1962), as unit directions along the surface.

    Across the forehead and the neck, in rings round the eyes, out from the mouth, and from the nose down
    and outward over the cheeks.
    """
    points = template.vertices
    marks = template.landmarks.on(points, template.topology)
    direction = np.tile([1.0, 0.0, 0.0], (len(points), 1))
    side = np.sign(points[:, :1])
    # A line has no sense: all run to the left, so that neighbours can be averaged.
    cheek = np.c_[np.full(len(points), 0.55), -side, np.zeros(len(points))]
    low = np.clip((marks[27, 1] - points[:, 1:2]) / 0.02, 0, 1)
    low *= np.clip((points[:, 1:2] - marks[8, 1] + 0.015) / 0.02, 0, 1)
    direction = (1 - low) * direction + low * cheek
    for corner, opposite, reach, radial in (
        (36, 42, 0.026, False),
        (42, 48, 0.026, False),
        (48, 60, 0.030, True),
    ):
        away = points - marks[corner:opposite].mean(axis=0)
        x, y, zero = away[:, 0], away[:, 1], np.zeros(len(points))
        ring = np.c_[x, 1.2 * y, zero] if radial else np.c_[-1.3 * y, x / 1.3, zero]
        ring /= np.maximum(np.linalg.norm(ring, axis=1, keepdims=True), 1e-6)
        aligned = ring * np.where(np.einsum("vd,vd->v", ring, direction) < 0, -1.0, 1.0)[:, None]
        near = np.exp(-((np.linalg.norm(away, axis=1) / reach) ** 4))[:, None]
        direction = (1 - near) * direction + near * aligned
    normals = vertex_normals(points, template.topology.triangles)
    direction -= normals * np.einsum("vd,vd->v", normals, direction)[:, None]
    return normalized(direction)
