"""Ways to damage a file: as transfers, editors, other programs and their bugs do."""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

_NUMBERS = (
    b"0", b"-1", b"1", b"2", b"255", b"256", b"65536", b"2147483647", b"2147483648", b"-2147483649",
    b"4294967295",
    b"9223372036854775807", b"18446744073709551616", b"99999999999999999999999", b"1e308", b"-1e308",
    b"1e-320", b"1e999", b"nan", b"-nan", b"inf", b"1,5", b"0x10", b"1_000", b"--1", b"1.#IND", b"", b"1e",
    b".", b"1/2/3/4", b"-0",
)  # fmt: skip
_WORDS = (
    b"\0", b"\xff", b"\x80", b"\x7f", b"\0\0", b"\xff\xff", b"\xff\x7f", b"\0\0\0\0", b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f", b"\x7f\xff\xff\xff", b"\0\0\0\x80", b"\0\0\xc0\x7f", b"\0\0\x80\x7f",
    b"\xff\xff\x7f\x7f", b"\x01\0\0\0", b"\0\0\0\x01", b"\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\0\0\0\0\0\0\xf0\x7f", b"\0\0\0\0\0\0\xf8\x7f",
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1, 3, 2**31, 2**63, 10**30, 1e308, 0.5, "", "x", "-1", [], {}, [None], [[]],
    {"index": 0},
    [1e308] * 16, 5120, 5126, "MAT4", "SCALAR", float("nan"), float("inf"), "data:,", "../s.bin", "\x00",
)  # fmt: skip
_PNG = b"\x89PNG\r\n\x1a\n"
_HEADER = 300  # bytes in which formats keep their counts and sizes

Mutation = Callable[[bytes, np.random.Generator], bytes]


def mutated(data: bytes, rng: np.random.Generator, words: Sequence[bytes]) -> bytes:
    """The bytes with one to three damages; `words` are what formats know, to stand in wrong places."""
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        kinds = [*_GENERAL, lambda d, r: _other_word(d, r, words)]
        kinds += [_json_value] * 6 if data[:4] == b"glTF" or data[:1] in (b"{", b"[") else []
        kinds += [_png_header] * 4 if data.startswith(_PNG) else []
        data = kinds[int(rng.integers(len(kinds)))](data, rng)
    return data


def _place(data: bytes, rng: np.random.Generator) -> int:
    """Anywhere, but a quarter of the time where the header is."""
    end = len(data) if rng.random() < 0.75 else min(len(data), _HEADER)
    return int(rng.integers(end + 1))


def _flip(data: bytes, rng: np.random.Generator) -> bytes:
    out = bytearray(data)
    for _ in range(int(rng.choice([1, 1, 2, 8])) if out else 0):
        out[min(_place(data, rng), len(out) - 1)] ^= 1 << int(rng.integers(8))
    return bytes(out)


def _cut(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: _place(data, rng)]


def _insert(data: bytes, rng: np.random.Generator) -> bytes:
    at = _place(data, rng)
    return data[:at] + rng.bytes(int(rng.integers(1, 40))) + data[at:]


def _remove(data: bytes, rng: np.random.Generator) -> bytes:
    at = _place(data, rng)
    return data[:at] + data[at + int(rng.integers(1, 60)) :]


def _repeat(data: bytes, rng: np.random.Generator) -> bytes:
    at, size = _place(data, rng), int(rng.integers(1, 200))
    return data[:at] + data[at : at + size] * int(rng.integers(2, 30)) + data[at + size :]


def _swap(data: bytes, rng: np.random.Generator) -> bytes:
    a, b, c = sorted(_place(data, rng) for _ in range(3))
    return data[:a] + data[b:c] + data[a:b] + data[c:]


def _blank(data: bytes, rng: np.random.Generator) -> bytes:
    at, size = _place(data, rng), int(rng.integers(1, 64))
    return data[:at] + bytes([int(rng.choice([0, 32, 255]))]) * len(data[at : at + size]) + data[at + size :]


def _number(data: bytes, rng: np.random.Generator) -> bytes:
    """A number of a text becomes an extreme one."""
    found = list(re.finditer(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", data[:20_000]))
    if not found:
        return _word(data, rng)
    at = found[int(rng.integers(len(found)))]
    return data[: at.start()] + _NUMBERS[int(rng.integers(len(_NUMBERS)))] + data[at.end() :]


def _word(data: bytes, rng: np.random.Generator) -> bytes:
    """A binary number becomes an extreme one."""
    word = _WORDS[int(rng.integers(len(_WORDS)))]
    at = _place(data, rng)
    at -= at % len(word) if rng.random() < 0.7 else 0
    return data[:at] + word + data[at + len(word) :]


def _other_word(data: bytes, rng: np.random.Generator, words: Sequence[bytes]) -> bytes:
    """A word becomes one that stands elsewhere in a file of some format."""
    found = list(re.finditer(rb"[A-Za-z_]{2,}\d?", data[:20_000]))
    if not found:
        return _word(data, rng)
    at = found[int(rng.integers(len(found)))]
    return data[: at.start()] + words[int(rng.integers(len(words)))] + data[at.end() :]


def _json_value(data: bytes, rng: np.random.Generator) -> bytes:
    """A value of a JSON tree, at any depth, becomes something else or goes; a GLB's sizes follow."""
    head, text, tail = data[:0], data, b""
    if data[:4] == b"glTF" and len(data) >= 20:
        size = struct.unpack_from("<I", data, 12)[0]
        head, text, tail = data[:12], data[20 : 20 + size], data[20 + size :]
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        return _number(data, rng)
    text = json.dumps(_replaced(tree, rng)).encode()
    if not head:
        return text
    text += b" " * (-len(text) % 4)
    return head[:8] + struct.pack("<II4s", 20 + len(text) + len(tail), len(text), b"JSON") + text + tail


def _replaced(tree: Any, rng: np.random.Generator) -> Any:
    keys = list(tree) if isinstance(tree, dict) else list(range(len(tree))) if isinstance(tree, list) else []
    if not keys or rng.random() < 0.05:
        return _VALUES[int(rng.integers(len(_VALUES)))]
    key = keys[int(rng.integers(len(keys)))]
    if rng.random() < 0.1:
        del tree[key]
    else:
        tree[key] = _replaced(tree[key], rng)
    return tree


def _png_header(data: bytes, rng: np.random.Generator) -> bytes:
    """A field of IHDR becomes an extreme one, with a checksum that agrees."""
    if len(data) < 33:
        return _flip(data, rng)
    body = bytearray(data[12:29])
    at, size = [(4, 4), (8, 4), (12, 1), (13, 1), (14, 1), (15, 1), (16, 1)][int(rng.integers(7))]
    values = [0, 1, 2, 3, 6, 16, 255] if size == 1 else [0, 1, 5000, 60_000, 2**31 - 1, 2**32 - 1]
    body[at : at + size] = int(rng.choice(values)).to_bytes(size, "big")
    return data[:12] + bytes(body) + struct.pack(">I", zlib.crc32(body)) + data[33:]


_GENERAL: list[Mutation] = [
    *[_flip] * 3, _cut, _insert, _remove, _repeat, _swap, _blank, *[_number] * 3, *[_word] * 3,
]  # fmt: skip
