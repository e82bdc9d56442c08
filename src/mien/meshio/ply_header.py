"""A PLY file's header: its encoding, its elements with their properties, the textures that it names."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from mien.core.errors import MienError
from mien.meshio.encodings import unmarked

CUT = "the file looks cut off, export or copy it again"
_LONGEST = 1_000_000  # bytes that a header may have
_END = re.compile(rb"[\r\n]end_header[ \t]*(\r\n|\n|\r)")
_TEXTURE = re.compile(rb"(?i)\s*(?:comment|obj_info)\s+texture_?file\s*[:=]?\s+(\S.*)")
_ENCODINGS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2",
    "ushort": "u2", "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "int64": "i8", "uint64": "u8", "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip


@dataclass(frozen=True)
class Property:
    """A number of each entry, or a list of them whose length is of the type `length`; types as numpy's."""

    name: str
    kind: str
    length: str = ""

    @property
    def least_bytes(self) -> int:
        """What it takes in a binary file at least: an empty list is its length alone."""
        return int((self.length or self.kind)[1])


@dataclass(frozen=True)
class Element:
    """A table of `count` entries; names are in lower case."""

    name: str
    count: int
    properties: tuple[Property, ...]

    @property
    def least_bytes(self) -> int:
        """What an entry takes in a binary file at least."""
        return sum(p.least_bytes for p in self.properties)


@dataclass(frozen=True)
class PlyHeader:
    """`order` is "" for text, else numpy's byte order; the tables begin at byte `end`."""

    path: Path
    order: str
    elements: tuple[Element, ...]
    textures: tuple[str, ...]
    end: int


def unmarked_ply(data: bytes) -> bytes:
    """The bytes without a byte order mark, UTF-16 as UTF-8; what begins as a PLY is left as it is."""
    return data if data.startswith(b"ply") else unmarked(data)


def read_header(path: Path, data: bytes) -> PlyHeader:
    """Refuses with `MienError` what is no PLY, ends within its header or has a line there that is not PLY."""
    start = data[:_LONGEST]
    end = _END.search(start)
    if not start.startswith(b"ply") or end is None:
        raise MienError(f"{path}: is no PLY file or has no complete header; {CUT}")
    lines = start[: end.start()].splitlines()
    bare_return = end[1] == b"\r\n" and b"\n" not in start[: end.start(1)]  # the newline is data already
    return PlyHeader(
        path,
        _order(path, lines),
        _elements(path, lines),
        tuple(os.fsdecode(m[1].strip(b" \t\"'")) for line in lines if (m := _TEXTURE.match(line))),
        end.end() - bare_return,
    )


def _order(path: Path, lines: list[bytes]) -> str:
    named = next(
        (w[1].decode("latin-1") for w in map(bytes.split, lines) if w[:1] == [b"format"] and w[1:]), ""
    )
    if named not in _ENCODINGS:
        raise MienError(
            f"{path}: its format is {named[:40]!r}, expected one of {', '.join(_ENCODINGS)}; export it again"
        )
    return _ENCODINGS[named]


def _elements(path: Path, lines: list[bytes]) -> tuple[Element, ...]:
    elements: list[Element] = []
    for line in lines:
        words = line.decode("latin-1").split()
        try:
            if words[:1] == ["element"]:
                elements.append(Element(words[1].lower(), _count(words[2]), ()))
            elif words[:1] == ["property"]:
                last = elements[-1]
                elements[-1] = Element(last.name, last.count, (*last.properties, _property(words)))
        except (IndexError, KeyError, ValueError):
            said = line.decode("latin-1").strip()[:80]
            raise MienError(f"{path}: header line {said!r} is not PLY; re-export the scan") from None
    return tuple(elements)


def _count(word: str) -> int:
    if not re.fullmatch(r"\d{1,18}", word, re.ASCII):
        raise ValueError(word)
    return int(word)


def _property(words: list[str]) -> Property:
    if words[1] != "list":
        return Property(words[2].lower(), _TYPES[words[1]])
    length = _TYPES[words[2]]
    if length[0] == "f":
        raise ValueError(length)
    return Property(words[4].lower(), _TYPES[words[3]], length)
