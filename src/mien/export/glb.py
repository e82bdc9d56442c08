"""The animatable head as one GLB: one mesh, 52 named morph targets, a skin, PBR materials.

All parts are primitives of one mesh "head", so that one slider drives skin, lashes, teeth and eyes
together in every viewer; `mesh.extras` says which part is where.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8, UInt16
from scipy import sparse

from mien.core.conventions import SHAPE_NAMES
from mien.core.errors import MienError
from mien.core.face import Joint
from mien.export.buffers import ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER, Buffers
from mien.export.materials import EXTENSIONS, MaterialWriter
from mien.export.primitives import Primitive, split_by_material
from mien.geometry.normals import normalized, triangle_cross
from mien.rigging.head import RiggedHead

SMALLEST_OFFSET = 1e-6  # metres; shorter morph offsets are none
SMALLEST_TURN = 1e-3  # of a unit normal; smaller changes are none
_SPARSE_SHARE = 0.6  # of the vertices; above it a dense accessor is not larger by much, and simpler
_INFLUENCES = 4


@dataclass(frozen=True)
class MorphedHead:
    """Neutral positions and unit normals, and their offsets in the 52 shapes, of template vertices."""

    positions: Float[np.ndarray, "V 3"]
    normals: Float[np.ndarray, "V 3"]
    moves: Float[np.ndarray, "52 V 3"]
    turns: Float[np.ndarray, "52 V 3"]


def glb_bytes(asset: RiggedHead, *, sparse_targets: bool = True) -> bytes:
    """The whole file. `sparse_targets=False` writes every target in full (the plain twin)."""
    _refuse_broken(asset)
    buffers = Buffers()
    writer = MaterialWriter(buffers, asset.maps)
    primitives = split_by_material(asset.template)
    head = morphed_head(asset)
    mesh = _mesh(asset, head, primitives, buffers, sparse_targets)
    materials = [writer.material(p.material, p.look) for p in primitives]
    first_joint = 1
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "Mien"},
        "extensionsUsed": [e for e in EXTENSIONS if any(e in m["extensions"] for m in materials)],
        "scene": 0,
        "scenes": [{"name": asset.name, "nodes": [0, *_roots(asset.rig.joints, first_joint)]}],
        "nodes": [{"name": asset.name, "mesh": 0, "skin": 0}, *_joint_nodes(asset.rig.joints, first_joint)],
        "meshes": [mesh],
        "skins": [_skin(asset.rig.joints, first_joint, buffers)],
        "materials": materials,
    }
    if writer.images:
        document |= {"images": writer.images, "textures": writer.textures, "samplers": writer.samplers}
    return buffers.glb(document)


def _refuse_broken(asset: RiggedHead) -> None:
    """What would make an invalid file is refused here, before anything is written."""
    rig = asset.rig
    joints = np.array([joint.position for joint in rig.joints])
    for name, array in (("neutral", rig.neutral), ("shapes", rig.shapes), ("joints", joints)):
        bad = int((~np.isfinite(array)).sum())
        if bad:
            raise MienError(f"the rig's {name}: {bad} numbers are not finite; report this with the scan")
    unbound = int((rig.joint_weights.sum(axis=1) <= 0).sum())
    if unbound:
        raise MienError(f"the rig's joint weights: {unbound} vertices follow no joint; give each one a joint")


def morphed_head(asset: RiggedHead) -> MorphedHead:
    """Positions, area-weighted normals over the welded topology, and both offsets for each shape."""
    rig, triangles = asset.rig, asset.template.topology.triangles
    corners = triangles.ravel()
    around = sparse.csr_matrix(
        (np.ones(corners.size), (corners, np.repeat(np.arange(len(triangles)), 3))),
        shape=(len(rig.neutral), len(triangles)),
    )
    neutral = rig.neutral.astype(float)
    normals = _unit(around @ triangle_cross(neutral, triangles))
    moves = np.where(np.linalg.norm(rig.shapes, axis=2, keepdims=True) < SMALLEST_OFFSET, 0.0, rig.shapes)
    turns = np.zeros(moves.shape)
    for move, turn in zip(moves, turns, strict=True):
        if move.any():
            turn[:] = _unit(around @ triangle_cross(neutral + move, triangles)) - normals
    turns[np.linalg.norm(turns, axis=2) < SMALLEST_TURN] = 0.0
    return MorphedHead(neutral, normals, moves.astype(float), turns)


def _unit(vectors: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "V 3"]:
    unit = normalized(vectors)
    unit[~unit.any(axis=1)] = (0.0, 0.0, 1.0)  # a vertex without area: any unit normal, glTF wants one
    return unit


def _mesh(
    asset: RiggedHead, head: MorphedHead, primitives: list[Primitive], buffers: Buffers, sparse_targets: bool
) -> dict[str, Any]:
    made = []
    for index, primitive in enumerate(primitives):
        attributes = _attributes(asset, head, primitive, buffers)
        indices = primitive.triangles.astype(np.uint16 if len(primitive.vertex_ids) < 65535 else np.uint32)
        made.append(
            {
                "attributes": attributes,
                "indices": buffers.add_array(indices.ravel(), ELEMENT_ARRAY_BUFFER),
                "material": index,
                "targets": _targets(head, primitive, buffers, sparse_targets),
            }
        )
    return {
        "name": "head",
        "primitives": made,
        "weights": [0.0] * len(SHAPE_NAMES),
        "extras": _mesh_extras(asset, primitives),
    }


def _mesh_extras(asset: RiggedHead, primitives: list[Primitive]) -> dict[str, Any]:
    licences = asset.provenance.get("licences")
    return {
        "targetNames": list(SHAPE_NAMES),
        "mien": {
            "unit": "metre",
            "shapes": "ARKit; weight 0 is neutral, 1 fully articulated; mouthClose is added to jawOpen",
            "vertex_ids": "attribute _VERTEX_ID: the vertex of the template and of the OBJ, from 0",
            "template_vertices": asset.template.topology.n_vertices,
            "primitives": [{"material": p.material, "parts": list(p.parts)} for p in primitives],
            **({"licences": licences} if licences else {}),
        },
    }


def _attributes(
    asset: RiggedHead, head: MorphedHead, primitive: Primitive, buffers: Buffers
) -> dict[str, int]:
    ids = primitive.vertex_ids
    joints, weights = strongest_influences(asset.rig.joint_weights[ids])
    arrays: dict[str, np.ndarray] = {
        "POSITION": head.positions[ids].astype(np.float32),
        "NORMAL": head.normals[ids].astype(np.float32),
        # glTF's v grows downward: the flip at the border
        "TEXCOORD_0": np.stack([primitive.uvs[:, 0], 1.0 - primitive.uvs[:, 1]], axis=1).astype(np.float32),
        "JOINTS_0": joints,
        "WEIGHTS_0": weights,
        "_VERTEX_ID": ids.astype(np.float32),  # glTF allows 32-bit integers for indices only
    }
    if f"{primitive.material}_normal" in asset.maps:
        arrays["TANGENT"] = primitive.tangents(head.positions, head.normals).astype(np.float32)
    return {
        name: buffers.add_array(
            array, ARRAY_BUFFER, bounds=name == "POSITION", normalized=name == "WEIGHTS_0"
        )
        for name, array in arrays.items()
    }


def strongest_influences(
    weights: Float[np.ndarray, "N J"],
) -> tuple[UInt8[np.ndarray, "N 4"], UInt16[np.ndarray, "N 4"]]:
    """The four strongest joints (uint8) and their weights as uint16 that sum to exactly 65535.

    Joints of weight 0 are joint 0, as glTF wants.
    """
    padded = np.pad(weights, ((0, 0), (0, max(0, _INFLUENCES - weights.shape[1]))))
    joints = np.argsort(-padded, axis=1, kind="stable")[:, :_INFLUENCES]
    kept = np.take_along_axis(padded, joints, axis=1)
    steps = np.rint(kept / kept.sum(axis=1, keepdims=True) * 65535).astype(np.int64)
    steps[:, 0] += 65535 - steps.sum(axis=1)
    joints[steps == 0] = 0
    return joints.astype(np.uint8), steps.astype(np.uint16)


def _targets(
    head: MorphedHead, primitive: Primitive, buffers: Buffers, sparse_targets: bool
) -> list[dict[str, int]]:
    ids = primitive.vertex_ids
    still: dict[str, int] | None = None
    made = []
    for move, turn in zip(head.moves[:, ids], head.turns[:, ids], strict=True):
        arrays = [move.astype(np.float32), turn.astype(np.float32)]
        rows = np.flatnonzero(move.any(axis=1) | turn.any(axis=1))
        if not sparse_targets or len(rows) > _SPARSE_SHARE * len(ids):
            pair = [buffers.add_array(a, ARRAY_BUFFER, bounds=not k) for k, a in enumerate(arrays)]
            made.append(dict(zip(("POSITION", "NORMAL"), pair, strict=True)))
        elif len(rows):
            made.append(_sparse_target(buffers, len(ids), rows, [a[rows] for a in arrays]))
        else:
            # all shapes that leave the primitive still share one target with a single, zero offset:
            # some readers do not accept accessors without any data
            still = still or _sparse_target(
                buffers, len(ids), np.array([0]), [np.zeros((1, 3), np.float32)] * 2
            )
            made.append(still)
    return made


def _sparse_target(
    buffers: Buffers, count: int, rows: np.ndarray, arrays: list[np.ndarray]
) -> dict[str, int]:
    pair = buffers.add_sparse(count, rows, arrays, bounds=(True, False))
    return dict(zip(("POSITION", "NORMAL"), pair, strict=True))


def _joint_nodes(joints: tuple[Joint, ...], first: int) -> list[dict[str, Any]]:
    place = {joint.name: i for i, joint in enumerate(joints)}
    nodes = []
    for joint in joints:
        origin = joints[place[joint.parent]].position if joint.parent else np.zeros(3)
        node: dict[str, Any] = {"name": joint.name, "translation": _floats(joint.position - origin)}
        children = [first + i for i, other in enumerate(joints) if other.parent == joint.name]
        nodes.append(node | ({"children": children} if children else {}))
    return nodes


def _roots(joints: tuple[Joint, ...], first: int) -> list[int]:
    return [first + i for i, joint in enumerate(joints) if joint.parent is None]


def _skin(joints: tuple[Joint, ...], first: int, buffers: Buffers) -> dict[str, Any]:
    inverse = np.tile(np.eye(4, dtype=np.float32), (len(joints), 1, 1))
    inverse[:, 3, :3] = [-joint.position for joint in joints]  # column-major: translation in the last row
    roots = _roots(joints, first)
    return {
        "name": "skeleton",
        "joints": [first + i for i in range(len(joints))],
        "inverseBindMatrices": buffers.add_array(inverse.reshape(-1, 16)),
        **({"skeleton": roots[0]} if len(roots) == 1 else {}),
    }


def _floats(values: np.ndarray) -> list[float]:
    return [round(float(v), 9) for v in values]
