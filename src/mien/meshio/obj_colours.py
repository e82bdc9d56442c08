"""Colours of an OBJ's vertices: `v x y z r g b`, or ZBrush's `#MRGB` lines."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from mien.meshio.obj_plain import ObjContent
from mien.meshio.raw_mesh import unit_colours

_NEGATIVE = 0.01  # a colour below this, in more than this share of the vertices, is none


def vertex_colours(
    content: ObjContent, triangles: Int[np.ndarray, "M 3"], notes: list[str]
) -> Float[np.ndarray, "N 3"] | None:
    """sRGB in 0..1, or None; `notes` say what could not be read and where white had to stand in."""
    colours = _own_colours(content, notes)
    if colours is None:
        colours = _polypaint(content, notes)
    if colours is None:
        return None
    known = np.isfinite(colours).all(axis=1)
    if known.all():
        return colours
    used = np.zeros(len(colours), bool)
    used[triangles[(triangles < len(colours)).all(axis=1)]] = True
    if not (known & used).any():
        notes.append("only vertices that no face uses have colours: they are not read")
        return None
    if (used & ~known).any():
        notes.append(f"{(used & ~known).sum()} of {used.sum()} vertices have no colour: white there")
    colours[~known] = 1.0
    return colours


def _own_colours(content: ObjContent, notes: list[str]) -> np.ndarray | None:
    """The columns after the coordinates; NaN where a line has none."""
    if content.vertices.shape[1] < 6:
        return None
    colours = content.vertices[:, 3:6]
    lowest = np.nan_to_num(colours).min(axis=1)
    if np.mean(lowest < -_NEGATIVE) > _NEGATIVE:
        notes.append("what stands after its vertices' coordinates is negative, so no colour: it is not read")
        return None
    known = np.isfinite(colours).all(axis=1)
    if known.all():
        return unit_colours(colours)
    out = np.full_like(colours, np.nan)
    if known.any():
        out[known] = unit_colours(colours[known])
    return out


def _polypaint(content: ObjContent, notes: list[str]) -> np.ndarray | None:
    """Eight hexadecimal digits a vertex, in the vertices' order: mask, red, green, blue."""
    if not content.polypaint:
        return None
    try:
        entries = np.frombuffer(bytes.fromhex("".join(content.polypaint)), np.uint8)
    except ValueError:
        notes.append("its polypaint (#MRGB) is not read: it holds something else than hexadecimal digits")
        return None
    if len(entries) != 4 * len(content.vertices):
        count = len(entries) / 4
        notes.append(
            f"its polypaint (#MRGB) is not read: {count:g} colours for {len(content.vertices)} vertices"
        )
        return None
    colours = entries.reshape(-1, 4)[:, 1:] / 255.0
    if (colours == 1.0).all():
        notes.append("its polypaint (#MRGB) is white everywhere, so nothing was painted: it is not read")
        return None
    return colours
