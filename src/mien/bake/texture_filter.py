"""Reading a picture through a texel's own footprint: no blur where the picture is coarser, no aliasing where
it is finer, and neither where it is both.

Magnified, the picture is interpolated by Catmull and Rom's cubic (Keys 1981, a = -1/2), which keeps the
frequencies up to the source's own limit better than a tent. Minified, it is averaged along the longer axis
of the footprint by several probes on the level of the shorter one (McCormack et al. 1999, "Feline").
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np
from jaxtyping import Float, Int, UInt8
from numba import njit

from mien.core.conventions import srgb_to_linear

DECODE = srgb_to_linear(np.arange(256) / 255.0).astype(np.float32)
MOST_PROBES = 8

Pyramid = list[UInt8[np.ndarray, "_ _ 3"]]


def read_footprints(
    pyramid: Pyramid,
    pixel: Float[np.ndarray, "N 2"],
    along_x: Float[np.ndarray, "N 2"],
    along_y: Float[np.ndarray, "N 2"],
) -> Float[np.ndarray, "N 3"]:
    """Linear colour of an sRGB picture at continuous pixels (centres at .5), clamped at its border.

    `along_x` and `along_y` are the pixels that one texel to the right and one down go: two sides of the
    footprint. `pyramid` holds the picture and its halvings.
    """
    level, step, probes = probing(along_x, along_y, len(pyramid))
    out = np.zeros((len(pixel), 3), np.float32)
    pixel = np.ascontiguousarray(pixel, np.float32)
    height, width = pyramid[0].shape[:2]
    for n, picture in enumerate(pyramid):
        if n == 0 or level.max(initial=0.0) > n - 1:
            scale = np.array([picture.shape[1] / width, picture.shape[0] / height], np.float32)
            _read(picture, n, scale, pixel, step, probes, level, DECODE, out)
    return np.maximum(out, 0.0, out=out)


def probing(
    along_x: Float[np.ndarray, "N 2"], along_y: Float[np.ndarray, "N 2"], levels: int
) -> tuple[Float[np.ndarray, " N"], Float[np.ndarray, "N 2"], Int[np.ndarray, " N"]]:
    """Level of the pyramid, the way (pixels of the finest level) from the first probe to the last, and how
    many probes, for each footprint."""
    n = len(along_x)
    level, step, probes = np.zeros(n, np.float32), np.zeros((n, 2), np.float32), np.ones(n, np.int32)
    a, b = np.ascontiguousarray(along_x, np.float32), np.ascontiguousarray(along_y, np.float32)
    _probe(a, b, levels - 1.0, level, step, probes)
    return level, step, probes


@njit(cache=True, nogil=True)
@no_type_check
def _probe(a, b, top, level, step, probes):
    for n in range(a.shape[0]):
        xx, yy = a[n, 0] ** 2 + b[n, 0] ** 2, a[n, 1] ** 2 + b[n, 1] ** 2
        xy = a[n, 0] * a[n, 1] + b[n, 0] * b[n, 1]
        # Half the trace and half the difference of the eigenvalues of the footprint's quadratic form.
        mean, root = 0.5 * (xx + yy), np.sqrt(0.25 * (xx - yy) ** 2 + xy**2)
        if mean + root <= 1.0:
            continue  # magnified every way
        major, minor = np.sqrt(mean + root), max(np.sqrt(max(mean - root, 0.0)), 1.0)
        count = int(min(max(np.ceil(major / minor - 0.25), 1.0), MOST_PROBES))
        minor = max(minor, major / MOST_PROBES)
        level[n] = min(np.log2(minor), top)
        if count > 1:
            angle = 0.5 * np.arctan2(2 * xy, xx - yy)
            probes[n] = count
            step[n, 0], step[n, 1] = (major - minor) * np.cos(angle), (major - minor) * np.sin(angle)


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
@no_type_check
def _read(picture, index, scale, pixel, step, probes, level, decode, out):
    height, width = picture.shape[0], picture.shape[1]
    wx, wy = np.empty(4, np.float32), np.empty(4, np.float32)
    for n in range(pixel.shape[0]):
        low = int(level[n])
        mix = level[n] - low
        share = 1.0 - mix if low == index else (mix if low == index - 1 else 0.0)
        if share <= 0.0:
            continue
        red, green, blue = np.float32(0.0), np.float32(0.0), np.float32(0.0)
        for probe in range(probes[n]):
            along = 0.0 if probes[n] == 1 else probe / (probes[n] - 1.0) - 0.5
            x = (pixel[n, 0] + along * step[n, 0]) * scale[0]
            y = (pixel[n, 1] + along * step[n, 1]) * scale[1]
            x, y = min(max(x, 0.5), width - 0.5) - 0.5, min(max(y, 0.5), height - 0.5) - 0.5
            x0, y0 = int(x), int(y)
            _cubic(np.float32(x - x0), wx)
            _cubic(np.float32(y - y0), wy)
            for j in range(4):
                row = min(max(y0 + j - 1, 0), height - 1)
                for i in range(4):
                    column = min(max(x0 + i - 1, 0), width - 1)
                    w = wy[j] * wx[i]
                    red += w * decode[picture[row, column, 0]]
                    green += w * decode[picture[row, column, 1]]
                    blue += w * decode[picture[row, column, 2]]
        weight = np.float32(share / probes[n])
        out[n, 0] += weight * red
        out[n, 1] += weight * green
        out[n, 2] += weight * blue


@njit(cache=True, nogil=True)
@no_type_check
def _cubic(t, w):
    """Catmull and Rom's four weights at `t` between the second and the third sample."""
    w[0] = ((-0.5 * t + 1.0) * t - 0.5) * t
    w[1] = (1.5 * t - 2.5) * t * t + 1.0
    w[2] = ((-1.5 * t + 2.0) * t + 0.5) * t
    w[3] = (0.5 * t - 0.5) * t * t


