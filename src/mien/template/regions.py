"""The template's regions by name, paired ones together."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from mien.core.face import Template


def region(template: Template, name: str) -> Float[np.ndarray, " V"]:
    """A region's weight; "ear" stands for "ear_left" and "ear_right" together. 0 where there is none."""
    found = [
        template.regions[key] for key in (name, f"{name}_left", f"{name}_right") if key in template.regions
    ]
    return np.maximum.reduce(found) if found else np.zeros(len(template.vertices))
