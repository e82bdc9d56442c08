"""Truevision TGA: true colour, grey and colour-mapped, plain and run-length, of any origin.

After the Truevision TGA File Format Specification, version 2.0 (1991).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import UInt8
from numba import njit

_MAPPED, _COLOUR, _GREY, _RUNS = 1, 2, 3, 8
_DEPTHS = {_MAPPED: (8, 16), _COLOUR: (15, 16, 24, 32), _GREY: (8, 16)}
_MAP_DEPTHS = (15, 16, 24, 32)
_FROM_RIGHT, _FROM_TOP, _INTERLEAVED = 0x10, 0x20, 0xC0
_MOST_PIXELS = 1 << 28
_FOOTER = b"TRUEVISION-XFILE.\0"
_UNUSED_ALPHA = (0, 1, 2)  # no alpha; undefined, to be ignored; undefined, to be kept


@dataclass(frozen=True)
class _Header:
    kind: int
    runs: bool
    width: int
    height: int
    bits: int
    flags: int
    map_first: int
    map_bits: int
    map_at: int
    map_count: int
    body_at: int

    @property
    def pixel_bytes(self) -> int:
        return (self.bits + 7) // 8


def decode_tga(data: bytes) -> UInt8[np.ndarray, "H W *C"] | None:
    """A TGA's pixels as grey, grey and alpha, BGR or BGRA, row 0 at the top; None if it is none or cut off.

    Alpha is kept only where the file says that it has any.
    """
    header = _header(data)
    if header is None:
        return None
    raw = _pixels(data, header)
    if raw is None:
        return None
    colours = _colours(data, header, raw)
    if colours is None:
        return None
    image = colours.reshape(header.height, header.width, -1)
    image = image if header.flags & _FROM_TOP else image[::-1]
    image = image[:, ::-1] if header.flags & _FROM_RIGHT else image
    return np.ascontiguousarray(image[..., 0] if image.shape[2] == 1 else image)


def tga_size(data: bytes) -> tuple[int, int] | None:
    """(width, height) where the first bytes are those of a TGA."""
    header = _header(data)
    return None if header is None else (header.width, header.height)


def _header(data: bytes) -> _Header | None:
    """The header, or None where these bytes are no TGA's: the format has no mark of its own."""
    if len(data) < 19:
        return None
    note, has_map, kind, first, count, map_bits, _, _, width, height, bits, flags = struct.unpack_from(
        "<BBBHHBHHHHBB", data
    )
    base = kind & ~_RUNS
    if base not in _DEPTHS or bits not in _DEPTHS[base] or has_map > 1 or flags & _INTERLEAVED:
        return None
    if base == _MAPPED and not (has_map and count and map_bits in _MAP_DEPTHS):
        return None
    if not 0 < width * height <= _MOST_PIXELS:
        return None
    body = 18 + note + (count * ((map_bits + 7) // 8) if has_map else 0)
    return _Header(
        base, bool(kind & _RUNS), width, height, bits, flags, first, map_bits, 18 + note, count, body
    )


def _pixels(data: bytes, header: _Header) -> UInt8[np.ndarray, "N B"] | None:
    """The pixels' bytes, unpacked; None where the file is too short for them."""
    n, size = header.width * header.height, header.pixel_bytes
    body = np.frombuffer(data, np.uint8)[header.body_at :]
    if not header.runs:
        return body[: n * size].reshape(n, size) if len(body) >= n * size else None
    if n > 128 * (len(body) // (1 + size) + 1):
        return None
    out = np.empty((n, size), np.uint8)
    return out if unpack_runs(body, out) == n else None


@njit(cache=True)
@no_type_check
def unpack_runs(body, out):
    """Fills `out` (N, B) from run-length packets; returns how many pixels were there.

    A packet's first byte holds its length less one and, in the top bit, whether one pixel is repeated.
    """
    n, size = out.shape
    at, done = 0, 0
    while done < n and at < len(body):
        count = min((body[at] & 127) + 1, n - done)
        repeated = body[at] > 127
        at += 1
        if at + (size if repeated else size * count) > len(body):
            return done
        for i in range(count):
            for b in range(size):
                out[done + i, b] = body[at + b]
            if not repeated:
                at += size
        if repeated:
            at += size
        done += count
    return done


def unpack_runs_plain(body: UInt8[np.ndarray, " N"], out: UInt8[np.ndarray, "M B"]) -> int:
    """The plain twin of `unpack_runs`, one packet at a time."""
    n, size = out.shape
    at, done = 0, 0
    while done < n and at < len(body):
        repeated, count = divmod(int(body[at]), 128)
        count = min(count + 1, n - done)
        rows = 1 if repeated else count
        packet = body[at + 1 : at + 1 + rows * size]
        if len(packet) < rows * size:
            return done
        out[done : done + count] = packet.reshape(rows, size)
        at += 1 + rows * size
        done += count
    return done


def _colours(data: bytes, header: _Header, raw: np.ndarray) -> UInt8[np.ndarray, "N C"] | None:
    alpha = _has_alpha(data, header)
    if header.kind == _GREY:
        return raw if alpha and header.bits == 16 else raw[:, :1]
    if header.kind == _COLOUR:
        return _bgr(raw, header.bits, alpha)
    index = _words(raw) - header.map_first if header.bits == 16 else raw[:, 0].astype(int) - header.map_first
    if index.min() < 0 or index.max() >= header.map_count:
        return None
    size = (header.map_bits + 7) // 8
    entries = np.frombuffer(data, np.uint8, header.map_count * size, header.map_at).reshape(-1, size)
    return _bgr(entries, header.map_bits, alpha)[index]


def _bgr(raw: np.ndarray, bits: int, alpha: bool) -> UInt8[np.ndarray, "N C"]:
    """Pixels of 15 to 32 bits as BGR, or BGRA where `alpha` counts and there is one."""
    if bits >= 24:
        return raw if alpha else raw[:, :3]
    word = _words(raw)
    five = np.stack([word & 31, word >> 5 & 31, word >> 10 & 31], axis=1)
    colour = ((five * 255 + 15) // 31).astype(np.uint8)
    if not alpha or bits == 15:
        return colour
    return np.concatenate([colour, ((word >> 15) * 255).astype(np.uint8)[:, None]], axis=1)


def _words(raw: np.ndarray) -> np.ndarray:
    return raw[:, 0].astype(int) | raw[:, 1].astype(int) << 8


def _has_alpha(data: bytes, header: _Header) -> bool:
    """By the descriptor's count of attribute bits, and by what version 2's extension area says of them."""
    if not header.flags & 15:
        return False
    if data[-18:] != _FOOTER or len(data) < 26:
        return True
    at = struct.unpack_from("<I", data, len(data) - 26)[0]
    return not (at > 0 and at + 495 <= len(data)) or data[at + 494] not in _UNUSED_ALPHA
