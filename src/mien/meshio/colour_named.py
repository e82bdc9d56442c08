"""What a scan file names as colour, found without its reader.

Readers know the common ways to store colour; this looks for the words alone, so that a scan whose colour no
reader understood is not taken for one without.
"""

from __future__ import annotations

import mmap
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mien.core.errors import readable
from mien.meshio.encodings import unmarked
from mien.meshio.find_files import find_beside
from mien.meshio.gltf_file import parse_document
from mien.meshio.ply_header import read_header, unmarked_ply

_PLY = re.compile(
    r"(^|_)(red|green|blue|[rgb]|rgba?|diffuse|albedo|intensity|gr[ae]y|luminance)($|_)|colou?r"
)
_MTL = re.compile(rb"(?im)^[ \t]*(map_k[ade])[ \t]+(\S.*?)[ \t]*$")
_COLOURED_VERTEX = re.compile(rb"(?m)^v(?:[ \t]+[-+.\deE]+){6}")
_GLTF = re.compile(r"(?i)(colou?r|diffuse|albedo|emissi\w*)\w*texture$|^(diffuse|ambient|emission)$")
_NO_COLOUR = re.compile(r"(?i)normal|occlusion|rough|coat|sheen|specularcolor|transmission|thickness")
_LOOKED_AT = 1 << 20  # bytes at an OBJ's beginning and end in which vertices with colours are looked for


def colour_named(path: Path) -> list[str]:
    """Each colour that the file, or a material file beside it, names, in a few words."""
    named = {".ply": _in_ply, ".obj": _in_obj, ".stl": _in_stl, ".gltf": _in_gltf, ".glb": _in_gltf}
    return list(dict.fromkeys(named[path.suffix.lower()](path)))


def _in_ply(path: Path) -> Iterator[str]:
    header = read_header(path, unmarked_ply(path.read_bytes()))
    yield from (f"the texture {readable(name)}" for name in header.textures)
    for element in header.elements:
        found = [p.name for p in element.properties if _PLY.search(p.name)]
        if found:
            yield f"{', '.join(found[:3])} of its element {element.name}"


def _in_obj(path: Path) -> Iterator[str]:
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data.find(b"#MRGB") >= 0:
            yield "ZBrush's #MRGB"
        if _COLOURED_VERTEX.search(data[:_LOOKED_AT]) or _COLOURED_VERTEX.search(data[-_LOOKED_AT:]):
            yield "v x y z r g b"
        libraries = list(_lines_with(data, b"mtllib"))
    for name in libraries:
        file, _ = find_beside(path.parent, name)
        if file.is_file():
            for key, value in _MTL.findall(unmarked(file.read_bytes()).replace(b"\r", b"\n")):
                yield f"{key.decode()} {value.decode('utf-8', 'replace')}"


def _lines_with(data: mmap.mmap, keyword: bytes) -> Iterator[str]:
    """What follows this word, wherever a line begins with it."""
    at = data.find(keyword)
    while at >= 0:
        end = min((e for e in (data.find(b"\n", at), data.find(b"\r", at)) if e >= 0), default=len(data))
        if data[max(at - 1, 0) : at] in (b"", b"\n", b"\r", b" ", b"\t"):
            yield data[at + len(keyword) : end].decode("utf-8", "surrogateescape").strip()
        at = data.find(keyword, end)


def _in_stl(path: Path) -> Iterator[str]:
    data = path.read_bytes()
    if b"COLOR=" in data[:80]:
        yield "COLOR= in its header"
    if len(data) >= 84 and len(data) == 84 + 50 * struct.unpack_from("<I", data, 80)[0]:
        words = np.frombuffer(data, np.dtype([("facet", "V48"), ("word", "<u2")]), -1, 84)["word"]
        if (words[:1] != words).any():
            yield "attribute words of its facets"


def _in_gltf(path: Path) -> Iterator[str]:
    document, _ = parse_document(path, path.read_bytes())
    yield from (name for name, _ in _entries(document.get("meshes")) if name.startswith("COLOR_"))
    for name, entry in _entries(document.get("materials")):
        if _GLTF.search(name) and not _NO_COLOUR.search(name) and isinstance(entry, (dict, str)):
            yield name


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    """Names and values of all objects in a JSON tree, at any depth."""
    if isinstance(value, dict):
        yield from value.items()
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _entries(inner)
