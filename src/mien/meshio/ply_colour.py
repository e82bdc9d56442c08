"""Which of a PLY table's columns are colour, under the names that programs give them."""

from __future__ import annotations

import re

import numpy as np
from jaxtyping import Float

from mien.meshio.ply_tables import Table
from mien.meshio.raw_mesh import unit_colours

_NO_SURFACE = re.compile(r"ambient|specular|emissi|normal")  # of a material, not of what was scanned


def read_colours(table: Table, notes: list[str] | None = None) -> Float[np.ndarray, "N 3"] | None:
    """The entries' colours in 0..1, whatever their names and range; None where red, green or blue is missing.

    Entries whose colour is NaN take the mean of the others; `notes` say so.
    """
    for names in _triples(table):
        columns = [table.get(name) for name in names]
        if not all(isinstance(c, np.ndarray) for c in columns):
            continue
        stacked = np.stack([np.asarray(c) for c in columns], axis=1)
        colours = unit_colours(stacked.view(np.uint8) if stacked.dtype == np.int8 else stacked)
        known = np.isfinite(colours).all(axis=1)
        if known.all():
            return colours
        if known.any():
            colours[~known] = colours[known].mean(axis=0)
            if notes is not None:
                notes.append(
                    f"{(~known).sum()} of {len(known)} colours are NaN: they take the mean of the others"
                )
            return colours
    return None


def _triples(table: Table) -> list[tuple[str, str, str]]:
    """Names that belong together, the plainest first: red green blue; r g b; diffuse_red ...; color_r ..."""
    long = [n for n in table if "red" in n and not _NO_SURFACE.search(n)]
    short = [n for n in table if n.endswith(("_r", ".r")) and not _NO_SURFACE.search(n)]
    spelled = [(n, n.replace("red", "green"), n.replace("red", "blue")) for n in sorted(long, key=len)]
    return [*spelled[:1], ("r", "g", "b"), *spelled[1:], *((n, n[:-1] + "g", n[:-1] + "b") for n in short)]
