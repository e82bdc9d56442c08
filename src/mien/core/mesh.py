"""Meshes as plain arrays: quads for our own heads, triangles for scans."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class Topology:
    """Quads and their texture coordinates; what never changes between faces.

    `quads` index vertices, `quad_uvs` index `uvs` (origin bottom-left). UVs are per part tile: a
    part's material says which image they address. Every polygon is a quad.
    """

    n_vertices: int
    quads: Int[np.ndarray, "F 4"]
    uvs: Float[np.ndarray, "T 2"]
    quad_uvs: Int[np.ndarray, "F 4"]

    @cached_property
    def triangles(self) -> Int[np.ndarray, "G 3"]:
        """Each quad (a b c d) as (a b c), (a c d); triangle 2i and 2i+1 come from quad i."""
        return split_quads(self.quads)

    @cached_property
    def triangle_uvs(self) -> Int[np.ndarray, "G 3"]:
        """UV indices of `triangles`."""
        return split_quads(self.quad_uvs)

    @cached_property
    def edges(self) -> Int[np.ndarray, "E 2"]:
        """Undirected quad edges (no diagonals), each once, lower index first."""
        a = self.quads
        pairs = np.concatenate([a[:, [0, 1]], a[:, [1, 2]], a[:, [2, 3]], a[:, [3, 0]]])
        return np.unique(np.sort(pairs, axis=1), axis=0)


def split_quads(quads: Int[np.ndarray, "F 4"]) -> Int[np.ndarray, "G 3"]:
    """Two triangles a quad, along the diagonal from its first to its third corner."""
    return quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)


@dataclass(frozen=True)
class Image:
    """Pixels with their meaning. `pixels` is (H, W, C), row 0 at the top, floats in 0..1 or raw units.

    `colour_space` is "srgb" or "linear"; `unit` is "" or, for displacement, "mm".
    """

    pixels: Float[np.ndarray, "H W C"]
    colour_space: str = "linear"
    unit: str = ""


@dataclass(frozen=True)
class Scan:
    """A raw scan as loaded: its own coordinates and unit, triangles, and colour if it has any.

    Textures are sRGB uint8 (H, W, 3), row 0 at the top; `corner_uvs` has its origin bottom-left;
    `triangle_texture` is an index into `textures` or -1. `vertex_colours` are sRGB in 0..1.
    """

    name: str
    vertices: Float[np.ndarray, "N 3"]
    triangles: Int[np.ndarray, "M 3"]
    corner_uvs: Float[np.ndarray, "M 3 2"] | None = None
    triangle_texture: Int[np.ndarray, " M"] | None = None
    textures: tuple[np.ndarray, ...] = ()
    vertex_colours: Float[np.ndarray, "N 3"] | None = None
    sha256: str = ""
    unit_metres: float | None = None  # from the file's own metadata; None where it has none

    @property
    def has_colour(self) -> bool:
        """Whether anything but geometry was captured."""
        return self.vertex_colours is not None or bool(self.textures)
