"""Wavefront OBJ and MTL, read by columns instead of line by line."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from jaxtyping import Int

from mien.core.errors import MienError
from mien.scan.mesh_file import RawMesh, fan, read_image, unit_colours


def read_obj(path: Path, *, ignore_textures: bool = False) -> RawMesh:
    """Any OBJ with faces: polygons, negative indices, `v x y z r g b`, several materials, no normals."""
    lines = _lines(path)
    rows = _rows_by_keyword(lines)
    positions, colours = _read_vertices(path, lines, rows[b"v"])
    uvs = _read_uvs(path, lines, rows[b"vt"])
    corners, counts = _read_faces(path, lines, rows)
    _check_declared(path, lines, len(positions), len(counts))
    triangles, polygon = fan(corners, counts)
    raw = RawMesh(positions, np.ascontiguousarray(triangles[..., 0]), vertex_colours=colours)
    if len(uvs) and (triangles[..., 1] >= 0).any():
        known = (triangles[..., 1] >= 0).all(axis=1)
        raw.corner_uvs = np.where(known[:, None, None], uvs[triangles[..., 1]], np.nan)
        if not ignore_textures:
            _read_textures(path, raw, lines, rows, polygon)
    return raw


def _lines(path: Path) -> list[bytes]:
    data = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\\\n", b" ")
    return data.replace(b"\t", b" ").split(b"\n")


def _rows_by_keyword(lines: list[bytes]) -> dict[bytes, np.ndarray]:
    """For each keyword that matters, the line numbers (from 0) that start with it."""
    keywords = np.array([line.lstrip()[:7].split(b" ", 1)[0] for line in lines])
    return {k: np.flatnonzero(keywords == k) for k in (b"v", b"vt", b"f", b"usemtl", b"mtllib")}


def _numbers(path: Path, lines: list[bytes], rows: np.ndarray, least: int) -> tuple[np.ndarray, np.ndarray]:
    """All numbers of these lines, flat, and how many each line holds (at least `least`)."""
    bodies = [lines[i].split(b"#", 1)[0].split()[1:] for i in rows]
    counts = np.array([len(body) for body in bodies], int)
    if (counts < least).any():
        _refuse_line(path, lines, int(rows[np.argmax(counts < least)]), f"expected {least} numbers")
    try:
        return np.array([token for body in bodies for token in body]).astype(np.float64), counts
    except ValueError:
        for row, body in zip(rows, bodies, strict=True):
            if not all(_is_number(token) for token in body):
                _refuse_line(path, lines, int(row), "expected numbers")
        raise


def _is_number(token: bytes) -> bool:
    try:
        float(token)
    except ValueError:
        return False
    return True


def _refuse_line(path: Path, lines: list[bytes], row: int, expected: str) -> None:
    text = lines[row].decode("latin-1").strip()[:60]
    cut = "; the file looks cut off, export or copy it again" if row >= len(lines) - 2 else ""
    raise MienError(f"{path}: line {row + 1} is {text!r}, {expected}{cut or '; repair or re-export the scan'}")


def _read_vertices(path: Path, lines: list[bytes], rows: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    values, counts = _numbers(path, lines, rows, 3)
    starts = np.cumsum(counts) - counts
    positions = values[starts[:, None] + np.arange(3)] if len(rows) else np.zeros((0, 3))
    bad = np.flatnonzero(~np.isfinite(positions).all(axis=1))
    if len(bad):
        raise MienError(
            f"{path}: {len(bad)} of {len(positions)} vertices have NaN or infinite coordinates (the first on "
            f"line {rows[bad[0]] + 1}), expected finite numbers; repair or re-export the scan"
        )
    if not len(rows) or (counts < 6).any():  # 3: x y z; 4: x y z w; 6 and 7: with a colour
        return positions, None
    return positions, unit_colours(values[starts[:, None] + np.arange(3, 6)])


def _read_uvs(path: Path, lines: list[bytes], rows: np.ndarray) -> np.ndarray:
    values, counts = _numbers(path, lines, rows, 2)
    starts = np.cumsum(counts) - counts
    return values[starts[:, None] + np.arange(2)] if len(rows) else np.zeros((0, 2))


def _read_faces(
    path: Path, lines: list[bytes], rows: dict[bytes, np.ndarray]
) -> tuple[Int[np.ndarray, "C 2"], Int[np.ndarray, " F"]]:
    """Corners as (vertex, uv or -1), from 0, and the number of corners of each face."""
    bodies = [lines[i].split(b"#", 1)[0].split()[1:] for i in rows[b"f"]]
    counts = np.array([len(body) for body in bodies], int)
    if (counts < 3).any():
        row = int(rows[b"f"][np.argmax(counts < 3)])
        _refuse_line(path, lines, row, "expected a face of at least 3 corners")
    vertex, uv = _parse_corners(path, lines, rows[b"f"], bodies)
    line_of_corner = np.repeat(rows[b"f"], counts)
    vertex = _resolve(path, vertex, line_of_corner, rows[b"v"], "vertex")
    uv = _resolve(path, uv, line_of_corner, rows[b"vt"], "texture coordinate")
    return np.stack([vertex, uv], axis=1), counts


def _parse_corners(
    path: Path, lines: list[bytes], rows: np.ndarray, bodies: list[list[bytes]]
) -> tuple[np.ndarray, np.ndarray]:
    """The first and second number of each `v`, `v/vt`, `v//vn` or `v/vt/vn`; 0 where absent."""
    flat = b" ".join([token for body in bodies for token in body]).replace(b"//", b"/0/") + b" "
    flat = flat.replace(b"/ ", b"/0 ")
    characters = np.frombuffer(flat, np.uint8)
    token = np.cumsum(characters == ord(" ")) if len(characters) > 1 else np.zeros(0, int)
    slashes = np.bincount(token[characters == ord("/")], minlength=sum(map(len, bodies)))
    try:
        numbers = np.array(flat.replace(b"/", b" ").split()).astype(np.int64)
        if len(numbers) != slashes.sum() + len(slashes):
            raise ValueError
    except ValueError:
        pattern = re.compile(rb"-?\d+(/(-?\d+)?(/(-?\d+)?)?)?")
        for row, body in zip(rows, bodies, strict=True):
            if not all(pattern.fullmatch(part) for part in body):
                _refuse_line(path, lines, int(row), "expected corners like 1, 1/2, 1//3 or 1/2/3")
        raise
    starts = np.cumsum(slashes + 1) - (slashes + 1)
    uv = np.where(slashes >= 1, numbers[np.minimum(starts + 1, len(numbers) - 1)], 0)
    return numbers[starts], uv


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


def _check_declared(path: Path, lines: list[bytes], n_vertices: int, n_faces: int) -> None:
    """A file that ends in the middle of a line and holds less than its own header says is cut off."""
    if not lines[-1].strip() or lines[-1].lstrip().startswith(b"#"):
        return
    header = b"\n".join(line for line in lines[:50] if line.startswith(b"#"))
    for what, got in ((b"vertices", n_vertices), (b"faces", n_faces)):
        declared = re.search(rb"#\s*" + what + rb":?\s*(\d+)\s*$", header, re.IGNORECASE | re.MULTILINE)
        if declared and got < int(declared[1]):
            raise MienError(
                f"{path}: its header declares {int(declared[1])} {what.decode()} but it holds {got}; "
                "the file looks cut off, export or copy it again"
            )


def _read_textures(
    path: Path, raw: RawMesh, lines: list[bytes], rows: dict[bytes, np.ndarray], polygon: np.ndarray
) -> None:
    """Fills `textures` and `triangle_texture` from the MTL files; materials without a map get -1."""
    assert raw.corner_uvs is not None
    names = [lines[i].split(b" ", 1)[1].strip().decode("utf-8", "replace") for i in rows[b"usemtl"]]
    maps = _diffuse_maps(path, raw, [lines[i] for i in rows[b"mtllib"]], bool(names))
    material = np.searchsorted(rows[b"usemtl"], rows[b"f"]) - 1
    files: list[Path] = sorted({maps[name] for name in names if name in maps})
    if not files:
        return
    of_material = np.array([files.index(maps[n]) if n in maps else -1 for n in names] + [-1])
    known = np.isfinite(raw.corner_uvs).all(axis=(1, 2))
    raw.triangle_texture = np.where(known, of_material[material][polygon], -1)
    raw.textures = [read_image(file, "the MTL file") for file in files]
    raw.read += files


def _diffuse_maps(path: Path, raw: RawMesh, statements: list[bytes], used: bool) -> dict[str, Path]:
    """`map_Kd` of each material. A missing MTL is refused only if faces use materials and no vertex
    colours could stand in for it."""
    maps: dict[str, Path] = {}
    for statement in statements:
        name = statement.split(b" ", 1)[1].strip().decode("utf-8", "replace")
        file = path.parent / name.replace("\\", "/")
        if not file.is_file():
            if used and raw.vertex_colours is None:
                raise MienError(
                    f"{file}: the material file named by {path.name} does not exist; "
                    "place it beside the scan, give --albedo IMAGE, or delete its mtllib line to go without colour"
                )
            continue
        raw.read.append(file)
        maps |= _parse_mtl(file)
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
