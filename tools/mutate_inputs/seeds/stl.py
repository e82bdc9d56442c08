"""STL files, binary with colours and text."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from tools.mutate_inputs.seeds.parts import Seed, sheet, text


def stl_seeds() -> Iterator[Seed]:
    """With colours as VisCAM and as Magics write them; text."""
    vertices, triangles, _ = sheet()
    facets = np.zeros(len(triangles), [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("word", "<u2")])
    facets["corners"] = vertices[triangles]
    facets["word"] = 0x8000 + np.arange(len(triangles)) * 33
    count = struct.pack("<I", len(facets))
    for name, header in (("VisCAM", b"a scan"), ("Magics", b"COLOR=\x80\x90\xa0\xff,MATERIAL=")):
        yield Seed(f"stl, {name}", "scan", {"s.stl": header.ljust(80) + count + facets.tobytes()})
    lines = ["solid s"]
    for corners in vertices[triangles]:
        lines += ["facet normal 0 0 1", "outer loop"]
        lines += ["vertex {:.6f} {:.6f} {:.6f}".format(*p) for p in corners]
        lines += ["endloop", "endfacet"]
    yield Seed("stl, text", "scan", {"s.stl": text([*lines, "endsolid s"])})
