"""Reads a GLB back with nothing but struct, json and numpy: the judge shares no code with the writer."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mien.core.errors import MienError

_DTYPE: dict[int, Any] = {
    5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32, 5126: np.float32,
}  # fmt: skip
_WIDTH = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


@dataclass(frozen=True)
class Glb:
    """A parsed GLB: the JSON document and its binary chunk."""

    document: dict[str, Any]
    binary: bytes

    def array(self, index: int) -> np.ndarray:
        """An accessor as (N, k) numbers (normalised integers as floats in 0..1), sparse values applied."""
        accessor = self.document["accessors"][index]
        dtype, width = _DTYPE[accessor["componentType"]], _WIDTH[accessor["type"]]
        count = accessor["count"]
        if "bufferView" in accessor:
            dense = self._view(accessor["bufferView"], accessor.get("byteOffset", 0), dtype, count, width)
        else:
            dense = np.zeros((count, width), dtype)
        if "sparse" in accessor:
            dense = self._with_sparse(dense, accessor["sparse"])
        if accessor.get("normalized"):
            return dense / np.float64(np.iinfo(dtype).max)
        return dense

    def image(self, index: int) -> bytes:
        """The encoded bytes of an embedded image."""
        view = self.document["bufferViews"][self.document["images"][index]["bufferView"]]
        start = view.get("byteOffset", 0)
        return self.binary[start : start + view["byteLength"]]

    @cached_property
    def head(self) -> dict[str, Any]:
        """The first mesh that has morph targets; raises `MienError` where there is none."""
        for mesh in self.document.get("meshes", []):
            if any(p.get("targets") for p in mesh["primitives"]):
                return mesh
        raise MienError("no mesh with morph targets, expected one with 52; export the asset again")

    def _with_sparse(self, dense: np.ndarray, sparse: dict[str, Any]) -> np.ndarray:
        count, places, values = sparse["count"], sparse["indices"], sparse["values"]
        rows = self._view(
            places["bufferView"], places.get("byteOffset", 0), _DTYPE[places["componentType"]], count, 1
        )
        full = dense.copy()
        full[rows[:, 0]] = self._view(
            values["bufferView"], values.get("byteOffset", 0), dense.dtype.type, count, dense.shape[1]
        )
        return full

    def _view(self, view: int, offset: int, dtype: Any, count: int, width: int) -> np.ndarray:
        described = self.document["bufferViews"][view]
        start = described.get("byteOffset", 0) + offset
        item = np.dtype(dtype).itemsize * width
        stride = described.get("byteStride", item)
        raw = np.frombuffer(self.binary, np.uint8, (count - 1) * stride + item if count else 0, start)
        rows = np.lib.stride_tricks.as_strided(raw, (count, item), (stride, 1))
        return np.ascontiguousarray(rows).view(dtype).reshape(count, width)


def read_glb(path: Path) -> Glb:
    """Parses a GLB of version 2; a damaged file raises `MienError`."""
    try:
        data = path.read_bytes()
        magic, version, total = struct.unpack_from("<4sII", data)
        if magic != b"glTF" or version != 2 or total != len(data):
            raise ValueError(f"header says {magic!r} version {version}, {total} of {len(data)} bytes")
        length, kind = struct.unpack_from("<I4s", data, 12)
        if kind != b"JSON":
            raise ValueError(f"first chunk is {kind!r}")
        document = json.loads(data[20 : 20 + length])
        return Glb(document, data[28 + length :])
    except (OSError, ValueError, struct.error) as error:
        raise MienError(
            f"{path}: cannot be read as GLB ({error}), expected a glTF 2.0 binary; export it again"
        ) from error
