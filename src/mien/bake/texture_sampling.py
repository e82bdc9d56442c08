"""Reading a scan's colour at points on it: textures (bilinear, mip-mapped) or vertex colours."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import no_type_check

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from numba import njit
from scipy.spatial import cKDTree

from mien.bake.ray_hits import TexelHits, carried
from mien.bake.texture_filter import read_footprints
from mien.core.conventions import srgb_to_linear, uv_to_pixel
from mien.core.mesh import Scan
from mien.geometry.raster import rasterize
from mien.geometry.uvspace import fill_gutter

_DECODE = srgb_to_linear(np.arange(256) / 255.0).astype(np.float32)
_ISLAND_RASTER = 2048  # islands are found at this size at most
_RIM = 3  # pixels of the island raster round what is kept that are filled at full resolution
_NEAREST = 4  # vertices that colour a point of a dense scan
_SHARPEST = 2e-5  # metres: nearer than this the nearest vertex has no more weight
_GRAZING = (0.06, 0.18)  # short over long side of a source pixel's footprint: none ... full confidence


@dataclass(frozen=True)
class ColourSource:
    """A scan's colour, ready to be read.

    `gains` are log gains (linear light) at triangle corners. Sources made from one another by
    `with_gains` share the prepared textures.
    """

    scan: Scan
    gains: Float[np.ndarray, "M 3 3"] | None = None
    prepared: list[list[np.ndarray]] = field(default_factory=list)

    def with_gains(self, gains: Float[np.ndarray, "M 3 3"]) -> ColourSource:
        """The same colour under other gains."""
        return replace(self, gains=gains)

    def read(
        self,
        triangle: Int[np.ndarray, " N"],
        barycentric: Float[np.ndarray, "N 3"],
        texel_metres: Float[np.ndarray, " N"] | None = None,
    ) -> Float[np.ndarray, "N 3"]:
        """Linear colour at points on the scan, averaged over `texel_metres` where that is coarser than
        the source; NaN where the scan has none there."""
        scan = self.scan
        if scan.textures and scan.corner_uvs is not None:
            out = self._read_textures(triangle, barycentric, texel_metres)
        elif scan.vertex_colours is not None:
            linear = srgb_to_linear(scan.vertex_colours).astype(np.float32)
            out = np.einsum("nk,nkc->nc", barycentric, linear[scan.triangles[triangle]])
        else:
            return np.full((len(triangle), 3), np.nan, np.float32)
        if self.gains is not None:
            out = out * np.exp(np.einsum("nk,nkc->nc", barycentric, self.gains[triangle]))
        return out.astype(np.float32)

    def _read_textures(self, triangle, barycentric, texel_metres) -> np.ndarray:  # type: ignore[no-untyped-def]
        scan = self.scan
        assert scan.corner_uvs is not None
        out = np.full((len(triangle), 3), np.nan, np.float32)
        uv = np.einsum("nk,nkd->nd", barycentric, scan.corner_uvs[triangle])
        which = self._texture_of[triangle]
        for t in range(len(scan.textures)):
            rows = np.flatnonzero(which == t)
            if len(rows) == 0:
                continue
            pyramid = self._pyramid(t)
            level = np.zeros(len(rows), np.float32)
            if texel_metres is not None:
                level = np.log2(np.maximum(self._density[triangle[rows]] * texel_metres[rows], 1.0))
            out[rows] = _read_pyramid(pyramid, uv[rows], level.astype(np.float32))
        return out

    def read_hits(self, hits: TexelHits) -> Float[np.ndarray, "N 3"]:
        """Linear colour through each texel's own footprint; NaN where the scan has none there."""
        scan = self.scan
        if not scan.textures or scan.corner_uvs is None:
            return self.read(hits.triangle, hits.barycentric)
        out = np.full((len(hits.triangle), 3), np.nan, np.float32)
        uv, along_x, along_y = carried(hits, self._corner_uvs)
        which = self._texture_of[hits.triangle]
        for t in range(len(scan.textures)):
            mine = which == t
            if mine.any():
                rows = slice(None) if mine.all() else np.flatnonzero(mine)  # most scans have one texture
                pyramid = self._pyramid(t)
                height, width = pyramid[0].shape[:2]
                scale = np.array([width, -height], np.float32)
                pixel = uv_to_pixel(uv[rows], height, width)
                out[rows] = read_footprints(pyramid, pixel, along_x[rows] * scale, along_y[rows] * scale)
        if self.gains is not None:
            out *= np.exp(carried(hits, self.gains)[0])
        return out

    def well_seen(
        self, triangle: Int[np.ndarray, " N"], barycentric: Float[np.ndarray, "N 3"]
    ) -> Float[np.ndarray, " N"]:
        """How well the source shows a place, 0..1."""
        return self.grazing_confidence(triangle)

    @cached_property
    def _corner_uvs(self) -> np.ndarray:
        assert self.scan.corner_uvs is not None
        return self.scan.corner_uvs.astype(np.float32)

    @cached_property
    def _texture_of(self) -> np.ndarray:
        if self.scan.triangle_texture is None:
            return np.zeros(len(self.scan.triangles), np.int64)
        return self.scan.triangle_texture

    def _pyramid(self, t: int) -> list[np.ndarray]:
        """One texture and its halvings, made when it is first read."""
        if not self.prepared:
            self.prepared.extend([] for _ in self.scan.textures)
        if not self.prepared[t]:
            self.prepared[t] = halvings(self._bled(t))
        return self.prepared[t]

    def _bled(self, t: int) -> UInt8[np.ndarray, "H W 3"]:
        """The texture with its islands' rims replaced from inside and carried on outside: neither the
        background nor a mixed rim pixel can be read."""
        texture = self.scan.textures[t]
        height, width = texture.shape[:2]
        scale = min(1.0, _ISLAND_RASTER / max(height, width))
        h, w = max(1, round(height * scale)), max(1, round(width * scale))
        assert self.scan.corner_uvs is not None
        corners = uv_to_pixel(self.scan.corner_uvs[self._texture_of == t].reshape(-1, 2), h, w)
        ids = np.arange(len(corners)).reshape(-1, 3)
        islands = rasterize(corners, np.zeros(len(corners)), ids, h, w).covered
        inner = cv2.erode(islands.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        # An island too thin to survive erosion keeps its pixels.
        near_inner = cv2.dilate(inner.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        kept = inner | (islands & ~near_inner)
        if max(height, width) > 2 * _ISLAND_RASTER:
            return bleed(texture, kept)
        if scale < 1.0:
            kept = cv2.resize(kept.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0
        return fill_gutter(texture, kept)

    @cached_property
    def _metric(self) -> tuple[np.ndarray, np.ndarray]:
        return _texture_metric(self.scan, self._texture_of)

    @property
    def _density(self) -> np.ndarray:
        """Source pixels per metre, per triangle."""
        return self._metric[0]

    def grazing_confidence(self, triangle: Int[np.ndarray, " N"]) -> Float[np.ndarray, " N"]:
        """0 where the source's pixels are drawn out on the surface (seen at grazing), 1 where not."""
        if not self.scan.textures or self.scan.corner_uvs is None:
            return np.ones(len(triangle), np.float32)
        low, high = _GRAZING
        return np.clip((self._metric[1][triangle] - low) / (high - low), 0.0, 1.0).astype(np.float32)


@dataclass(frozen=True)
class PointSource(ColourSource):
    """Vertex colours of a scan denser than the one whose triangles are read: a mean of the nearest vertices,
    weighted by inverse squared distance."""

    tree: cKDTree | None = None
    linear: Float[np.ndarray, "P 3"] | None = None

    def read(
        self,
        triangle: Int[np.ndarray, " N"],
        barycentric: Float[np.ndarray, "N 3"],
        texel_metres: Float[np.ndarray, " N"] | None = None,
    ) -> Float[np.ndarray, "N 3"]:
        """As `ColourSource.read`, not averaged over more than the nearest four vertices."""
        assert self.tree is not None
        assert self.linear is not None
        corners = self.scan.vertices[self.scan.triangles[triangle]]
        distance, near = self.tree.query(np.einsum("nk,nkd->nd", barycentric, corners), k=_NEAREST)
        weight = 1.0 / (distance**2 + _SHARPEST**2)
        weight /= weight.sum(axis=1, keepdims=True)
        return np.einsum("nk,nkc->nc", weight, self.linear[near]).astype(np.float32)


def point_source(light: Scan, dense: Scan) -> PointSource:
    """Reads the vertex colours of `dense` at places on its light copy."""
    assert dense.vertex_colours is not None
    linear = srgb_to_linear(dense.vertex_colours).astype(np.float32)
    return PointSource(light, tree=cKDTree(dense.vertices, balanced_tree=False), linear=linear)


def _texture_metric(scan: Scan, texture_of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Per triangle: pixels per metre, and the ratio of the singular values of surface -> pixels."""
    assert scan.corner_uvs is not None
    sizes = np.array([[t.shape[1], t.shape[0]] for t in scan.textures], float)[np.maximum(texture_of, 0)]
    p = scan.vertices[scan.triangles]
    e1, e2 = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]
    length = np.maximum(np.linalg.norm(e1, axis=1), 1e-12)
    x2 = np.einsum("md,md->m", e1, e2) / length
    y2 = np.maximum(np.linalg.norm(np.cross(e1, e2), axis=1) / length, 1e-12)
    uv = scan.corner_uvs * sizes[:, None, :]
    d1 = (uv[:, 1] - uv[:, 0]) / length[:, None]
    d2 = (uv[:, 2] - uv[:, 0] - d1 * x2[:, None]) / y2[:, None]
    # Singular values of the 2x2 matrix [d1 d2], in closed form.
    half_trace = 0.5 * ((d1**2).sum(1) + (d2**2).sum(1))
    det = np.abs(d1[:, 0] * d2[:, 1] - d1[:, 1] * d2[:, 0])
    root = np.sqrt(np.maximum(half_trace**2 - det**2, 0.0))
    ratio = np.sqrt(np.maximum(half_trace - root, 0.0) / np.maximum(half_trace + root, 1e-12))
    return np.sqrt(det).astype(np.float32), ratio.astype(np.float32)


def bleed(texture: UInt8[np.ndarray, "H W 3"], kept: Bool[np.ndarray, "h w"]) -> UInt8[np.ndarray, "H W 3"]:
    """A large texture whose pixels that are not kept (told at a coarser size) are replaced: next to kept ones
    by the nearest of these, beyond by the nearest kept colour at the coarser size. Takes a fifth of the time
    and a tenth of the memory of `fill_gutter`."""
    if kept.all() or not kept.any():
        return texture
    size = texture.shape[1::-1]
    far = fill_gutter(cv2.resize(texture, kept.shape[::-1], interpolation=cv2.INTER_AREA), kept)
    whole = cv2.resize(kept.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    near = cv2.dilate(kept.astype(np.uint8), np.ones((2 * _RIM + 1, 2 * _RIM + 1), np.uint8))
    out = texture.copy()
    _spread_rim(out, whole, far, near, _RIM * max(1, round(texture.shape[1] / kept.shape[1])))
    return out


@njit(cache=True, nogil=True)
@no_type_check
def _spread_rim(out, kept, far, near, rim):
    """Each pixel that is not kept looks `rim` pixels along its row and column for the nearest kept one."""
    height, width = kept.shape
    for y in range(height):
        for x in range(width):
            if kept[y, x]:
                continue
            fy, fx = y * far.shape[0] // height, x * far.shape[1] // width
            sy, sx = -1, -1
            for step in range(1, rim + 1 if near[fy, fx] else 1):
                if x >= step and kept[y, x - step]:
                    sy, sx = y, x - step
                elif x + step < width and kept[y, x + step]:
                    sy, sx = y, x + step
                elif y >= step and kept[y - step, x]:
                    sy, sx = y - step, x
                elif y + step < height and kept[y + step, x]:
                    sy, sx = y + step, x
                else:
                    continue
                break
            for c in range(3):
                out[y, x, c] = out[sy, sx, c] if sy >= 0 else far[fy, fx, c]


def halvings(texture: UInt8[np.ndarray, "H W 3"]) -> list[UInt8[np.ndarray, "_ _ 3"]]:
    """A picture and its halvings, down to about 8 pixels."""
    levels = [np.ascontiguousarray(texture)]
    while min(levels[-1].shape[:2]) > 8 and len(levels) < 8:
        h, w = levels[-1].shape[:2]
        levels.append(cv2.resize(levels[-1], (w // 2, h // 2), interpolation=cv2.INTER_AREA))
    return levels


def _read_pyramid(pyramid: list[np.ndarray], uv: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Trilinear: bilinear in the two nearest levels."""
    level = np.clip(level, 0.0, len(pyramid) - 1.0)
    low = np.floor(level).astype(np.int64)
    mix = (level - low)[:, None]
    out = np.zeros((len(uv), 3), np.float32)
    for n, image in enumerate(pyramid):
        for rows, weight in ((low == n, 1.0 - mix), ((low == n - 1) & (mix[:, 0] > 0), mix)):
            if rows.any():
                pixel = uv_to_pixel(uv[rows], *image.shape[:2])
                out[rows] += weight[rows] * read_bilinear(image, pixel)
    return out


def read_bilinear(
    image: UInt8[np.ndarray, "H W 3"], pixel: Float[np.ndarray, "N 2"]
) -> Float[np.ndarray, "N 3"]:
    """Linear colour of an sRGB image at continuous pixel coordinates (centres at .5), clamped."""
    return _bilinear(image, np.ascontiguousarray(pixel, np.float32), _DECODE)


@njit(cache=True)
@no_type_check
def _bilinear(image, pixel, decode):
    height, width = image.shape[0], image.shape[1]
    out = np.empty((pixel.shape[0], 3), np.float32)
    for n in range(pixel.shape[0]):
        x = min(max(pixel[n, 0] - 0.5, 0.0), width - 1.0)
        y = min(max(pixel[n, 1] - 0.5, 0.0), height - 1.0)
        x0, y0 = int(x), int(y)
        x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
        fx, fy = np.float32(x - x0), np.float32(y - y0)
        for c in range(3):
            top = decode[image[y0, x0, c]] * (1 - fx) + decode[image[y0, x1, c]] * fx
            low = decode[image[y1, x0, c]] * (1 - fx) + decode[image[y1, x1, c]] * fx
            out[n, c] = top * (1 - fy) + low * fy
    return out


def read_bilinear_plain(
    image: UInt8[np.ndarray, "H W 3"], pixel: Float[np.ndarray, "N 2"]
) -> Float[np.ndarray, "N 3"]:
    """`read_bilinear` as a specification: a tent of width one round each pixel centre."""
    height, width = image.shape[:2]
    limit = np.array([width - 0.5, height - 0.5])
    at = np.clip(pixel, 0.5, limit)
    weight_x = np.maximum(1 - np.abs(at[:, :1] - (np.arange(width) + 0.5)), 0)
    weight_y = np.maximum(1 - np.abs(at[:, 1:] - (np.arange(height) + 0.5)), 0)
    linear = srgb_to_linear(image / 255.0)
    return np.einsum("ny,nx,yxc->nc", weight_y, weight_x, linear)
