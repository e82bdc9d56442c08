"""The mouth's inside: its roof stays with the skull, its floor goes with the lower jaw."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial import cKDTree

from mien.anatomy.contact.exact_lips import LipPatch
from mien.core.mesh import split_quads
from mien.geometry.align import Similarity
from mien.geometry.weights import smoothstep
from tools.build_template.types import Skin

_ROLLS = ("mouthRollLower", "mouthRollUpper")
_ROLL = 0.75  # share of the carried rolls, which reach 8 mm into the incisors
_SNEER_LIPS = 0.4  # share of the carried noseSneer that the lips keep
_DEEP = 9e-3  # metres behind the lips' line from which the jaw alone moves the mouth's wall
_DEEP_STILL = 22e-3  # ... from which a shape without the jaw leaves it alone
_DEEP_EYE = 7e-3  # ... behind the lids' margins from which nothing moves the eye's socket
_LIP_CORNER, _LID_CORNER = 4.5e-3, 2.5e-3
_BEHIND_SKIN = (7e-3, 14e-3)  # up to here the wall goes with the skin before it, from there with the jaw
_CHEEK = 7e-3  # metres above and below the bite over which the wall hands over from skull to jaw
# How much of the way the upper lip gives where lips would cross; half where nothing is said.
_UPPER_GIVES = {"mouthRollLower": 0.5, "mouthRollUpper": 0.3, "mouthShrugLower": 0.6}
# Shapes of a closed mouth: the lips touch all along.
_CLOSED = (
    "cheekPuff", "cheekSquint", "jawLeft", "jawRight", "mouthDimple", "mouthFrown", "mouthLeft",
    "mouthPress", "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower",
    "mouthSmile", "mouthStretch",
)  # fmt: skip


def meet_lips(skin: Skin, whole: dict[str, Float[np.ndarray, "V 3"]]) -> None:
    """Lips that meet instead of crossing, in place; mouthClose made to seal the open jaw."""
    for name in _ROLLS:
        whole[name] = _ROLL * whole[name]
    lips = LipPatch(skin.vertices, split_quads(skin.quads), skin.loops)
    for name in whole:
        if name in _CLOSED:
            share, rolled = _UPPER_GIVES.get(name, 0.5), name in _ROLLS
            whole[name] = lips.meet(whole[name], upper_share=share, in_depth=not rolled)
        elif name != "mouthClose":
            whole[name] = lips.part(whole[name], _UPPER_GIVES.get(name, 0.5))
    whole["mouthClose"] = lips.seal(whole["jawOpen"], whole["mouthClose"])


def calm_sneer(skin: Skin, sneer: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "V 3"]:
    """noseSneer with less of the lips' rise, which ARKit leaves to mouthUpperUp."""
    lip = skin.vertices[skin.loops["lips_outer_upper"], 1].max()
    nose = skin.vertices[skin.loops["nostril_left"], 1].mean()
    share = smoothstep((skin.vertices[:, 1] - lip) / (nose - lip), 0.0, 1.0)
    return sneer * (_SNEER_LIPS + (1 - _SNEER_LIPS) * share)[:, None]


def inner_walls(skin: Skin, *, jaw: bool) -> Bool[np.ndarray, " V"]:
    """Vertices deep in the mouth and behind the eyeballs; what moves lips and cheeks reaches deeper in."""
    deep = _DEEP if jaw else _DEEP_STILL
    names = {part.name: part.vertices for part in skin.parts}
    out = np.zeros(len(skin.vertices), bool)
    for part, loops, depth in (
        ("mouth_socket", ("lips_inner_upper", "lips_inner_lower"), deep),
        ("eye_socket_left", ("lid_inner_upper_left", "lid_inner_lower_left"), _DEEP_EYE),
        ("eye_socket_right", ("lid_inner_upper_right", "lid_inner_lower_right"), _DEEP_EYE),
    ):
        rim = skin.vertices[np.concatenate([skin.loops[name] for name in loops])]
        distance = cKDTree(rim).query(skin.vertices[names[part]])[0]
        out[names[part]] = distance > depth
    return out


def at_corners(skin: Skin) -> Bool[np.ndarray, " V"]:
    """Vertices so close to the mouth's and the lids' corners that no two heads agree on which is which."""
    out = np.zeros(len(skin.vertices), bool)
    for loop, radius in (("lips_inner_upper", _LIP_CORNER), ("lid_upper_left", _LID_CORNER)):
        corners = skin.vertices[skin.loops[loop][[0, -1]]]
        out |= cKDTree(corners).query(skin.vertices)[0] < radius
    return out | out[skin.mirror]


def wall_offsets(
    skin: Skin, motion: Similarity | None, surface: Float[np.ndarray, "V 3"]
) -> Float[np.ndarray, "V 3"]:
    """What the inner walls do when the lower jaw makes this rigid motion; nothing without one.

    Roof and floor go with skull and jaw; close behind the cheeks and lips the wall goes with the skin
    outside, whose offsets `surface` are right at the face's vertices.
    """
    if motion is None:
        return np.zeros_like(skin.vertices)
    bite = skin.vertices[skin.loops["lips_inner_lower"], 1].mean()
    share = smoothstep((bite - skin.vertices[:, 1]) / (2 * _CHEEK) + 0.5, 0.0, 1.0)
    rigid = share[:, None] * (motion(skin.vertices) - skin.vertices)
    parts = {part.name: np.arange(part.vertices.start, part.vertices.stop) for part in skin.parts}
    wall, face = parts["mouth_socket"], parts["face"]
    lips = np.concatenate([skin.loops["lips_inner_upper"], skin.loops["lips_inner_lower"]])
    face = face[cKDTree(skin.vertices[lips]).query(skin.vertices[face])[0] > _LIP_CORNER]
    distance, nearest = cKDTree(skin.vertices[face]).query(skin.vertices[wall], k=8)
    weight = 1 / (distance + 1e-4) ** 2
    outside = np.einsum("vk,vkd->vd", weight / weight.sum(axis=1, keepdims=True), surface[face[nearest]])
    deep, shallow = _BEHIND_SKIN[1], _BEHIND_SKIN[0]
    behind = smoothstep((deep - distance[:, 0]) / (deep - shallow), 0.0, 1.0)[:, None]
    rigid[wall] += behind * (outside - rigid[wall])
    return rigid
