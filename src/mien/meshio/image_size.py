"""What an encoded image says of itself before anything is decoded: its size, and whether its end is there."""

from __future__ import annotations

import struct


def claimed_size(data: bytes | memoryview) -> tuple[int, int] | None:
    """(width, height) of a PNG, JPEG or BMP; None for anything else."""
    head = bytes(data[:32])
    if head.startswith(b"\x89PNG\r\n\x1a\n") and len(head) >= 24:
        width, height = struct.unpack_from(">II", head, 16)
        return width, height
    if head.startswith(b"BM") and len(head) >= 26:
        width, height = struct.unpack_from("<ii", head, 18)
        return abs(width), abs(height)
    return _jpeg_size(data) if head.startswith(b"\xff\xd8") else None


def _jpeg_size(data: bytes | memoryview) -> tuple[int, int] | None:
    """Walks the segments to the frame header (ITU T.81, B.2.2)."""
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        alone = marker in (0x01, 0xFF) or 0xD0 <= marker <= 0xD9
        at += 1 if marker == 0xFF else 2 if alone else 2 + struct.unpack_from(">H", data, at + 2)[0]
    return None


def is_cut_off(data: bytes | memoryview) -> bool:
    """Whether a JPEG or PNG ends before its end mark: decoders fill the rest with grey and say nothing."""
    if bytes(data[:8]) == b"\x89PNG\r\n\x1a\n":
        return not _png_ends(data)
    if bytes(data[:3]) == b"\xff\xd8\xff":
        whole = bytes(data)
        return whole.rfind(b"\xff\xd9") < whole.rfind(b"\xff\xda")
    return False


def _png_ends(data: bytes | memoryview) -> bool:
    """Whether chunk after chunk leads to the last one; OpenCV sets aside whatever length a chunk claims."""
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        at += 12 + length
        if kind == b"IEND":
            return at <= len(data)
    return False
