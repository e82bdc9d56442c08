"""PLY files in the three encodings."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from tools.mutate_inputs.seeds.parts import Seed, picture, sheet, text

Element = tuple[str, list[str], list[list]]
FORMS = ("ascii", "binary_little_endian", "binary_big_endian")
XYZ = ["float x", "float y", "float z"]
_CODES = {"uchar": "B", "ushort": "H", "int": "i", "float": "f", "double": "d"}


def ply_seeds() -> Iterator[Seed]:
    """Plain; with everything that a textured scan has; with strips and colours of faces."""
    vertices, triangles, uvs = sheet()
    points = vertices.tolist()
    corners = [[0, 1, 6, 5], *triangles.tolist()[1:]]
    wedges = [[] if i == 3 else uvs[c].ravel().tolist() for i, c in enumerate(corners)]
    colours = np.column_stack([np.arange(25) * 9, np.full(25, 120), np.arange(25)]).tolist()
    plain: list[Element] = [
        ("vertex", XYZ, points),
        ("face", ["list uchar int vertex_indices"], [[c] for c in corners]),
    ]
    textured: list[Element] = [
        ("camera", ["float f", "list int double k"], [[1.0, [1.0, 2.0]]]),
        (
            "vertex",
            [*XYZ, "uchar red", "uchar green", "uchar blue", "float s", "float t"],
            [[*p, *c, *t] for p, c, t in zip(points, colours, uvs.tolist(), strict=True)],
        ),
        (
            "face",
            ["list uchar int vertex_indices", "list uchar float texcoord", "int texnumber"],
            [[c, w, 0] for c, w in zip(corners, wedges, strict=True)],
        ),
    ]
    strip = np.concatenate([triangles, np.full((len(triangles), 1), -1)], axis=1).ravel().tolist()
    old: list[Element] = [
        ("vertex", [*XYZ, "ushort confidence"], [[*p, 1] for p in points]),
        ("tristrips", ["list int int vertex_indices"], [[strip]]),
        (
            "face",
            ["list uchar int vertex_index", "int red", "int green", "int blue", "list uchar float color"],
            [[c, 200, 100, 50, [0.5] * 3 * len(c)] for c in corners],
        ),
    ]
    for form in FORMS:
        yield Seed(f"ply, {form}", "scan", {"s.ply": ply_bytes(plain, form)})
        files = {"s.ply": ply_bytes(textured, form, "skin.png"), "skin.png": picture(".png")}
        yield Seed(f"ply, {form}, textured", "scan", files)
        yield Seed(f"ply, {form}, strips", "scan", {"s.ply": ply_bytes(old, form)})


def ply_bytes(elements: list[Element], form: str, texture: str = "") -> bytes:
    """A PLY of elements (name, properties, rows); lists are lists in their row."""
    lines = ["ply", f"format {form} 1.0", *([f"comment TextureFile {texture}"] if texture else [])]
    for name, properties, rows in elements:
        lines += [f"element {name} {len(rows)}", *(f"property {p}" for p in properties)]
    body = [_row(properties, row, form) for _, properties, rows in elements for row in rows]
    return text([*lines, "end_header"]) + b"".join(body)


def _row(properties: list[str], row: list, form: str) -> bytes:
    order = ">" if "big" in form else "<"
    words: list[float] = []
    out = b""
    for kind, value in zip((p.split() for p in properties), row, strict=True):
        values = [len(value), *value] if kind[0] == "list" else [value]
        codes = _CODES[kind[1]] + _CODES[kind[2]] * len(value) if kind[0] == "list" else _CODES[kind[0]]
        words += values
        out += struct.pack(order + codes, *values)
    return text([" ".join(map(str, words))]) if form == "ascii" else out
