"""Soft thresholds."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def tukey(distance: Float[np.ndarray, " P"], reach: float) -> Float[np.ndarray, " P"]:
    """Tukey's biweight: 1 at zero, 0 from `reach` on."""
    return np.maximum(1.0 - (distance / reach) ** 2, 0.0) ** 2


def smoothstep(x: np.ndarray, low: float | np.ndarray, high: float) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)
