"""The one interface of generators that invent skin for heads scanned without colour."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from mien.core.face import Template
from mien.core.mesh import Image


@runtime_checkable
class SkinGenerator(Protocol):
    """Invents the albedo of a head: `generated_skin` here, `synthetic_skin` of the synthetic people."""

    def __call__(self, template: Template, tone: float, seed: int, resolution: int) -> dict[str, Image]:
        """sRGB albedo of the tiles "face" and "head" by name; `tone` is 0 lightest to 1 darkest skin.

        The same arguments give the same pixels.
        """
