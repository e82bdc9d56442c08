"""Normal maps from displacement, in the tangent frame of MikkTSpace."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.core.mesh import Image
from mien.geometry.normals import vertex_normals
from mien.geometry.uvspace import Tile, fill_gutter


def normal_from_displacement(
    displacement: Image,
    tile: Tile,
    vertices: Float[np.ndarray, "V 3"],
    triangles: Int[np.ndarray, "G 3"],
) -> Image:
    """Tangent-space normals in 0..1 (linear; red along +u, green along +v, i.e. +Y up) of a displacement.

    With T the unit part of dP/du across the normal, B = sign N x T, a = |dP/du|, b = dP/dv . T and
    c = dP/dv . B, the height's slopes along T and B are hx = h_u / a and hy = (h_v - b hx) / c, and the
    normal is (-hx, -hy, 1) normalised. Exact on a plane with any affine UV, skewed or not.
    """
    height = fill_gutter(displacement.pixels[..., 0], tile.covered) / MILLIMETRES_PER_METRE
    h_u = np.gradient(height, axis=1) * tile.resolution
    h_v = -np.gradient(height, axis=0) * tile.resolution
    along_u, along_v_t, along_v_b = _frame(tile, vertices, vertex_normals(vertices, triangles))
    inside = tile.covered
    hx = h_u[inside] / along_u
    hy = (h_v[inside] - along_v_t * hx) / along_v_b
    normal = np.stack([-hx, -hy, np.ones_like(hx)], axis=1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    out = np.full((*inside.shape, 3), (0.5, 0.5, 1.0), np.float32)
    out[inside] = 0.5 + 0.5 * normal
    return Image(out)


def _frame(
    tile: Tile, vertices: np.ndarray, normals: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """a, b and c of `normal_from_displacement` at the covered texels, metres per unit of UV."""
    du, dv = tile.uv_derivatives(vertices)
    normals = np.nan_to_num(normals)
    du = du - normals * (du * normals).sum(axis=1, keepdims=True)
    dv = dv - normals * (dv * normals).sum(axis=1, keepdims=True)
    a = np.maximum(np.linalg.norm(du, axis=1), 1e-6)
    tangent = du / a[:, None]
    bitangent = np.cross(normals, tangent)
    b, c = (dv * tangent).sum(axis=1), (dv * bitangent).sum(axis=1)
    c = np.where(np.abs(c) < 1e-6, 1e-6, c)
    return tile.at_texels(a), tile.at_texels(b), tile.at_texels(c)
