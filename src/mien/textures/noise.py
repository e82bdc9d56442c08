"""Seeded noise for procedural maps."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter

from mien.geometry.weights import smoothstep


def smooth_noise(
    rng: np.random.Generator,
    shape: tuple[int, int],
    sigma: tuple[float, float],
    *,
    wrap: tuple[bool, bool] = (False, False),
) -> Float[np.ndarray, "H W"]:
    """Gaussian-filtered white noise with zero mean and unit variance; `sigma` in pixels along each axis.

    An axis in `wrap` is periodic.
    """
    mode = ["wrap" if periodic else "reflect" for periodic in wrap]
    field = gaussian_filter(rng.standard_normal(shape), sigma, mode=mode)
    return (field - field.mean()) / field.std()


def resized(field: Float[np.ndarray, "H W"], size: int) -> Float[np.ndarray, "N N"]:
    """The field at size x size, bilinearly."""
    import cv2

    return cv2.resize(field, (size, size), interpolation=cv2.INTER_LINEAR)


def normal_from_height(height: Float[np.ndarray, "H W"], strength: float) -> Float[np.ndarray, "H W 3"]:
    """Tangent-space normals (0..1, +Y up as in glTF) of a height field, row 0 at the top.

    `strength` is the height of one unit measured in tile widths.
    """
    rows, columns = height.shape
    slope_v, slope_u = np.gradient(height)
    normal = np.stack(
        [-slope_u * columns * strength, slope_v * rows * strength, np.ones_like(height)], axis=-1
    )
    return 0.5 + 0.5 * normal / np.linalg.norm(normal, axis=-1, keepdims=True)


def mix(
    a: Float[np.ndarray, "*A"], b: Float[np.ndarray, "*B"], share: Float[np.ndarray, "H W"]
) -> Float[np.ndarray, "H W 3"]:
    """`a` where `share` is 0, `b` where it is 1."""
    t = share[..., None]
    return a * (1 - t) + b * t


def ramp(
    low: float | Float[np.ndarray, "*N"], high: float, x: Float[np.ndarray, "*N"]
) -> Float[np.ndarray, "*N"]:
    """0 below `low`, 1 above `high`, C1 between."""
    return smoothstep(x, low, high)
