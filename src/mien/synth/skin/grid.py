"""A tile of the template at low resolution, in numpy alone: where places on it lie on the head.

Marks are placed on it and looked up in it, and `mien.synth.skin.fast` draws whole albedos on it, so that
both see the same skin. Needs numpy and scipy only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.core.face import Template
from mien.geometry.normals import normalized
from mien.synth.skin.marks import Marks
from mien.template.load import load_template

SIZE = 256  # texels a side
_INSIDE = -1e-4  # least barycentric weight: centres on an edge belong to both triangles


@dataclass(frozen=True)
class Grid:
    """One tile in `SIZE` x `SIZE` texels, row 0 at the top; places on it are 0..1 right and down.

    Per triangle of the tile: vertex ids and UVs. Per covered texel (N, in row-major order): the triangle
    and the barycentric weights of its centre.
    """

    template: Template
    part: str
    triangles: Int[np.ndarray, "T 3"]
    corner_uvs: Float[np.ndarray, "T 3 2"]
    covered: Bool[np.ndarray, "R R"]
    texel_triangle: Int[np.ndarray, " N"]
    weights: Float[np.ndarray, "N 3"]

    @property
    def points(self) -> Float[np.ndarray, "V 3"]:
        """Vertices in millimetres."""
        return self.template.vertices * MILLIMETRES_PER_METRE

    @cached_property
    def corners(self) -> Int[np.ndarray, "N 3"]:
        """Vertex ids of the triangle of each covered texel."""
        return self.triangles[self.texel_triangle]

    @cached_property
    def texel_of(self) -> Int[np.ndarray, "R R"]:
        """The row of the covered texel at each place of the square, -1 off the tile."""
        out = np.full(self.covered.shape, -1)
        out[self.covered] = np.arange(len(self.weights))
        return out

    @cached_property
    def frame(self) -> Float[np.ndarray, "T 3 2"]:
        """How a triangle lies in space: millimetres for a step of a whole tile width right and down."""
        corners, uvs = self.points[self.triangles], self.corner_uvs
        flat = np.stack([uvs[:, 1] - uvs[:, 0], uvs[:, 2] - uvs[:, 0]], axis=-1)
        flat[:, 1] *= -1.0
        solid = np.stack([corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]], axis=-1)
        return solid @ np.linalg.inv(flat)

    @cached_property
    def texel_area(self) -> Float[np.ndarray, " N"]:
        """Square millimetres of each covered texel."""
        cross = np.linalg.norm(np.cross(self.frame[..., 0], self.frame[..., 1]), axis=1)
        return (cross / SIZE**2)[self.texel_triangle]

    @cached_property
    def from_border(self) -> Float[np.ndarray, " V"]:
        """Millimetres from each vertex to the seam between the tiles of face and head."""
        quads = self.template.topology.quads
        face, head = (np.unique(quads[self.template.part(name).quads]) for name in ("face", "head"))
        seam = self.points[np.intersect1d(face, head)]
        return cKDTree(seam).query(self.points)[0]

    def at_texels(self, vertex_values: Float[np.ndarray, " V *C"]) -> Float[np.ndarray, " N *C"]:
        """Vertex values at the covered texels' centres."""
        return np.einsum("nk,nk...->n...", self.weights, np.asarray(vertex_values)[self.corners])

    def at(
        self, places: Float[np.ndarray, "K 2"], vertex_values: Float[np.ndarray, " V *C"]
    ) -> Float[np.ndarray, " K *C"]:
        """Vertex values at places on the tile (of the texel that holds each)."""
        texel = self.texel(places)
        return np.einsum(
            "kc,kc...->k...", self.weights[texel], np.asarray(vertex_values)[self.corners[texel]]
        )

    def on(self, places: Float[np.ndarray, "K 2"]) -> Bool[np.ndarray, " K"]:
        """Which places lie on the tile."""
        cell = np.floor(places * SIZE).astype(int)
        inside = ((cell >= 0) & (cell < SIZE)).all(axis=1)
        cell = np.clip(cell, 0, SIZE - 1)
        return inside & (self.texel_of[cell[:, 1], cell[:, 0]] >= 0)

    def texel(self, places: Float[np.ndarray, "K 2"]) -> Int[np.ndarray, " K"]:
        """The covered texel of each place; all must lie on the tile."""
        cell = np.minimum((places * SIZE).astype(int), SIZE - 1)
        texel = self.texel_of[cell[:, 1], cell[:, 0]]
        assert (texel >= 0).all(), "a place off the tile"
        return texel

    def scatter(
        self, per_square_mm: Float[np.ndarray, " N"], rng: np.random.Generator
    ) -> Float[np.ndarray, "K 2"]:
        """Places with this density at each covered texel, at even distances.

        A jittered grid fine enough for the densest place, thinned to the density elsewhere.
        """
        density = np.zeros(self.covered.shape)
        density[self.covered] = per_square_mm * self.texel_area
        step = min(0.95 / np.sqrt(max(float(density.max()), 1e-9)), SIZE / 4.0)
        count = int(np.ceil(SIZE / step))
        grid = np.stack(np.meshgrid(np.arange(count), np.arange(count)), -1).reshape(-1, 2)
        at = (grid + 0.5 + rng.uniform(-0.42, 0.42, grid.shape)) * step
        luck = rng.random(len(grid))
        inside = (at < SIZE).all(axis=1)
        at, luck = at[inside], luck[inside]
        return at[luck < density[at[:, 1].astype(int), at[:, 0].astype(int)] * step**2] / SIZE

    def anywhere(
        self, share: Float[np.ndarray, " N"], count: int, rng: np.random.Generator
    ) -> Float[np.ndarray, "K 2"]:
        """`count` places, as likely in a texel as `share` (cumulative over covered texels) grows there."""
        texel = np.searchsorted(share, rng.random(count) * share[-1])
        inside = rng.random((count, 2))
        return (np.stack([self.cells[1][texel], self.cells[0][texel]], axis=1) + inside) / SIZE

    @cached_property
    def cells(self) -> tuple[np.ndarray, np.ndarray]:
        """Row and column of each covered texel."""
        row, column = np.nonzero(self.covered)
        return row, column

    def marks(
        self,
        places: Float[np.ndarray, "K 2"],
        direction: Float[np.ndarray, "K 3"],
        radius: Float[np.ndarray, "K 2"],
        strength: Float[np.ndarray, " K"],
        resolution: int,
    ) -> Marks:
        """Marks at places, lying along a direction of space (any length), for a map of this resolution.

        Those that reach over the seam to the other tile, which knows nothing of them, fade.
        """
        frame = self.frame[self.texel_triangle[self.texel(places)]]
        normal = normalized(np.cross(frame[..., 0], frame[..., 1]))
        along = direction - normal * np.einsum("kd,kd->k", direction, normal)[:, None]
        along = normalized(along)
        across = np.cross(normal, along)
        to_surface = np.einsum("akd,kde->kae", np.stack([along, across]), frame) / resolution
        room = self.at(places, self.from_border) / np.maximum(1.5 * radius.max(axis=1), 1e-6)
        fade = np.clip(1.5 * room - 0.5, 0.0, 1.0)
        return Marks(places * resolution, to_surface, radius, strength * fade)


