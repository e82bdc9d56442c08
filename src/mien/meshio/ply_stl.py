"""PLY and STL, text and binary."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np

from mien.core.errors import MienError
from mien.meshio.raw_mesh import RawMesh, fan, unit_colours
from mien.meshio.udim import place_textures

_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2",
    "ushort": "u2", "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
_CUT = "the file looks cut off, export or copy it again"

# (name, type) of a scalar, (name, count type, item type) of a list
_Property = tuple[str, ...]
# a column: an array, or for a list (counts, concatenated items)
_Table = dict[str, np.ndarray | tuple[np.ndarray, np.ndarray]]


def read_ply(path: Path, *, ignore_textures: bool = False) -> RawMesh:
    """PLY with polygons, vertex colours, and texture coordinates a vertex or a corner."""
    data = path.read_bytes()
    end = re.search(rb"end_header[ \t]*\r?\n", data[:1_000_000])
    if not data.startswith(b"ply") or end is None:
        raise MienError(f"{path}: is no PLY file or has no complete header; {_CUT}")
    header = data[: end.start()].decode("latin-1").splitlines()
    elements = _elements(path, header)
    tables = _read_tables(path, header, elements, data[end.end() :])
    raw = _mesh(path, tables)
    names = [m[1].strip() for line in header if (m := re.match(r"comment TextureFile\s+(.+)", line))]
    if names and raw.corner_uvs is not None and not ignore_textures:
        files = [path.parent / name.replace("\\", "/") for name in names]
        number = _texture_numbers(tables.get("face", {}), len(raw.triangles), len(files))
        place_textures(raw, number, files, "the PLY header")
    return raw


def _texture_numbers(face: _Table, n_triangles: int, n_files: int) -> np.ndarray:
    """MeshLab's `texnumber` of each triangle, where there is one; a file of polygons uses the first."""
    number = next((face[k] for k in ("texnumber", "texture_index", "tex_index") if k in face), None)
    if not isinstance(number, np.ndarray) or len(number) != n_triangles:
        return np.zeros(n_triangles, np.int64)
    return np.where((number >= 0) & (number < n_files), number, -1).astype(np.int64)


def _elements(path: Path, header: list[str]) -> list[tuple[str, int, list[_Property]]]:
    elements: list[tuple[str, int, list[_Property]]] = []
    for line in header:
        words = line.split()
        try:
            if words[:1] == ["element"]:
                elements.append((words[1], int(words[2]), []))
            elif words[:2] == ["property", "list"]:
                elements[-1][2].append((words[4], _TYPES[words[2]], _TYPES[words[3]]))
            elif words[:1] == ["property"]:
                elements[-1][2].append((words[2], _TYPES[words[1]]))
        except (IndexError, KeyError, ValueError):
            raise MienError(f"{path}: header line {line.strip()!r} is not PLY; re-export the scan") from None
    return elements


def _read_tables(path: Path, header: list[str], elements: list, body: bytes) -> dict[str, _Table]:
    text = any(line.startswith("format ascii") for line in header)
    order = ">" if any("big_endian" in line for line in header) else "<"
    tables: dict[str, _Table] = {}
    lines = body.splitlines() if text else []
    at = 0
    for name, count, properties in elements:
        try:
            if text:
                rows = [line.split() for line in lines[at : at + count]]
                tables[name] = _text_table(rows, count, properties)
                at += count
            else:
                tables[name], at = _binary_table(body, at, count, properties, order)
        except (ValueError, IndexError):
            raise MienError(f"{path}: its {count} {name} entries cannot be read; {_CUT}") from None
    return tables


def _text_table(rows: list[list[bytes]], count: int, properties: list[_Property]) -> _Table:
    if len(rows) < count:
        raise ValueError
    if all(len(p) == 2 for p in properties):
        values = np.array([row[: len(properties)] for row in rows]).astype(np.float64)
        return {p[0]: _integers_if(values[:, i], p[1]) for i, p in enumerate(properties)}
    width = np.array([len(row) for row in rows])
    flat = np.array([token for row in rows for token in row]).astype(np.float64)
    at = np.cumsum(width) - width
    return _walk(properties, at, lambda where, _type: flat[where], lambda _type: 1)


def _walk(
    properties: list[_Property],
    at: np.ndarray,
    take: Callable[[np.ndarray, str], np.ndarray],
    size: Callable[[str], int],
) -> _Table:
    """Reads the properties one after the other for all rows at once; `at` is where each row stands."""
    table: _Table = {}
    for p in properties:
        if len(p) == 2:
            table[p[0]] = _integers_if(take(at, p[1]), p[1])
            at = at + size(p[1])
            continue
        counts = np.asarray(take(at, p[1])).astype(int)
        if (counts < 0).any():
            raise ValueError
        at = at + size(p[1])
        step = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        table[p[0]] = (counts, take(np.repeat(at, counts) + step * size(p[2]), p[2]))
        at = at + counts * size(p[2])
    return table


def _integers_if(values: np.ndarray, kind: str) -> np.ndarray:
    return values if kind[0] == "f" else values.astype(kind)


