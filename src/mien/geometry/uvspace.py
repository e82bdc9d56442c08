"""Working in a UV tile: where each texel lies on the mesh, and what surrounds the covered texels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import no_type_check

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from numba import njit
from scipy import sparse

from mien.core.conventions import uv_to_pixel
from mien.core.mesh import Topology
from mien.geometry.raster import rasterize


@dataclass(frozen=True)
class Tile:
    """One UV tile of a mesh at one resolution; row 0 is the top (v = 1).

    `covered` marks the texels whose centre a triangle covers. Per covered texel, in row-major order
    (N of them): `texel_triangle` is a row of `triangles`, `weights` the barycentric weights.
    Per triangle of the tile: `triangles` are vertex ids and `triangle_uvs` rows of `Topology.uvs`.
    """

    covered: Bool[np.ndarray, "R R"]
    texel_triangle: Int[np.ndarray, " N"]
    weights: Float[np.ndarray, "N 3"]
    triangles: Int[np.ndarray, "T 3"]
    triangle_uvs: Int[np.ndarray, "T 3"]
    uvs: Float[np.ndarray, "U 2"]
    n_vertices: int

    @property
    def resolution(self) -> int:
        """Texels per side."""
        return self.covered.shape[0]

    @cached_property
    def corners(self) -> Int[np.ndarray, "N 3"]:
        """Vertex ids of the triangle that covers each texel."""
        return self.triangles[self.texel_triangle]

    @cached_property
    def sampler(self) -> sparse.csr_matrix:
        """N x V: values at vertices to values at the covered texels; rows sum to one. The specification of
        `at_texels` and `to_vertices`, which do without its memory."""
        n = len(self.weights)
        indptr = np.arange(0, 3 * n + 1, 3, dtype=np.int32)
        columns = self.corners.astype(np.int32).ravel()
        data = self.weights.astype(np.float32).ravel()
        return sparse.csr_matrix((data, columns, indptr), shape=(n, self.n_vertices))

    def at_texels(self, vertex_values: Shaped[np.ndarray, " V *C"]) -> Float[np.ndarray, " N *C"]:
        """Vertex values, interpolated linearly at the covered texels (float32)."""
        return at_texels_of(self, vertex_values, slice(0, len(self.weights)))

    def to_vertices(self, texel_values: Shaped[np.ndarray, " N *C"]) -> Float[np.ndarray, " V *C"]:
        """The transpose of `at_texels`: sums of texel values, each shared among its three vertices."""
        values = np.ascontiguousarray(texel_values, np.float32)
        flat = values.reshape(len(values), -1)
        out = np.zeros((self.n_vertices, flat.shape[1]))
        _scatter(self.texel_triangle, self.weights, self.triangles, flat, out)
        return out.astype(np.float32).reshape(self.n_vertices, *values.shape[1:])

    def image(
        self, texel_values: Shaped[np.ndarray, " N *C"], fill: float = 0.0
    ) -> Float[np.ndarray, "R R *C"]:
        """Texel values laid into the square; `fill` outside."""
        out = np.full((*self.covered.shape, *texel_values.shape[1:]), fill, np.float32)
        out[self.covered] = texel_values
        return out

    def texel_area(self, vertices: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, " V"]:
        """Area on the surface of one texel around each vertex, in square metres (0 off the tile)."""
        surface = _areas(vertices[self.triangles])
        corners = self.uvs[self.triangle_uvs]
        texels = _areas(np.pad(corners, ((0, 0), (0, 0), (0, 1)))) * self.resolution**2
        sums = np.zeros((2, self.n_vertices))
        for k in range(3):
            np.add.at(sums[0], self.triangles[:, k], surface)
            np.add.at(sums[1], self.triangles[:, k], texels)
        return np.divide(sums[0], sums[1], out=np.zeros(self.n_vertices), where=sums[1] > 0)

    def uv_derivatives(
        self, vertices: Float[np.ndarray, "V 3"]
    ) -> tuple[Float[np.ndarray, "V 3"], Float[np.ndarray, "V 3"]]:
        """dP/du and dP/dv (metres per unit of UV) at vertices, averaged over triangles by UV area.

        A vertex on a UV seam takes the average over this tile's triangles on both sides.
        """
        p = vertices[self.triangles]
        t = self.uvs[self.triangle_uvs]
        e1, e2 = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]
        d1, d2 = t[:, 1] - t[:, 0], t[:, 2] - t[:, 0]
        # Scaled by the determinant, i.e. by twice the signed UV area: the weight of the average.
        du = e1 * d2[:, 1:] - e2 * d1[:, 1:]
        dv = e2 * d1[:, :1] - e1 * d2[:, :1]
        det = d1[:, 0] * d2[:, 1] - d1[:, 1] * d2[:, 0]
        sums = np.zeros((self.n_vertices, 7))
        for k in range(3):
            np.add.at(sums, self.triangles[:, k], np.concatenate([du, dv, det[:, None]], axis=1))
        det_sum = np.where(np.abs(sums[:, 6:]) > 0, sums[:, 6:], 1.0)
        return sums[:, :3] / det_sum, sums[:, 3:6] / det_sum


def at_texels_of(
    tile: Tile, vertex_values: Shaped[np.ndarray, " V *C"], piece: slice | Int[np.ndarray, " N"]
) -> Float[np.ndarray, " N *C"]:
    """`Tile.at_texels` for some of the covered texels."""
    values = np.ascontiguousarray(vertex_values, np.float32)
    flat = values.reshape(len(values), -1)
    chosen = tile.texel_triangle[piece]
    out = np.empty((len(chosen), flat.shape[1]), np.float32)
    _gather(chosen, tile.weights[piece], tile.triangles, flat, out)
    return out.reshape(len(chosen), *values.shape[1:])


@njit(cache=True, nogil=True)
@no_type_check
def _gather(texel_triangle, weights, triangles, values, out):
    for n in range(out.shape[0]):
        t = texel_triangle[n]
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        for k in range(out.shape[1]):
            low = weights[n, 0] * values[a, k] + weights[n, 1] * values[b, k]
            out[n, k] = low + weights[n, 2] * values[c, k]


@njit(cache=True, nogil=True)
@no_type_check
def _scatter(texel_triangle, weights, triangles, values, out):
    for n in range(values.shape[0]):
        t = texel_triangle[n]
        for corner in range(3):
            v = triangles[t, corner]
            for k in range(out.shape[1]):
                out[v, k] += weights[n, corner] * values[n, k]


def _areas(corners: Float[np.ndarray, "T 3 3"]) -> Float[np.ndarray, " T"]:
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return 0.5 * np.linalg.norm(cross, axis=1)


def locate_texels(topology: Topology, quads: Bool[np.ndarray, " F"], resolution: int) -> Tile:
    """Rasterises the chosen quads in UV. Where charts overlap, the lower triangle index wins."""
    chosen = np.repeat(quads, 2)
    triangles = topology.triangles[chosen]
    triangle_uvs = topology.triangle_uvs[chosen]
    pixels = uv_to_pixel(topology.uvs, resolution, resolution)
    raster = rasterize(pixels, np.zeros(len(pixels)), triangle_uvs, resolution, resolution)
    covered = raster.covered
    return Tile(
        covered=covered,
        texel_triangle=raster.triangle[covered],
        weights=raster.barycentric[covered],
        triangles=triangles,
        triangle_uvs=triangle_uvs,
        uvs=topology.uvs,
        n_vertices=topology.n_vertices,
    )


def fill_gutter(
    pixels: Shaped[np.ndarray, "H W *C"], covered: Bool[np.ndarray, "H W"]
) -> Shaped[np.ndarray, "H W *C"]:
    """Uncovered pixels take the value of the nearest covered one, so that no filter reads background."""
    if covered.all() or not covered.any():
        return pixels
    _, labels = cv2.distanceTransformWithLabels(
        (~covered).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    rows, columns = np.nonzero(covered)
    of_label = np.zeros(labels.max() + 1, np.int64)
    of_label[labels[rows, columns]] = rows * pixels.shape[1] + columns
    holes = ~covered
    out = pixels.copy()
    out[holes] = pixels.reshape(-1, *pixels.shape[2:])[of_label[labels[holes]]]
    return out


def blur_within(
    pixels: Float[np.ndarray, "H W *C"], covered: Bool[np.ndarray, "H W"], sigma: float
) -> Float[np.ndarray, "H W *C"]:
    """Gaussian blur (sigma in texels) that does not see uncovered pixels; 0 where nothing is near."""
    weight = covered.astype(np.float32)
    shaped = weight if pixels.ndim == 2 else weight[..., None]
    blurred = cv2.GaussianBlur(pixels * shaped, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    norm = cv2.GaussianBlur(weight, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    norm = np.maximum(norm if pixels.ndim == 2 else norm[..., None], 1e-6)
    return blurred.reshape(pixels.shape) / norm


def smooth_gutter(
    pixels: Float[np.ndarray, "H W *C"], covered: Bool[np.ndarray, "H W"], rim: int = 8
) -> Float[np.ndarray, "H W *C"]:
    """Beyond `rim` texels from the covered area, streaks of `fill_gutter` give way to a soft mean."""
    if covered.all() or not covered.any():
        return pixels
    mean = _pull_push(pixels, covered)
    distance = cv2.distanceTransform((~covered).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    mix = np.clip((distance - rim) / (2.0 * rim), 0.0, 1.0)
    mix = mix.reshape(mix.shape + (1,) * (pixels.ndim - 2))
    return (pixels * (1 - mix) + mean * mix).astype(pixels.dtype)


def _pull_push(pixels: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """Holes from ever coarser averages of what surrounds them (Gortler et al. 1996, section 3.3)."""
    weight = covered.astype(np.float32)
    shape = weight.shape + (1,) * (pixels.ndim - 2)
    height, width = weight.shape
    if min(height, width) <= 2:
        total = max(float(weight.sum()), 1e-9)
        return np.broadcast_to((pixels * weight.reshape(shape)).sum(axis=(0, 1)) / total, pixels.shape)
    size = ((width + 1) // 2, (height + 1) // 2)
    small_weight = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    small = cv2.resize(pixels * weight.reshape(shape), size, interpolation=cv2.INTER_AREA)
    norm = np.maximum(small_weight, 1e-9).reshape(small_weight.shape + (1,) * (pixels.ndim - 2))
    small = _pull_push(small.reshape(*small_weight.shape, *pixels.shape[2:]) / norm, small_weight > 0)
    large = cv2.resize(np.ascontiguousarray(small), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(covered.reshape(shape), pixels, large.reshape(pixels.shape))
