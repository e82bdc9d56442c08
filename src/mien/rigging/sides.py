"""Left and right halves of symmetric shapes: a smooth hand-over across the midline."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

BLEND = 9e-3  # metres either side of the midline within which left hands over to right


def left_share(x: Float[np.ndarray, " V"]) -> Float[np.ndarray, " V"]:
    """1 on the subject's left (+x), 0 on the right, twice differentiable; share(x) + share(-x) = 1."""
    t = np.clip(x / (2 * BLEND) + 0.5, 0.0, 1.0)
    return t**3 * (t * (6 * t - 15) + 10)


def shape_share(name: str, x: Float[np.ndarray, " V"]) -> Float[np.ndarray, " V"] | float:
    """How much of a whole face's motion a shape of this name may take at x: a half for sided shapes.

    jawLeft, mouthLeft and their twins are no halves: the whole face takes part.
    """
    if name in ("jawLeft", "jawRight", "mouthLeft", "mouthRight"):
        return 1.0
    if name.endswith("Left"):
        return left_share(x)
    return left_share(-x) if name.endswith("Right") else 1.0
