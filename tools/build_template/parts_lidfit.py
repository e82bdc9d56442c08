"""The lids laid onto the eyeballs: what the source leaves as gaps and crossings of up to a millimetre."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from mien.template.eyeball import signed_clearance
from mien.template.lid_spread import spread_weights
from tools.build_template.parts_grid import smoothstep
from tools.build_template.types import EyeField, Skin

LID_GAP = 0.18e-3  # of the margin's back edge over the eye's wet surface
MINIMAL_GAP = 0.1e-3
_CARUNCLE = (0.10, 0.34)  # share of the fissure, from the inner corner, over which the fit sets in


def settle_lids(skin: Skin) -> Skin:
    """The skin with its lid margins resting on the eyeballs; the change joins `neutral_correction`.

    The back edges come to lie `LID_GAP` off the outer surface (sclera and cornea), but for the inner
    corner, where the caruncle fills the gap. Symmetric.
    """
    left = _offsets(skin)
    offsets = left + left[skin.mirror] * [-1, 1, 1]
    return replace(
        skin,
        vertices=skin.vertices + offsets,
        neutral_correction=skin.neutral_correction + offsets,
    )


def _offsets(skin: Skin) -> Float[np.ndarray, "V 3"]:
    field = skin.eyes["left"]
    total = np.zeros_like(skin.vertices)
    moved = skin.vertices
    for _ in range(8):  # neighbouring margins share the smoothing, so the fit needs a few rounds
        edges, wanted = [], []
        for lid in ("upper", "lower"):
            points = moved[skin.loops[f"lid_inner_{lid}_left"]]
            radial = points - field.centre
            radial /= np.linalg.norm(radial, axis=1, keepdims=True)
            gap = LID_GAP - signed_clearance(points, field.centre, field.radius)
            along = np.linspace(0.0, 1.0, len(points))
            edges.append(points)
            wanted.append(radial * (gap * smoothstep(*_CARUNCLE, along))[:, None])
        rows, weights = spread_weights(moved, np.concatenate(edges))
        total[rows] += weights @ np.concatenate(wanted)
        moved = skin.vertices + total
    return total + _push_out(moved, field)


def _push_out(vertices: Float[np.ndarray, "V 3"], field: EyeField) -> Float[np.ndarray, "V 3"]:
    """Radial offsets of what still lies within the eyeball (the folds behind the margins) to outside."""
    clearance = signed_clearance(vertices, field.centre, field.radius)
    inside = np.flatnonzero(clearance < MINIMAL_GAP)
    radial = vertices[inside] - field.centre
    out = np.zeros_like(vertices)
    need = (MINIMAL_GAP - clearance[inside]) / np.linalg.norm(radial, axis=1)
    out[inside] = radial * need[:, None]
    return out
