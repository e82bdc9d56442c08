"""Where things lie on the skin: places, sizes and directions on a tile, for marks and for whole maps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import cv2
import numpy as np
from jaxtyping import Float, Int

from mien.bake.colour import tile_of
from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.core.face import Template
from mien.data.skin.splat import Marks
from mien.geometry.normals import vertex_normals
from mien.geometry.uvspace import Tile, fill_gutter
from mien.template import load_template

COARSE = 1024  # fields that vary over millimetres are computed at this resolution


@dataclass(frozen=True)
class Layout:
    """One tile of the template, measured in millimetres at rest.

    `tile` is the coarse tile on which places are drawn and looked up.
    """

    template: Template
    tile: Tile

    @property
    def points(self) -> Float[np.ndarray, "V 3"]:
        """Vertices in millimetres."""
        return self.template.vertices * MILLIMETRES_PER_METRE

    @cached_property
    def texel_of(self) -> Int[np.ndarray, "R R"]:
        """The row of the covered texel at each place of the square, -1 off the tile."""
        out = np.full(self.tile.covered.shape, -1)
        out[self.tile.covered] = np.arange(len(self.tile.weights))
        return out

    @cached_property
    def frame(self) -> Float[np.ndarray, "T 3 2"]:
        """How a triangle lies in space: millimetres for a step of a whole tile width right and down."""
        corners = self.points[self.tile.triangles]
        uvs = self.tile.uvs[self.tile.triangle_uvs]
        flat = np.stack([uvs[:, 1] - uvs[:, 0], uvs[:, 2] - uvs[:, 0]], axis=-1)
        flat[:, 1] *= -1.0
        solid = np.stack([corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]], axis=-1)
        return solid @ np.linalg.inv(flat)

    @cached_property
    def tension(self) -> Float[np.ndarray, "V 3"]:
        """Unit direction of the relaxed skin tension lines at each vertex, along the surface."""
        return tension_lines(self.template)

    def whole(self, vertex_values: Float[np.ndarray, "V *C"]) -> Float[np.ndarray, "R R *C"]:
        """Vertex values over the coarse square, continued into the gutter."""
        image = self.tile.image(self.tile.at_texels(vertex_values))
        filled = fill_gutter(image if image.ndim == 3 else image[..., None], self.tile.covered)
        return filled if image.ndim == 3 else filled[..., 0]

    def scatter(
        self, per_square_mm: Float[np.ndarray, " N"], rng: np.random.Generator
    ) -> Float[np.ndarray, "K 2"]:
        """Places (0..1 right and down) with this density at each covered texel, at even distances.

        A jittered grid fine enough for the densest place, thinned to the density elsewhere.
        """
        density = np.zeros(self.tile.covered.shape, np.float32)
        density[self.tile.covered] = per_square_mm * self.texel_area
        size = self.tile.resolution
        step = min(0.95 / np.sqrt(max(float(density.max()), 1e-9)), size / 4.0)
        count = int(np.ceil(size / step))
        grid = np.stack(np.meshgrid(np.arange(count), np.arange(count)), -1).reshape(-1, 2)
        at = (grid + 0.5 + rng.uniform(-0.42, 0.42, grid.shape)) * step
        at, luck = at[(at < size).all(axis=1)], rng.random(len(grid))[(at < size).all(axis=1)]
        row, column = at[:, 1].astype(int), at[:, 0].astype(int)
        return at[luck < density[row, column] * step**2] / size

    @cached_property
    def texel_area(self) -> Float[np.ndarray, " N"]:
        """Square millimetres of each covered texel."""
        cross = np.linalg.norm(np.cross(self.frame[..., 0], self.frame[..., 1]), axis=1)
        return (cross / self.tile.resolution**2)[self.tile.texel_triangle].astype(np.float32)

    def at_texel_area(self, places: Float[np.ndarray, "K 2"]) -> Float[np.ndarray, " K"]:
        """Square millimetres of the whole tile, were all of it as at these places."""
        return self.texel_area[self._texels(places)] * self.tile.resolution**2

    def at(
        self, places: Float[np.ndarray, "K 2"], vertex_values: Float[np.ndarray, "V *C"]
    ) -> Float[np.ndarray, "K *C"]:
        """Vertex values at places on the tile."""
        texel = self._texels(places)
        corners, weights = self.tile.corners[texel], self.tile.weights[texel]
        return np.einsum("kc,kc...->k...", weights, np.asarray(vertex_values)[corners])

    def marks(
        self,
        places: Float[np.ndarray, "K 2"],
        direction: Float[np.ndarray, "K 3"],
        radius: Float[np.ndarray, "K 2"],
        strength: Float[np.ndarray, " K"],
        resolution: int,
    ) -> Marks:
        """Marks at places, lying along a direction of space (any length), for a map of this resolution."""
        frame = self.frame[self.tile.texel_triangle[self._texels(places)]]
        normal = np.cross(frame[..., 0], frame[..., 1])
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        along = direction - normal * np.einsum("kd,kd->k", direction, normal)[:, None]
        along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
        across = np.cross(normal, along)
        to_surface = np.einsum("akd,kde->kae", np.stack([along, across]), frame) / resolution
        return Marks(places * resolution, to_surface, radius, strength)

    def _texels(self, places: np.ndarray) -> np.ndarray:
        size = self.tile.resolution
        texel = self.texel_of[
            np.minimum((places[:, 1] * size).astype(int), size - 1),
            np.minimum((places[:, 0] * size).astype(int), size - 1),
        ]
        assert (texel >= 0).all()
        return texel


@lru_cache(maxsize=2)
def layout(part: str) -> Layout:
    """The layout of "face" or "head"."""
    template = load_template()
    return Layout(template, tile_of(template, part, COARSE))


def enlarged(field: Float[np.ndarray, "R R *C"], resolution: int) -> Float[np.ndarray, "Q Q *C"]:
    """A coarse field at a map's resolution: bicubic upwards, area averages downwards."""
    if field.shape[0] == resolution:
        return field
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
    return direction / np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-6)
