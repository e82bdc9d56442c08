"""PLY and STL, text and binary."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from mien.core.errors import MienError, readable
from mien.meshio.encodings import unmarked
from mien.meshio.find_files import find_beside
from mien.meshio.obj_text import parse_numbers
from mien.meshio.ply_colour import read_colours
from mien.meshio.ply_header import CUT, PlyHeader, read_header, unmarked_ply
from mien.meshio.ply_mesh import (
    Faces,
    read_corner_uvs,
    read_face_colours,
    read_faces,
    read_positions,
    read_textures,
)
from mien.meshio.ply_tables import Table, read_tables
from mien.meshio.raw_mesh import RawMesh
from mien.meshio.stl_colour import facet_colours
from mien.meshio.udim import place_textures


def read_ply(path: Path, *, ignore_textures: bool = False) -> RawMesh:
    """PLY with polygons or strips, colours of vertices or faces, texture coordinates a vertex or a corner."""
    data = unmarked_ply(path.read_bytes())
    header = read_header(path, data)
    tables = read_tables(header, data, ("vertex", "face", "tristrips"))
    faces = read_faces(tables)
    raw = RawMesh(read_positions(path, tables.get("vertex", {})), faces.triangles)
    if faces.dropped:
        raw.notes.append(f"faces of fewer than 3 corners, dropped: {faces.dropped} of {len(faces.counts)}")
    raw.vertex_colours = read_colours(tables.get("vertex", {}), raw.notes)
    if not faces.name_vertices_of(len(raw.vertices)):  # a painted point cloud, or what the loader refuses
        return raw
    raw.corner_uvs = read_corner_uvs(tables, faces, raw.notes)
    face = tables.get("face", {})
    if header.textures and not ignore_textures:
        _place_textures(raw, header, face, faces)
    if raw.vertex_colours is None and not raw.textures:
        raw.vertex_colours = read_face_colours(face, raw.vertices, faces, raw.notes)
    return raw


def _place_textures(raw: RawMesh, header: PlyHeader, face: Table, faces: Faces) -> None:
    if raw.corner_uvs is None:
        raw.notes.append(
            f"it names the texture {readable(header.textures[0])} but has no texture coordinates: not used"
        )
        return
    number = read_textures(face, faces, len(header.textures), raw.notes)
    found = [find_beside(header.path.parent, name) for name in header.textures]
    raw.notes += [note for _, note in found if note is not None]
    place_textures(raw, number, [file for file, _ in found], "the PLY header")


def read_stl(path: Path, *, ignore_textures: bool = False) -> RawMesh:
    """STL, text or binary (told apart by the size that a binary header implies), with facets' colours."""
    data = path.read_bytes()
    count = int.from_bytes(data[80:84], "little") if len(data) >= 84 else -1
    if count >= 0 and len(data) == 84 + 50 * count:
        return _binary_stl(data, count)
    text = (data if data.lstrip()[:5].lower() == b"solid" else unmarked(data)).lstrip()
    if text[:5].lower() == b"solid" and b"facet" in text[:4096].lower():
        return _text_stl(path, text)
    if 0 < count <= (len(data) - 84) // 50:
        raw = _binary_stl(data, count)
        raw.notes.append(f"{len(data) - 84 - 50 * count} bytes after its {count} facets were not read")
        return raw
    raise MienError(f"{path}: {len(data)} bytes, its header declares {count} STL facets; {CUT}")


def _binary_stl(data: bytes, count: int) -> RawMesh:
    facet = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    facets = np.frombuffer(data, facet, count, 84)
    raw = _soup(facets["corners"].astype(np.float64))
    raw.vertex_colours = facet_colours(data[:80], facets["attribute"], raw)
    return raw


def _text_stl(path: Path, text: bytes) -> RawMesh:
    numbers = re.findall(rb"(?i)vertex\s+(\S+)\s+(\S+)\s+(\S+)", text)
    if len(numbers) % 3 or text.rstrip().split(b"\n")[-1].lower().split()[:1] != [b"endsolid"]:
        raise MienError(f"{path}: has no endsolid after its last facet; {CUT}")
    values = parse_numbers(b" ".join(n for row in numbers for n in row), np.float64, 3 * len(numbers))
    if values is None:
        raise MienError(f"{path}: a vertex line does not hold numbers; re-export the scan")
    return _soup(values.reshape(-1, 3, 3))


def _soup(corners: np.ndarray) -> RawMesh:
    return RawMesh(corners.reshape(-1, 3), np.arange(3 * len(corners)).reshape(-1, 3))
