"""Wavefront OBJ and MTL, read by columns instead of line by line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int

from mien.core.errors import MienError
from mien.scan.mesh_file import RawMesh, fan, read_image, unit_colours
from mien.scan.obj_text import ObjText, parse_numbers, token_starts, tokens_per_line


def read_obj(path: Path, *, ignore_textures: bool = False) -> RawMesh:
    """Any OBJ with faces: polygons, negative indices, `v x y z r g b`, several materials, no normals."""
    text = ObjText.read(path)
    positions, colours = _read_vertices(text)
    uv_rows = text.rows(b"vt")
    uvs = _columns(*_numbers(text, uv_rows, b"vt", 2), 0, 2)
    faces = _read_faces(text, uv_rows)
    _check_declared(text, len(positions), len(faces.counts))
    triangles, polygon = fan(faces.corners, faces.counts)
    raw = RawMesh(positions, np.ascontiguousarray(triangles[..., 0]), vertex_colours=colours)
    if len(uvs) and (triangles[..., 1] >= 0).any():
        known = np.asarray((triangles[..., 1] >= 0).all(axis=1))
        raw.corner_uvs = np.where(known[:, None, None], uvs[triangles[..., 1]], np.nan)
        if not ignore_textures:
            _read_textures(raw, text, faces.rows[polygon])
    return raw


@dataclass(frozen=True)
class _Faces:
    """Corners of all polygons as (vertex, uv or -1), corners a polygon, and the line of each polygon."""

    corners: Int[np.ndarray, "C 2"]
    counts: Int[np.ndarray, " F"]
    rows: Int[np.ndarray, " F"]


def _numbers(text: ObjText, rows: np.ndarray, keyword: bytes, least: int) -> tuple[np.ndarray, np.ndarray]:
    """All numbers of these lines, flat, and how many each line holds (at least `least`)."""
    body = text.bodies(rows, keyword)
    starts = token_starts(body)
    counts = tokens_per_line(body, starts)
    if (counts < least).any():
        text.refuse(int(rows[np.argmax(counts < least)]), f"expected {least} numbers")
    values = parse_numbers(body, float, len(starts))
    if values is None:
        for row, line in zip(rows, body.split(b"\n"), strict=False):
            if parse_numbers(line, float, len(line.split())) is None:
                text.refuse(int(row), "expected numbers")
        raise AssertionError("every line holds numbers but the whole does not")
    return values, counts


def _columns(values: np.ndarray, counts: np.ndarray, first: int, last: int) -> np.ndarray:
    """Of lines with different numbers of values, those from column `first` up to `last`."""
    if len(counts) and (counts == counts[0]).all():
        return np.ascontiguousarray(values.reshape(len(counts), -1)[:, first:last])
    starts = np.cumsum(counts) - counts
    return values[starts[:, None] + np.arange(first, last)]


def _read_vertices(text: ObjText) -> tuple[np.ndarray, np.ndarray | None]:
    rows = text.rows(b"v")
    values, counts = _numbers(text, rows, b"v", 3)
    positions = _columns(values, counts, 0, 3)
    bad = np.flatnonzero(~np.isfinite(positions).all(axis=1))
    if len(bad):
        raise MienError(
            f"{text.path}: {len(bad)} of {len(positions)} vertices have NaN or infinite coordinates (the "
            f"first on line {rows[bad[0]] + 1}), expected finite numbers; repair or re-export the scan"
        )
    if not len(rows) or (counts < 6).any():  # 3: x y z; 4: x y z w; 6 and 7: with a colour
        return positions, None
    return positions, unit_colours(_columns(values, counts, 3, 6))


def _read_faces(text: ObjText, uv_rows: np.ndarray) -> _Faces:
    rows = text.rows(b"f")
    body = text.bodies(rows, b"f").replace(b"//", b"/0/").replace(b"/ ", b"/0 ").replace(b"/\n", b"/0\n")
    starts = token_starts(body)
    counts = tokens_per_line(body, starts)
    if (counts < 3).any():
        text.refuse(int(rows[np.argmax(counts < 3)]), "expected a face of at least 3 corners")
    vertex, uv = _parse_corners(text, rows, body, starts)
    line_of_corner = np.repeat(rows, counts)
    vertex = _resolve(text.path, vertex, line_of_corner, text.rows(b"v"), "vertex")
    uv = _resolve(text.path, uv, line_of_corner, uv_rows, "texture coordinate")
    return _Faces(np.stack([vertex, uv], axis=1), counts, rows)


def _parse_corners(
    text: ObjText, rows: np.ndarray, body: bytes, starts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The first and second number of each `v`, `v/vt`, `v//vn` or `v/vt/vn`; 0 where absent."""
    if not len(starts):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    slashes = np.add.reduceat(np.frombuffer(body, np.uint8) == ord("/"), starts, dtype=np.int64)
    numbers = parse_numbers(body.replace(b"/", b" "), np.int64, int(slashes.sum()) + len(slashes))
    if numbers is None or (slashes > 2).any():
        corner = re.compile(rb"-?\d+(/-?\d+){0,2}")
        for row, line in zip(rows, body.split(b"\n"), strict=False):
            if not all(corner.fullmatch(part) for part in line.split()):
                text.refuse(int(row), "expected corners like 1, 1/2, 1//3 or 1/2/3")
        raise AssertionError("every line holds corners but the whole does not")
    at = np.cumsum(slashes + 1) - (slashes + 1)
    uv = np.where(slashes >= 1, numbers[np.minimum(at + 1, len(numbers) - 1)], 0)
    return numbers[at], uv


