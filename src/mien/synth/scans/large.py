"""Scans as large as studios have them: a random head with millions of triangles and 8K textures, as files."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from mien.core.conventions import shape_weights
from mien.core.face import Template
from mien.geometry.normals import vertex_normals
from mien.synth.random_heads import random_head
from mien.textures.invented_skin import generated_skin

FORMATS = ("obj", "udim", "glb", "ply")
NOISE_METRES = 0.00003
_PORE_METRES, _PORE_WAVELENGTH = 0.00006, 0.0011
_GENERATED_TEXELS = 1024
_UNIT = 1000.0  # written in millimetres, as most scanners do


@dataclass(frozen=True)
class LargeScan:
    """A dense head (metres), with UVs of its own and three materials of one texture each.

    `corner` indexes `uvs` at each triangle's corners, `material` is 0, 1 or 2 (face, left and right of the
    head); each material's UVs lie in its own 0..1 square.
    """

    vertices: Float[np.ndarray, "N 3"]
    triangles: Int[np.ndarray, "M 3"]
    uvs: Float[np.ndarray, "U 2"]
    corner: Int[np.ndarray, "M 3"]
    material: Int[np.ndarray, " M"]
    textures: tuple[UInt8[np.ndarray, "H W 3"], ...]


def large_scan(template: Template, seed: int, triangles: int = 5_000_000, texels: int = 8192) -> LargeScan:
    """At least `triangles` triangles of a random head with closed eyes, sensor noise and pores.

    Textures are generated skin, enlarged, with noise of their own; the same seed gives the same scan.
    """
    rng = np.random.default_rng(seed)
    coarse, coarse_corner, coarse_material = _seen(template)
    n = int(np.ceil(np.sqrt(triangles / len(coarse))))
    head = random_head(seed) + np.tensordot(
        shape_weights({"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}), template.shapes, axes=1
    )
    faces, corners, weights = split_triangles(coarse, n)
    vertices = _smooth_surface(head, vertex_normals(head, coarse), corners, weights)
    vertices += _roughness(vertices, rng)[:, None] * vertex_normals(vertices, faces)
    uv_faces, uv_corners, uv_weights = split_triangles(coarse_corner, n)
    uvs = np.einsum("nk,nkd->nd", uv_weights, template.topology.uvs[uv_corners])
    textures = _textures(template, seed, texels, rng)
    return LargeScan(vertices, faces, uvs, uv_faces, np.repeat(coarse_material, n * n), textures)


def _seen(template: Template) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Triangles of face and head, their UV indices, and 0 for the face, 1 and 2 for the head's sides."""
    topology = template.topology
    triangles, corner, material = [], [], []
    for part in (template.part("face"), template.part("head")):
        rows = slice(2 * part.quads.start, 2 * part.quads.stop)
        triangles.append(topology.triangles[rows])
        corner.append(topology.triangle_uvs[rows])
        side = template.vertices[triangles[-1], 0].mean(axis=1) < 0
        material.append(np.where(side, 2, 1) if part.name == "head" else np.zeros(len(side), int))
    return np.concatenate(triangles), np.concatenate(corner), np.concatenate(material)


