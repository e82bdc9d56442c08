"""A glTF 2.0 or GLB file as its JSON, its bytes, and the numbers that accessors name in them."""

from __future__ import annotations

import base64
import json
import os
import struct
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

import numpy as np

from mien.core.errors import MienError
from mien.meshio.find_files import find_beside
from mien.meshio.magic_bytes import kind_of

_CUT = "the file looks cut off, export or copy it again"
_COMPONENT = {5120: "i1", 5121: "u1", 5122: "i2", 5123: "u2", 5125: "u4", 5126: "f4", 5130: "f8"}
_INDEX = {5121: "u1", 5123: "u2", 5125: "u4"}
_WIDTH = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_MESHOPT = ("EXT_meshopt_compression", "KHR_meshopt_compression")
_LISTS = (
    "accessors", "bufferViews", "buffers", "images", "materials", "meshes", "nodes", "samplers", "scenes",
    "skins", "textures",
)  # fmt: skip


class Broken(ValueError):
    """What in a file is against glTF's rules, in plain words."""


class GltfFile:
    """One file with the buffers that it names.

    `read` lists the files that it drew from, `notes` what had to be decided. Every size that the file claims
    is held against the bytes that are there before anything is allocated.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.read: list[Path] = []
        self.notes: list[str] = []
        data = path.read_bytes()
        self.json, binary = parse_document(path, data)
        self._missing: dict[int, MienError] = {}
        self._buffers = [self._buffer(i, b, binary) for i, b in enumerate(self.json.get("buffers", []))]
        self.n_bytes = len(data) + sum(len(b) for b in self._buffers)

    def entry(self, kind: str, index: Any) -> dict[str, Any]:
        """One entry of a list such as "meshes"; what the file names but does not have is refused."""
        entries = self.json.get(kind, [])
        if type(index) is not int or not 0 <= index < len(entries):
            raise Broken(f"it names number {index} of its {len(entries)} {kind}")
        return entries[index]

    def resource(self, uri: str) -> bytes:
        """What a URI stands for: embedded, or a file beside the scan."""
        if uri.startswith("data:"):
            return _data_uri(uri)
        if uri.startswith(("http:", "https:")):
            raise MienError(
                f"{self.path}: names {uri} on the network; download it beside the scan and name it there"
            )
        file = self._beside(uri)
        self.read.append(file)
        return file.read_bytes()

    def view(self, index: Any) -> memoryview:
        """A buffer view's bytes."""
        view = self.entry("bufferViews", index)
        number = view["buffer"]
        self.entry("buffers", number)
        if number in self._missing:
            raise self._missing[number]
        start, size = _whole(view, "byteOffset", 0), _whole(view, "byteLength")
        there = len(self._buffers[number])
        if start + size > there:
            self._refuse_meshopt(view)
            raise Broken(f"bufferViews[{index}] ends at byte {start + size} of a buffer of {there}")
        return memoryview(self._buffers[number])[start : start + size]

    def count(self, index: Any) -> int:
        """How many values an accessor declares."""
        return _whole(self.entry("accessors", index), "count")

    def accessor(self, index: Any, width: int | None = None) -> np.ndarray:
        """An accessor's values as (count, width): normalised integers as floats, sparse ones filled in."""
        accessor = self.entry("accessors", index)
        kind = _dtype(_COMPONENT, accessor)
        columns = _WIDTH.get(accessor.get("type", ""))
        if columns is None or columns != (width or columns):
            raise Broken(f"accessors[{index}] is of type {accessor.get('type')}")
        values = self._base(index, accessor, kind, columns)
        if "sparse" in accessor:
            self._fill_sparse(values, accessor["sparse"])
        if accessor.get("normalized"):
            return normalised(values)
        return values

    def _base(self, index: int, accessor: dict[str, Any], kind: np.dtype, width: int) -> np.ndarray:
        """The values below sparse ones: those of a buffer view, or zeros."""
        count = _whole(accessor, "count")
        if "bufferView" in accessor:
            return self._numbers(accessor, kind, width, count)
        if "sparse" not in accessor:
            raise Broken(f"accessors[{index}] holds no data")
        if count > self.n_bytes:
            raise Broken(
                f"accessors[{index}] declares {count} values, the whole file has {self.n_bytes} bytes"
            )
        return np.zeros((count, width), kind)

    def _fill_sparse(self, values: np.ndarray, sparse: dict[str, Any]) -> None:
        count = _whole(sparse, "count")
        at, new = sparse["indices"], sparse["values"]
        rows = self._numbers(at, _dtype(_INDEX, at), 1, count)[:, 0]
        if count and rows.max() >= len(values):
            raise Broken(f"a sparse accessor of {len(values)} values replaces number {rows.max()}")
        values[rows] = self._numbers(new, values.dtype, values.shape[1], count)

    def _numbers(self, where: dict[str, Any], kind: np.dtype, width: int, count: int) -> np.ndarray:
        """`count` rows of numbers out of a buffer view; `where` names it and the offset in it."""
        index = where["bufferView"]
        data = self.view(index)
        row = kind.itemsize * width
        step = _whole(self.entry("bufferViews", index), "byteStride", 0) or row
        offset = _whole(where, "byteOffset", 0)
        end = offset + (count - 1) * step + row if count else offset
        if step < row or end > len(data):
            raise Broken(
                f"{count} values of {row} bytes do not fit into bufferViews[{index}], {len(data)} bytes"
            )
        if not count:
            return np.zeros((0, width), kind)
        return np.ndarray((count, width), kind, data, offset, (step, kind.itemsize)).copy()

    def _buffer(self, number: int, entry: dict[str, Any], binary: bytes | memoryview) -> bytes | memoryview:
        """A buffer's bytes; one that is missing is refused only when it is used (animations may need it)."""
        if "uri" not in entry:
            return binary if number == 0 else b""
        try:
            return self.resource(entry["uri"])
        except MienError as error:
            self._missing[number] = error
            return b""

    def _beside(self, uri: str) -> Path:
        literal = self.path.parent / unquote(uri, errors="surrogateescape")
        if os.path.isfile(literal):
            return literal
        file, note = find_beside(self.path.parent, uri)
        if not os.path.isfile(file):
            raise MienError(
                f"{literal}: named by {self.path.name} but does not exist; "
                f"{note or 'place it beside the scan'}"
            )
        if note is not None:
            self.notes.append(note)
        return file

    def _refuse_meshopt(self, view: dict[str, Any]) -> None:
        for name in _MESHOPT:
            if name in view.get("extensions", {}):
                raise MienError(
                    f"{self.path}: its geometry is packed by {name}, which is not read; "
                    "export it without compression or with Draco"
                )


