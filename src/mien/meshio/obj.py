"""Wavefront OBJ and MTL: geometry by `obj_fast` or `obj_plain`, then materials and their textures."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from mien.core.errors import MienError
from mien.meshio.obj_fast import tokenize
from mien.meshio.obj_plain import ObjContent, read_plain
from mien.meshio.raw_mesh import RawMesh, fan, unit_colours
from mien.meshio.udim import place_textures


def read_obj(path: Path, *, ignore_textures: bool = False) -> RawMesh:
    """Any OBJ with faces: polygons, negative indices, `v x y z r g b`, several materials, no normals."""
    content = _read_fast(path) or read_plain(path)
    _check_declared(path, content)
    triangles, polygon = fan(content.corners, content.counts)
    colours = unit_colours(content.vertices[:, 3:6]) if content.vertices.shape[1] >= 6 else None
    raw = RawMesh(
        np.ascontiguousarray(content.vertices[:, :3]),
        np.ascontiguousarray(triangles[..., 0]),
        vertex_colours=colours,
    )
    uv = triangles[..., 1]
    if len(content.uvs) and (uv >= 0).any():
        raw.corner_uvs = content.uvs[uv]
        raw.corner_uvs[(uv < 0).any(axis=1)] = np.nan
        if not ignore_textures:
            _read_textures(path, raw, content, polygon)
    return raw


def _read_fast(path: Path) -> ObjContent | None:
    data = np.fromfile(path, np.uint8)
    arrays = tokenize(data)
    if arrays is None:
        return None
    head = data[:4096].tobytes().decode("utf-8", "replace").splitlines()
    last = data[-4096:].tobytes().decode("utf-8", "replace")
    statements = [
        (_line_at(data, int(at)), int(face)) for at, face in zip(arrays.words, arrays.words_face, strict=True)
    ]
    return ObjContent(
        arrays.vertices,
        arrays.uvs,
        arrays.corners,
        arrays.counts,
        statements,
        head,
        last.removesuffix("\n").split("\n")[-1].strip(),
    )


def _line_at(data: np.ndarray, at: int) -> str:
    text = data[at : at + 4096].tobytes()
    return text.split(b"\n", 1)[0].decode("utf-8", "replace").strip()


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


def _read_textures(path: Path, raw: RawMesh, content: ObjContent, polygon: np.ndarray) -> None:
    """Fills `textures` and `triangle_texture` from the MTL files; materials without a map get -1."""
    uses = [(_argument(line), face) for line, face in content.statements if line.startswith("usemtl")]
    maps = _diffuse_maps(path, raw, content, bool(uses))
    names = [name for name, _ in uses]
    files: list[Path] = sorted({maps[name] for name in names if name in maps})
    if not files:
        return
    # before the first usemtl the index is -1: the last entry, which is "none"
    of_material = np.array([files.index(maps[n]) if n in maps else -1 for n in names] + [-1])
    material = np.searchsorted([face for _, face in uses], polygon, side="right") - 1
    place_textures(raw, of_material[material], files, "the MTL file")


def _argument(line: str) -> str:
    words = line.split(maxsplit=1)
    return words[1].strip() if len(words) > 1 else ""


def _diffuse_maps(path: Path, raw: RawMesh, content: ObjContent, used: bool) -> dict[str, Path]:
    """`map_Kd` of each material. A missing MTL is refused only if faces use materials and no vertex
    colours could stand in for it."""
    maps: dict[str, Path] = {}
    for line, _ in content.statements:
        if not line.startswith("mtllib"):
            continue
        file = path.parent / _argument(line).replace("\\", "/")
        if file.is_file():
            raw.read.append(file)
            maps |= _parse_mtl(file)
        elif used and raw.vertex_colours is None:
            raise MienError(
                f"{file}: the material file named by {path.name} does not exist; place it beside the "
                "scan, give --albedo IMAGE, or delete its mtllib line to go without colour"
            )
    return maps


def _parse_mtl(file: Path) -> dict[str, Path]:
    maps: dict[str, Path] = {}
    material = ""
    for line in file.read_text("utf-8", "replace").splitlines():
        words = line.split(maxsplit=1)
        if len(words) < 2:
            continue
        if words[0] == "newmtl":
            material = words[1].strip()
        elif words[0].lower() == "map_kd":
            maps[material] = file.parent / _without_options(words[1].strip()).replace("\\", "/")
    return maps


def _without_options(argument: str) -> str:
    """The file name of a `map_Kd` line, which may hold spaces, after options such as `-s 1 1 1`."""
    option = re.compile(r"^-(?:blendu|blendv|cc|clamp|texres|bm|boost|imfchan|type)\s+\S+\s+")
    vector = re.compile(r"^-(?:mm|o|s|t)(?:\s+-?[\d.]+)+\s+")
    while match := option.match(argument) or vector.match(argument):
        argument = argument[match.end() :]
    return argument
