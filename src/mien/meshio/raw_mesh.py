"""What every reader returns, and how it becomes a `Scan`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int


@dataclass
class RawMesh:
    """A file's content before seams are merged; the fields mean what those of `Scan` mean.

    `read` lists the files that the content came from, beside the scan file itself; `texture_files` the
    file of each texture where it has one; `notes` say in plain words what had to be decided.
    """

    vertices: Float[np.ndarray, "N 3"]
    triangles: Int[np.ndarray, "M 3"]
    corner_uvs: Float[np.ndarray, "M 3 2"] | None = None
    triangle_texture: Int[np.ndarray, " M"] | None = None
    textures: list[np.ndarray] = field(default_factory=list)
    vertex_colours: Float[np.ndarray, "N 3"] | None = None
    unit_metres: float | None = None
    read: list[Path] = field(default_factory=list)
    texture_files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def fan(
    corners: Int[np.ndarray, "C K"], counts: Int[np.ndarray, " F"]
) -> tuple[Int[np.ndarray, "T 3 K"], Int[np.ndarray, " T"]]:
    """Polygons, given as concatenated corners and corner counts, as triangle fans.

    Also returns the polygon that each triangle came from.
    """
    if len(counts) and (counts == 3).all():
        return corners.reshape(-1, 3, corners.shape[1]), np.arange(len(counts))
    starts = np.cumsum(counts) - counts
    per_face = counts - 2
    polygon = np.repeat(np.arange(len(counts)), per_face)
    step = np.arange(len(polygon)) - np.repeat(np.cumsum(per_face) - per_face, per_face)
    first = starts[polygon]
    return corners[np.stack([first, first + step + 1, first + step + 2], axis=1)], polygon


def merge_positions(
    vertices: Float[np.ndarray, "N 3"],
) -> tuple[Int[np.ndarray, " K"], Int[np.ndarray, " N"]]:
    """Vertices at exactly equal positions made one: (indices kept, new index of each vertex).

    The order of first appearance is kept. Sorting one 64-bit hash is several times faster than sorting
    rows; a collision of the hash is detected and falls back to the rows.
    """
    bits = np.ascontiguousarray(vertices + 0.0).view(np.uint64)  # + 0.0 turns -0.0 into 0.0
    odd = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
    mixed = bits * odd
    mixed ^= mixed >> np.uint64(29)
    key = (mixed * odd[::-1]).sum(axis=1, dtype=np.uint64)
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    if not np.array_equal(vertices[first[inverse]], vertices):
        _, first, inverse = np.unique(vertices + 0.0, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[inverse.reshape(-1)]


def unit_colours(colours: np.ndarray) -> np.ndarray:
    """Vertex colours in 0..1 whatever their file held: 0..1, 0..255 or 0..65535, in any type.

    What a type could hold does not tell (integers of 32 bits hold 0..255, too): the brightest values do, but
    for a hundredth, so that a few beyond the range darken nothing.
    """
    colours = colours[:, :3]
    if colours.dtype == np.uint8:
        return colours / 255.0
    if not colours.size or np.nanmax(colours, initial=0) <= 1.0 + 1e-6:
        return np.clip(colours.astype(np.float64), 0.0, 1.0)
    bright = np.nan_to_num(np.nanmax(colours.astype(np.float64), axis=1, initial=0))
    nearly_all = int(0.99 * (len(bright) - 1))
    top = np.partition(bright, nearly_all)[nearly_all]
    largest = np.iinfo(colours.dtype).max if np.issubdtype(colours.dtype, np.integer) else top
    full = next((full for full in (1.0, 255.0, 65535.0) if top <= 2 * full), float(largest))
    return np.clip(colours / full, 0.0, 1.0)
