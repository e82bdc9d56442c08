"""The binary half of a GLB: buffer views, accessors, sparse accessors, images."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

_COMPONENT = {np.dtype(np.uint8): 5121, np.dtype(np.uint16): 5123, np.dtype(np.uint32): 5125,
              np.dtype(np.float32): 5126}  # fmt: skip
_TYPE = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963


class Buffers:
    """Collects arrays into one binary chunk, and the `bufferViews` and `accessors` that describe them."""

    def __init__(self) -> None:
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []
        self._chunks: list[bytes] = []
        self._length = 0

    def add_bytes(self, data: bytes, target: int | None = None) -> int:
        """A buffer view, aligned to four bytes; returns its index."""
        view: dict[str, Any] = {"buffer": 0, "byteOffset": self._length, "byteLength": len(data)}
        if target is not None:
            view["target"] = target
        padded = data + b"\0" * (-len(data) % 4)
        self._chunks.append(padded)
        self._length += len(padded)
        self.views.append(view)
        return len(self.views) - 1

    def add_array(
        self, array: np.ndarray, target: int | None = None, *, bounds: bool = False, normalized: bool = False
    ) -> int:
        """A dense accessor of (N,) scalars or (N, k) vectors in the array's own type; returns its index."""
        accessor = _describe(array)
        accessor["bufferView"] = self.add_bytes(np.ascontiguousarray(array).tobytes(), target)
        if normalized:
            accessor["normalized"] = True
        if bounds:
            accessor |= _bounds(array)
        return self._add(accessor)

    def add_sparse(
        self, count: int, rows: np.ndarray, arrays: list[np.ndarray], *, bounds: tuple[bool, ...]
    ) -> list[int]:
        """Accessors of `count` vectors that are zero but at `rows` (ascending), sharing those indices."""
        index_type = np.uint16 if count <= 65535 else np.uint32
        index_view = self.add_bytes(rows.astype(index_type).tobytes())
        indices = {"bufferView": index_view, "componentType": _COMPONENT[np.dtype(index_type)]}
        made = []
        for values, bounded in zip(arrays, bounds, strict=True):
            accessor = _describe(values) | {"count": count}
            accessor["sparse"] = {
                "count": len(rows),
                "indices": indices,
                "values": {"bufferView": self.add_bytes(np.ascontiguousarray(values).tobytes())},
            }
            if bounded:
                rest_is_zero = (
                    values if len(rows) == count else np.vstack([values, np.zeros_like(values[:1])])
                )
                accessor |= _bounds(rest_is_zero)
            made.append(self._add(accessor))
        return made

    def glb(self, document: dict[str, Any]) -> bytes:
        """The whole file: the document with views, accessors and buffer added, then the binary chunk."""
        complete = document | {
            "accessors": self.accessors,
            "bufferViews": self.views,
            "buffers": [{"byteLength": self._length}],
        }
        text = json.dumps(complete, separators=(",", ":"), allow_nan=False).encode()
        text += b" " * (-len(text) % 4)
        total = 12 + 8 + len(text) + 8 + self._length
        head = struct.pack("<4sII", b"glTF", 2, total)
        return b"".join(
            [head, struct.pack("<I4s", len(text), b"JSON"), text,
             struct.pack("<I4s", self._length, b"BIN\0"), *self._chunks]
        )  # fmt: skip

    def _add(self, accessor: dict[str, Any]) -> int:
        self.accessors.append(accessor)
        return len(self.accessors) - 1


def _describe(array: np.ndarray) -> dict[str, Any]:
    width = 1 if array.ndim == 1 else array.shape[1]
    return {"componentType": _COMPONENT[array.dtype], "count": len(array), "type": _TYPE[width]}


def _bounds(array: np.ndarray) -> dict[str, list[float]]:
    rows = array.reshape(len(array), -1)
    return {"min": rows.min(axis=0).tolist(), "max": rows.max(axis=0).tolist()}
