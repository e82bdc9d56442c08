"""Wavefront OBJ and MTL: geometry by `obj_fast` or `obj_plain`, then materials and their textures."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from mien.core.errors import MienError
from mien.meshio.encodings import unmarked
from mien.meshio.obj_colours import vertex_colours
from mien.meshio.obj_fast import tokenize
from mien.meshio.obj_materials import read_materials
from mien.meshio.obj_plain import ObjContent, read_plain
from mien.meshio.raw_mesh import RawMesh, fan

_FARTHEST_UV = 1e6  # tiles: what lies farther is no texture coordinate


def read_obj(path: Path, *, ignore_textures: bool = False) -> RawMesh:
    """Any OBJ with faces: polygons, negative indices, `v x y z r g b`, polypaint, several materials.

    Its text may be UTF-8, UTF-16 or any encoding that agrees with ASCII. Refuses with `MienError` what is no
    OBJ, names what does not exist, or is cut off.
    """
    content = _read_fast(path) or read_plain(path)
    if not len(content.vertices):
        raise MienError(
            f"{path}: none of its lines is a vertex (v x y z), expected Wavefront OBJ; export the scan again"
        )
    _check_declared(path, content)
    triangles, polygon = fan(content.corners, content.counts)
    raw = RawMesh(
        np.ascontiguousarray(content.vertices[:, :3]),
        np.ascontiguousarray(triangles[..., 0]),
        notes=list(content.notes),
    )
    raw.vertex_colours = vertex_colours(content, raw.triangles, raw.notes)
    uv = triangles[..., 1]
    if len(content.uvs) and (uv >= 0).any():
        content.uvs[~(np.abs(content.uvs) < _FARTHEST_UV)] = np.nan
        raw.corner_uvs = content.uvs[uv]
        raw.corner_uvs[(uv < 0).any(axis=1)] = np.nan
    if not ignore_textures:
        read_materials(path, raw, content, polygon)
    return raw


def _read_fast(path: Path) -> ObjContent | None:
    data = _text(path)
    arrays = tokenize(data)
    if arrays is None:
        return None
    head = data[:4096].tobytes().decode("utf-8", "replace").splitlines()
    last = data[-4096:].tobytes().decode("utf-8", "replace")
    statements = [
        (_line_at(data, int(at)), int(face)) for at, face in zip(arrays.words, arrays.words_face, strict=True)
    ]
    polypaint = [data[a:b].tobytes().decode("ascii", "replace") for a, b in arrays.polypaint.tolist()]
    return ObjContent(
        arrays.vertices,
        arrays.uvs,
        arrays.corners,
        arrays.counts,
        statements,
        head,
        last.removesuffix("\n").split("\n")[-1].strip(),
        polypaint,
    )


def _text(path: Path) -> UInt8[np.ndarray, " B"]:
    data = np.fromfile(path, np.uint8)
    start = data[:1024].tobytes()
    return data if unmarked(start) == start else np.frombuffer(unmarked(data.tobytes()), np.uint8)


def _line_at(data: np.ndarray, at: int) -> str:
    text = data[at : at + 4096].tobytes()
    return text.split(b"\n", 1)[0].decode("utf-8", "surrogateescape").strip()


def _check_declared(path: Path, content: ObjContent) -> None:
    """A file that holds less than its header says, and ends without a comment or blank line, is cut off."""
    if not content.last or content.last.startswith("#"):
        return
    header = "\n".join(content.head[:50])
    for what, got in (("vertices", len(content.vertices)), ("faces", len(content.counts))):
        declared = re.search(rf"^#\s*{what}:\s*(\d+)\s*$", header, re.IGNORECASE | re.MULTILINE)
        if declared and got < int(declared[1]):
            raise MienError(
                f"{path}: its header declares {declared[1]} {what} but it holds {got}; "
                "the file looks cut off, export or copy it again"
            )
