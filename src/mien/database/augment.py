"""More from the same people: tone transfer, small expressions on neutrals (Li et al. 2020, section 3.2).

Tone goes between subjects of one ancestry and sex by matching mean and spread in a decorrelated log space
(Reinhard et al. 2001, "Color transfer between images"); what that breaks is cleaned up afterwards. Random
combinations of expressions are `mien.synth.expression.codes`.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8
from scipy.ndimage import maximum_filter, median_filter

from mien.core.conventions import EXPRESSIONS, linear_to_srgb, shape_weights, srgb_to_linear
from mien.synth.expression.maker import BoundHead, ExpressionMaker
from mien.synth.subject import Subject

OFFSET_SIGMA = 0.5  # of a weight's standard deviation over the 26 expressions
SPREAD_RATIO = (0.6, 1.6)  # a larger change of contrast looks painted
_DARKEST = 4e-3  # of linear light
_SPECKLE, _LOOSE, _LEAST = 5, 1.5, 0.02  # texels, factor on the original's own detail, sRGB
# Light to cones (Hunt-Pointer-Estevez for sRGB), then Ruderman's decorrelated axes.
_TO_CONES = np.array([[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]])
_TO_AXES = np.diag([3**-0.5, 6**-0.5, 2**-0.5]) @ np.array([[1, 1, 1], [1, 1, -2], [1, -1, 0]])

Albedo = UInt8[np.ndarray, "H W 3"]


def alike(one: Subject, other: Subject) -> bool:
    """Whether tone may go between two subjects: same sex, and most of their ancestry the same."""
    return (one.sex < 0.5) == (other.sex < 0.5) and np.argmax(one.ancestry) == np.argmax(other.ancestry)


def transfer_tone(own: Albedo, other: Albedo) -> Albedo:
    """`own` albedo (sRGB) in the tone of `other`, cleaned of what the transfer breaks; own on own is own."""
    first, second = _axes(own), _axes(other)
    mean, goal = first.mean(axis=(0, 1)), second.mean(axis=(0, 1))
    ratio = np.clip(second.std(axis=(0, 1)) / np.maximum(first.std(axis=(0, 1)), 1e-6), *SPREAD_RATIO)
    if np.allclose(mean, goal) and np.allclose(ratio, 1.0):
        return own.copy()
    log = (goal + ratio * (first - mean)) @ np.linalg.inv(_TO_AXES).T
    linear = np.exp(log) @ np.linalg.inv(_TO_CONES).T
    moved = linear_to_srgb(np.clip(linear, 0.0, 1.0)).astype(np.float32)
    return np.rint(255 * clean_transferred(moved, own.astype(np.float32) / 255)).astype(np.uint8)


def clean_transferred(
    picture: Float[np.ndarray, "H W 3"], original: Float[np.ndarray, "H W 3"]
) -> Float[np.ndarray, "H W 3"]:
    """A recoloured picture (sRGB 0..1) without speckles: fine detail at most half as strong again as in the
    original there, nothing out of gamut.
    """
    smooth = _median(picture)
    detail = np.abs(original - _median(original)).max(axis=2)
    limit = _LOOSE * maximum_filter(detail, _SPECKLE)[..., None] + _LEAST
    return np.clip(smooth + np.clip(picture - smooth, -limit, limit), 0.0, 1.0)


def offset_neutral(
    maker: ExpressionMaker, bound: BoundHead, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "S 3"], Float[np.ndarray, "52"]]:
    """A neutral's trace of expression: offsets (metres) and the weights behind them.

    Each weight is uniform within half a standard deviation of what it has over the 26 expressions.
    """
    weights = OFFSET_SIGMA * weight_deviation() * rng.uniform(-1.0, 1.0, 52)
    return maker.expression(bound, weights), weights


def weight_deviation() -> Float[np.ndarray, "52"]:
    """Standard deviation of each weight over the 26 expressions."""
    return np.stack([shape_weights(weights) for weights in EXPRESSIONS.values()]).std(axis=0)


def _axes(albedo: Albedo) -> Float[np.ndarray, "H W 3"]:
    linear = srgb_to_linear(albedo.astype(np.float64) / 255)
    return np.log(np.maximum(linear @ _TO_CONES.T, _DARKEST)) @ _TO_AXES.T


def _median(picture: Float[np.ndarray, "H W 3"]) -> Float[np.ndarray, "H W 3"]:
    return median_filter(picture, (_SPECKLE, _SPECKLE, 1), mode="nearest")
