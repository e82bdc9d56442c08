"""Triangle strips, several in one list of vertices with -1 between them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int


def strip_triangles(lengths: Int[np.ndarray, " S"], items: Int[np.ndarray, " K"]) -> Int[np.ndarray, "T 3"]:
    """The triangles of concatenated lists of these `lengths`; a negative item ends a strip, as a list's end
    does. Every second triangle of a strip is wound the other way round and turned back here.
    """
    begins = np.zeros(len(items) + 1, bool)
    begins[np.cumsum(lengths) - lengths] = True
    begins[1:] |= items < 0
    begins = begins[:-1]
    strip = np.cumsum(begins) - 1
    place = np.arange(len(items)) - np.flatnonzero(begins)[strip]
    at = np.arange(max(len(items) - 2, 0))
    at = at[(strip[at] == strip[at + 2]) & (items[at + 2] >= 0)]
    odd = place[at] % 2
    return np.stack([items[at], items[at + 1 + odd], items[at + 2 - odd]], axis=1)
