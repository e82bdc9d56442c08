"""Which image each face of an OBJ reads, by its material libraries (MTL)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Int

from mien.core.errors import MienError, readable
from mien.meshio.find_files import find_beside, is_there, match_name, taken_instead
from mien.meshio.mtl import ImageLine, Material, parse_mtl
from mien.meshio.obj_plain import ObjContent
from mien.meshio.raw_mesh import RawMesh
from mien.meshio.udim import place_textures

_INSTEAD = {"map_ka": "ambient (map_Ka)", "map_ke": "emission (map_Ke)"}
_GREY = 0.02  # flat colours whose channels differ by less say nothing of a surface


@dataclass
class _Libraries:
    """The materials of all libraries, the file that each is from, and the libraries that are not there."""

    materials: dict[str, Material] = field(default_factory=dict)
    file_of: dict[str, Path] = field(default_factory=dict)
    missing: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class _Uses:
    """The materials that are used, None where no library has them, and which of them each triangle has; -1
    before the first `usemtl`."""

    names: list[str]
    materials: list[Material | None]
    of_triangle: Int[np.ndarray, " M"]

    def triangles(self, wanted: Material) -> Int[np.ndarray, " K"]:
        rows = [i for i, material in enumerate(self.materials) if material is wanted]
        of = self.of_triangle
        return np.flatnonzero(of == rows[0] if len(rows) == 1 else np.isin(of, rows))

    @cached_property
    def drawn(self) -> list[Material]:
        """The known materials that triangles have, each once."""
        count = np.bincount(self.of_triangle + 1, minlength=len(self.names) + 1)[1:]
        known = {m.name: m for i, m in enumerate(self.materials) if m is not None and count[i]}
        return list(known.values())


def read_materials(path: Path, raw: RawMesh, content: ObjContent, polygon: Int[np.ndarray, " M"]) -> None:
    """Fills `textures` and `triangle_texture`, and `vertex_colours` where only flat colours tell parts apart.

    `polygon` is the face of each triangle. `raw.notes` say what was found elsewhere than named and what
    colour was not read. A library that is not there is refused with `MienError` only if faces use materials
    of it and no vertex colours could stand in for it.
    """
    libraries = _read_libraries(path, raw, content)
    uses = _uses(raw, content, libraries, polygon)
    _tell_undefined(path, raw, libraries, uses)
    images = {m.name: m.image for m in uses.drawn if m.image is not None}
    if raw.corner_uvs is None:
        if images:
            named = _listed(image.names[0] for image in images.values())
            raw.notes.append(f"{named} is not read: its faces have no texture coordinates")
    elif images:
        _place_images(path, raw, libraries, uses)
    _use_flat_colours(raw, uses)
    raw.notes = list(dict.fromkeys(raw.notes))


def _read_libraries(path: Path, raw: RawMesh, content: ObjContent) -> _Libraries:
    """The libraries that are named; where none of them is there, the one of the scan's own name."""
    libraries = _Libraries()
    for argument, _ in _statements(content, "mtllib"):
        for name in _library_names(path.parent, argument):
            file, note = find_beside(path.parent, name)
            if is_there(file):
                _add_library(raw, libraries, file, note)
            else:
                libraries.missing.append(file)
    own = path.with_suffix(".mtl")
    if libraries.missing and not libraries.materials and is_there(own):
        _add_library(raw, libraries, own, taken_instead(libraries.missing.pop().name, own, path.parent))
    return libraries


def _add_library(raw: RawMesh, libraries: _Libraries, file: Path, note: str | None) -> None:
    raw.notes += [note] if note else []
    raw.read.append(file)
    found = parse_mtl(file.read_bytes())
    libraries.materials |= found
    libraries.file_of |= dict.fromkeys(found, file)


def _statements(content: ObjContent, keyword: str) -> list[tuple[str, int]]:
    """The arguments of these lines, and how many faces stand above each."""
    words = [(line.split(maxsplit=1), face) for line, face in content.statements]
    return [(w[1].strip(), face) for w, face in words if len(w) == 2 and w[0].lower() == keyword]


def _library_names(folder: Path, argument: str) -> list[str]:
    """A name with spaces that exists goes first; else the names of several libraries."""
    bare = argument.strip("\"'")
    several = re.findall(r"\S.*?\.mtl(?=\s|$)", bare, re.IGNORECASE) or bare.split()
    return several if len(several) > 1 and not is_there(find_beside(folder, bare)[0]) else [bare]


def _uses(raw: RawMesh, content: ObjContent, libraries: _Libraries, polygon: np.ndarray) -> _Uses:
    statements = _statements(content, "usemtl")
    if not statements and len(libraries.materials) == 1:
        name = next(iter(libraries.materials))
        raw.notes.append(f"it has no usemtl lines: all faces have the only material, {readable(name)}")
        statements = [(name, 0)]
    names = list(dict.fromkeys(name for name, _ in statements))
    materials = [_look_up(raw, name, libraries.materials) for name in names]
    number = np.array([*(names.index(name) for name, _ in statements), -1])
    at = np.searchsorted([face for _, face in statements], polygon, side="right") - 1
    return _Uses(names, materials, number[at])


