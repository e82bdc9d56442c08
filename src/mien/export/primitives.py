"""The template's quads as glTF primitives: one a material, vertices split at UV seams."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mien.core.face import Part, Template
from mien.core.mesh import split_quads
from mien.export.tangents import uv_handedness, vertex_tangents


@dataclass(frozen=True)
class Primitive:
    """Triangles of one material. `vertex_ids` maps its vertices to the template's; `uvs` are bottom-left."""

    material: str
    parts: tuple[str, ...]
    vertex_ids: Int[np.ndarray, " N"]
    uvs: Float[np.ndarray, "N 2"]
    triangles: Int[np.ndarray, "G 3"]
    look: str = ""

    def tangents(
        self, vertices: Float[np.ndarray, "V 3"], normals: Float[np.ndarray, "V 3"]
    ) -> Float[np.ndarray, "N 4"]:
        """MikkTSpace tangents at these vertices of a head (template order, metres)."""
        return vertex_tangents(vertices[self.vertex_ids], normals[self.vertex_ids], self.uvs, self.triangles)


def split_by_material(template: Template) -> list[Primitive]:
    """One primitive a material, in the order in which the template's parts name them."""
    materials = dict.fromkeys(part.material for part in template.parts)
    return [
        _primitive(template, material, [p for p in template.parts if p.material == material])
        for material in materials
    ]


def _primitive(template: Template, material: str, parts: list[Part]) -> Primitive:
    topology = template.topology
    quads = np.concatenate([np.arange(p.quads.start, p.quads.stop) for p in parts])
    triangles = split_quads(topology.quads[quads])
    uv_ids = split_quads(topology.quad_uvs[quads])
    whole = (triangles[:, 1] != triangles[:, 2]) & (triangles[:, 2] != triangles[:, 0])
    triangles, uv_ids = triangles[whole], uv_ids[whole]  # a triangle's second half has no area
    mirrored = np.repeat(uv_handedness(topology.uvs[uv_ids].astype(float)), 3)
    # a vertex is one only where position, UV and the handedness of its tangent frame agree
    keys = np.stack([triangles.ravel(), uv_ids.ravel(), mirrored], axis=1)
    unique, inverse = np.unique(keys, axis=0, return_inverse=True)
    return Primitive(
        material=material,
        parts=tuple(p.name for p in parts),
        vertex_ids=unique[:, 0],
        uvs=topology.uvs[unique[:, 1]].astype(float) - topology.uv_tile(parts[0].quads),
        triangles=inverse.reshape(-1, 3),
        look=parts[0].look,
    )
