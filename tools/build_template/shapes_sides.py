"""Exact symmetry of the 52 shapes, and left and right halves that add up to the whole."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from mien.rigging.sides import left_share
from tools.build_template.types import Skin


def mirrored(skin: Skin, offsets: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "V 3"]:
    """The same motion on the other side."""
    return offsets[skin.mirror] * [-1.0, 1.0, 1.0]


def symmetric(skin: Skin, offsets: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "V 3"]:
    """The mean of a motion and its mirror image: exactly symmetric, no sideways motion on the midline."""
    out = (offsets + mirrored(skin, offsets)) / 2
    out[skin.mirror == np.arange(len(out)), 0] = 0.0
    return out


def split(
    skin: Skin, both: Float[np.ndarray, "V 3"]
) -> tuple[Float[np.ndarray, "V 3"], Float[np.ndarray, "V 3"]]:
    """Left and right halves of a symmetric motion: mirror images of each other that add up to it."""
    share = left_share(skin.vertices[:, 0])
    share = (share + 1 - share[skin.mirror]) / 2  # exactly one with its mirror image
    left = share[:, None] * both
    return left, mirrored(skin, left)
