"""Skin, parts, shapes, landmarks, joints and regions put together as one `Template`."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from mien.anatomy.parts import place_parts
from mien.core.conventions import SHAPE_INDEX, SHAPE_NAMES
from mien.core.face import LinearModel, Part, Template
from mien.core.mesh import Topology
from tools.build_template.dense_landmarks import build_dense_landmarks
from tools.build_template.identity import build_skin_basis
from tools.build_template.identity import with_parts as modes_of_parts
from tools.build_template.joints import JOINT_NAMES, build_joints, skin_joint_weights
from tools.build_template.landmarks import build_landmarks
from tools.build_template.parts_build import build_parts
from tools.build_template.parts_lidfit import settle_lids, tuck_sockets
from tools.build_template.regions import build_regions
from tools.build_template.shapes_build import build_shapes
from tools.build_template.shapes_ict import Overlay, jaw_motions, lay_over, load_ict
from tools.build_template.shapes_parts import with_parts
from tools.build_template.skin import build_skin
from tools.build_template.source import Source
from tools.build_template.types import PartMesh, Skin


def build_template(source: Source) -> tuple[Template, Skin]:
    """The whole template, and the skin that it was built on. Needs `$MIEN_DATA/ict-facekit`."""
    skin = tuck_sockets(settle_lids(build_skin(source)))
    parts = build_parts(skin, source)
    shapes = build_shapes(skin, source)
    joints = build_joints(skin, source)
    weights = skin_joint_weights(skin, shapes[SHAPE_INDEX["jawOpen"]])
    vertices = np.concatenate([skin.vertices, *[p.vertices for p in parts]])
    ict = load_ict()
    overlay = lay_over(skin, ict)
    landmarks = build_landmarks(skin, overlay.vertices, ict.landmarks)
    regions = build_regions(skin, source, landmarks)
    assembled = Template(
        vertices=vertices,
        topology=_topology(skin, parts),
        parts=_part_table(skin, parts),
        mirror=_mirror(skin, parts),
        landmarks=landmarks,
        dense_landmarks=build_dense_landmarks(skin, landmarks, regions["measured"]),
        shapes=_padded(shapes, len(vertices)),
        joints=joints,
        joint_weights=np.concatenate([weights, *[_part_weights(p) for p in parts]]),
        identity=LinearModel(np.zeros((0, *vertices.shape))),
        regions=_padded_regions(regions, parts),
        loops=skin.loops,
    )
    template = with_parts(assembled, jaw_motions(skin))
    return replace(template, identity=_identity(template, skin, source, overlay)), skin


def _identity(template: Template, skin: Skin, source: Source, overlay: Overlay) -> LinearModel:
    basis = build_skin_basis(skin, source, overlay)
    return LinearModel(modes_of_parts(basis.modes, template.vertices, partial(place_parts, template)))


def _topology(skin: Skin, parts: list[PartMesh]) -> Topology:
    quads, quad_uvs, uvs = [skin.quads], [skin.quad_uvs], [skin.uvs]
    vertex, uv = len(skin.vertices), len(skin.uvs)
    for part in parts:
        quads.append(part.quads + vertex)
        quad_uvs.append(part.quad_uvs + uv)
        uvs.append(part.uvs)
        vertex, uv = vertex + len(part.vertices), uv + len(part.uvs)
    return Topology(vertex, np.concatenate(quads), np.concatenate(uvs), np.concatenate(quad_uvs))


def _part_table(skin: Skin, parts: list[PartMesh]) -> tuple[Part, ...]:
    table = [Part(p.name, p.material, p.vertices, p.quads) for p in skin.parts]
    vertex, quad = len(skin.vertices), len(skin.quads)
    for part in parts:
        ends = vertex + len(part.vertices), quad + len(part.quads)
        table.append(Part(part.name, part.material, slice(vertex, ends[0]), slice(quad, ends[1])))
        vertex, quad = ends
    return tuple(table)


def _mirror(skin: Skin, parts: list[PartMesh]) -> np.ndarray:
    starts, vertex = {}, len(skin.vertices)
    for part in parts:
        starts[part.name] = vertex
        vertex += len(part.vertices)
    mirror = [skin.mirror, *[starts[p.mirror_part] + p.mirror for p in parts]]
    out = np.concatenate(mirror)
    assert (out[out] == np.arange(len(out))).all(), "the parts' mirror maps are no involution"
    return out


def _part_weights(part: PartMesh) -> np.ndarray:
    weights = np.zeros((len(part.vertices), len(JOINT_NAMES)))
    for name, values in part.joint_weights.items():
        weights[:, JOINT_NAMES.index(name)] = values
    return weights


def _padded(shapes: np.ndarray, n_vertices: int) -> np.ndarray:
    """Shapes of the skin alone (52, V_skin, 3) get zeros for the other parts."""
    out = np.zeros((len(SHAPE_NAMES), n_vertices, 3))
    out[:, : shapes.shape[1]] = shapes
    return out


def _padded_regions(regions: dict[str, np.ndarray], parts: list[PartMesh]) -> dict[str, np.ndarray]:
    """Regions of the skin are zero on the parts, those of the parts zero elsewhere."""
    starts = np.cumsum([len(next(iter(regions.values()))), *[len(p.vertices) for p in parts]])
    out = {name: np.concatenate([w, np.zeros(starts[-1] - len(w))]) for name, w in regions.items()}
    for part, start in zip(parts, starts, strict=False):
        for name, weight in part.regions.items():
            out.setdefault(name, np.zeros(starts[-1]))[start : start + len(weight)] = weight
    return out