def _look_up(raw: RawMesh, name: str, materials: dict[str, Material]) -> Material | None:
    same = match_name(name, materials)
    if len(same) != 1:
        return None
    if same[0] != name:
        raw.notes.append(f'material "{readable(name)}": read as "{readable(same[0])}" of its MTL file')
    return materials[same[0]]


def _tell_undefined(path: Path, raw: RawMesh, libraries: _Libraries, uses: _Uses) -> None:
    """Refuses, or tells of, materials that are used and not defined."""
    undefined = [name for name, material in zip(uses.names, uses.materials, strict=True) if material is None]
    if libraries.missing and undefined and raw.corner_uvs is not None and raw.vertex_colours is None:
        raise MienError(
            f"{libraries.missing[0]}: the material file named by {path.name} does not exist; place it beside "
            "the scan, give --albedo IMAGE, or delete its mtllib line to go without colour"
        )
    raw.notes += [f"the material file {readable(file.name)} does not exist" for file in libraries.missing]
    if undefined and raw.vertex_colours is None:
        where = "its MTL files do not define" if libraries.materials else "it names no MTL file that defines"
        raw.notes.append(f"{where} {_listed(undefined)}: no colour there")


def _place_images(path: Path, raw: RawMesh, libraries: _Libraries, uses: _Uses) -> None:
    """Reads the images of all materials in use; faces of other materials get -1."""
    assert raw.corner_uvs is not None
    file_of = {
        m.name: _image_file(path, raw, libraries.file_of[m.name], m.image) for m in uses.drawn if m.image
    }
    files = sorted(set(file_of.values()))
    number = np.full(len(uses.of_triangle), -1)
    opaque = set(files)
    for material in uses.drawn:
        if material.image is None:
            continue
        rows = uses.triangles(material)
        number[rows] = files.index(file_of[material.name])
        _move_uvs(raw.corner_uvs, rows, material.image)
        _tell_options(raw, material)
        if material.alpha:
            opaque.discard(file_of[material.name])
    place_textures(raw, number, files, "the MTL file", opaque)
    assert raw.triangle_texture is not None
    without = np.flatnonzero((number >= 0) & (raw.triangle_texture < 0))
    if bare := int(np.isnan(raw.corner_uvs[without]).any(axis=(1, 2)).sum()):
        raw.notes.append(f"{bare} of {len(number)} triangles have no texture coordinates: no colour there")


def _image_file(path: Path, raw: RawMesh, library: Path, image: ImageLine) -> Path:
    """The image as named, beside the MTL file or else the scan; the literal path where it is nowhere."""
    for folder in dict.fromkeys((library.parent, path.parent)):
        for name in image.names:
            file, note = find_beside(folder, name)
            if is_there(file):
                raw.notes += [note] if note else []
                return file
    return find_beside(library.parent, image.names[0])[0]


def _move_uvs(corner_uvs: np.ndarray, rows: np.ndarray, image: ImageLine) -> None:
    """The options -s, -o and -clamp; on rows of `corner_uvs`, in place."""
    if image.scale != (1.0, 1.0) or image.offset != (0.0, 0.0):
        corner_uvs[rows] = corner_uvs[rows] * image.scale + image.offset
    if image.clamp:
        corner_uvs[rows] = np.clip(corner_uvs[rows], 0.0, 1.0)


def _tell_options(raw: RawMesh, material: Material) -> None:
    image = material.image
    assert image is not None
    name = readable(material.name)
    if image.key in _INSTEAD:
        raw.notes.append(f"{name} has no map_Kd: its colour is read from its {_INSTEAD[image.key]}")
    if image.scale != (1.0, 1.0) or image.offset != (0.0, 0.0):
        raw.notes.append(f"the UVs of {name} are scaled and moved as its MTL file says (-s, -o)")
    if image.unread:
        raw.notes.append(f"{image.unread} of {name} in its MTL file is not applied to the image's colours")


def _use_flat_colours(raw: RawMesh, uses: _Uses) -> None:
    """Colours of materials without an image: taken where they tell parts apart and nothing else has colour.

    One single value says nothing about a face, and beside images such parts are few: both are only told.
    """
    flat = [m for m in uses.drawn if m.image is None and m.flat is not None]
    tinted = [m for m in flat if m.flat is not None and max(m.flat) - min(m.flat) > _GREY]
    if not tinted or raw.vertex_colours is not None:
        return
    if raw.textures:
        names = _listed(m.name for m in tinted)
        raw.notes.append(f"one flat colour (Kd) and no image, so no colour there: {names}")
    elif len({m.flat for m in flat}) == 1:
        raw.notes.append("its only colour is one flat value (Kd): no colour was captured")
    elif not any(m.image for m in uses.drawn):
        raw.notes.append("it has no image; each part was given the flat colour (Kd) of its material")
        raw.vertex_colours = np.ones_like(raw.vertices)
        for material in flat:
            raw.vertex_colours[raw.triangles[uses.triangles(material)]] = material.flat


def _listed(names: Iterable[str]) -> str:
    """A few names for a note."""
    every = [readable(name) for name in dict.fromkeys(names)]
    return ", ".join(every[:3]) + (f" and {len(every) - 3} more" if len(every) > 3 else "")
