"""The parts that a glTF scene draws, each of one material, and their joining into one mesh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from mien.core.conventions import linear_to_srgb

_GREY = 0.02  # linear: factors whose channels differ by less say nothing about skin


@dataclass
class Part:
    """One primitive in world coordinates; `colours` are linear, one a vertex.

    `texture` is a number, or -1 where it has none, `flat` the linear colour that its material gives to
    vertices without their own.
    """

    vertices: Float[np.ndarray, "N 3"]
    triangles: Int[np.ndarray, "M 3"]
    material: str
    flat: Float[np.ndarray, "3"]
    visible: bool
    colours: Float[np.ndarray, "N 3"] | None = None
    corner_uvs: Float[np.ndarray, "M 3 2"] | None = None
    texture: int = -1

    @property
    def tinted(self) -> bool:
        """Whether its only colour is one flat value, and that no grey."""
        return self.texture < 0 and self.colours is None and bool(np.ptp(self.flat) > _GREY)


def visible_parts(parts: list[Part], notes: list[str]) -> list[Part]:
    """Without those that their materials cut out altogether, unless that is everything."""
    seen = [part for part in parts if part.visible]
    if not seen or len(seen) == len(parts):
        return parts
    notes.append(f"parts that are wholly transparent were left out: {_materials(parts, visible=False)}")
    return seen


def use_flat_colours(parts: list[Part], notes: list[str]) -> None:
    """Colours of materials without an image: taken where they tell parts apart and nothing else has colour.

    One single value says nothing about a face, and beside images such parts are few: both are only told.
    """
    tinted = [part for part in parts if part.tinted]
    if not tinted:
        return
    if any(part.texture >= 0 or part.colours is not None for part in parts):
        notes.append(f"one flat colour and no image, so no colour there: {_materials(tinted)}")
    elif len({tuple(part.flat) for part in parts}) == 1:
        notes.append(f"its only colour is one flat value, {_hex(tinted[0].flat)}: no colour was captured")
    else:
        notes.append("it has no image; each part was given the flat colour of its material")
        for part in parts:
            part.colours = np.tile(part.flat, (len(part.vertices), 1))


def join(parts: list[Part]) -> dict[str, Any]:
    """Several parts as the fields of one mesh; what only some of them have is filled with their flat colour,
    no texture, unknown UVs (NaN)."""
    offsets = np.cumsum([0] + [len(p.vertices) for p in parts[:-1]])
    fields: dict[str, Any] = {
        "vertices": np.concatenate([p.vertices for p in parts]),
        "triangles": np.concatenate([p.triangles + o for p, o in zip(parts, offsets, strict=True)]),
    }
    if any(p.corner_uvs is not None for p in parts):
        fields["corner_uvs"] = np.concatenate([_uvs(p) for p in parts])
    if any(p.texture >= 0 for p in parts):
        fields["triangle_texture"] = np.concatenate([np.full(len(p.triangles), p.texture) for p in parts])
    if any(p.colours is not None for p in parts):
        fields["vertex_colours"] = np.concatenate([_srgb(p) for p in parts])
    return fields


def _uvs(part: Part) -> np.ndarray:
    return np.full((len(part.triangles), 3, 2), np.nan) if part.corner_uvs is None else part.corner_uvs


def _srgb(part: Part) -> np.ndarray:
    if part.colours is not None:
        return linear_to_srgb(np.clip(part.colours, 0.0, 1.0))
    flat = linear_to_srgb(np.clip(part.flat, 0.0, 1.0)).round(12)  # white is 1, not a bit less
    return np.tile(flat, (len(part.vertices), 1))


def _materials(parts: list[Part], visible: bool | None = None) -> str:
    """Names for a note, a few of them."""
    names = list(dict.fromkeys(p.material for p in parts if visible in (None, p.visible)))
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")


def _hex(linear: np.ndarray) -> str:
    return "#" + "".join(f"{round(255 * c):02x}" for c in linear_to_srgb(np.clip(linear, 0.0, 1.0)))
