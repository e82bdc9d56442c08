"""What a scan file names as colour, found without its reader.

Readers know the common ways to store colour; this looks for the words alone, so that a scan whose colour no
reader understood is not taken for one without.
"""

from __future__ import annotations

import json
import mmap
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mien.core.errors import readable
from mien.meshio.names import find_beside
from mien.meshio.ply_header import read_header, unmarked

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
    header = read_header(path, unmarked(path.read_bytes()))
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
    data = path.read_bytes()
    if data[:4] == b"glTF":
        data = data[20 : 20 + struct.unpack_from("<I", data, 12)[0]]
    document = json.loads(unmarked(data))
    for mesh in document.get("meshes", []):
        for primitive in mesh.get("primitives", []):
            yield from (name for name in primitive.get("attributes", {}) if name.startswith("COLOR_"))
    for material in document.get("materials", []):
        yield from _colour_textures(material)


def _colour_textures(value: Any) -> Iterator[str]:
    """Names of entries that are images of colour, at any depth of a material."""
    entries = value.items() if isinstance(value, dict) else ()
    for name, entry in entries:
        if not _GLTF.search(name) or not isinstance(entry, (dict, str)):
            yield from _colour_textures(entry)
        elif not _NO_COLOUR.search(name):
            yield name
