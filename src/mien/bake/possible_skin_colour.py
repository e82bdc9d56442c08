"""Whether a baked colour can be a human's skin: what cannot is never called measured skin.

CIE a* and b* are divided by L* + 16, which the exposure cancels out of: all three go with the cube root of
light. Skin of any melanin, blood and carotene then has a chroma of 0.10 to 0.52 and a hue of 16 to 85 degrees
(Kubelka-Munk layers of the published optics of skin: the tests compute it). Faces measured by
spectroradiometer lie within: five groups of 120 people have means from L* 26.7, a* 14.6, b* 14.7 to 52.5,
17.0, 18.9 ("Proposed Shade Guide for Human Facial Skin", IADR 2009, abstract 120461). The bounds here are
wider by what cameras do to white. Brown bronze has the colour of skin and passes for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float

from mien.bake.colour import BakedColour, tile_of
from mien.bake.colour_confidence import bare_core
from mien.core.conventions import linear_to_lab, linear_to_srgb, srgb_to_linear
from mien.core.face import Template
from mien.template.regions import region

HUES = (-25.0, 110.0)  # degrees
MOST_CHROMA = 0.75  # a* and b* over L* + 16
NEUTRAL, PALE = 0.045, 0.1  # chroma below which it is no skin; or none if the lips are no redder, either
REDDER_LIPS = 0.02  # a* over L* + 16 of the lips less that of the cheeks; 0.12 to 0.18 in scans
BLACKEST, DIM = 2.0, 6.0  # L*: no skin below; below the other, steps of 8 bit are too coarse to tell
_EVEN = 1.5 / 255  # sRGB: less from the 5th to the 95th percentile is one colour
_SIZE = 256  # texels of the square on which is judged
_MEASURED = 0.5  # confidence
_ENOUGH = 50  # texels


@dataclass(frozen=True)
class NotSkin:
    """Why a baked colour is no human skin, and whether it is a colour worth keeping at all."""

    why: str
    colour_of_something: bool


def not_skin(template: Template, baked: BakedColour) -> NotSkin | None:
    """What is wrong with a head's measured colour; None where it can be skin, or too little was measured."""
    albedo, sure = (_shrunk(image.pixels) for image in (baked.face_albedo, baked.face_confidence))
    tile = tile_of(template, "face", _SIZE)
    srgb, measured = albedo[tile.covered], sure[tile.covered] > _MEASURED
    core = measured & (tile.at_texels(bare_core(template).astype(np.float64)) > 0.5)
    if core.sum() < _ENOUGH:
        return None
    colour = np.median(srgb_to_linear(srgb[core]), axis=0)
    lips = measured & (tile.at_texels(region(template, "lips")) > 0.5)
    mouth = np.median(srgb_to_linear(srgb[lips]), axis=0) if lips.sum() >= _ENOUGH else None
    if can_be_skin(colour, mouth):
        return None
    low, high = np.percentile(srgb[measured], (5, 95), axis=0)
    if linear_to_lab(colour)[0] < BLACKEST:
        return NotSkin("black", False)
    code = "#" + "".join(f"{round(255 * c):02x}" for c in linear_to_srgb(colour))
    even = bool((high - low < _EVEN).all())
    return NotSkin(f"{code} everywhere" if even else f"{code} on cheeks and nose", not even)


def can_be_skin(cheeks: Float[np.ndarray, "3"], lips: Float[np.ndarray, "3"] | None = None) -> bool:
    """Whether a face of these colours (linear) may be a human's, in any photograph's light."""
    lightness, *_ = linear_to_lab(cheeks)
    a, b = _chroma(cheeks)
    chroma, hue = np.hypot(a, b), np.degrees(np.arctan2(b, a))
    if lightness < DIM:
        return bool(lightness > BLACKEST)
    if chroma > MOST_CHROMA:
        return False
    redder = lips is not None and _chroma(lips)[0] - a > REDDER_LIPS
    if chroma < PALE:
        return bool(redder or (lips is None and chroma > NEUTRAL))
    return bool(HUES[0] < hue < HUES[1])


def _chroma(linear: Float[np.ndarray, "3"]) -> Float[np.ndarray, "2"]:
    lightness, a, b = linear_to_lab(linear)
    return np.array([a, b]) / (lightness + 16.0)


def _shrunk(pixels: np.ndarray) -> np.ndarray:
    small = cv2.resize(pixels.astype(np.float32), (_SIZE, _SIZE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float64)
