"""glTF 2.0 and GLB: every mesh of the scene in world coordinates, Draco included."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from mien.core.conventions import linear_to_srgb
from mien.core.errors import MienError
from mien.geometry.align import transformed
from mien.meshio.images import decode_image, to_rgb8
from mien.meshio.raw_mesh import RawMesh

_CUT = "the file looks cut off, export or copy it again"
_COMPONENT = {5120: "i1", 5121: "u1", 5122: "i2", 5123: "u2", 5125: "u4", 5126: "f4"}
_WIDTH = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_HEAD_SIZES_METRES = (0.05, 0.6)
_CLAMP, _MIRROR = 33071, 33648  # OpenGL's numbers
_MODES = {4: "triangles", 5: "strip", 6: "fan"}
_SUPPORTED = {
    "KHR_draco_mesh_compression", "KHR_texture_transform", "KHR_mesh_quantization", "EXT_texture_webp",
}  # fmt: skip


def read_gltf(path: Path, *, ignore_textures: bool = False) -> RawMesh:
    """All triangle primitives of the default scene. glTF's v points down: flipped here, at the border.

    The specification's metre is believed only when the whole is as large as a head (5 to 60 cm):
    scans are often exported in whatever unit they came in.
    """
    try:
        return _Document(path, ignore_textures).mesh()
    except (KeyError, IndexError, ValueError, TypeError, struct.error) as error:
        raise MienError(f"{path}: is not a complete glTF 2.0 file ({error!r}); {_CUT}") from error


class _Document:
    """One file with what it refers to; lives for the time of reading."""

    def __init__(self, path: Path, ignore_textures: bool) -> None:
        self.path = path
        self.read: list[Path] = []
        self.ignore_textures = ignore_textures
        self.binary = b""
        self.json: dict[str, Any] = self._parse(path.read_bytes())
        unknown = set(self.json.get("extensionsRequired", [])) - _SUPPORTED
        if unknown:
            raise MienError(f"{path}: needs the glTF extension {sorted(unknown)[0]}, which is not supported; "
                            "export without it (Draco is fine)")  # fmt: skip
        self.buffers = [self._resource(b, self.binary) for b in self.json.get("buffers", [])]
        self.textures: list[np.ndarray] = []
        self.texture_of_image: dict[int, int] = {}

    def _parse(self, data: bytes) -> dict[str, Any]:
        if data[:4] != b"glTF":
            return json.loads(data)
        _, version, length = struct.unpack_from("<4sII", data)
        if version != 2 or length > len(data):
            raise MienError(f"{self.path}: GLB version {version}, {len(data)} of {length} bytes; {_CUT}")
        document: dict[str, Any] = {}
        at = 12
        while at + 8 <= length:
            size, kind = struct.unpack_from("<I4s", data, at)
            chunk = data[at + 8 : at + 8 + size]
            if kind == b"JSON":
                document = json.loads(chunk)
            elif kind == b"BIN\0":
                self.binary = chunk
            at += 8 + size
        return document

    def _resource(self, entry: dict[str, Any], embedded: bytes) -> bytes:
        uri = entry.get("uri")
        if uri is None:
            return embedded
        if uri.startswith("data:"):
            return base64.b64decode(uri.split(",", 1)[1])
        file = self.path.parent / unquote(uri)
        if not file.is_file():
            raise MienError(f"{file}: named by {self.path.name} but does not exist; place it beside the scan")
        self.read.append(file)
        return file.read_bytes()

    def mesh(self) -> RawMesh:
        parts = [
            self._primitive(primitive, transform)
            for mesh, transform in self._instances()
            for primitive in self.json["meshes"][mesh]["primitives"]
            if primitive.get("mode", 4) in _MODES
        ]
        if not parts:
            return RawMesh(np.zeros((0, 3)), np.zeros((0, 3), np.int64))
        raw = _join(parts)
        raw.textures, raw.read = self.textures, self.read
        size = float(np.ptp(raw.vertices, axis=0).max()) if np.isfinite(raw.vertices).all() else 0.0
        if _HEAD_SIZES_METRES[0] <= size <= _HEAD_SIZES_METRES[1]:
            raw.unit_metres = 1.0
        return raw

    def _instances(self) -> list[tuple[int, np.ndarray]]:
        """(mesh, world transform) of every node of the default scene that has a mesh."""
        nodes = self.json.get("nodes", [])
        if not nodes:
            return [(i, np.eye(4)) for i in range(len(self.json.get("meshes", [])))]
        children = {c for node in nodes for c in node.get("children", [])}
        roots = [i for i in range(len(nodes)) if i not in children]
        if "scenes" in self.json:
            roots = self.json["scenes"][self.json.get("scene", 0)].get("nodes", [])
        found: list[tuple[int, np.ndarray]] = []
        stack = [(root, np.eye(4), 0) for root in reversed(roots)]
        while stack:
            index, parent, depth = stack.pop()
            if depth > len(nodes):
                raise ValueError("the nodes form a cycle")
            world = parent @ _local(nodes[index])
            if "mesh" in nodes[index]:
                found.append((nodes[index]["mesh"], world))
            stack += [(c, world, depth + 1) for c in reversed(nodes[index].get("children", []))]
        return found

    def _primitive(self, primitive: dict[str, Any], transform: np.ndarray) -> RawMesh:
        compressed = primitive.get("extensions", {}).get("KHR_draco_mesh_compression")
        attributes, triangles = self._draco(primitive, compressed) if compressed else self._plain(primitive)
        points = attributes["POSITION"].astype(np.float64)
        if triangles.size and triangles.max() >= len(points):
            raise ValueError("a face names a vertex that does not exist")
        if np.linalg.det(transform[:3, :3]) < 0:
            triangles = triangles[:, ::-1]
        raw = RawMesh(transformed(transform, points), np.ascontiguousarray(triangles))
        raw.triangle_texture = np.full(len(triangles), -1)
        if "COLOR_0" in attributes:  # linear by the specification
            linear = attributes["COLOR_0"][:, :3].astype(np.float64)
            raw.vertex_colours = linear_to_srgb(np.clip(linear, 0.0, 1.0))
        self._place_texture(raw, primitive, attributes)
        return raw

    def _place_texture(self, raw: RawMesh, primitive: dict, attributes: dict[str, np.ndarray]) -> None:
        material = self.json["materials"][primitive["material"]] if "material" in primitive else {}
        slot = material.get("pbrMetallicRoughness", {}).get("baseColorTexture", {})
        transform = slot.get("extensions", {}).get("KHR_texture_transform", {})
        channel = transform.get("texCoord", slot.get("texCoord", 0))
        uv = attributes.get(f"TEXCOORD_{0 if self.ignore_textures else channel}")
        if uv is None:
            return
        uv = uv.astype(np.float64)
        if not self.ignore_textures:
            uv = _texture_transform(uv, transform)
        raw.corner_uvs = np.stack([uv[:, 0], 1.0 - uv[:, 1]], axis=1)[raw.triangles]
        if slot and not self.ignore_textures:
            raw.triangle_texture = np.full(len(raw.triangles), self._texture(slot["index"]))
            self._wrap(raw.corner_uvs, self.json["textures"][slot["index"]].get("sampler"))

    def _wrap(self, corner_uvs: np.ndarray, sampler: int | None) -> None:
        """Clamps or mirrors UVs beyond 0..1 where the sampler says so; repeating is left to the loader."""
        modes = {} if sampler is None else self.json["samplers"][sampler]
        for axis, name in enumerate(("wrapS", "wrapT")):
            along = corner_uvs[..., axis]
            if modes.get(name) == _CLAMP:
                np.clip(along, 0.0, 1.0, out=along)
            elif modes.get(name) == _MIRROR:
                tile = np.floor(along.mean(axis=1, keepdims=True))
                odd = tile % 2 == 1
                along[:] = np.where(odd, 1.0 - (along - tile), along - tile)

    def _texture(self, index: int) -> int:
        entry = self.json["textures"][index]
        source = entry.get("source", entry.get("extensions", {}).get("EXT_texture_webp", {}).get("source"))
        if source not in self.texture_of_image:
            self.texture_of_image[source] = len(self.textures)
            self.textures.append(self._image(self.json["images"][source]))
        return self.texture_of_image[source]

    def _image(self, entry: dict[str, Any]) -> np.ndarray:
        data = self._view(entry["bufferView"]) if "bufferView" in entry else self._resource(entry, b"")
        pixels = decode_image(data)
        if pixels is None:
            name = entry.get("uri", entry.get("name", "embedded"))[:60]
            raise MienError(f"{self.path}: its texture {name!r} is not a readable image; give --albedo IMAGE")
        return to_rgb8(pixels)

    def _view(self, index: int) -> bytes:
        view = self.json["bufferViews"][index]
        start = view.get("byteOffset", 0)
        data = self.buffers[view["buffer"]][start : start + view["byteLength"]]
        if len(data) < view["byteLength"]:
            raise ValueError(f"buffer view {index} reaches past the end")
        return data

    def _accessor(self, index: int) -> np.ndarray:
        """Its values as (count, width); normalised integers as floats."""
        accessor = self.json["accessors"][index]
        kind, width = np.dtype("<" + _COMPONENT[accessor["componentType"]]), _WIDTH[accessor["type"]]
        count = accessor["count"]
        values = np.zeros((count, width), kind)
        if "bufferView" in accessor:
            view = self.json["bufferViews"][accessor["bufferView"]]
            data = self._view(accessor["bufferView"])
            strides = (view.get("byteStride", kind.itemsize * width), kind.itemsize)
            offset = accessor.get("byteOffset", 0)
            values = np.ndarray((count, width), kind, data, offset, strides).copy()
        if accessor.get("normalized"):
            return np.maximum(values / float(np.iinfo(kind).max), -1.0)
        return values

    def _plain(self, primitive: dict[str, Any]) -> tuple[dict[str, np.ndarray], np.ndarray]:
        attributes = {
            name: self._accessor(i)
            for name, i in primitive["attributes"].items()
            if name.startswith(("POSITION", "TEXCOORD", "COLOR_0"))
        }
        if "indices" in primitive:
            order = self._accessor(primitive["indices"])[:, 0].astype(np.int64)
        else:
            order = np.arange(len(attributes["POSITION"]))
        return attributes, _triangles(order, _MODES[primitive.get("mode", 4)])

    def _draco(self, primitive: dict, extension: dict) -> tuple[dict[str, np.ndarray], np.ndarray]:
        import DracoPy

        decoded = DracoPy.decode(self._view(extension["bufferView"]))
        by_id = {a["unique_id"]: np.asarray(a["data"]) for a in decoded.attributes}
        attributes: dict[str, np.ndarray] = {}
        for name, unique_id in extension["attributes"].items():
            if name.startswith(("POSITION", "TEXCOORD", "COLOR_0")):
                values = by_id[unique_id]
                if name == "COLOR_0" and np.issubdtype(values.dtype, np.integer):
                    values = values / float(np.iinfo(values.dtype).max)
                attributes[name] = values
        return attributes, np.asarray(decoded.faces, np.int64).reshape(-1, 3)


def _local(node: dict[str, Any]) -> np.ndarray:
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    x, y, z, w = node.get("rotation", (0.0, 0.0, 0.0, 1.0))
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    local = np.eye(4)
    local[:3, :3] = rotation * np.array(node.get("scale", (1.0, 1.0, 1.0)))
    local[:3, 3] = node.get("translation", (0.0, 0.0, 0.0))
    return local


def _triangles(order: np.ndarray, mode: str) -> np.ndarray:
    if mode == "triangles":
        return order[: len(order) // 3 * 3].reshape(-1, 3)
    i = np.arange(max(len(order) - 2, 0))
    if mode == "fan":
        return order[np.stack([np.zeros_like(i), i + 1, i + 2], axis=1)]
    odd = i % 2
    return order[np.stack([i, i + 1 + odd, i + 2 - odd], axis=1)]


def _texture_transform(uv: np.ndarray, transform: dict[str, Any]) -> np.ndarray:
    """KHR_texture_transform: scale, then rotate, then offset, in glTF's own (v down) space."""
    angle = transform.get("rotation", 0.0)
    u, v = (uv * transform.get("scale", (1.0, 1.0))).T
    turned = [np.cos(angle) * u + np.sin(angle) * v, np.cos(angle) * v - np.sin(angle) * u]
    return np.stack(turned, axis=1) + np.array(transform.get("offset", (0.0, 0.0)))


def _join(parts: list[RawMesh]) -> RawMesh:
    """Several meshes as one; what only some of them have is filled with white or no texture."""
    offsets = np.cumsum([0] + [len(p.vertices) for p in parts[:-1]])
    raw = RawMesh(
        np.concatenate([p.vertices for p in parts]),
        np.concatenate([p.triangles + o for p, o in zip(parts, offsets, strict=True)]),
    )
    if any(p.corner_uvs is not None for p in parts):
        missing = [np.full((len(p.triangles), 3, 2), np.nan) for p in parts]
        pairs = zip(parts, missing, strict=True)
        raw.corner_uvs = np.concatenate([p.corner_uvs if p.corner_uvs is not None else m for p, m in pairs])
    textures = np.concatenate([p.triangle_texture for p in parts if p.triangle_texture is not None])
    if (textures >= 0).any():
        raw.triangle_texture = textures
    if any(p.vertex_colours is not None for p in parts):
        white = [np.ones_like(p.vertices) for p in parts]
        pairs = zip(parts, white, strict=True)
        raw.vertex_colours = np.concatenate(
            [p.vertex_colours if p.vertex_colours is not None else w for p, w in pairs]
        )
    return raw
