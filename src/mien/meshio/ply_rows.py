"""Where each row of a binary PLY table begins, where rows differ in length: mixed polygons, empty lists."""

from __future__ import annotations

from typing import Literal, no_type_check

import numpy as np
from jaxtyping import Int
from numba import njit

from mien.meshio.ply_header import Element

_FEW = 20_000  # rows; up to here the plain loop is done before the machine code is loaded


def row_starts(data: bytes, at: int, element: Element, order: str) -> tuple[Int[np.ndarray, " R"], int]:
    """The byte at which each row begins, and the one after the last; ValueError if the file is too short."""
    if element.count <= _FEW:
        return row_starts_plain(data, at, element, order)
    lengths = np.array([int(p.length[1]) if p.length else 0 for p in element.properties])
    items = np.array([int(p.kind[1]) for p in element.properties])
    starts = np.empty(element.count, np.int64)
    end = _fill(np.frombuffer(data, np.uint8), at, starts, lengths, items, order == ">")
    if end < 0:
        raise ValueError("a row reaches past the end")
    return starts, end


def row_starts_plain(data: bytes, at: int, element: Element, order: str) -> tuple[Int[np.ndarray, " R"], int]:
    """The same in Python."""
    byteorder: Literal["little", "big"] = "little" if order == "<" else "big"
    starts = np.empty(element.count, np.int64)
    for i in range(element.count):
        starts[i] = at
        for p in element.properties:
            if p.length:
                length = int.from_bytes(data[at : at + p.least_bytes], byteorder)
                at += p.least_bytes + length * int(p.kind[1])
            else:
                at += p.least_bytes
            if at > len(data):
                raise ValueError("a row reaches past the end")
    return starts, at


@njit(cache=True)
@no_type_check
def _fill(octets, at, starts, lengths, items, big):
    n = octets.shape[0]
    for i in range(starts.shape[0]):
        starts[i] = at
        for k in range(lengths.shape[0]):
            length, size = 1, lengths[k]
            if size > 0:
                if at + size > n:
                    return -1
                length = 0
                for b in range(size):
                    length = length * 256 + octets[at + (b if big else size - 1 - b)]
                    if length > n:
                        return -1
                at += size
            at += length * items[k]
            if at > n:
                return -1
    return at
