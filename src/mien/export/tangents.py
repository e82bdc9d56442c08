"""Tangents as MikkTSpace defines them, so that normal maps baked elsewhere fit.

M. Mikkelsen, "Simulation of Wrinkled Surfaces Revisited" (2008): each triangle's direction of growing u
is projected into the plane of the vertex normal, made unit, weighted by the triangle's angle there, and
summed over the triangles that share the vertex, its UV and the handedness of the UV map.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from mien.geometry.normals import normalized
from mien.geometry.uv import signed_uv_area

_NO_AREA = 1e-20  # UV area (twice) below which a triangle has no direction of u


def uv_handedness(uvs: Float[np.ndarray, "G 3 2"]) -> Int[np.ndarray, " G"]:
    """+1 where a triangle's UVs (origin bottom-left) wind as its corners do, -1 where they are mirrored."""
    return np.where(signed_uv_area(uvs) < -_NO_AREA, -1, 1)


def corner_tangents(
    positions: Float[np.ndarray, "G 3 3"],
    normals: Float[np.ndarray, "G 3 3"],
    uvs: Float[np.ndarray, "G 3 2"],
) -> Float[np.ndarray, "G 3 3"]:
    """What each corner of each triangle adds to its vertex: unit direction of u times the corner's angle.

    Zero at triangles without area in UV or space.
    """
    e1, e2 = positions[:, 1] - positions[:, 0], positions[:, 2] - positions[:, 0]
    v1 = (uvs[:, 1] - uvs[:, 0])[:, 1:]
    v2 = (uvs[:, 2] - uvs[:, 0])[:, 1:]
    along_u = normalized((v2 * e1 - v1 * e2) * uv_handedness(uvs)[:, None])
    along_u[np.abs(signed_uv_area(uvs)) <= _NO_AREA] = 0.0
    projected = normalized(_in_plane(along_u[:, None, :], normals))
    return projected * _corner_angles(positions, normals)[..., None]


def vertex_tangents(
    positions: Float[np.ndarray, "N 3"],
    normals: Float[np.ndarray, "N 3"],
    uvs: Float[np.ndarray, "N 2"],
    triangles: Int[np.ndarray, "G 3"],
) -> Float[np.ndarray, "N 4"]:
    """Unit tangents and their sign w: bitangent = w * cross(normal, tangent), toward growing v.

    `uvs` have their origin bottom-left; glTF's normal maps (green up) want exactly this sign. Vertices
    are already split where UV, normal or handedness differ. A vertex whose triangles give no direction
    gets an arbitrary one in its plane.
    """
    corners = corner_tangents(positions[triangles], normals[triangles], uvs[triangles])
    total = np.stack(
        [np.bincount(triangles.ravel(), corners[..., k].ravel(), minlength=len(positions)) for k in range(3)],
        axis=1,
    )
    lost = np.linalg.norm(total, axis=1) < 1e-9
    total[lost] = _any_perpendicular(normals[lost])
    sign = np.ones(len(positions))
    sign[triangles.ravel()] = np.repeat(uv_handedness(uvs[triangles]), 3)
    return np.concatenate([normalized(_in_plane(normalized(total), normals)), sign[:, None]], axis=1)


def _in_plane(vectors: np.ndarray, normals: np.ndarray) -> np.ndarray:
    return vectors - (vectors * normals).sum(-1, keepdims=True) * normals


def _corner_angles(
    positions: Float[np.ndarray, "G 3 3"], normals: Float[np.ndarray, "G 3 3"]
) -> Float[np.ndarray, "G 3"]:
    """Angles between a corner's two edges, seen along its normal."""
    to_next = normalized(_in_plane(np.roll(positions, -1, axis=1) - positions, normals))
    to_last = normalized(_in_plane(np.roll(positions, 1, axis=1) - positions, normals))
    return np.arccos(np.clip((to_next * to_last).sum(-1), -1.0, 1.0))


def _any_perpendicular(normals: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 3"]:
    axis = np.eye(3)[np.abs(normals).argmin(axis=1)]
    return normalized(_in_plane(axis, normals))
