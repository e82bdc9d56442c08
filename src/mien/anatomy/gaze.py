"""How far the eyes turn in the eight look shapes, one at a time and together."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from mien.core.conventions import SHAPE_INDEX

# Degrees at full weight, after the limits of comfortable gaze; ARKit names no number.
LOOK_DEGREES = {"eyeLookUp": 25.0, "eyeLookDown": 30.0, "eyeLookIn": 35.0, "eyeLookOut": 32.0}


def look_rotation(name: str) -> Float[np.ndarray, "3 3"]:
    """The eye's rotation in a look shape, e.g. "eyeLookUpLeft"; other names raise `KeyError`.

    In Mien's axes: +Y up, gaze +Z, the subject's left at +X; "in" is toward the nose.
    """
    left = name.endswith("Left")
    stem = name.removesuffix("Left").removesuffix("Right")
    angle = np.radians(LOOK_DEGREES[stem])
    if stem in ("eyeLookUp", "eyeLookDown"):
        angle = -angle if stem == "eyeLookUp" else angle
        c, s = np.cos(angle), np.sin(angle)
        return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    toward_left = (stem == "eyeLookOut") == left
    angle = angle if toward_left else -angle
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def gaze_rotation(weights: Float[np.ndarray, "52"], side: str) -> Float[np.ndarray, "3 3"]:
    """The rotation of the eye of one side ("left", "right") in any mixture of shapes.

    Rotation vectors of the look shapes add up. One alone at full weight is its `look_rotation` to the last
    bit, none the identity.
    """
    names = [f"{stem}{side.capitalize()}" for stem in LOOK_DEGREES]
    looks = {name: weights[SHAPE_INDEX[name]] for name in names if weights[SHAPE_INDEX[name]] != 0.0}
    if list(looks.values()) == [1.0]:
        return look_rotation(*looks)
    vector = np.zeros(3)
    for name, weight in looks.items():
        turn = look_rotation(name)
        axis = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
        degrees = LOOK_DEGREES[name.removesuffix(side.capitalize())]
        vector += weight * np.radians(degrees) * axis / np.linalg.norm(axis)
    return _turned_about(vector)


def _turned_about(vector: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """The rotation of a rotation vector (Rodrigues' formula)."""
    angle = float(np.linalg.norm(vector))
    if angle == 0.0:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
