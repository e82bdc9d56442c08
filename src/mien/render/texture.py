"""Textures as mip pyramids: what a shader samples without aliasing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import no_type_check

import cv2
import numpy as np
from jaxtyping import Float, Int
from numba import njit

from mien.core.conventions import srgb_to_linear
from mien.core.mesh import Image


@dataclass(frozen=True)
class Texture:
    """A pyramid, level 0 the finest, packed one level after the other; values are linear.

    `data` has one row a texel, row-major; level l starts at `starts[l]` and is `sizes[l]` (h, w).
    """

    data: Float[np.ndarray, "N C"]
    starts: Int[np.ndarray, " L"]
    sizes: Int[np.ndarray, "L 2"]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the finest level."""
        return int(self.sizes[0, 0]), int(self.sizes[0, 1])

    def level(self, index: int) -> Float[np.ndarray, "h w C"]:
        """One level as a picture."""
        h, w = self.sizes[index]
        start = self.starts[index]
        return self.data[start : start + h * w].reshape(h, w, -1)

    def sample(self, uv: Float[np.ndarray, "N 2"], lod: Float[np.ndarray, " N"]) -> Float[np.ndarray, "N C"]:
        """Trilinear lookup at UV (origin bottom-left, clamped); `lod` 0 is the finest level."""
        if len(self.data) == 1:
            return np.repeat(self.data, len(uv), axis=0)
        out = np.empty((len(uv), self.data.shape[1]), np.float32)
        _trilinear(self.data, self.starts, self.sizes, uv.astype(np.float32), lod.astype(np.float32), out)
        return out


def texture_from_image(image: Image, limit: int = 2048) -> Texture:
    """Decodes sRGB, halves until no side exceeds `limit`, builds the pyramid."""
    pixels = np.asarray(image.pixels, np.float32)
    return texture_from_pixels(pixels, image.colour_space == "srgb", limit)


def texture_from_pixels(pixels: Float[np.ndarray, "H W C"], srgb: bool, limit: int = 2048) -> Texture:
    """`texture_from_image` for a plain array with values in 0..1."""
    while max(pixels.shape[:2]) > limit:
        pixels = _halved(pixels)
    if srgb:  # a fourth channel is coverage, which is linear
        pixels = np.dstack([srgb_to_linear(pixels[..., :3]), pixels[..., 3:]]).astype(np.float32)
    levels = [np.ascontiguousarray(pixels, np.float32)]
    while min(levels[-1].shape[:2]) > 1:
        levels.append(_halved(levels[-1]))
    counts = [level.shape[0] * level.shape[1] for level in levels]
    return Texture(
        data=np.concatenate([level.reshape(-1, pixels.shape[2]) for level in levels]),
        starts=np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64),
        sizes=np.array([level.shape[:2] for level in levels], np.int64),
    )


def constant_texture(value: Float[np.ndarray, " C"]) -> Texture:
    """A single texel (linear)."""
    return texture_from_pixels(np.asarray(value, np.float32).reshape(1, 1, -1), srgb=False)


def roughen_mips(roughness: Texture, normal: Texture) -> Texture:
    """Roughness whose coarser levels hold the bumps that the normals' averages lose: skin seen from afar is
    as dull as its pores make it.

    Normals in 0..1 whose slopes have a variance s a direction average to a length of 1 - s, and a lobe of
    alpha over them looks like one of alpha' with alpha'^2 = alpha^2 + 2 s: Toksvig, "Mipmapping Normal
    Maps" (2005); Olano and Baker, "LEAN Mapping" (2010). alpha is the square of the roughness.
    """
    levels = []
    for index, (height, width) in enumerate(normal.sizes):
        length = np.linalg.norm(2.0 * normal.level(index)[..., :3] - 1.0, axis=2)
        own = cv2.resize(_nearest_level(roughness, int(height)), (int(width), int(height)))
        lost = 2.0 * np.clip(1.0 - length, 0.0, 1.0)
        levels.append(np.minimum(own**4 + lost, 1.0) ** 0.25)
    return Texture(
        data=np.concatenate([level.reshape(-1, 1) for level in levels]).astype(np.float32),
        starts=normal.starts,
        sizes=normal.sizes,
    )


def _nearest_level(texture: Texture, height: int) -> Float[np.ndarray, "h w"]:
    """The first channel of the level nearest in height."""
    return texture.level(int(np.abs(texture.sizes[:, 0] - height).argmin()))[..., 0]


def _halved(pixels: np.ndarray) -> np.ndarray:
    h, w = pixels.shape[:2]
    smaller = cv2.resize(pixels, (max(w // 2, 1), max(h // 2, 1)), interpolation=cv2.INTER_AREA)
    return smaller.reshape(*smaller.shape[:2], pixels.shape[2])


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _trilinear(data, starts, sizes, uv, lod, out):
    top = starts.shape[0] - 1
    for n in range(uv.shape[0]):
        level = min(max(lod[n], np.float32(0.0)), np.float32(top))
        low = int(level)
        high = min(low + 1, top)
        blend = level - low
        _bilinear(data, starts[low], sizes[low, 0], sizes[low, 1], uv[n], out[n], 1.0 - blend, True)
        if blend > 0.0:
            _bilinear(data, starts[high], sizes[high, 0], sizes[high, 1], uv[n], out[n], blend, False)


@njit(cache=True, fastmath=True, nogil=True, inline="always")
@no_type_check
def _bilinear(data, start, h, w, uv, out, weight, fresh):
    x = min(max(uv[0] * w - 0.5, 0.0), w - 1.0)
    y = min(max((1.0 - uv[1]) * h - 0.5, 0.0), h - 1.0)
    x0, y0 = int(x), int(y)
    x1, y1 = min(x0 + 1, w - 1), min(y0 + 1, h - 1)
    fx, fy = x - x0, y - y0
    a, b = start + y0 * w + x0, start + y0 * w + x1
    c, d = start + y1 * w + x0, start + y1 * w + x1
    for k in range(out.shape[0]):
        upper = data[a, k] + (data[b, k] - data[a, k]) * fx
        lower = data[c, k] + (data[d, k] - data[c, k]) * fx
        value = weight * (upper + (lower - upper) * fy)
        out[k] = value if fresh else out[k] + value


def sample_plain(
    texture: Texture, uv: Float[np.ndarray, "N 2"], lod: Float[np.ndarray, " N"]
) -> Float[np.ndarray, "N C"]:
    """`Texture.sample` as a specification."""
    top = len(texture.starts) - 1
    level = np.clip(lod, 0, top)
    out = np.zeros((len(uv), texture.data.shape[1]))
    for n, (point, at) in enumerate(zip(uv, level, strict=True)):
        low = int(at)
        for index, weight in ((low, 1 - (at - low)), (min(low + 1, top), at - low)):
            out[n] += weight * _bilinear_plain(texture.level(index), point)
    return out


def _bilinear_plain(picture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    h, w = picture.shape[:2]
    x = np.clip(uv[0] * w - 0.5, 0, w - 1)
    y = np.clip((1 - uv[1]) * h - 0.5, 0, h - 1)
    x0, y0 = int(x), int(y)
    x1, y1 = min(x0 + 1, w - 1), min(y0 + 1, h - 1)
    fx, fy = x - x0, y - y0
    upper = picture[y0, x0] * (1 - fx) + picture[y0, x1] * fx
    lower = picture[y1, x0] * (1 - fx) + picture[y1, x1] * fx
    return upper * (1 - fy) + lower * fy
