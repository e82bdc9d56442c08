"""A studio's topology read back from an asset: as much of it as pictures and further exports need."""

from __future__ import annotations

from typing import Any

import numpy as np

from mien.core.conventions import SHAPE_NAMES
from mien.core.face import Joint, LinearModel, Part, SurfacePoints, Template
from mien.core.mesh import Polygons, Topology
from mien.export.reader import Glb


def template_of(glb: Glb, manifest: dict[str, Any]) -> Template:
    """The base mesh of an asset as a template: triangles, UVs, parts, joints and their weights.

    Landmarks, loops and regions are not in the file: "face" is where the manifest's parts look like it.
    """
    count = int(manifest["topology"]["vertices"])
    joints = tuple(Joint(j["name"], j["parent"], np.array(j["position"])) for j in manifest["joints"])
    looks = {part["material"]: part.get("look", "") for part in manifest["topology"]["parts"]}
    names = [m["name"] for m in glb.document["materials"]]
    vertices, weights = np.zeros((count, 3)), np.zeros((count, len(joints)))
    face = np.zeros(count)
    corners: list[np.ndarray] = []
    corner_uvs: list[np.ndarray] = []
    uvs: list[np.ndarray] = []
    parts: list[Part] = []
    for primitive in glb.head["primitives"]:
        attributes = {name: glb.array(at) for name, at in primitive["attributes"].items()}
        ids = attributes["_VERTEX_ID"][:, 0].astype(int)
        triangles = glb.array(primitive["indices"]).reshape(-1, 3).astype(int)
        vertices[ids] = attributes["POSITION"]
        own = np.zeros((len(ids), len(joints)))
        np.add.at(own, (np.arange(len(ids))[:, None], attributes["JOINTS_0"]), attributes["WEIGHTS_0"])
        weights[ids] = own
        material = names[primitive["material"]]
        if looks.get(material) == "face":
            face[ids] = 1.0
        first = sum(len(c) for c in corners)
        parts.append(
            Part(material, material, slice(int(ids.min()), int(ids.max()) + 1),
                 slice(first, first + len(triangles)), looks.get(material, ""))
        )  # fmt: skip
        corners.append(ids[triangles])
        corner_uvs.append(triangles + sum(len(u) for u in uvs))
        uvs.append(attributes["TEXCOORD_0"].astype(float) * [1.0, -1.0] + [0.0, 1.0])
    triangle, uv_ids = np.concatenate(corners), np.concatenate(corner_uvs)
    polygons = Polygons(np.full(len(triangle), 3), triangle.ravel(), uv_ids.ravel())
    topology = Topology(
        count, triangle[:, [0, 1, 2, 2]], np.concatenate(uvs), uv_ids[:, [0, 1, 2, 2]], polygons
    )
    nowhere = SurfacePoints(np.zeros(0, np.int64), np.zeros((0, 3)))
    return Template(
        vertices=vertices,
        topology=topology,
        parts=tuple(parts),
        mirror=np.arange(count),
        landmarks=nowhere,
        dense_landmarks=nowhere,
        shapes=np.zeros((len(SHAPE_NAMES), count, 3)),
        joints=joints,
        joint_weights=weights,
        identity=LinearModel(np.zeros((0, count, 3))),
        regions={"face": face if face.any() else np.ones(count)},
    )
