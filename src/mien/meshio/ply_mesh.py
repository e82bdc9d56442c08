"""A PLY's tables as triangles, with their texture coordinates and colours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from mien.core.errors import MienError
from mien.meshio.corner_colours import at_vertices
from mien.meshio.ply_colour import read_colours
from mien.meshio.ply_tables import Table
from mien.meshio.raw_mesh import fan, unit_colours
from mien.meshio.strips import strip_triangles

_CORNERS = ("vertex_indices", "vertex_index")
_UVS = (("s", "t"), ("u", "v"), ("texture_u", "texture_v"), ("texture_s", "texture_t"))
_TEXTURE = ("texnumber", "texture_index", "tex_index")
_BEYOND = 2**62  # an index that no file has; what is larger, or no number, becomes this


@dataclass(frozen=True)
class Faces:
    """Triangles, and for each corner its place in the file's list of corners (-1: of a strip).

    `polygon` is the face of each triangle (-1: of a strip); `counts` the corners of each face and
    `starts` the place of its first; `dropped` are the faces of fewer than three corners.
    """

    triangles: Int[np.ndarray, "T 3"]
    places: Int[np.ndarray, "T 3"]
    polygon: Int[np.ndarray, " T"]
    counts: Int[np.ndarray, " F"]
    starts: Int[np.ndarray, " F"]
    dropped: int

    def name_vertices_of(self, count: int) -> bool:
        """Whether there are faces and all their corners are among so many vertices."""
        t = self.triangles
        return len(t) > 0 and bool(t.min() >= 0) and bool(t.max() < count)


def read_positions(path: Path, vertex: Table) -> Float[np.ndarray, "N 3"]:
    """The vertices' x, y and z; refused with `MienError` where a file has none."""
    columns = [vertex.get(axis) for axis in "xyz"]
    if not all(isinstance(column, np.ndarray) for column in columns):
        raise MienError(f"{path}: has no vertices with x, y, z, expected a triangle mesh; re-export the scan")
    return np.stack([np.asarray(column, np.float64) for column in columns], axis=1)


def read_faces(tables: dict[str, Table]) -> Faces:
    """Polygons as fans, after them the strips' triangles."""
    counts, corners = _lists(tables.get("face", {}), _CORNERS)
    starts = np.cumsum(counts) - counts
    proper = np.flatnonzero(counts >= 3)
    places, polygon = _fans(counts, starts, proper)
    strips = strip_triangles(*_lists(tables.get("tristrips", {}), _CORNERS))
    none = np.full(len(strips), -1)
    return Faces(
        np.concatenate([corners[places], strips]),
        np.concatenate([places, np.repeat(none[:, None], 3, axis=1)]),
        np.concatenate([polygon, none]),
        counts,
        starts,
        len(counts) - len(proper),
    )


def _fans(counts: np.ndarray, starts: np.ndarray, proper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if len(proper) == len(counts):
        places, polygon = fan(np.arange(counts.sum())[:, None], counts)
        return places[..., 0], polygon
    per_face = counts[proper]
    step = np.arange(per_face.sum()) - np.repeat(np.cumsum(per_face) - per_face, per_face)
    places, polygon = fan((np.repeat(starts[proper], per_face) + step)[:, None], per_face)
    return places[..., 0], proper[polygon]


def _lists(table: Table, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """A column of lists as whole numbers; empty where there is none. The largest uint stands for -1."""
    found = next((table[name] for name in names if isinstance(table.get(name), tuple)), None)
    if not isinstance(found, tuple):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    counts, items = found
    if items.dtype.kind == "f":
        items = np.where(np.abs(items) < _BEYOND, items, _BEYOND)  # NaN, too
    elif items.dtype.kind == "u" and items.dtype.itemsize >= 4:
        items = np.where(items == np.iinfo(items.dtype).max, -1, items.astype(np.int64))
    return counts, items.astype(np.int64)


def read_corner_uvs(
    tables: dict[str, Table], faces: Faces, notes: list[str]
) -> Float[np.ndarray, "T 3 2"] | None:
    """Texture coordinates of the faces' corners, else of their vertices; NaN for faces without."""
    wedge = tables.get("face", {}).get("texcoord")
    if isinstance(wedge, tuple):
        uvs = _per_corner(faces, *wedge, (2, 3))
        known = np.isfinite(uvs).all(axis=(1, 2))
        bare = len(np.unique(faces.polygon[~known]))
        if bare and known.any():
            notes.append(f"{bare} of {len(faces.counts)} faces have no texture coordinates: no colour there")
        if known.any():
            return uvs[..., :2]
    vertex = tables.get("vertex", {})
    names = next((n for n in _UVS if all(isinstance(vertex.get(k), np.ndarray) for k in n)), None)
    if names is None:
        return None
    return np.stack([np.asarray(vertex[n], np.float64) for n in names], axis=1)[faces.triangles]


def _per_corner(
    faces: Faces, lengths: np.ndarray, items: np.ndarray, widths: tuple[int, ...]
) -> Float[np.ndarray, "T 3 K"]:
    """What each face's list has for its corners, in one of these widths; NaN where it has something else."""
    fits = {w: lengths == w * faces.counts for w in widths if len(lengths) == len(faces.counts)}
    for width, fit in fits.items():
        if fit.all() and (faces.polygon >= 0).all():
            return items.reshape(-1, width).astype(np.float64)[faces.places]
    out = np.full((*faces.places.shape, max(widths)), np.nan)
    begin = np.cumsum(lengths) - lengths
    for width, fit in fits.items():
        rows = np.flatnonzero(faces.polygon >= 0)
        rows = rows[fit[faces.polygon[rows]]]
        polygon = faces.polygon[rows]
        corner = faces.places[rows] - faces.starts[polygon][:, None]
        at = begin[polygon][:, None] + width * corner
        out[rows] = 0.0
        out[rows, :, :width] = items[at[..., None] + np.arange(width)]
    return out


def read_textures(face: Table, faces: Faces, n_files: int, notes: list[str]) -> Int[np.ndarray, " T"]:
    """Which of the named images each triangle reads: MeshLab's `texnumber`, else the first; -1 is none."""
    number = next((face[k] for k in _TEXTURE if isinstance(face.get(k), np.ndarray)), None)
    if not isinstance(number, np.ndarray):
        if n_files > 1:
            notes.append(f"its faces do not say which of {n_files} textures is theirs: the first is read")
        return np.zeros(len(faces.triangles), np.int64)
    number = np.where((number >= 0) & (number < n_files), number, -1).astype(np.int64)
    return np.where(faces.polygon >= 0, number[faces.polygon], -1)


def read_face_colours(
    face: Table, vertices: Float[np.ndarray, "N 3"], faces: Faces, notes: list[str]
) -> Float[np.ndarray, "N 3"] | None:
    """The colours of faces, or of their corners, averaged onto the vertices."""
    flat, lists = read_colours(face, notes), next((face[k] for k in ("color", "colour") if k in face), None)
    if flat is not None:
        corners = np.repeat(flat[faces.polygon][:, None], 3, axis=1)
        corners[faces.polygon < 0] = np.nan
    elif isinstance(lists, tuple):
        corners = _per_corner(faces, lists[0], unit_colours(lists[1][:, None])[:, 0], (3, 4))[..., :3]
    else:
        return None
    averaged = at_vertices(vertices, faces.triangles, corners)
    if averaged is not None:
        notes.append("the colours of its faces are averaged onto the vertices")
    return averaged