def _binary_table(
    body: bytes, at: int, count: int, properties: list[_Property], order: str
) -> tuple[_Table, int]:
    """A table whose lists all have the length of the first row's in one go; else row by row offsets."""
    lengths = _first_lengths(body, at, properties, order) if count else {}
    fields: list[tuple] = []
    for p in properties:
        if len(p) == 3:
            fields.append(("#" + p[0], order + p[1]))
            fields.append((p[0], order + p[2], (lengths.get(p[0], 0),)))
        else:
            fields.append((p[0], order + p[1]))
    row = np.dtype(fields)
    if len(body) - at >= row.itemsize * count:
        block = np.frombuffer(body, row, count, at)
        if all((block["#" + name] == length).all() for name, length in lengths.items()):
            table: _Table = {p[0]: block[p[0]] for p in properties if len(p) == 2}
            for name, length in lengths.items():
                table[name] = (np.full(count, length), block[name].reshape(-1))
            return table, at + row.itemsize * count
    starts, end = _row_starts(body, at, count, properties, order)
    octets = np.frombuffer(body, np.uint8)

    def take(where: np.ndarray, kind: str) -> np.ndarray:
        columns = octets[where[:, None] + np.arange(int(kind[1]))]
        return np.ascontiguousarray(columns).view(order + kind)[:, 0]

    return _walk(properties, starts, take, lambda kind: int(kind[1])), end


def _first_lengths(body: bytes, at: int, properties: list[_Property], order: str) -> dict[str, int]:
    lengths: dict[str, int] = {}
    for p in properties:
        if len(p) == 3:
            lengths[p[0]] = int(np.frombuffer(body, order + p[1], 1, at)[0])
            at += int(p[1][1]) + lengths[p[0]] * int(p[2][1])
        else:
            at += int(p[1][1])
    return lengths


def _row_starts(
    body: bytes, at: int, count: int, properties: list[_Property], order: str
) -> tuple[np.ndarray, int]:
    """Where each row begins, where rows differ in length (mixed polygons): the one loop over faces."""
    byteorder: Literal["little", "big"] = "little" if order == "<" else "big"
    starts = np.empty(count, np.int64)
    for i in range(count):
        starts[i] = at
        for p in properties:
            size = int(p[1][1])
            if len(p) == 3:
                at += size + int.from_bytes(body[at : at + size], byteorder) * int(p[2][1])
            else:
                at += size
        if at > len(body):
            raise ValueError
    return starts, at


def _mesh(path: Path, tables: dict[str, _Table]) -> RawMesh:
    vertex = tables.get("vertex", {})
    if not all(axis in vertex for axis in "xyz"):
        raise MienError(f"{path}: has no vertices with x, y, z, expected a triangle mesh; re-export the scan")
    positions = np.stack([np.asarray(vertex[axis], np.float64) for axis in "xyz"], axis=1)
    face = tables.get("face", {})
    indices = next((face[k] for k in ("vertex_indices", "vertex_index") if k in face), None)
    raw = RawMesh(positions, np.zeros((0, 3), np.int64), vertex_colours=_colours(vertex))
    if not isinstance(indices, tuple) or not len(indices[0]):
        return raw
    counts, flat = indices
    if (counts < 3).any():
        raise MienError(f"{path}: face {int(np.argmax(counts < 3))} has fewer than 3 corners; {_CUT}")
    corner = np.arange(len(flat))
    triangles, _ = fan(corner[:, None], counts)
    raw.triangles = flat.astype(np.int64)[triangles[..., 0]]
    wedge = face.get("texcoord")
    names = next((n for n in (("s", "t"), ("u", "v"), ("texture_u", "texture_v")) if n[0] in vertex), None)
    if isinstance(wedge, tuple) and len(wedge[1]) == 2 * len(flat):
        raw.corner_uvs = wedge[1].reshape(-1, 2).astype(np.float64)[triangles[..., 0]]
    elif names is not None and raw.triangles.min() >= 0 and raw.triangles.max() < len(positions):
        uvs = np.stack([np.asarray(vertex[n], np.float64) for n in names], axis=1)
        raw.corner_uvs = uvs[raw.triangles]
    return raw


def _colours(vertex: _Table) -> np.ndarray | None:
    names = next((n for n in (("red", "green", "blue"), ("r", "g", "b")) if n[0] in vertex), None)
    if names is None:
        return None
    return unit_colours(np.stack([np.asarray(vertex[n]) for n in names], axis=1))


def read_stl(path: Path, *, ignore_textures: bool = False) -> RawMesh:
    """STL, text or binary (told apart by the size that a binary header implies)."""
    data = path.read_bytes()
    count = int.from_bytes(data[80:84], "little") if len(data) >= 84 else -1
    if len(data) == 84 + 50 * count:
        return _soup(_binary_stl(data, count))
    if data.lstrip()[:5].lower() == b"solid" and b"facet" in data[:4096]:
        numbers = re.findall(rb"vertex\s+(\S+)\s+(\S+)\s+(\S+)", data)
        if len(numbers) % 3 or data.rstrip().split(b"\n")[-1].split()[:1] != [b"endsolid"]:
            raise MienError(f"{path}: has no endsolid after its last facet; {_CUT}")
        try:
            return _soup(np.array(numbers).astype(np.float64).reshape(-1, 3, 3))
        except ValueError:
            raise MienError(f"{path}: a vertex line does not hold numbers; re-export the scan") from None
    raise MienError(f"{path}: {len(data)} bytes, its header declares {count} STL facets; {_CUT}")


def _binary_stl(data: bytes, count: int) -> np.ndarray:
    facet = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    return np.frombuffer(data, facet, count, 84)["corners"].astype(np.float64)


def _soup(corners: np.ndarray) -> RawMesh:
    return RawMesh(corners.reshape(-1, 3), np.arange(3 * len(corners)).reshape(-1, 3))
