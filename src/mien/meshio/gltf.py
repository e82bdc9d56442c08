"""glTF 2.0 and GLB: every mesh of the scene in world coordinates, Draco included."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mien.core.errors import MienError, readable
from mien.meshio.gltf_extensions import check_extensions, image_source
from mien.meshio.gltf_file import Broken, GltfFile, normalised
from mien.meshio.gltf_geometry import MODES, Read, attribute_names, columns, open_primitive, place
from mien.meshio.gltf_material import MaterialColour, material_colour, unread_images
from mien.meshio.gltf_parts import Part, join, use_flat_colours, visible_parts
from mien.meshio.gltf_scene import Instance, instances
from mien.meshio.images import decode_image, has_alpha, tinted, to_rgb8, what_it_is
from mien.meshio.raw_mesh import RawMesh

_HEAD_SIZES_METRES = (0.05, 0.6)
_CLAMP, _MIRROR = 33071, 33648  # OpenGL's numbers
_MOST_POINTS = 50_000_000  # a few kilobytes of nodes can ask for any number
_HDR = 16.0  # a COLOR_0 that runs above this is meant as 0..255
_WHITE = 0.98

_OTHER_COLOURS = re.compile(r"_?COL(OU?R)?(_?\d+)?", re.IGNORECASE)


def read_gltf(path: Path, *, ignore_textures: bool = False) -> RawMesh:
    """All triangle primitives of the default scene. glTF's v points down: flipped here, at the border.

    Skins stand at rest, morph targets at the file's weights. Colour is what the materials make of it, without
    alpha where they are opaque; `notes` name colour found elsewhere, or not read. The specification's
    metre is believed only when the whole is as large as a head (5 to 60 cm): scans are often exported in
    whatever unit they came in. Refuses with `MienError`.
    """
    with _refusals(path):
        return _Reader(path, ignore_textures).mesh()


def read_bare_gltf(path: Path) -> tuple[RawMesh, list[tuple[str | None, int]]]:
    """The same without what materials do: no colour, the first UVs as they are. Also each part's material, ""
    where that has no name and None where there is none, and its number of triangles."""
    with _refusals(path):
        reader = _Reader(path, ignore_textures=True, bare=True)
        raw = reader.mesh()
        return raw, reader.runs


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    """Whatever is wrong with a file's structure as one line."""
    try:
        with np.errstate(all="ignore"):  # coordinates that are not finite are refused by the loader
            yield
    except Broken as error:
        raise MienError(
            f"{path}: is not a complete glTF 2.0 file: {error}; export or copy it again"
        ) from error
    except (LookupError, ValueError, TypeError, AttributeError, ArithmeticError, struct.error) as error:
        raise MienError(
            f"{path}: is not a complete glTF 2.0 file ({error!r}); export or copy it again"
        ) from error


