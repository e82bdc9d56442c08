"""The conventions, written once.

Space: metres, right-handed, +Y up, the face looks toward +Z, the subject's left is +X.
Errors and displacement are reported in millimetres.
UV: origin bottom-left, as in OBJ. Images: row 0 is the top; `v` flips only where an image is read or
written (`uv_to_pixel`, `pixel_to_uv`). Texel centres lie at half-integers.
Winding: counter-clockwise seen from outside.
Colour: albedo is stored sRGB and computed on in linear; every other map is linear.
Laplacian: positive semi-definite, symmetric, rows sum to zero, without the mass matrix (`M^-1 L` is
spelled out where it is meant).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

MILLIMETRES_PER_METRE = 1000.0  # lengths are metres inside, millimetres in reports

# Apple's 52, exactly; the order is Mien's own and is the order of morph targets in every export.
_PAIRED = (
    "browDown", "browOuterUp", "cheekSquint", "eyeBlink", "eyeLookDown", "eyeLookIn", "eyeLookOut",
    "eyeLookUp", "eyeSquint", "eyeWide", "mouthDimple", "mouthFrown", "mouthLowerDown", "mouthPress",
    "mouthSmile", "mouthStretch", "mouthUpperUp", "noseSneer",
)  # fmt: skip
_SINGLE = (
    "browInnerUp", "cheekPuff", "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose",
    "mouthFunnel", "mouthLeft", "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper",
    "mouthShrugLower", "mouthShrugUpper", "tongueOut",
)  # fmt: skip
SHAPE_NAMES: tuple[str, ...] = tuple(
    sorted([f"{name}{side}" for name in _PAIRED for side in ("Left", "Right")] + list(_SINGLE))
)
SHAPE_INDEX: dict[str, int] = {name: i for i, name in enumerate(SHAPE_NAMES)}


def mirrored_shape(name: str) -> str:
    """The shape on the other side (`eyeBlinkLeft` -> `eyeBlinkRight`, `jawOpen` -> `jawOpen`)."""
    if name.endswith("Left"):
        return name.removesuffix("Left") + "Right"
    if name.endswith("Right"):
        return name.removesuffix("Right") + "Left"
    return name


def _sides(*stems: str, weight: float = 1.0) -> dict[str, float]:
    return {f"{stem}{side}": weight for stem in stems for side in ("Left", "Right")}


# The 26 expressions: paper 1 names only their number (section 3.1); these are Mien's.
EXPRESSIONS: dict[str, dict[str, float]] = {
    "neutral": {},
    "browsUp": {"browInnerUp": 1.0, **_sides("browOuterUp")},
    "browsDown": _sides("browDown"),
    "browsInnerUp": {"browInnerUp": 1.0},
    "blink": _sides("eyeBlink"),
    "eyesWide": _sides("eyeWide"),
    "squint": _sides("eyeSquint", "cheekSquint"),
    "sneer": _sides("noseSneer"),
    "cheekPuff": {"cheekPuff": 1.0},
    "smile": _sides("mouthSmile"),
    "smileOpen": {**_sides("mouthSmile"), "jawOpen": 0.3},
    "frown": _sides("mouthFrown"),
    "fear": {**_sides("mouthStretch"), "browInnerUp": 1.0},
    "pucker": {"mouthPucker": 1.0},
    "funnel": {"mouthFunnel": 1.0},
    "press": _sides("mouthPress"),
    "lipsRolled": {"mouthRollLower": 1.0, "mouthRollUpper": 1.0},
    "jawOpen": {"jawOpen": 1.0},
    "surprise": {"jawOpen": 1.0, "browInnerUp": 1.0, **_sides("browOuterUp", "eyeWide")},
    "jawLeft": {"jawLeft": 1.0},
    "jawRight": {"jawRight": 1.0},
    "jawForward": {"jawForward": 1.0},
    "mouthLeft": {"mouthLeft": 1.0},
    "mouthRight": {"mouthRight": 1.0},
    "disgust": {**_sides("mouthUpperUp", weight=0.6), **_sides("noseSneer", weight=0.8)},  # they add up
    "lowerTeeth": {**_sides("mouthLowerDown"), "mouthShrugLower": 1.0},
}


def shape_weights(weights: dict[str, float]) -> Float[np.ndarray, "52"]:
    """A dense weight vector in `SHAPE_NAMES` order; an unknown name raises `KeyError`."""
    dense = np.zeros(len(SHAPE_NAMES))
    for name, weight in weights.items():
        dense[SHAPE_INDEX[name]] = weight
    return dense


def uv_to_pixel(uv: Float[np.ndarray, "*N 2"], height: int, width: int) -> Float[np.ndarray, "*N 2"]:
    """UV (origin bottom-left) to continuous pixel coordinates (x right, y down; centres at .5)."""
    return np.stack([uv[..., 0] * width, (1.0 - uv[..., 1]) * height], axis=-1)


def pixel_to_uv(pixel: Float[np.ndarray, "*N 2"], height: int, width: int) -> Float[np.ndarray, "*N 2"]:
    """The inverse of `uv_to_pixel`."""
    return np.stack([pixel[..., 0] / width, 1.0 - pixel[..., 1] / height], axis=-1)


def srgb_to_linear(srgb: Float[np.ndarray, "*N"]) -> Float[np.ndarray, "*N"]:
    """IEC 61966-2-1 decoding; values in 0..1."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((np.maximum(srgb, 0) + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(linear: Float[np.ndarray, "*N"]) -> Float[np.ndarray, "*N"]:
    """IEC 61966-2-1 encoding; values in 0..1."""
    return np.where(
        linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 1e-12) ** (1 / 2.4) - 0.055
    )


# IEC 61966-2-1, for the white of D65.
XYZ_TO_SRGB = np.array(
    [
        [3.2404542, -1.5371385, -0.4985314],
        [-0.9692660, 1.8760108, 0.0415560],
        [0.0556434, -0.2040259, 1.0572252],
    ]
)


def linear_to_lab(linear: Float[np.ndarray, "*N 3"]) -> Float[np.ndarray, "*N 3"]:
    """CIE L*a*b* (D65) of linear sRGB."""
    to_xyz = np.linalg.inv(XYZ_TO_SRGB)
    xyz = linear @ to_xyz.T / to_xyz.sum(axis=1)
    f = np.where(xyz > 216 / 24389, np.cbrt(np.maximum(xyz, 0)), (24389 / 27 * xyz + 16) / 116)
    return np.stack(
        [116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1
    )
