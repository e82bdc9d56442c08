"""Colours of a binary STL's facets, in the two ways that programs write them into its attribute words.

VisCAM and SolidView: bit 15 says that the word is a colour, red in bits 10 to 14, green 5 to 9, blue 0 to 4.
Materialise Magics: "COLOR=" in the header with the object's own RGBA; bit 15 says that the facet has that,
else red in bits 0 to 4, green 5 to 9, blue 10 to 14.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt16

from mien.meshio.corner_colours import at_vertices
from mien.meshio.raw_mesh import RawMesh

_VALID = 0x8000
_SURELY = 0.9  # of VisCAM's facets have a colour: the words of other programs are no colours


def facet_colours(
    header: bytes, words: UInt16[np.ndarray, " M"], raw: RawMesh
) -> Float[np.ndarray, "N 3"] | None:
    """The facets' colours (sRGB in 0..1), averaged onto the vertices; None where there is none, or only one.

    `raw.notes` say what was found.
    """
    own = header.partition(b"COLOR=")[2][:4]
    flagged = (words & _VALID) > 0
    if not len(words) or not (own or flagged.mean() > _SURELY):
        return None
    low, middle, high = ((words >> shift) & 31 for shift in (0, 5, 10))
    five_bits = np.stack([low, middle, high] if own else [high, middle, low], axis=1) / 31.0
    colours = np.where(flagged[:, None], _object_colour(own), five_bits) if own else five_bits
    writer = "Magics" if own else "VisCAM"
    if (colours == colours[0]).all() or not words.any():
        raw.notes.append(f"all facets have one colour ({writer}): not used")
        return None
    if not own:
        colours[~flagged] = np.nan
    raw.notes.append(f"the colours of its facets ({writer}) are averaged onto the vertices")
    return at_vertices(raw.vertices, raw.triangles, np.repeat(colours[:, None], 3, axis=1))


def _object_colour(rgba: bytes) -> Float[np.ndarray, "3"]:
    return np.frombuffer(rgba.ljust(3, b"\xff")[:3], np.uint8) / 255.0