class _Reader:
    """One file on its way to a mesh; lives for the time of reading."""

    def __init__(self, path: Path, ignore_textures: bool, bare: bool = False) -> None:
        self.path = path
        self.ignore_textures = ignore_textures
        self.bare = bare
        self.runs: list[tuple[str | None, int]] = []
        self.file = GltfFile(path)
        self.notes = self.file.notes
        self.textures: list[np.ndarray] = []
        self.texture_of: dict[tuple[Any, ...], int] = {}
        self.without_alpha: set[int] = set()
        check_extensions(self.file)

    def mesh(self) -> RawMesh:
        drawn = [(i, p) for i in instances(self.file) for p in i.mesh["primitives"]]
        surfaces = [
            (i, p) for i, p in drawn if p.get("mode", 4) in MODES and "POSITION" in attribute_names(p)
        ]
        points = sum(
            self.file.count(p["attributes"]["POSITION"]) for _, p in drawn if "POSITION" in p["attributes"]
        )
        if points > _MOST_POINTS:
            raise Broken(f"it draws {points} points, expected one head of at most {_MOST_POINTS}")
        if not surfaces:
            return RawMesh(np.broadcast_to(0.0, (points, 3)), np.zeros((0, 3), np.int64))
        if len(surfaces) < len(drawn):
            self.notes.append(
                f"parts without faces were left out: {len(drawn) - len(surfaces)} of {len(drawn)}"
            )
        return self._joined([self._part(primitive, instance) for instance, primitive in surfaces])

    def _joined(self, parts: list[Part]) -> RawMesh:
        parts = visible_parts(parts, self.notes)
        if not self.ignore_textures:
            use_flat_colours(parts, self.notes)
        raw = RawMesh(**join(parts), textures=self.textures, read=self.file.read)
        if not self.ignore_textures and not self.textures and raw.vertex_colours is None:
            self.notes += unread_images(self.file.json)
        raw.notes = list(dict.fromkeys(self.notes))
        finite = raw.vertices[np.isfinite(raw.vertices).all(axis=1)]
        size = float(np.ptp(finite, axis=0).max()) if len(finite) else 0.0
        if _HEAD_SIZES_METRES[0] <= size <= _HEAD_SIZES_METRES[1]:
            raw.unit_metres = 1.0
        return raw

    def _part(self, primitive: dict[str, Any], instance: Instance) -> Part:
        read, triangles = open_primitive(self.file, primitive)
        material = self.file.entry("materials", primitive["material"]) if "material" in primitive else {}
        colour = material_colour({} if self.bare else material, "COLOR_0" in attribute_names(primitive))
        points, mirrored = place(self.file, read, primitive, instance)
        triangles = np.ascontiguousarray(triangles[:, ::-1] if mirrored else triangles)
        name = readable(str(material.get("name", ""))) if "material" in primitive else None
        self.runs.append((name, len(triangles)))
        part = Part(
            points, triangles, name or "a part without a name", np.array(colour.factor), colour.visible
        )
        self._place_texture(part, read, colour)
        part.colours = self._vertex_colours(part, read, sorted(attribute_names(primitive)))
        return part

    def _vertex_colours(self, part: Part, read: Read, names: list[str]) -> np.ndarray | None:
        """COLOR_0 times the material's factor, linear by the specification; or what stands in for it."""
        name = "COLOR_0" if "COLOR_0" in names else None
        if name is None and part.texture < 0:
            name = next((n for n in names if _OTHER_COLOURS.fullmatch(n)), None)
            if name is not None:
                self.notes.append(f"colour read from the attribute {name}, as it has no COLOR_0")
        values = None if name is None else read(name)
        if values is None or values.shape[1] < 3:
            return None
        linear = normalised(values[:, :3]).astype(np.float64)
        if linear.size and np.nanmax(linear) > _HDR:
            linear /= 255.0
            self.notes.append(f"{name} runs to {255 * np.nanmax(linear):.0f} and was taken as 0..255")
        if part.texture >= 0 and linear.size and np.nanmin(linear) < _WHITE:
            self.notes.append(f"vertex colours on top of an image were left out: {part.material}")
        return linear if (part.flat == 1.0).all() else linear * part.flat

    def _place_texture(self, part: Part, read: Read, colour: MaterialColour) -> None:
        slot = colour.slot
        transform = slot.get("extensions", {}).get("KHR_texture_transform", {})
        channel = transform.get("texCoord", slot.get("texCoord", 0))
        uv = read(f"TEXCOORD_{channel}")
        if uv is None:
            if slot:
                self.notes.append(
                    f"{part.material} has an image but its mesh no TEXCOORD_{channel}: no colour there"
                )
            return
        uv = _texture_transform(columns(uv, 2).astype(np.float64), transform)
        part.corner_uvs = np.stack([uv[:, 0], 1.0 - uv[:, 1]], axis=1)[part.triangles]
        if slot and part.visible and not self.ignore_textures:
            texture = self.file.entry("textures", slot["index"])
            part.texture = self._texture(texture, colour)
            self._wrap(part.corner_uvs, texture.get("sampler"))
            self.notes += [colour.note] if colour.note else []

    def _wrap(self, corner_uvs: np.ndarray, sampler: int | None) -> None:
        """Clamps or mirrors UVs beyond 0..1 where the sampler says so; repeating is left to the loader."""
        modes = {} if sampler is None else self.file.entry("samplers", sampler)
        for axis, name in enumerate(("wrapS", "wrapT")):
            along = corner_uvs[..., axis]
            if modes.get(name) == _CLAMP:
                np.clip(along, 0.0, 1.0, out=along)
            elif modes.get(name) == _MIRROR:
                tile = np.floor(along.mean(axis=1, keepdims=True))
                odd = tile % 2 == 1
                along[:] = np.where(odd, 1.0 - (along - tile), along - tile)

    def _texture(self, texture: dict[str, Any], colour: MaterialColour) -> int:
        """Its number, -1 where it has no image; one for all materials that make the same of an image."""
        source = image_source(self.file, texture)
        if source is None:
            self.notes.append("a texture names no image: no colour there")
            return -1
        cutoff = None if source in self.without_alpha else colour.cutoff
        key = (source, colour.factor, cutoff)
        if key not in self.texture_of:
            pixels = self._image(self.file.entry("images", source))
            if not has_alpha(pixels):
                self.without_alpha.add(source)
                key = (source, colour.factor, None)
            elif cutoff is None and (pixels[..., -1] == 0).any():
                self.notes.append("its image is transparent in places, which an opaque material ignores")
            self.texture_of[key] = len(self.textures)
            self.textures.append(tinted(to_rgb8(pixels, cutoff), colour.factor))
        return self.texture_of[key]

    def _image(self, entry: dict[str, Any]) -> np.ndarray:
        data = (
            self.file.view(entry["bufferView"]) if "bufferView" in entry else self.file.resource(entry["uri"])
        )
        pixels = decode_image(data)
        if pixels is None:
            name = str(entry.get("uri", entry.get("name", "embedded")))[:60]
            raise MienError(
                f"{self.path}: its texture {name!r} is {what_it_is(data)}; "
                "export it with PNG or JPEG, or give --albedo IMAGE"
            )
        return pixels


def _texture_transform(uv: np.ndarray, transform: dict[str, Any]) -> np.ndarray:
    """KHR_texture_transform: scale, then rotate, then offset, in glTF's own (v down) space."""
    angle = transform.get("rotation", 0.0)
    u, v = (uv * transform.get("scale", (1.0, 1.0))).T
    turned = [np.cos(angle) * u + np.sin(angle) * v, np.cos(angle) * v - np.sin(angle) * u]
    return np.stack(turned, axis=1) + np.array(transform.get("offset", (0.0, 0.0)))