@lru_cache(maxsize=2)
def grid(part: str) -> Grid:
    """The grid of "face" or "head"."""
    template = load_template()
    topology, quads = template.topology, template.part(part).quads
    span = slice(2 * quads.start, 2 * quads.stop)
    triangles = topology.triangles[span]
    uvs = topology.uvs[topology.triangle_uvs[span]] - topology.uv_tile(quads)
    covered, which, weights = _texels(uvs)
    return Grid(template, part, triangles, uvs, covered, which, weights)


def _texels(uvs: Float[np.ndarray, "T 3 2"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Covered texels, the triangle over each centre and its barycentric weights."""
    corner = np.stack([uvs[..., 0], 1.0 - uvs[..., 1]], axis=-1) * SIZE - 0.5
    low = np.clip(np.ceil(corner.min(axis=1) - 1e-6).astype(int), 0, SIZE - 1)
    span = np.clip(np.floor(corner.max(axis=1) + 1e-6).astype(int), -1, SIZE - 1) - low + 1
    count = np.maximum(span, 0).prod(axis=1)
    triangle = np.repeat(np.arange(len(uvs)), count)
    rank = np.arange(len(triangle)) - np.repeat(np.cumsum(count) - count, count)
    width = span[triangle, 0]
    at = low[triangle] + np.stack([rank % width, rank // width], axis=1)
    a, b, c = (corner[triangle, k] for k in range(3))
    area = _cross(b - a, c - a)
    safe = np.where(area == 0, 1.0, area)
    bary = np.stack([_cross(b - at, c - at), _cross(c - at, a - at), _cross(a - at, b - at)], 1)
    bary /= safe[:, None]
    inside = (bary.min(axis=1) >= _INSIDE) & (area != 0)
    flat = (at[:, 1] * SIZE + at[:, 0])[inside]
    texel, first = np.unique(flat, return_index=True)
    covered = np.zeros(SIZE * SIZE, bool)
    covered[texel] = True
    return covered.reshape(SIZE, SIZE), triangle[inside][first], bary[inside][first].astype(np.float32)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
