"""What is known of skin by region, at the vertices or at the texels of a grid.

Needs numpy, scipy and safetensors only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from mien.bake.skin_prior import regional_pattern
from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.core.face import Template
from mien.synth.skin.grid import Grid, grid
from mien.template.load import load_template
from mien.template.regions import region

NAMES = (
    "beard", "central", "cheek", "chin", "ear", "eye_rim", "forehead", "lips", "lower_lid", "lower_lip",
    "neck", "nose", "nostrils", "scalp", "upper_lid", "upper_lip",
)  # fmt: skip


@dataclass(frozen=True)
class Fields:
    """Values at P places (float32): regions (0..1; both sides as one) in the order of `NAMES`, places in
    millimetres at rest, and the log ratio of colour to the cheek's on light female, light male, dark female
    and dark male skin.
    """

    regions: Float[np.ndarray, "P K"]
    points: Float[np.ndarray, "P 3"]
    patterns: Float[np.ndarray, "4 P 3"]

    def of(self, name: str) -> Float[np.ndarray, " P"]:
        """A region's weight."""
        return self.regions[:, NAMES.index(name)]

    def rows(self, chosen: np.ndarray) -> Fields:
        """The same at some of the places."""
        return Fields(
            self.regions[chosen], self.points[chosen], np.ascontiguousarray(self.patterns[:, chosen])
        )

    def at(self, places: Grid) -> Fields:
        """The same at the covered texels of a grid."""
        patterns = np.moveaxis(places.at_texels(np.moveaxis(self.patterns, 1, 0)), 0, 1)
        return Fields(
            places.at_texels(self.regions).astype(np.float32),
            places.at_texels(self.points).astype(np.float32),
            np.ascontiguousarray(patterns, np.float32),
        )


@lru_cache(maxsize=1)
def vertex_fields() -> Fields:
    """At the vertices of the template."""
    template = load_template()
    patterns = [regional_pattern(template, tone, male) for tone in (0.0, 1.0) for male in (0.0, 1.0)]
    columns = [central(template) if name == "central" else region(template, name) for name in NAMES]
    return Fields(
        np.stack(columns, axis=1).astype(np.float32),
        (template.vertices * MILLIMETRES_PER_METRE).astype(np.float32),
        np.array(patterns, np.float32),
    )


@lru_cache(maxsize=2)
def grid_fields(part: str) -> Fields:
    """At the covered texels of the grid of "face" or "head"."""
    return vertex_fields().at(grid(part))


def central(template: Template) -> Float[np.ndarray, " V"]:
    """1 on nose and inner cheeks, where the sun falls and blood shows, falling off to the face's sides."""
    x, y, z = template.vertices.T * MILLIMETRES_PER_METRE
    return np.exp(-((x / 45.0) ** 2) - ((y + 22.0) / 30.0) ** 2) * (z > 0)
