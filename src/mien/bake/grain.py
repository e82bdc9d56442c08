"""Skin grain without an end: noise with the spectrum and the colour covariance of a measured patch.

Asymptotic discrete spot noise (Galerne, Gousseau and Morel 2011, "Random phase textures", section
3): white noise convolved with the windowed patch.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Float
from scipy import fft


def spot_noise(patch: Float[np.ndarray, "h w 3"], resolution: int, seed: int) -> Float[np.ndarray, "R R 3"]:
    """A periodic square of stationary noise; mean 0, covariance between channels as in `patch`."""
    window = _window(*patch.shape[:2])[..., None]
    weighted_mean = (patch * window**2).sum(axis=(0, 1)) / (window**2).sum()
    spot = (patch - weighted_mean) * window / np.sqrt((window**2).sum())
    h, w = min(patch.shape[0], resolution), min(patch.shape[1], resolution)
    padded = np.zeros((resolution, resolution, 3), np.float32)
    padded[:h, :w] = spot[:h, :w]
    white = np.random.default_rng(seed).standard_normal((resolution, resolution), np.float32)
    spectrum = fft.rfft2(white)
    noise = np.empty((resolution, resolution, 3), np.float32)
    for c in range(3):
        channel = spectrum * fft.rfft2(padded[..., c])
        noise[..., c] = fft.irfft2(channel, s=(resolution, resolution), overwrite_x=True)
    return (noise - noise.mean(axis=(0, 1))).astype(np.float32)


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
