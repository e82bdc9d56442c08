"""Exact symmetry of the 52 shapes, and left and right halves that add up to the whole."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from tools.build_template.types import Skin

BLEND = 9e-3  # metres either side of the midline within which left hands over to right


def mirrored(skin: Skin, offsets: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "V 3"]:
    """The same motion on the other side."""
    return offsets[skin.mirror] * [-1.0, 1.0, 1.0]


def symmetric(skin: Skin, offsets: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "V 3"]:
    """The mean of a motion and its mirror image: exactly symmetric, no sideways motion on the midline."""
    out = (offsets + mirrored(skin, offsets)) / 2
    out[skin.mirror == np.arange(len(out)), 0] = 0.0
    return out


def left_share(skin: Skin) -> Float[np.ndarray, " V"]:
    """1 on the subject's left, 0 on the right, smooth between; it and its mirror image add up to one."""
    t = np.clip(skin.vertices[:, 0] / (2 * BLEND) + 0.5, 0.0, 1.0)
    share = t**3 * (t * (6 * t - 15) + 10)
    return (share + 1 - share[skin.mirror]) / 2


def split(
    skin: Skin, both: Float[np.ndarray, "V 3"]
) -> tuple[Float[np.ndarray, "V 3"], Float[np.ndarray, "V 3"]]:
    """Left and right halves of a symmetric motion: mirror images of each other that add up to it."""
    left = left_share(skin)[:, None] * both
    return left, mirrored(skin, left)
