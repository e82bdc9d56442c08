"""Where on a head something is, in words."""

from __future__ import annotations

from collections import Counter

import numpy as np
from jaxtyping import Float, Int

from mien.core.face import Template
from mien.template.load import load_template

MOST = 3
_GENERAL = ("face", "measured")  # regions that say no place


def places(
    vertices: Int[np.ndarray, " B"] | None,
    n_vertices: int,
    positions: Float[np.ndarray, "B 3"],
) -> str:
    """The regions that most of these vertices lie in, with their counts.

    For a head that is not on the template, their middle in mm (`vertices` are its numbers, `n_vertices` how
    many it has).
    """
    template = load_template()
    if vertices is None or n_vertices != template.topology.n_vertices:
        x, y, z = 1000 * np.median(positions, axis=0)
        return f"around x {x:.0f}, y {y:.0f}, z {z:.0f} mm"
    counted = Counter(region_names(template)[vertices].tolist()).most_common(MOST)
    return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counted)


def region_names(template: Template) -> np.ndarray:
    """Each vertex's strongest region, or its part where no region holds it (V,) of strings."""
    names = np.empty(template.topology.n_vertices, dtype=object)
    for part in template.parts:
        names[part.vertices] = part.name
    regions = {name: weight for name, weight in template.regions.items() if name not in _GENERAL}
    weights = np.stack(list(regions.values()))
    strongest = weights.argmax(axis=0)
    inside = weights.max(axis=0) > 0.3
    names[inside] = np.array(list(regions), dtype=object)[strongest[inside]]
    return names
