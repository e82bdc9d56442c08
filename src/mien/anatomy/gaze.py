"""How far the eyes turn in the eight look shapes."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

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