def normalised(values: np.ndarray) -> np.ndarray:
    """Integers as fractions of their type's range, as glTF has them; floats as they are."""
    if not np.issubdtype(values.dtype, np.integer):
        return values
    return np.maximum(values / float(np.iinfo(values.dtype).max), -1.0)


def parse_document(path: Path, data: bytes) -> tuple[dict[str, Any], bytes | memoryview]:
    """A file's JSON document and, of a GLB, the binary chunk (empty where there is none)."""
    text, binary = _chunks(path, data) if data[:4] == b"glTF" else (data, b"")
    try:
        document = json.loads(_decoded(path, bytes(text)), parse_float=_number)
    except (ValueError, RecursionError) as error:
        raise MienError(
            f"{path}: is not a complete glTF 2.0 file, its JSON breaks off ({error}); {_CUT}"
        ) from None
    if not isinstance(document, dict):
        raise Broken("its JSON is no object")
    asset = document.get("asset")
    version = str(asset.get("version", "")) if isinstance(asset, dict) else ""
    if version.startswith(("0.", "1.")) or isinstance(document.get("meshes"), dict):
        raise _old(path)
    for kind in _LISTS:
        entries = document.get(kind, [])
        if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
            raise Broken(f"its {kind} are no list of objects")
    return document, binary


def _old(path: Path) -> MienError:
    return MienError(
        f"{path}: is a glTF 1.0 file, expected glTF 2.0; convert it to 2.0 "
        "(for instance by: npx gltf-pipeline -i OLD.glb -o NEW.glb)"
    )


def _chunks(path: Path, data: bytes) -> tuple[memoryview, bytes | memoryview]:
    if len(data) < 12:
        raise MienError(f"{path}: a GLB of {len(data)} bytes; {_CUT}")
    _, version, length = struct.unpack_from("<4sII", data)
    if version == 1:
        raise _old(path)
    if version != 2:
        raise MienError(f"{path}: is GLB version {version}, expected 2; export it as glTF 2.0")
    if length > len(data):
        raise MienError(f"{path}: holds {len(data)} of the {length} bytes of its GLB; {_CUT}")
    chunks: dict[bytes, memoryview] = {}
    at = 12
    while at + 8 <= length:
        size, kind = struct.unpack_from("<I4s", data, at)
        chunks.setdefault(kind, memoryview(data)[at + 8 : at + 8 + size])
        at += 8 + size
    if b"JSON" not in chunks:
        raise Broken("the GLB holds no JSON chunk")
    return chunks[b"JSON"], chunks.get(b"BIN\0", b"")


def _decoded(path: Path, data: bytes) -> str:
    """JSON is UTF-8, with or without a mark; bytes of names in old encodings are kept, as in file names."""
    text = data.decode(json.detect_encoding(data), "surrogateescape")
    if text[:99].lstrip()[:1] not in ("{", "["):
        raise MienError(
            f"{path}: is {kind_of(data) or 'something else'}, not glTF; export the scan as glTF 2.0 (.glb)"
        )
    return text


def _number(text: str) -> float | int:
    """Whole numbers written with a point are integers, as glTF's specification has it."""
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _whole(entry: dict[str, Any], name: str, default: int | None = None) -> int:
    value = entry.get(name, default)
    if type(value) is not int or value < 0:
        raise Broken(f"{name} is {value!r}, expected a whole number")
    return value


def _dtype(known: dict[int, str], entry: dict[str, Any]) -> np.dtype:
    component = entry.get("componentType")
    if component not in known:
        raise Broken(f"its numbers are of componentType {component}")
    return np.dtype("<" + known[component])


def _data_uri(uri: str) -> bytes:
    head, _, body = uri.partition(",")
    if head.lower().endswith(";base64"):
        return base64.b64decode(unquote(body))
    return unquote_to_bytes(body)
