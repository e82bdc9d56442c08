"""PLY files of any content, for the tests of their reader."""

from __future__ import annotations

import struct

CODES = {
    "char": "b", "uchar": "B", "short": "h", "ushort": "H", "int": "i", "uint": "I", "float": "f", "double": "d",
}  # fmt: skip
XYZ = ("float x", "float y", "float z")
CORNERS = ("list uchar int vertex_indices",)


def ply(*elements, form="binary_little_endian", comments=(), newline="\n") -> bytes:
    """`elements` are (name, properties, rows); a row holds a number for each property, or a sequence for a list."""
    lines = ["ply", f"format {form} 1.0", *comments]
    for name, properties, rows in elements:
        lines += [f"element {name} {len(rows)}", *(f"property {p}" for p in properties)]
    header = newline.join([*lines, "end_header", ""]).encode()
    write = _text_row if form == "ascii" else _binary_row
    order = ">" if "big" in form else "<"
    return header + b"".join(write(ps, row, order) for _, ps, rows in elements for row in rows)


def rows(first, *columns):
    """Rows of one or more columns; the first may be points, whose x, y and z become three."""
    return [(*(a if isinstance(a, tuple) else (a,)), *more) for a, *more in zip(first, *columns, strict=True)]


def points(array):
    """An array's rows as tuples."""
    return [tuple(map(float, row)) for row in array]


def lists(array):
    """An array's rows as lists."""
    return [list(row) for row in array]


def _text_row(properties, row, _order) -> bytes:
    words = []
    for p, value in zip(properties, row, strict=True):
        words += [len(value), *value] if p.startswith("list") else [value]
    return (" ".join(str(word) for word in words) + "\n").encode()


def _binary_row(properties, row, order) -> bytes:
    out = b""
    for p, value in zip(properties, row, strict=True):
        words = p.split()
        if words[0] == "list":
            out += struct.pack(f"{order}{CODES[words[1]]}{len(value)}{CODES[words[2]]}", len(value), *value)
        else:
            out += struct.pack(order + CODES[words[0]], value)
    return out
