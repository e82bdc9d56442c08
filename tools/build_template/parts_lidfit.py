"""The lids laid onto the eyeballs: what the source leaves as gaps and crossings of up to a millimetre."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from mien.anatomy.contact.spread import REACH, spread_weights
from mien.anatomy.eye_sockets import socket_share, tucked
from mien.anatomy.eyeball import signed_clearance
from tools.build_template.parts_grid import smoothstep
from tools.build_template.types import EyeField, Skin

LID_GAP = 0.18e-3  # of the margin's back edge over the eye's wet surface
MINIMAL_GAP = 0.1e-3
_CARUNCLE_REACH = (0.3e-3, 3.2e-3)
_CARUNCLE = (0.10, 0.34)  # share of the fissure, from the inner corner, over which the fit sets in


def settle_lids(skin: Skin) -> Skin:
    """The skin with its lid margins resting on the eyeballs; the change joins `neutral_correction`.

    The back edges come to lie `LID_GAP` off the outer surface (sclera and cornea). At the inner corner only
    a narrow band is drawn in: it becomes the caruncle's slope down to the ball. Symmetric.
    """
    left = _offsets(skin)
    offsets = left + left[skin.mirror] * [-1, 1, 1]
    return replace(
        skin,
        vertices=skin.vertices + offsets,
        neutral_correction=skin.neutral_correction + offsets,
    )


def tuck_sockets(skin: Skin) -> Skin:
    """The skin with thin sockets: the source's are wide bags that come through the skin of deep-set eyes."""
    offsets = np.zeros_like(skin.vertices)
    part = next(p for p in skin.parts if p.name == "eye_socket_left").vertices
    rim = np.concatenate([skin.loops[f"lid_inner_{lid}_left"] for lid in ("upper", "lower")])
    points, eye = skin.vertices[part], skin.eyes["left"]
    share = socket_share(points, skin.vertices[rim])
    offsets[part] = tucked(points, share, eye.centre, eye.radius) - points
    offsets += offsets[skin.mirror] * [-1, 1, 1]
    return replace(
        skin, vertices=skin.vertices + offsets, neutral_correction=skin.neutral_correction + offsets
    )


def _offsets(skin: Skin) -> Float[np.ndarray, "V 3"]:
    field = skin.eyes["left"]
    lids = _laid(skin, skin.vertices, field, 0.0, REACH, rounds=8)
    moved = skin.vertices + lids
    caruncle = _laid(skin, moved, field, 1.0, _CARUNCLE_REACH, rounds=6)
    return lids + caruncle + _push_out(moved + caruncle, field)


def _laid(
    skin: Skin,
    vertices: Float[np.ndarray, "V 3"],
    field: EyeField,
    share_at_corner: float,
    reach: tuple[float, float],
    rounds: int,
) -> Float[np.ndarray, "V 3"]:
    """Offsets that bring the margins' back edges onto the ball, `share_at_corner` of the way at the caruncle.

    Neighbouring columns share the smoothing, so that the fit needs a few rounds.
    """
    total = np.zeros_like(vertices)
    for _ in range(rounds):
        moved = vertices + total
        edges, wanted = [], []
        for lid in ("upper", "lower"):
            points = moved[skin.loops[f"lid_inner_{lid}_left"]]
            radial = points - field.centre
            radial /= np.linalg.norm(radial, axis=1, keepdims=True)
            gap = LID_GAP - signed_clearance(points, field.centre, field.radius)
            onset = smoothstep(*_CARUNCLE, np.linspace(0.0, 1.0, len(points)))
            share = share_at_corner + (1 - share_at_corner) * onset
            edges.append(points)
            wanted.append(radial * (gap * share)[:, None])
        rows, weights = spread_weights(moved, np.concatenate(edges), reach)
        total[rows] += weights @ np.concatenate(wanted)
    return total


def _push_out(vertices: Float[np.ndarray, "V 3"], field: EyeField) -> Float[np.ndarray, "V 3"]:
    """Radial offsets of what still lies within the eyeball (the folds behind the margins) to outside."""
    clearance = signed_clearance(vertices, field.centre, field.radius)
    inside = np.flatnonzero(clearance < MINIMAL_GAP)
    radial = vertices[inside] - field.centre
    out = np.zeros_like(vertices)
    need = (MINIMAL_GAP - clearance[inside]) / np.linalg.norm(radial, axis=1)
    out[inside] = radial * need[:, None]
    return out
