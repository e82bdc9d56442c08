"""Wavefront OBJ geometry, read by columns of text: any valid file, and one line about an invalid one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from mien.core.errors import MienError
from mien.meshio.obj_text import ObjText, parse_numbers, token_starts, tokens_per_line


@dataclass(frozen=True)
class ObjContent:
    """What an OBJ file holds. `vertices` have 3 columns, or 6 with colours as they stand in the file (NaN on
    lines without).

    `corners` are 0-based (vertex, UV or -1) of all polygons, `counts` the corners of each. `statements` are
    the usemtl and mtllib lines, each with the number of faces above it; `head` the first lines, `last` the
    last; `polypaint` what stands on ZBrush's #MRGB lines; `notes` tell what was left out.
    """

    vertices: Float[np.ndarray, "N K"]
    uvs: Float[np.ndarray, "U 2"]
    corners: Int[np.ndarray, "C 2"]
    counts: Int[np.ndarray, " F"]
    statements: list[tuple[str, int]]
    head: list[str]
    last: str
    polypaint: list[str] = field(default_factory=list)
    notes: tuple[str, ...] = ()


def read_plain(path: Path) -> ObjContent:
    """The file's content, or a `MienError` that names the line at fault."""
    return read_text(ObjText.read(path))[0]


def read_text(text: ObjText) -> tuple[ObjContent, Int[np.ndarray, " F"]]:
    """The text's content, and the line of each face."""
    vertices = _read_vertices(text)
    uv_rows = text.rows(b"vt")
    uvs = _columns(*_numbers(text, uv_rows, b"vt", 2), 0, 2)
    corners, counts, rows, notes = _read_faces(text, uv_rows)
    _check_used(text, vertices, corners)
    marks = np.sort(np.concatenate([text.rows(b"usemtl"), text.rows(b"mtllib")]))
    above = np.searchsorted(rows, marks)
    statements = [(text.line(int(row)), int(n)) for row, n in zip(marks, above, strict=True)]
    head = [text.line(i) for i in range(min(50, len(text.starts)))]
    last = text.line(len(text.starts) - 1)
    paint = [text.line(row).split(maxsplit=1)[-1] for row in text.rows(b"#MRGB").tolist()]
    return ObjContent(vertices, uvs, corners, counts, statements, head, last, paint, notes), rows


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


def _read_vertices(text: ObjText) -> np.ndarray:
    """Three columns, or six where any line has a colour; the others' are NaN."""
    values, counts = _numbers(text, text.rows(b"v"), b"v", 3)
    coloured = counts >= 6  # 3: x y z; 4: x y z w; 6 and 7: with a colour
    if coloured.all() or not coloured.any():
        return _columns(values, counts, 0, 6 if len(counts) and coloured.all() else 3)
    vertices = np.full((len(counts), 6), np.nan)
    vertices[:, :3] = _columns(values, counts, 0, 3)
    starts = np.cumsum(counts) - counts
    vertices[coloured, 3:] = values[starts[coloured, None] + np.arange(3, 6)]
    return vertices


def _check_used(text: ObjText, vertices: np.ndarray, corners: np.ndarray) -> None:
    """Refuses NaN and infinite coordinates, but those of points that no face uses (depth cameras' holes)."""
    bad = ~np.isfinite(vertices[:, :3]).all(axis=1)
    if not bad.any():
        return
    used = np.zeros(len(vertices), bool)
    used[corners[:, 0]] = True
    if (bad & used).any():
        line = text.rows(b"v")[np.argmax(bad & used)] + 1
        raise MienError(
            f"{text.path}: {(bad & used).sum()} of {len(vertices)} vertices have NaN or infinite coordinates "
            f"(the first on line {line}), expected finite numbers; repair or re-export the scan"
        )


def _read_faces(
    text: ObjText, uv_rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[str, ...]]:
    """Corners (vertex, UV or -1), corners a face, the line of each face, and a note on what was left out."""
    rows = text.rows(b"f")
    notes: tuple[str, ...] = ()
    body, starts, counts = _corner_text(text, rows)
    if (counts < 3).any():
        rows, notes = _surfaces(text, rows, counts < 3)
        body, starts, counts = _corner_text(text, rows)
    vertex, uv = _parse_corners(text, rows, body, starts)
    line_of_corner = np.repeat(rows, counts)
    vertex = _resolve(text.path, vertex, line_of_corner, text.rows(b"v"), "vertex")
    uv = _resolve(text.path, uv, line_of_corner, uv_rows, "texture coordinate")
    return np.stack([vertex, uv], axis=1), counts, rows, notes


def _corner_text(text: ObjText, rows: np.ndarray) -> tuple[bytes, np.ndarray, np.ndarray]:
    """These lines' corners with zeros where a number is left out, where each begins, and corners a line."""
    body = text.bodies(rows, b"f").replace(b"//", b"/0/").replace(b"/ ", b"/0 ").replace(b"/\n", b"/0\n")
    starts = token_starts(body)
    return body, starts, tokens_per_line(body, starts)


def _surfaces(text: ObjText, rows: np.ndarray, small: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """The lines of faces without those of points and edges; a file that ends with one is cut off."""
    if rows[small][-1] >= len(text.starts) - 2:
        text.refuse(int(rows[small][-1]), "expected a face of at least 3 corners")
    return rows[~small], (f"{small.sum()} faces of fewer than 3 corners were left out",)


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