def read_footprints_plain(
    pyramid: Pyramid,
    pixel: Float[np.ndarray, "N 2"],
    along_x: Float[np.ndarray, "N 2"],
    along_y: Float[np.ndarray, "N 2"],
) -> Float[np.ndarray, "N 3"]:
    """`read_footprints` as a specification: probe by probe, over the whole picture."""
    level, step, probes = probing(along_x, along_y, len(pyramid))
    out = np.zeros((len(pixel), 3))
    for n in range(len(pixel)):
        low = int(np.floor(level[n]))
        for k, share in ((low, 1 - (level[n] - low)), (min(low + 1, len(pyramid) - 1), level[n] - low)):
            size = np.array(pyramid[k].shape[1::-1])
            scale = size / np.array(pyramid[0].shape[1::-1])
            for along in np.linspace(-0.5, 0.5, probes[n]) if probes[n] > 1 else [0.0]:
                at = np.clip((pixel[n] + along * step[n]) * scale, 0.5, size - 0.5)
                out[n] += share / probes[n] * _cubic_plain(srgb_to_linear(pyramid[k] / 255.0), at)
    return np.maximum(out, 0.0)


def _cubic_plain(linear: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Keys' kernel round the point, the picture's border repeated."""
    padded = np.pad(linear, ((2, 2), (2, 2), (0, 0)), mode="edge")
    wx = _keys(np.abs(at[0] + 2 - (np.arange(padded.shape[1]) + 0.5)))
    wy = _keys(np.abs(at[1] + 2 - (np.arange(padded.shape[0]) + 0.5)))
    return np.einsum("y,x,yxc->c", wy, wx, padded)


def _keys(d: np.ndarray) -> np.ndarray:
    near = (1.5 * d - 2.5) * d**2 + 1
    far = ((-0.5 * d + 2.5) * d - 4) * d + 2
    return np.where(d < 1, near, np.where(d < 2, far, 0.0))
