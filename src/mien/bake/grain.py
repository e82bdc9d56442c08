"""Endless skin grain: noise with the spectrum and the colour covariance of a measured patch.

As asymptotic discrete spot noise (Galerne, Gousseau and Morel 2011, "Random phase textures", section 3), but
with the patch's cross-spectrum averaged over all directions: a patch is stretched by its tile and by the
scan's own texture, and its direction, repeated all over a head, looks woven.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float
from scipy import fft

_STEEP = 6  # exponent of the normal's components: how soon one of the three planes takes over


@dataclass(frozen=True)
class SolidGrain:
    """A periodic square of grain laid over a surface from three sides (triplanar): of one size everywhere,
    whatever the tile's stretch. `texel` is the square's texel in metres."""

    square: Float[np.ndarray, "P P 3"]
    texel: float

    def at(
        self, points: Float[np.ndarray, "N 3"], normals: Float[np.ndarray, "N 3"]
    ) -> Float[np.ndarray, "N 3"]:
        """Grain at points of the surface (metres), its variance that of the square."""
        weight = np.abs(normals).astype(np.float32) ** _STEEP
        weight /= np.maximum(np.linalg.norm(weight, axis=1, keepdims=True), 1e-12)
        out = np.zeros((len(points), 3), np.float32)
        place = points / self.texel
        for axis in range(3):
            rows = np.flatnonzero(weight[:, axis] > 0.02)
            across, up = (place[rows, (axis + k) % 3] + 257.3 * axis for k in (1, 2))
            out[rows] += weight[rows, axis, None] * self._read(across, up)
        return out

    def _read(self, x: np.ndarray, y: np.ndarray) -> Float[np.ndarray, "N 3"]:
        """Nearest texels: averages of neighbours would have less variance."""
        size = self.square.shape[0]
        return self.square[np.floor(y).astype(np.int64) % size, np.floor(x).astype(np.int64) % size]


def even_noise(patch: Float[np.ndarray, "s s 3"], resolution: int, seed: int) -> Float[np.ndarray, "R R 3"]:
    """A periodic square of stationary noise, alike in all directions; mean 0, covariance between channels as
    in `patch`."""
    size = patch.shape[0]
    window = _window(size, size)[..., None]
    weighted_mean = (patch * window**2).sum(axis=(0, 1)) / (window**2).sum()
    spot = (patch - weighted_mean) * window / np.sqrt((window**2).sum())
    root = _ring_roots(fft.fft2(spot, axes=(0, 1)))
    white = np.random.default_rng(seed).standard_normal((3, resolution, resolution), np.float32)
    spectra = [fft.rfft2(channel) for channel in white]
    ring = np.minimum(_radius(resolution)[:, : resolution // 2 + 1] * size, len(root) - 1).astype(np.float32)
    at = np.arange(len(root))
    noise = np.empty((resolution, resolution, 3), np.float32)
    for c in range(3):
        mixed = sum(np.interp(ring, at, root[:, c, k]).astype(np.float32) * spectra[k] for k in range(3))
        noise[..., c] = fft.irfft2(mixed, s=(resolution, resolution))
    return (noise - noise.mean(axis=(0, 1))).astype(np.float32)


def _ring_roots(spectrum: np.ndarray) -> Float[np.ndarray, "rings 3 3"]:
    """Square roots of the cross-spectrum's mean over rings of equal frequency, one a ring."""
    size = spectrum.shape[0]
    ring = np.round(_radius(size) * size).astype(np.int64).ravel()
    power = np.einsum("nc,nk->nck", spectrum.reshape(-1, 3), spectrum.reshape(-1, 3).conj()).real
    total = np.stack([np.bincount(ring, power[:, c, k]) for c in range(3) for k in range(3)], axis=1)
    mean = (total / np.bincount(ring)[:, None]).reshape(-1, 3, 3)
    values, vectors = np.linalg.eigh(mean)
    return np.einsum("rck,rk,rdk->rcd", vectors, np.sqrt(np.maximum(values, 0.0)), vectors)


def _radius(size: int) -> np.ndarray:
    """Cycles a texel of every frequency of a square."""
    f = np.fft.fftfreq(size)
    return np.hypot(f[:, None], f[None])


def _window(height: int, width: int) -> np.ndarray:
    return np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1]).astype(np.float32)


def plainest_patch(
    detail: Float[np.ndarray, "R R 3"], allowed: Bool[np.ndarray, "R R"], size: int
) -> tuple[int, int] | None:
    """Upper left corner (row, column) of the square of `size` texels, wholly allowed, whose texture is most
    even: typical variance, no feature (brow, eye, mole) in it. None where no square fits."""
    luminance = detail.mean(axis=2)
    inside = cv2.boxFilter(allowed.astype(np.float32), -1, (size, size), borderType=cv2.BORDER_CONSTANT)
    second = cv2.boxFilter(luminance**2, -1, (size, size), borderType=cv2.BORDER_REPLICATE)
    fourth = cv2.boxFilter(luminance**4, -1, (size, size), borderType=cv2.BORDER_REPLICATE)
    half = size // 2
    fits = inside > 0.9999
    fits[:half], fits[:, :half] = False, False
    fits[fits.shape[0] - (size - half) :], fits[:, fits.shape[1] - (size - half) :] = False, False
    if not fits.any():
        return None
    typical = np.quantile(second[fits], 0.25)  # features raise the variance of most windows
    kurtosis = fourth / np.maximum(second**2, 1e-12)
    score = np.where(fits, kurtosis + 2.0 * np.abs(np.log(second / max(typical, 1e-12) + 1e-6)), np.inf)
    row, column = np.unravel_index(np.argmin(score), score.shape)
    return int(row) - half, int(column) - half
