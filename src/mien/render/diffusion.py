"""Light that enters skin and leaves it elsewhere: diffusion of irradiance in texture space.

d'Eon, Luebke and Enderton, "Efficient Rendering of Human Skin" (2007; GPU Gems 3, chapter 14): the
diffusion profile of three-layered skin as a sum of six Gaussians, red widest. Irradiance is rasterised
into a material's UV square, blurred there, and read back; albedo is applied afterwards, since measured
albedo has already been through the skin once.
"""

from __future__ import annotations

from typing import no_type_check

import cv2
import numpy as np
from jaxtyping import Bool, Float
from numba import njit

# Table of the chapter: variances in square millimetres, and weights of red, green, blue.
PROFILE_VARIANCE = np.array([0.0064, 0.0484, 0.187, 0.567, 1.99, 7.41])
PROFILE_WEIGHTS = np.array(
    [
        [0.233, 0.455, 0.649],
        [0.100, 0.336, 0.344],
        [0.118, 0.198, 0.000],
        [0.113, 0.007, 0.007],
        [0.358, 0.004, 0.000],
        [0.078, 0.000, 0.000],
    ]
)
_LEVEL_SIGMA = (0.0, 0.7, 1.4, 2.8, 5.6, 11.2, 22.4)  # texels


def diffuse_irradiance(
    irradiance: Float[np.ndarray, "R R 3"],
    covered: Bool[np.ndarray, "R R"],
    texel_mm: Float[np.ndarray, "R R"],
) -> Float[np.ndarray, "R R 3"]:
    """Irradiance as it leaves the skin; a constant stays as it is.

    `texel_mm` is the width of each texel on the surface in millimetres: the same scale space of blurs
    serves every texel, which picks its own width from it. Uncovered texels do not take part and come
    out filled from nearby.
    """
    needed = 2.2 * np.sqrt(PROFILE_VARIANCE[-1]) / max(float(np.percentile(texel_mm[covered], 2)), 1e-3)
    count = min(int(np.searchsorted(_LEVEL_SIGMA, needed)) + 1, len(_LEVEL_SIGMA))
    sigmas = np.array(_LEVEL_SIGMA[:count], np.float32)
    levels = _scale_space(irradiance, covered, sigmas)
    out = np.empty_like(levels[0])
    weights = (PROFILE_WEIGHTS / PROFILE_WEIGHTS.sum(axis=0)).astype(np.float32)
    _gather(levels, sigmas**2, texel_mm.astype(np.float32), PROFILE_VARIANCE.astype(np.float32), weights, out)
    return out


def _scale_space(
    irradiance: np.ndarray, covered: np.ndarray, sigmas: np.ndarray
) -> Float[np.ndarray, "S R R 3"]:
    """Blurs within the covered texels, wide ones at half resolution; level 0 is filled outwards."""
    weight = covered.astype(np.float32)
    stack = np.dstack([irradiance * weight[..., None], weight]).astype(np.float32)
    half = cv2.resize(stack, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    levels = np.empty((len(sigmas), *irradiance.shape), np.float32)
    for k, sigma in enumerate(sigmas[1:], start=1):
        if sigma < 2.0:
            blurred = cv2.GaussianBlur(stack, (0, 0), float(sigma), borderType=cv2.BORDER_CONSTANT)
        else:
            # The box of the halving has a variance of a quarter of a texel squared.
            own = 0.5 * np.sqrt(sigma**2 - 0.25)
            small = cv2.GaussianBlur(half, (0, 0), own, borderType=cv2.BORDER_CONSTANT)
            blurred = cv2.resize(small, stack.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        levels[k] = blurred[..., :3] / np.maximum(blurred[..., 3:], 1e-5)
    levels[0] = np.where(covered[..., None], irradiance, levels[1])
    return levels


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _gather(levels, variances, texel_mm, profile, weights, out):
    """Each texel's sum of Gaussians, its widths turned into texels, read between two blurs."""
    last = variances.shape[0] - 1
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            scale = 1.0 / max(texel_mm[y, x] * texel_mm[y, x], np.float32(1e-4))
            r = g = b = np.float32(0.0)
            low = 0
            for k in range(profile.shape[0]):
                variance = min(profile[k] * scale, variances[last])
                while low < last - 1 and variances[low + 1] < variance:
                    low += 1
                t = (variance - variances[low]) / (variances[low + 1] - variances[low])
                t = min(max(t, np.float32(0.0)), np.float32(1.0))
                a, c = levels[low, y, x], levels[low + 1, y, x]
                r += weights[k, 0] * (a[0] + (c[0] - a[0]) * t)
                g += weights[k, 1] * (a[1] + (c[1] - a[1]) * t)
                b += weights[k, 2] * (a[2] + (c[2] - a[2]) * t)
            out[y, x, 0], out[y, x, 1], out[y, x, 2] = r, g, b


def diffuse_plain(
    irradiance: Float[np.ndarray, "R R 3"], covered: Bool[np.ndarray, "R R"], texel_mm: float
) -> Float[np.ndarray, "R R 3"]:
    """`diffuse_irradiance` for one texel width, as a specification: each Gaussian blurred exactly."""
    weight = covered.astype(np.float64)
    shares = PROFILE_WEIGHTS / PROFILE_WEIGHTS.sum(axis=0)
    out = np.zeros(irradiance.shape)
    for variance, share in zip(PROFILE_VARIANCE, shares, strict=True):
        sigma = float(np.sqrt(variance)) / texel_mm
        norm = cv2.GaussianBlur(weight, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
        for c in range(3):
            blurred = cv2.GaussianBlur(
                irradiance[..., c] * weight, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT
            )
            out[..., c] += share[c] * blurred / np.maximum(norm, 1e-9)
    return out