def split_triangles(
    triangles: Int[np.ndarray, "M 3"], n: int
) -> tuple[Int[np.ndarray, "K 3"], Int[np.ndarray, "P 3"], Float[np.ndarray, "P 3"]]:
    """Each triangle as n x n smaller ones, connected: (triangles, and per point corner indices and weights).

    Points on a shared edge are shared. Triangles n*n*i .. n*n*(i + 1) - 1 come from triangle i.
    """
    used, local = np.unique(triangles, return_inverse=True)
    local = local.reshape(-1, 3)
    sides = np.sort(local[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    edges, edge_of = np.unique(sides, axis=0, return_inverse=True)
    edge_of = edge_of.reshape(-1, 3)
    step = np.arange(1, n) / n
    inner = np.array([(i, j) for i in range(1, n) for j in range(1, n - i)], int).reshape(-1, 2)
    corners = np.concatenate(
        [
            np.repeat(np.arange(len(used))[:, None], 3, axis=1),
            np.repeat(edges[:, [0, 1, 1]], n - 1, axis=0),
            np.repeat(local, len(inner), axis=0),
        ]
    )
    on_edge = np.stack([1 - step, step, np.zeros(n - 1)], axis=1)
    inside = np.stack([n - inner.sum(axis=1), inner[:, 0], inner[:, 1]], axis=1) / n
    at_corner = np.tile([1.0, 0.0, 0.0], (len(used), 1))
    weights = np.concatenate(
        [at_corner, np.tile(on_edge, (len(edges), 1)), np.tile(inside, (len(triangles), 1))]
    )
    lattice = _lattice(local, edges, edge_of, len(used), inner, n)
    i, j = np.array([(i, j) for i in range(n) for j in range(n - i)]).T
    up = np.stack([lattice[:, i, j], lattice[:, i + 1, j], lattice[:, i, j + 1]], axis=2)
    i, j = np.array([(i, j) for i in range(n) for j in range(n - i - 1)], int).reshape(-1, 2).T
    down = np.stack([lattice[:, i + 1, j], lattice[:, i + 1, j + 1], lattice[:, i, j + 1]], axis=2)
    return np.concatenate([up, down], axis=1).reshape(-1, 3), used[corners], weights


def _lattice(
    local: np.ndarray, edges: np.ndarray, edge_of: np.ndarray, n_corners: int, inner: np.ndarray, n: int
) -> Int[np.ndarray, "M L L"]:
    """Point numbers per triangle: [i, j] lies i steps toward its second and j toward its third corner."""
    lattice = np.full((len(local), n + 1, n + 1), -1)
    for k, (i, j) in enumerate(((0, 0), (n, 0), (0, n))):
        lattice[:, i, j] = local[:, k]
    steps = np.arange(1, n)
    sides = ((steps, 0 * steps), (n - steps, steps), (0 * steps, n - steps))
    for k, (rows, columns) in enumerate(sides):
        along = n_corners + edge_of[:, k, None] * (n - 1) + steps - 1
        backward = edges[edge_of[:, k], 0] != local[:, k]
        lattice[:, rows, columns] = np.where(backward[:, None], along[:, ::-1], along)
    first = n_corners + len(edges) * (n - 1)
    if len(inner):
        block = first + np.arange(len(local))[:, None] * len(inner) + np.arange(len(inner))
        lattice[:, inner[:, 0], inner[:, 1]] = block
    return lattice


def _smooth_surface(
    head: np.ndarray, normals: np.ndarray, corners: np.ndarray, weights: np.ndarray
) -> Float[np.ndarray, "P 3"]:
    """Phong tessellation (Boubekeur and Alexa 2008, eq. 4), alpha = 3/4."""
    flat = np.einsum("nk,nkd->nd", weights, head[corners])
    bulge = np.zeros_like(flat)
    for k in range(3):
        normal = normals[corners[:, k]]
        height = np.einsum("nd,nd->n", head[corners[:, k]] - flat, normal)
        bulge += (weights[:, k] * height)[:, None] * normal
    return flat + 0.75 * bulge


def _roughness(vertices: np.ndarray, rng: np.random.Generator) -> Float[np.ndarray, " N"]:
    """Pores as a sum of waves in random directions, and independent noise of the sensor."""
    waves = rng.normal(size=(12, 3))
    waves *= 2 * np.pi / _PORE_WAVELENGTH / np.linalg.norm(waves, axis=1, keepdims=True)
    pores = sum(
        np.sin(vertices @ wave + phase) for wave, phase in zip(waves, 6.28 * rng.random(12), strict=True)
    )
    return _PORE_METRES / np.sqrt(6) * pores + NOISE_METRES * rng.normal(size=len(vertices))


def _textures(template: Template, seed: int, texels: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    skin = generated_skin(template, 0.35, seed, min(texels, _GENERATED_TEXELS))
    textures = []
    for name in ("face", "head", "head"):
        small = (255 * skin[name].pixels + 0.5).astype(np.uint8)
        large = cv2.resize(small, (texels, texels), interpolation=cv2.INTER_CUBIC)
        for rows in np.array_split(np.arange(texels), max(1, texels // 512)):
            noise = rng.integers(-6, 7, (len(rows), texels, 1), np.int16)
            large[rows] = np.clip(large[rows] + noise, 0, 255)
        textures.append(large)
    return tuple(textures)


def write_large_scan(scan: LargeScan, folder: Path, kind: str) -> tuple[Path, str | None]:
    """Writes the scan as one of `FORMATS` and returns its file and what to give as `--albedo`.

    "obj" has three materials with a JPEG each, "udim" three tiles of one material, "glb" three primitives
    with embedded JPEGs, "ply" is binary with vertex colours.
    """
    folder.mkdir(parents=True, exist_ok=True)
    writer = {"obj": _write_obj, "udim": _write_udim, "glb": _write_glb, "ply": _write_ply}[kind]
    return writer(scan, folder)


def _jpeg(texture: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", texture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


def _write_obj(scan: LargeScan, folder: Path) -> tuple[Path, None]:
    lines = ["mtllib head.mtl\n"]
    with (folder / "head.mtl").open("w") as mtl:
        for n, texture in enumerate(scan.textures):
            (folder / f"skin{n}.jpg").write_bytes(_jpeg(texture))
            mtl.write(f"newmtl skin{n}\nmap_Kd skin{n}.jpg\n")
    with (folder / "head.obj").open("w") as out:
        out.writelines(lines)
        out.writelines(_rows("v %.5f %.5f %.5f\n", _UNIT * scan.vertices))
        out.writelines(_rows("vt %.7f %.7f\n", scan.uvs))
        for n in range(len(scan.textures)):
            out.write(f"usemtl skin{n}\n")
            rows = scan.material == n
            out.writelines(_rows("f %d/%d %d/%d %d/%d\n", _interleaved(scan, rows)))
    return folder / "head.obj", None


def _write_udim(scan: LargeScan, folder: Path) -> tuple[Path, str]:
    for n, texture in enumerate(scan.textures):
        (folder / f"skin.{1001 + n}.jpg").write_bytes(_jpeg(texture))
    key = scan.corner.astype(np.int64) * len(scan.textures) + scan.material[:, None]
    used, corner = np.unique(key, return_inverse=True)
    uvs = scan.uvs[used // len(scan.textures)]
    uvs[:, 0] += used % len(scan.textures)
    moved = LargeScan(scan.vertices, scan.triangles, uvs, corner.reshape(-1, 3), scan.material, scan.textures)
    with (folder / "head.obj").open("w") as out:
        out.writelines(_rows("v %.5f %.5f %.5f\n", _UNIT * scan.vertices))
        out.writelines(_rows("vt %.7f %.7f\n", uvs))
        out.writelines(
            _rows("f %d/%d %d/%d %d/%d\n", _interleaved(moved, np.ones(len(scan.triangles), bool)))
        )
    return folder / "head.obj", str(folder / "skin.<UDIM>.jpg")


def _interleaved(scan: LargeScan, rows: np.ndarray) -> np.ndarray:
    return 1 + np.stack([scan.triangles[rows], scan.corner[rows]], axis=2).reshape(-1, 6)


def _rows(form: str, values: np.ndarray, block: int = 50_000) -> Iterator[str]:
    for rows in np.array_split(values, max(1, len(values) // block)):
        yield form * len(rows) % tuple(rows.ravel().tolist())


def _write_glb(scan: LargeScan, folder: Path) -> tuple[Path, None]:
    chunks: list[bytes] = []
    accessors: list[dict[str, object]] = []
    primitives: list[dict[str, object]] = []
    for n in range(len(scan.textures)):
        mine = scan.material == n
        wedge = np.stack([scan.triangles[mine], scan.corner[mine]], axis=2).reshape(-1, 2)
        key = wedge[:, 0] * len(scan.uvs) + wedge[:, 1]
        used, index = np.unique(key, return_inverse=True)
        uv = scan.uvs[used % len(scan.uvs)] * [1, -1] + [0, 1]
        columns = ((index, np.uint32, 5125, "SCALAR"),
                   (scan.vertices[used // len(scan.uvs)], np.float32, 5126, "VEC3"),
                   (uv, np.float32, 5126, "VEC2"))  # fmt: skip
        first = len(accessors)
        for values, dtype, component, kind in columns:
            accessors.append({"bufferView": len(chunks), "componentType": component, "type": kind,
                              "count": len(values)})  # fmt: skip
            chunks.append(np.ascontiguousarray(values, dtype).tobytes())
        attributes = {"POSITION": first + 1, "TEXCOORD_0": first + 2}
        primitives.append({"attributes": attributes, "indices": first, "material": n})
    n = len(scan.textures)
    images = [{"bufferView": len(chunks) + i, "mimeType": "image/jpeg"} for i in range(n)]
    chunks += [_jpeg(texture) for texture in scan.textures]
    materials = [{"pbrMetallicRoughness": {"baseColorTexture": {"index": i}}} for i in range(n)]
    document = {
        "asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": primitives}], "accessors": accessors, "materials": materials,
        "textures": [{"source": i} for i in range(n)], "images": images,
    }  # fmt: skip
    return _glb(document, chunks, folder / "head.glb"), None


def _glb(document: dict[str, object], chunks: list[bytes], path: Path) -> Path:
    chunks = [chunk + b"\0" * (-len(chunk) % 4) for chunk in chunks]
    starts = np.cumsum([0] + [len(chunk) for chunk in chunks]).tolist()
    views = [{"buffer": 0, "byteOffset": a, "byteLength": b - a} for a, b in pairwise(starts)]
    text = json.dumps({**document, "bufferViews": views, "buffers": [{"byteLength": starts[-1]}]}).encode()
    text += b" " * (-len(text) % 4)
    with path.open("wb") as out:
        out.write(struct.pack("<4sII", b"glTF", 2, 28 + len(text) + starts[-1]))
        out.write(struct.pack("<I4s", len(text), b"JSON") + text)
        out.write(struct.pack("<I4s", starts[-1], b"BIN\0"))
        out.writelines(chunks)
    return path


def _write_ply(scan: LargeScan, folder: Path) -> tuple[Path, None]:
    vertex = np.zeros(len(scan.vertices), [("xyz", "<f4", 3), ("rgb", "u1", 3)])
    vertex["xyz"] = _UNIT * scan.vertices
    for n, texture in enumerate(scan.textures):
        mine = scan.material == n
        size = np.array(texture.shape[1::-1])
        x, y = (
            np.clip(scan.uvs[scan.corner[mine]] * [1, -1] + [0, 1], 0, 0.99999).reshape(-1, 2).T
            * size[:, None]
        )
        vertex["rgb"][scan.triangles[mine].ravel()] = texture[y.astype(int), x.astype(int)]
    face = np.zeros(len(scan.triangles), [("n", "u1"), ("index", "<i4", 3)])
    face["n"], face["index"] = 3, scan.triangles
    properties = "".join(f"property float {a}\n" for a in "xyz")
    properties += "".join(f"property uchar {c}\n" for c in ("red", "green", "blue"))
    header = (
        f"ply\nformat binary_little_endian 1.0\nelement vertex {len(vertex)}\n{properties}"
        f"element face {len(face)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    path = folder / "head.ply"
    path.write_bytes(header.encode() + vertex.tobytes() + face.tobytes())
    return path, None
