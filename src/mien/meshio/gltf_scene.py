"""What a glTF's scene draws: meshes under their nodes' transforms, skins at rest, morph weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from mien.meshio.gltf_file import Broken, GltfFile

_BLOCK = 1 << 17  # points skinned at a time


@dataclass(frozen=True)
class Instance:
    """A mesh as one node draws it. `joints` are its skin's matrices at rest, None where it has no skin;
    `weights` those of its morph targets."""

    mesh: dict[str, Any]
    transform: Float[np.ndarray, "4 4"]
    joints: Float[np.ndarray, "J 4 4"] | None
    weights: list[float]


def instances(file: GltfFile) -> list[Instance]:
    """Everything that the default scene draws; every mesh where that is nothing."""
    drawn = _Nodes(file).drawn()
    unseen = {n["mesh"] for n in file.json.get("nodes", []) if "mesh" in n} - {mesh for mesh, *_ in drawn}
    if drawn and unseen:
        file.notes.append(f"meshes outside its scene, or hidden in it, were left out: {len(unseen)}")
    if not drawn:
        drawn = [(i, np.eye(4), None, {}) for i in range(len(file.json.get("meshes", [])))]
    found = []
    for number, transform, joints, node in drawn:
        mesh = file.entry("meshes", number)
        weights = [float(w) for w in node.get("weights", mesh.get("weights", []))]
        found.append(Instance(mesh, transform, joints, weights))
    return found


_Drawn = tuple[int, np.ndarray, np.ndarray | None, dict[str, Any]]


class _Nodes:
    """The node tree; world transforms are worked out once a node."""

    def __init__(self, file: GltfFile) -> None:
        self.file = file
        self.nodes = file.json.get("nodes", [])
        self.parent = {c: i for i, node in enumerate(self.nodes) for c in node.get("children", [])}
        self.world: dict[int, np.ndarray] = {}

    def drawn(self) -> list[_Drawn]:
        """(mesh, world transform, joint matrices, node) of what the default scene shows, or all nodes."""
        top = [i for i in range(len(self.nodes)) if i not in self.parent]
        scenes = self.file.json.get("scenes", [])
        if scenes:
            shown = self._below(self.file.entry("scenes", self.file.json.get("scene", 0)).get("nodes", []))
            if any("mesh" in self.nodes[i] for i in shown):
                return self._meshes(shown)
        self.world.clear()
        return self._meshes(self._below(top))

    def _meshes(self, shown: list[int]) -> list[_Drawn]:
        found: list[_Drawn] = []
        for index in shown:
            node = self.nodes[index]
            if "mesh" in node:
                joints = self._joints(node["skin"]) if "skin" in node else None
                found.append((node["mesh"], self.world[index], joints, node))
        return found

    def _below(self, roots: list[int]) -> list[int]:
        """These nodes and all below them that are visible, in drawing order."""
        shown: list[int] = []
        for root in sorted(roots, key=lambda r: r in self.parent):  # some list children as roots, too
            if root not in self.world:
                self._walk(root, shown)
        return shown

    def _walk(self, root: int, shown: list[int]) -> None:
        stack = [(root, np.eye(4))]
        while stack:
            index, above = stack.pop()
            node = self.file.entry("nodes", index)
            if index in self.world:
                raise Broken(f"the nodes form a cycle: number {index} is met twice")
            self.world[index] = above @ local_transform(node)
            if not node.get("extensions", {}).get("KHR_node_visibility", {}).get("visible", True):
                continue
            shown.append(index)
            stack += [(c, self.world[index]) for c in reversed(node.get("children", []))]

    def _world(self, index: int) -> np.ndarray:
        """Of any node, also of joints that no scene shows."""
        chain: list[int] = []
        at: int | None = index
        while at is not None and at not in self.world:
            if len(chain) > len(self.nodes):
                raise Broken("the nodes form a cycle")
            chain.append(at)
            at = self.parent.get(at)
        for node in reversed(chain):
            above = self.world[self.parent[node]] if node in self.parent else np.eye(4)
            self.world[node] = above @ local_transform(self.file.entry("nodes", node))
        return self.world[index]

    def _joints(self, index: Any) -> Float[np.ndarray, "J 4 4"]:
        skin = self.file.entry("skins", index)
        worlds = np.stack([self._world(joint) for joint in skin["joints"]])
        if "inverseBindMatrices" not in skin:
            return worlds
        inverse = self.file.accessor(skin["inverseBindMatrices"], 16).astype(np.float64)
        if len(inverse) < len(worlds):
            raise Broken(f"a skin of {len(worlds)} joints has {len(inverse)} inverse bind matrices")
        return worlds @ inverse[: len(worlds)].reshape(-1, 4, 4).transpose(0, 2, 1)


def local_transform(node: dict[str, Any]) -> Float[np.ndarray, "4 4"]:
    """A node's own transform: its matrix, or its translation, rotation (x, y, z, w) and scale."""
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    x, y, z, w = _unit(node.get("rotation", (0.0, 0.0, 0.0, 1.0)))
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


def _unit(quaternion: Any) -> Any:
    """Some exporters write quaternions that are not of unit length; the formula above would then shear."""
    length = float(np.linalg.norm(quaternion))
    return np.array(quaternion) / length if abs(length - 1.0) > 1e-4 and length > 0 else quaternion


def skinned(
    points: Float[np.ndarray, "N 3"],
    joint: Int[np.ndarray, "N K"],
    weight: Float[np.ndarray, "N K"],
    matrices: Float[np.ndarray, "J 4 4"],
) -> tuple[Float[np.ndarray, "N 3"], bool]:
    """Points at rest, sum over k of weight * matrix[joint] * point, and whether that mirrors them.

    Weights are made to sum to one; a point without any follows its first joint, as viewers have it.
    """
    weight = np.clip(np.nan_to_num(weight), 0.0, None)
    weight[weight.sum(axis=1) == 0, 0] = 1.0
    weight /= weight.sum(axis=1, keepdims=True)
    joint = np.where(weight > 0, joint, 0)  # a joint without weight may be any number
    if joint.size and (joint.min() < 0 or joint.max() >= len(matrices)):
        raise Broken(f"a vertex names joint {joint.max()} of {len(matrices)}")
    out = np.empty_like(points)
    for at in range(0, len(points), _BLOCK):
        rows = slice(at, at + _BLOCK)
        blend = np.einsum("nk,nkij->nij", weight[rows], matrices[joint[rows], :3])
        out[rows] = np.einsum("nij,nj->ni", blend[..., :3], points[rows]) + blend[..., 3]
    return out, _mirrors(joint, weight, matrices)


def _mirrors(joint: np.ndarray, weight: np.ndarray, matrices: np.ndarray) -> bool:
    """By the joint that most of the surface follows."""
    share = np.bincount(joint.ravel(), weight.ravel(), minlength=len(matrices))
    return bool(np.linalg.det(matrices[int(share.argmax()), :3, :3]) < 0)