def _resolve(
    path: Path, index: np.ndarray, line: np.ndarray, defined: np.ndarray, what: str
) -> Int[np.ndarray, " C"]:
    """OBJ's 1-based or negative (relative to the lines above) indices to 0-based; absent (0) to -1."""
    above = np.searchsorted(defined, line)
    resolved = np.where(index > 0, index - 1, np.where(index < 0, above + index, -1))
    wrong = (resolved >= len(defined)) | ((index < 0) & (resolved < 0))
    if what == "vertex":
        wrong |= index == 0
    if wrong.any():
        i = int(np.argmax(wrong))
        raise MienError(
            f"{path}: line {line[i] + 1}: a face names {what} {index[i]} but the file has {len(defined)}; "
            "the file looks cut off, export or copy it again"
        )
    return resolved


def _check_declared(text: ObjText, n_vertices: int, n_faces: int) -> None:
    """A file that holds less than its header says, and ends without a comment or blank line, is cut off."""
    last = text.line(len(text.starts) - 1)
    if not last or last.startswith("#"):
        return
    header = "\n".join(text.line(i) for i in range(min(50, len(text.starts))))
    for what, got in (("vertices", n_vertices), ("faces", n_faces)):
        declared = re.search(rf"^#\s*{what}:\s*(\d+)\s*$", header, re.IGNORECASE | re.MULTILINE)
        if declared and got < int(declared[1]):
            raise MienError(
                f"{text.path}: its header declares {declared[1]} {what} but it holds {got}; "
                "the file looks cut off, export or copy it again"
            )


def _read_textures(raw: RawMesh, text: ObjText, row_of_triangle: np.ndarray) -> None:
    """Fills `textures` and `triangle_texture` from the MTL files; materials without a map get -1."""
    assert raw.corner_uvs is not None
    uses = text.rows(b"usemtl")
    names = [_argument(text, row) for row in uses.tolist()]
    maps = _diffuse_maps(raw, text, bool(names))
    files: list[Path] = sorted({maps[name] for name in names if name in maps})
    if not files:
        return
    # before the first usemtl the index is -1: the last entry, which is "none"
    of_material = np.array([files.index(maps[n]) if n in maps else -1 for n in names] + [-1])
    material = np.searchsorted(uses, row_of_triangle) - 1
    known = np.isfinite(raw.corner_uvs).all(axis=(1, 2))
    raw.triangle_texture = np.where(known, of_material[material], -1)
    raw.textures = [read_image(file, "the MTL file") for file in files]
    raw.read += files


def _argument(text: ObjText, row: int) -> str:
    return text.line(row).split(maxsplit=1)[1] if " " in text.line(row) else ""


def _diffuse_maps(raw: RawMesh, text: ObjText, used: bool) -> dict[str, Path]:
    """`map_Kd` of each material. A missing MTL is refused only if faces use materials and no vertex
    colours could stand in for it."""
    maps: dict[str, Path] = {}
    for row in text.rows(b"mtllib").tolist():
        file = text.path.parent / _argument(text, row).replace("\\", "/")
        if file.is_file():
            raw.read.append(file)
            maps |= _parse_mtl(file)
        elif used and raw.vertex_colours is None:
            raise MienError(
                f"{file}: the material file named by {text.path.name} does not exist; place it beside the "
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
