"""A glTF primitive's attributes and triangles, plain or Draco, and where its vertices stand at rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from mien.geometry.align import transformed
from mien.meshio.gltf_file import Broken, GltfFile, normalised
from mien.meshio.gltf_scene import Instance, skinned

MODES = {4: "triangles", 5: "strip", 6: "fan"}
Read = Callable[[str], np.ndarray | None]  # an attribute's values by its name, None where there is none


def attribute_names(primitive: dict[str, Any]) -> set[str]:
    """Its attributes; those of Draco are among them, or should be."""
    return {*primitive["attributes"], *_packed(primitive).get("attributes", {})}


def open_primitive(file: GltfFile, primitive: dict[str, Any]) -> tuple[Read, Int[np.ndarray, "M 3"]]:
    """What reads its attributes, one row a vertex, and its triangles."""
    packed = _packed(primitive)
    read, triangles = _draco(file, primitive, packed) if packed else _plain(file, primitive)
    positions = columns(read("POSITION"), 3)
    n = len(positions)
    if triangles.size and triangles.max() >= n:
        raise Broken(f"a face names vertex {triangles.max()} of {n} (counted from 0)")

    def of_vertices(name: str) -> np.ndarray | None:
        values = positions if name == "POSITION" else read(name)
        if values is not None and len(values) < n:
            raise Broken(f"{name} has {len(values)} values for {n} vertices")
        return None if values is None else values[:n]

    return of_vertices, triangles


def place(
    file: GltfFile, read: Read, primitive: dict[str, Any], instance: Instance
) -> tuple[Float[np.ndarray, "N 3"], bool]:
    """World coordinates at rest, and whether they are mirrored."""
    points = columns(read("POSITION"), 3).astype(np.float64)
    for weight, target in zip(instance.weights, primitive.get("targets", []), strict=False):
        if weight and "POSITION" in target:
            points += weight * file.accessor(target["POSITION"], 3)
            file.notes.append("its morph targets stand at the weights that the file gives them")
    joints, weights = _influences(read)
    if instance.joints is not None and joints is not None:
        return skinned(points, joints, weights, instance.joints)
    transform = instance.transform
    return transformed(transform, points), bool(np.linalg.det(transform[:3, :3]) < 0)


def columns(values: np.ndarray | None, width: int) -> np.ndarray:
    """The values, if there are so many a vertex."""
    if values is None or values.shape[1] != width:
        got = "nothing" if values is None else f"{values.shape[1]} numbers"
        raise Broken(f"an attribute has {got} a vertex, expected {width}")
    return values


def _influences(read: Read) -> tuple[np.ndarray | None, np.ndarray]:
    """All sets of JOINTS_n and WEIGHTS_n side by side."""
    joints: list[np.ndarray] = []
    weights: list[np.ndarray] = []
    while (joint := read(f"JOINTS_{len(joints)}")) is not None:
        joints.append(joint.astype(np.int64))
        weights.append(normalised(columns(read(f"WEIGHTS_{len(weights)}"), joint.shape[1])))
    return (np.hstack(joints), np.hstack(weights).astype(np.float64)) if joints else (None, np.zeros((0, 0)))


def _packed(primitive: dict[str, Any]) -> dict[str, Any]:
    return primitive.get("extensions", {}).get("KHR_draco_mesh_compression", {})


def _plain(file: GltfFile, primitive: dict[str, Any]) -> tuple[Read, np.ndarray]:
    attributes = primitive["attributes"]

    def read(name: str) -> np.ndarray | None:
        return file.accessor(attributes[name]) if name in attributes else None

    if "indices" in primitive:
        indices = file.accessor(primitive["indices"], 1)
        if indices.dtype.kind != "u":
            raise Broken(f"its faces name vertices by numbers of type {indices.dtype}")
        order = indices[:, 0].astype(np.int64)
    else:
        order = np.arange(file.count(attributes["POSITION"]))
    return read, _triangles(order, MODES[primitive.get("mode", 4)])


def _draco(file: GltfFile, primitive: dict[str, Any], packed: dict[str, Any]) -> tuple[Read, np.ndarray]:
    """Of a Draco-compressed primitive; attributes that are not in the compressed part are plain."""
    decoded = _decode_draco(bytes(file.view(packed["bufferView"])))
    by_id = {a["unique_id"]: np.asarray(a["data"]) for a in decoded.attributes}
    attributes = primitive["attributes"]

    def read(name: str) -> np.ndarray | None:
        if name not in packed["attributes"]:
            return file.accessor(attributes[name]) if name in attributes else None
        values = by_id[packed["attributes"][name]]
        accessor = file.entry("accessors", attributes[name]) if name in attributes else {}
        return normalised(values) if accessor.get("normalized") else values

    return read, np.asarray(decoded.faces, np.int64).reshape(-1, 3)


def _decode_draco(data: bytes) -> Any:
    import DracoPy

    try:
        return DracoPy.decode(data)
    except (DracoPy.FileTypeException, ValueError, RuntimeError, MemoryError) as error:
        raise Broken(f"its Draco data cannot be read ({error})") from error


def _triangles(order: np.ndarray, mode: str) -> np.ndarray:
    if mode == "triangles":
        return order[: len(order) // 3 * 3].reshape(-1, 3)
    i = np.arange(max(len(order) - 2, 0))
    if mode == "fan":
        return order[np.stack([np.zeros_like(i), i + 1, i + 2], axis=1)]
    odd = i % 2
    return order[np.stack([i, i + 1 + odd, i + 2 - odd], axis=1)]
