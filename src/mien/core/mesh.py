"""Meshes as plain arrays: quads for our own heads, triangles for scans."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class Polygons:
    """Faces of any size, in the order of the file that they came from.

    `counts` are the corners of each face; `corners` (vertices) and `corner_uvs` (texture coordinates) run
    on from face to face. `statements` are lines that stood before the face of that number ("g lips").
    """

    counts: Int[np.ndarray, " F"]
    corners: Int[np.ndarray, " C"]
    corner_uvs: Int[np.ndarray, " C"]
    statements: tuple[tuple[int, str], ...] = ()

    @cached_property
    def fan_quads(self) -> tuple[Int[np.ndarray, "Q 4"], Int[np.ndarray, " Q"]]:
        """Quads that cover the faces, as places in `corners`, and the face of each; a b c becomes a b c c."""
        starts = np.cumsum(self.counts) - self.counts
        per_face = (self.counts - 1) // 2
        face = np.repeat(np.arange(len(self.counts)), per_face)
        step = 2 * (np.arange(len(face)) - np.repeat(np.cumsum(per_face) - per_face, per_face))
        last = self.counts[face] - 1
        places = [starts[face] + np.minimum(k + (k > 0) * step, last) for k in range(4)]
        return np.stack(places, axis=1), face


@dataclass(frozen=True)
class PolygonMesh:
    """Somebody's mesh as its file has it: coordinates and unit, vertex order, faces, UVs, materials.

    UVs have their origin bottom-left; u beyond 1 and v beyond 1 are tiles of a UDIM layout. `material`
    is each face's index into `materials`. `sha256` is the file's.
    """

    name: str
    vertices: Float[np.ndarray, "V 3"]
    uvs: Float[np.ndarray, "T 2"]
    polygons: Polygons
    material: Int[np.ndarray, " F"]
    materials: tuple[str, ...]
    sha256: str = ""


@dataclass(frozen=True)
class Topology:
    """Quads and their texture coordinates; what never changes between faces.

    `quads` index vertices, `quad_uvs` index `uvs` (origin bottom-left). UVs are per part tile: a
    part's material says which image they address. Every polygon is a quad; where the mesh is somebody
    else's, `polygons` holds its faces as they came, `quads` covers the same surface (a triangle a b c
    is the quad a b c c, larger polygons are fans) and whole tiles of a UDIM layout are part of the UVs.
    """

    n_vertices: int
    quads: Int[np.ndarray, "F 4"]
    uvs: Float[np.ndarray, "T 2"]
    quad_uvs: Int[np.ndarray, "F 4"]
    polygons: Polygons | None = None

    @cached_property
    def triangles(self) -> Int[np.ndarray, "G 3"]:
        """Each quad (a b c d) as (a b c), (a c d); triangle 2i and 2i+1 come from quad i."""
        return split_quads(self.quads)

    @cached_property
    def triangle_uvs(self) -> Int[np.ndarray, "G 3"]:
        """UV indices of `triangles`."""
        return split_quads(self.quad_uvs)

    def uv_tile(self, quads: slice) -> Float[np.ndarray, "2"]:
        """Offset of the UDIM tile that these quads lie in (all in one); zero on the template's own tiles."""
        if self.polygons is None:
            return np.zeros(2)
        return np.floor(np.clip(self.uvs[self.quad_uvs[quads]].reshape(-1, 2).mean(axis=0), 0.0, None))

    @cached_property
    def edges(self) -> Int[np.ndarray, "E 2"]:
        """Undirected quad edges (no diagonals), each once, lower index first."""
        a = self.quads
        pairs = np.concatenate([a[:, [0, 1]], a[:, [1, 2]], a[:, [2, 3]], a[:, [3, 0]]])
        return np.unique(np.sort(pairs, axis=1), axis=0)


def split_quads(quads: Int[np.ndarray, "F 4"]) -> Int[np.ndarray, "G 3"]:
    """Two triangles a quad, along the diagonal from its first to its third corner."""
    return quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)


def safe_name(name: str) -> str:
    """A material's name as file names may hold it; dots are left for tile numbers."""
    return re.sub(r"[^A-Za-z0-9-]+", "_", name).strip("_") or "head"


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
    `vertex_mask` says what the user wants of the surface: 1 follow it, 0 ignore it (hair, cloth), about a
    half as Mien sees fit; `masks` says the same, finer, in the UVs of each texture (uint8, 255 follow).
    `sources` are the files that the scan was read from. `apart` are pieces that cleaning took away since
    they lie apart from the largest one, where a face may be on them; they share the scan's textures.
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
    notes: tuple[str, ...] = ()  # what reading had to decide, in plain words
    vertex_mask: Float[np.ndarray, " N"] | None = None
    masks: tuple[np.ndarray, ...] = ()
    sources: tuple[Path, ...] = ()
    apart: Scan | None = None

    @property
    def has_colour(self) -> bool:
        """Whether anything but geometry was captured."""
        return self.vertex_colours is not None or bool(self.textures)
