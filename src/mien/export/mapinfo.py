"""Size and sample format of PNG and EXR files, read from their headers alone."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from mien.core.errors import MienError

_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
_EXR_BITS = {0: 32, 1: 16, 2: 32}


@dataclass(frozen=True)
class MapInfo:
    """What an image file says of itself."""

    width: int
    height: int
    channels: int
    bit_depth: int


def map_info(path: Path) -> MapInfo | None:
    """Of a .png or .exr; None for any other file. A damaged header raises `MienError`."""
    reader = {".png": _png, ".exr": _exr}.get(path.suffix)
    if reader is None:
        return None
    with path.open("rb") as stream:
        head = stream.read(65536)
    try:
        return reader(head)
    except (ValueError, KeyError, struct.error) as error:
        raise MienError(f"{path}: is no {path.suffix} image ({error}); write it again") from error


def _png(head: bytes) -> MapInfo:
    if head[:8] != b"\x89PNG\r\n\x1a\n" or head[12:16] != b"IHDR":
        raise ValueError("no PNG header")
    width, height, depth, colour = struct.unpack_from(">IIBB", head, 16)
    return MapInfo(width, height, _PNG_CHANNELS[colour], depth)


def _exr(head: bytes) -> MapInfo:
    """OpenEXR's file layout: magic, version, then (name, type, size, value) until an empty name."""
    if head[:4] != b"v/1\x01":
        raise ValueError("no EXR header")
    at, fields = 8, {}
    while head[at : at + 1] != b"\0":
        name, at = _text(head, at)
        _, at = _text(head, at)
        (size,) = struct.unpack_from("<i", head, at)
        fields[name] = head[at + 4 : at + 4 + size]
        at += 4 + size
    x0, y0, x1, y1 = struct.unpack("<4i", fields["dataWindow"])
    kinds, at = [], 0
    channels = fields["channels"]
    while channels[at : at + 1] != b"\0":
        _, at = _text(channels, at)
        kinds.append(struct.unpack_from("<i", channels, at)[0])
        at += 16
    return MapInfo(x1 - x0 + 1, y1 - y0 + 1, len(kinds), _EXR_BITS[kinds[0]])


def _text(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(b"\0", at)
    return data[at:end].decode("latin-1"), end + 1
