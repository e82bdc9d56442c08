"""glTF and GLB: textured, sparse, skinned, strips, Draco."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from tools.mutate_inputs.seeds.parts import Seed, picture, sheet

_WIDTH = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_NUMBER = {"u1": 5121, "u2": 5123, "u4": 5125, "f4": 5126}


def gltf_seeds() -> Iterator[Seed]:
    """In one file and in several."""
    document, chunks = _document()
    png, binary = picture(".png"), _joined(chunks)
    sizes = [len(c) for c in chunks]
    inside = document | {"images": [{"bufferView": len(chunks), "mimeType": "image/png"}]}
    whole = _glb(_with_views(inside, [*sizes, len(png)]), _joined([*chunks, png]))
    for reader in ("scan", "base mesh"):
        yield Seed(f"glb, {reader}", reader, {"s.glb": whole})
    beside = _with_views(document | {"images": [{"uri": "skin.png"}]}, sizes, "s.bin")
    yield Seed("gltf", "scan", {"s.gltf": json.dumps(beside).encode(), "s.bin": binary, "skin.png": png})
    uris = ["data:" + base64.b64encode(data).decode() for data in (png, binary)]
    png_uri, binary_uri = (uri.replace(":", ":application/octet-stream;base64,", 1) for uri in uris)
    alone = _with_views(document | {"images": [{"uri": png_uri}]}, sizes, binary_uri)
    yield Seed("gltf in one file", "scan", {"s.gltf": json.dumps(alone).encode()})
    yield Seed("glb, quantized", "scan", {"s.glb": _quantized()})
    yield Seed("glb, Draco", "scan", {"s.glb": _draco()})


def _document() -> tuple[dict, list[bytes]]:
    """Two nodes with one mesh of two primitives: sparse and skinned; a strip with colours."""
    vertices, triangles, uvs = sheet()
    n = len(vertices)
    moved = np.array([0, 3, 7])
    columns = [
        (triangles, "u2", "SCALAR"), (vertices, "f4", "VEC3"), (uvs, "f4", "VEC2"),
        (np.array([0, 5, 1, 6, 2, 7, 3, 8]), "u2", "SCALAR"), (np.full((n, 4), 200), "u1", "VEC4"),
        (np.tile([1, 0, 0, 0], (n, 1)), "f4", "VEC4"), (np.zeros((n, 4)), "u1", "VEC4"),
        (np.tile(np.eye(4).ravel(), (2, 1)), "f4", "MAT4"),
    ]  # fmt: skip
    chunks = [values.astype("<" + kind).tobytes() for values, kind, _ in columns]
    accessors: list[dict] = [
        {"bufferView": i, "byteOffset": 0, "componentType": _NUMBER[kind], "count": values.size // _WIDTH[of],
         "type": of}
        for i, (values, kind, of) in enumerate(columns)
    ]  # fmt: skip
    accessors[1]["sparse"] = {
        "count": 3,
        "indices": {"bufferView": 8, "byteOffset": 0, "componentType": 5123},
        "values": {"bufferView": 9, "byteOffset": 0},
    }
    accessors[4]["normalized"] = True
    chunks += [moved.astype("<u2").tobytes(), vertices[moved].astype("<f4").tobytes()]
    skinned = {"POSITION": 1, "TEXCOORD_0": 2, "WEIGHTS_0": 5, "JOINTS_0": 6}
    strip = {"attributes": {"POSITION": 1, "TEXCOORD_0": 2, "COLOR_0": 4}, "indices": 3, "mode": 5}
    return {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0, 1]}],
        "nodes": [
            {"mesh": 0, "skin": 0},
            {"mesh": 0, "children": [2], "translation": [0, 0, 2], "rotation": [0, 0, 0, 1]},
            {"scale": [1, 1, 1]},
        ],
        "meshes": [
            {"primitives": [{"attributes": skinned, "indices": 0, "material": 0, "mode": 4}, strip]},
        ],
        "materials": [_material()],
        "textures": [{"source": 0, "sampler": 0}],
        "samplers": [{"wrapS": 33071, "wrapT": 33648}],
        "skins": [{"joints": [1, 2], "inverseBindMatrices": 7}],
        "accessors": accessors,
    }, chunks


def _material() -> dict:
    moved = {"KHR_texture_transform": {"offset": [0.1, 0.0], "scale": [0.9, 0.9], "rotation": 0.1}}
    texture = {"index": 0, "texCoord": 0, "extensions": moved}
    base = {"baseColorFactor": [1, 1, 1, 1], "baseColorTexture": texture}
    return {"pbrMetallicRoughness": base, "alphaMode": "OPAQUE", "emissiveFactor": [0, 0, 0]}


def _quantized() -> bytes:
    """Integers for positions and UVs, WebP, colour in a gloss material."""
    vertices, triangles, uvs = sheet()
    chunks = [
        triangles.astype("u1").tobytes(),
        np.pad(np.round(vertices * 30000).astype("<i2"), ((0, 0), (0, 1))).tobytes(),
        np.round(uvs * 65535).astype("<u2").tobytes(),
        picture(".webp"),
    ]
    gloss = {
        "KHR_materials_pbrSpecularGlossiness": {"diffuseTexture": {"index": 0}, "diffuseFactor": [1, 1, 1, 1]}
    }
    counts = [(5121, triangles.size, "SCALAR"), (5122, len(vertices), "VEC3"), (5123, len(vertices), "VEC2")]
    document: dict[str, Any] = {
        "asset": {"version": "2.0"},
        "extensionsRequired": ["KHR_mesh_quantization"],
        "nodes": [{"mesh": 0, "matrix": np.diag([0.1, 0.1, 0.1, 1.0]).ravel().tolist()}],
        "meshes": [
            {"primitives": [{"attributes": {"POSITION": 1, "TEXCOORD_0": 2}, "indices": 0, "material": 0}]},
        ],
        "materials": [{"extensions": gloss, "alphaMode": "MASK", "alphaCutoff": 0.3}],
        "textures": [{"extensions": {"EXT_texture_webp": {"source": 0}}}],
        "images": [{"bufferView": 3, "mimeType": "image/webp"}],
        "accessors": [
            {"bufferView": i, "componentType": kind, "count": n, "type": of, "normalized": i > 0}
            for i, (kind, n, of) in enumerate(counts)
        ],
    }
    document = _with_views(document, [len(c) for c in chunks])
    document["bufferViews"][1]["byteStride"] = 8
    return _glb(document, _joined(chunks))


def _draco() -> bytes:
    import DracoPy

    vertices, triangles, uvs = sheet()
    chunk = DracoPy.encode(
        vertices.astype(np.float32), triangles.astype(np.uint32), quantization_bits=14, compression_level=4,
        tex_coord=uvs.astype(np.float64),
    )  # fmt: skip
    ids = {a["attribute_type"]: a["unique_id"] for a in DracoPy.decode(chunk).attributes}
    name = "KHR_draco_mesh_compression"
    compressed = {name: {"bufferView": 0, "attributes": {"POSITION": ids[0], "TEXCOORD_0": ids[3]}}}
    primitive = {"attributes": {"POSITION": 1, "TEXCOORD_0": 2}, "indices": 0, "extensions": compressed}
    counts = [(5125, triangles.size, "SCALAR"), (5126, len(vertices), "VEC3"), (5126, len(vertices), "VEC2")]
    document = {
        "asset": {"version": "2.0"},
        "extensionsRequired": [name],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [primitive]}],
        "accessors": [{"componentType": kind, "count": n, "type": of} for kind, n, of in counts],
    }
    return _glb(_with_views(document, [len(chunk)]), _joined([chunk]))


def _joined(chunks: list[bytes]) -> bytes:
    return b"".join(chunk + b"\0" * (-len(chunk) % 4) for chunk in chunks)


def _with_views(document: dict, sizes: list[int], uri: str = "") -> dict:
    views, at = [], 0
    for size in sizes:
        views.append({"buffer": 0, "byteOffset": at, "byteLength": size})
        at += size + -size % 4
    buffer = {"byteLength": at, "uri": uri} if uri else {"byteLength": at}
    return document | {"bufferViews": views, "buffers": [buffer]}


def _glb(document: dict, binary: bytes) -> bytes:
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    chunks = (
        struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary
    )
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks
