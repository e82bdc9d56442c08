"""Small scans written to disk in every format, for the tests of the scan room."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path

import numpy as np

# The four quadrants of a texture as (u, v) with the origin bottom-left, and their colours.
QUADRANTS = {
    (0.25, 0.25): (255, 0, 0),
    (0.75, 0.25): (0, 255, 0),
    (0.25, 0.75): (0, 0, 255),
    (0.75, 0.75): (255, 255, 0),
}


def write_quadrants(path: Path, size: int = 64) -> Path:
    """A PNG whose quadrants have the colours of `QUADRANTS`."""
    import cv2

    image = np.zeros((size, size, 3), np.uint8)
    half = size // 2
    for (u, v), colour in QUADRANTS.items():
        rows = slice(half, size) if v < 0.5 else slice(0, half)
        columns = slice(0, half) if u < 0.5 else slice(half, size)
        image[rows, columns] = colour[::-1]
    path.write_bytes(cv2.imencode(".png", image)[1].tobytes())
    return path


def grid(n: int = 9) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A gently curved n x n sheet over the unit square: vertices, triangles, and one UV a vertex (= x, y)."""
    y, x = np.mgrid[0:n, 0:n] / (n - 1.0)
    vertices = np.stack([x, y, 0.2 * np.sin(3 * x) * np.cos(2 * y)], axis=-1).reshape(-1, 3)
    i = np.arange(n * n).reshape(n, n)[:-1, :-1].ravel()
    triangles = np.concatenate([np.stack([i, i + 1, i + n + 1], 1), np.stack([i, i + n + 1, i + n], 1)])
    return vertices, triangles, vertices[:, :2].copy()


def obj_text(vertices, triangles, uvs=None, colours=None, head: str = "") -> str:
    lines = [head] if head else []
    extra = colours if colours is not None else np.zeros((len(vertices), 0))
    lines += ["v " + " ".join(f"{x:.9g}" for x in row) for row in np.hstack([vertices, extra])]
    if uvs is not None:
        lines += [f"vt {u:.9g} {v:.9g}" for u, v in uvs]
        lines += ["f " + " ".join(f"{i + 1}/{i + 1}" for i in t) for t in triangles]
    else:
        lines += ["f " + " ".join(str(i + 1) for i in t) for t in triangles]
    return "\n".join(lines) + "\n"


def gltf_document(
    vertices, triangles, uvs=None, *, image: bytes | None = None, colours=None, node=None
) -> tuple[dict, bytes]:
    """A one-mesh glTF and its buffer. `uvs` are written as given: v from the top."""
    chunks = [np.asarray(triangles, np.uint32).tobytes(), np.asarray(vertices, np.float32).tobytes()]
    accessors = [_accessor(0, 5125, triangles.size, "SCALAR"), _accessor(1, 5126, len(vertices), "VEC3")]
    attributes = {"POSITION": 1}
    for name, values, kind in (("TEXCOORD_0", uvs, "VEC2"), ("COLOR_0", colours, "VEC3")):
        if values is not None:
            attributes[name] = len(chunks)
            accessors.append(_accessor(len(chunks), 5126, len(values), kind))
            chunks.append(np.asarray(values, np.float32).tobytes())
    primitive = {"attributes": attributes, "indices": 0}
    document = {"asset": {"version": "2.0"}, "nodes": [{"mesh": 0, **(node or {})}], "meshes": [{"primitives": [primitive]}],
                "scenes": [{"nodes": [0]}], "scene": 0, "accessors": accessors}  # fmt: skip
    if image is not None:
        chunks.append(image)
        primitive["material"] = 0
        document["materials"] = [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}]
        document["textures"] = [{"source": 0}]
        document["images"] = [{"bufferView": len(chunks) - 1, "mimeType": "image/png"}]
    _add_buffer(document, chunks)
    return document, b"".join(_padded(c) for c in chunks)


def draco_document(vertices, triangles, uvs) -> tuple[dict, bytes]:
    """The same, Draco-compressed."""
    import DracoPy

    chunk = DracoPy.encode(
        vertices.astype(np.float32), triangles.astype(np.uint32), quantization_bits=16, compression_level=4,
        tex_coord=uvs.astype(np.float64),
    )  # fmt: skip
    ids = {a["attribute_type"]: a["unique_id"] for a in DracoPy.decode(chunk).attributes}
    extension = {"bufferView": 0, "attributes": {"POSITION": ids[0], "TEXCOORD_0": ids[3]}}
    primitive = {"attributes": {"POSITION": 1, "TEXCOORD_0": 2}, "indices": 0,
                 "extensions": {"KHR_draco_mesh_compression": extension}}  # fmt: skip
    document = {
        "asset": {"version": "2.0"}, "extensionsRequired": ["KHR_draco_mesh_compression"],
        "nodes": [{"mesh": 0}], "meshes": [{"primitives": [primitive]}],
        "accessors": [{"componentType": 5125, "count": triangles.size, "type": "SCALAR"},
                      {"componentType": 5126, "count": len(vertices), "type": "VEC3"},
                      {"componentType": 5126, "count": len(vertices), "type": "VEC2"}],
    }  # fmt: skip
    _add_buffer(document, [chunk])
    return document, _padded(chunk)


def glb(document: dict, binary: bytes) -> bytes:
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    body = (
        struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary
    )
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body


def embedded_gltf(document: dict, binary: bytes) -> str:
    uri = "data:application/octet-stream;base64," + base64.b64encode(binary).decode()
    return json.dumps({**document, "buffers": [{"byteLength": len(binary), "uri": uri}]})


def _accessor(view: int, component: int, count: int, kind: str) -> dict:
    return {"bufferView": view, "componentType": component, "count": int(count), "type": kind}


def _add_buffer(document: dict, chunks: list[bytes]) -> None:
    views, at = [], 0
    for chunk in chunks:
        views.append({"buffer": 0, "byteOffset": at, "byteLength": len(chunk)})
        at += len(_padded(chunk))
    document["bufferViews"] = views
    document["buffers"] = [{"byteLength": at}]


def _padded(chunk: bytes) -> bytes:
    return chunk + b"\0" * (-len(chunk) % 4)
