"""What never changes while a subject moves: triangles, texture coordinates, materials, neighbours."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse

from mien.core.conventions import uv_to_pixel
from mien.geometry.normals import normalized, triangle_cross
from mien.geometry.raster import rasterize
from mien.render.texture import Texture

OPAQUE = ("skin", "wet", "eye")


@dataclass(frozen=True)
class Material:
    """How a part looks. `kind` chooses the shading: "skin" (diffuses light beneath its surface), "wet",
    "eye", "clear" (reflects only: cornea, tears), "lash" (dark, alpha in the albedo's fourth channel),
    "shade" (alpha likewise), "none" (not drawn). `specular` scales Fresnel's F0: 0.35 means 0.028, as
    0.08 x specular.
    """

    name: str
    kind: str
    albedo: Texture
    roughness: Texture
    specular: Texture
    normal: Texture | None = None


@dataclass(frozen=True)
class SkinTile:
    """A material's UV square: per covered texel (N, row-major) its triangle and weights."""

    covered: Bool[np.ndarray, "R R"]
    triangle: Int[np.ndarray, " N"]
    barycentric: Float[np.ndarray, "N 3"]

    def image(self, values: Float[np.ndarray, "N C"]) -> Float[np.ndarray, "R R C"]:
        """Texel values laid into the square, 0 outside."""
        out = np.zeros((*self.covered.shape, values.shape[1]), np.float32)
        out[self.covered] = values
        return out


@dataclass(frozen=True)
class Surface:
    """Triangles with corner UVs (origin bottom-left) and a material each."""

    n_vertices: int
    triangles: Int[np.ndarray, "T 3"]
    corner_uvs: Float[np.ndarray, "T 3 2"]
    triangle_material: Int[np.ndarray, " T"]
    materials: tuple[Material, ...]
    _tiles: dict[tuple[int, int], SkinTile] = field(default_factory=dict, repr=False)

    def of_kind(self, *kinds: str) -> Bool[np.ndarray, " T"]:
        """True at triangles whose material is one of these kinds."""
        wanted = np.array([m.kind in kinds for m in self.materials])
        return wanted[self.triangle_material]

    @cached_property
    def _incidence(self) -> sparse.csr_matrix:
        corners = self.triangles.ravel()
        rows = np.repeat(np.arange(len(self.triangles)), 3)
        shape = (self.n_vertices, len(self.triangles))
        return sparse.csr_matrix((np.ones(corners.size), (corners, rows)), shape=shape)

    def normals(self, vertices: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "V 3"]:
        """Area-weighted vertex normals of a pose."""
        return normalized(self._incidence @ triangle_cross(vertices, self.triangles))

    @cached_property
    def smoother(self) -> sparse.csr_matrix:
        """V x V: half the value itself, half the mean of its neighbours; rows sum to one."""
        t = self.triangles
        pairs = np.concatenate([t[:, [0, 1]], t[:, [1, 2]], t[:, [2, 0]]])
        pairs = np.concatenate([pairs, pairs[:, ::-1]])
        n = self.n_vertices
        adjacency = sparse.csr_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
        adjacency.data[:] = 1.0
        degree = np.asarray(adjacency.sum(axis=1)).ravel()
        mean = sparse.diags(np.where(degree > 0, 0.5 / np.maximum(degree, 1), 0.0)) @ adjacency
        return (mean + sparse.diags(np.where(degree > 0, 0.5, 1.0))).tocsr().astype(np.float32)

    def tile(self, material: int, resolution: int) -> SkinTile:
        """The material's UV square, rasterised once for each resolution."""
        key = (material, resolution)
        if key not in self._tiles:
            own = np.flatnonzero(self.triangle_material == material)
            self._tiles[key] = self.tile_of(own, resolution)
        return self._tiles[key]

    def tile_of(self, own: Int[np.ndarray, " S"], resolution: int) -> SkinTile:
        """The UV square of a chosen set of triangles."""
        corners = uv_to_pixel(self.corner_uvs[own].reshape(-1, 2), resolution, resolution)
        triangles = np.arange(len(corners)).reshape(-1, 3)
        raster = rasterize(corners, np.zeros(len(corners)), triangles, resolution, resolution)
        mask = raster.covered
        return SkinTile(mask, own[raster.triangle[mask]], raster.barycentric[mask])

    @cached_property
    def uv_area(self) -> Float[np.ndarray, " T"]:
        """Area of each triangle in its UV square."""
        a, b, c = (self.corner_uvs[:, k] for k in range(3))
        u, v = b - a, c - a
        return 0.5 * np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])

    def tangents(
        self, vertices: Float[np.ndarray, "V 3"]
    ) -> tuple[Float[np.ndarray, "T 3"], Float[np.ndarray, "T 3"]]:
        """Unit directions of growing u and v on each triangle (zero where the UV is degenerate)."""
        p, t = vertices[self.triangles], self.corner_uvs
        e1, e2 = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]
        d1, d2 = t[:, 1] - t[:, 0], t[:, 2] - t[:, 0]
        sign = np.sign(d1[:, :1] * d2[:, 1:] - d1[:, 1:] * d2[:, :1])
        along_u = sign * (e1 * d2[:, 1:] - e2 * d1[:, 1:])
        along_v = sign * (e2 * d1[:, :1] - e1 * d2[:, :1])
        return normalized(along_u), normalized(along_v)
