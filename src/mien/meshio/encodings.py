"""Text files of any encoding as bytes that agree with ASCII: UTF-8, or a legacy encoding left as it is."""

from __future__ import annotations

import codecs

_MARKS = (  # UTF-32's little-endian mark begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF8, "utf-8"),
)
_SAMPLE = 512  # bytes in which UTF-16 without a mark shows


def unmarked(data: bytes) -> bytes:
    """The text without its byte order mark; UTF-16 and UTF-32 as UTF-8, marked or not; the rest unchanged."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            text = data[len(mark) :]
            return text if encoding == "utf-8" else text.decode(encoding, "replace").encode()
    encoding = _wide_without_mark(data[:_SAMPLE])
    return data.decode(encoding, "replace").encode() if encoding else data


def lines_of(data: bytes) -> list[str]:
    """A text file's lines, stripped, whatever their ends; bytes that are no UTF-8 stay as surrogates, so that
    equal bytes are equal text. Lines that end in a backslash go on in the next."""
    text = unmarked(data).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return [
        line.decode("utf-8", "surrogateescape").strip() for line in joined_continuations(text).split(b"\n")
    ]


def joined_continuations(text: bytes) -> bytes:
    """Lines that end in a backslash made one with the next, of the same length in bytes.

    After a byte beyond ASCII it is half a letter of Shift-JIS, Big5 or GBK.
    """
    if b"\\\n" not in text:
        return text
    parts = text.split(b"\\\n")
    joints = [b"\\\n" if part[-1:] > b"\x7f" else b"  " for part in parts[:-1]]
    return b"".join(piece for pair in zip(parts, [*joints, b""], strict=True) for piece in pair)


def _wide_without_mark(start: bytes) -> str:
    """ "utf-16-le" or "utf-16-be" where every other byte is zero, as in ASCII text of two bytes a letter."""
    even, odd = start[0::2], start[1::2]
    if len(start) >= 8 and 2 * odd.count(0) > len(odd) and not even.count(0):
        return "utf-16-le"
    if len(start) >= 8 and 2 * even.count(0) > len(even) and not odd.count(0):
        return "utf-16-be"
    return ""
