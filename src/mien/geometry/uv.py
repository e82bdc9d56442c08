"""How a texture map stretches a surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class UvStretch:
    """Per triangle. `area` is UV area per surface area over its mean (1 everywhere: equal areas).

    `angle` is the ratio of the map's singular values (1 everywhere: angles kept). `surface` and `uv_area`
    are the areas, m^2 and share of the tile; a flipped triangle has a negative `uv_area`.
    """

    area: Float[np.ndarray, " T"]
    angle: Float[np.ndarray, " T"]
    surface: Float[np.ndarray, " T"]
    uv_area: Float[np.ndarray, " T"]

    def percentiles(self, which: str, *levels: float) -> list[float]:
        """Percentiles of "area" or "angle" over the surface, i.e. weighted by surface area."""
        values = getattr(self, which)
        order = np.argsort(values)
        share = np.cumsum(self.surface[order]) / self.surface.sum()
        return [float(values[order][min(np.searchsorted(share, p / 100), len(order) - 1)]) for p in levels]


def uv_stretch(
    vertices: Float[np.ndarray, "V 3"],
    triangles: Int[np.ndarray, "T 3"],
    uvs: Float[np.ndarray, "N 2"],
    triangle_uvs: Int[np.ndarray, "T 3"],
) -> UvStretch:
    """Stretch of the map from surface to UV, triangle by triangle (Sander et al. 2001, section 3)."""
    p, t = vertices[triangles], uvs[triangle_uvs]
    e1, e2 = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]
    length = np.maximum(np.linalg.norm(e1, axis=1), 1e-12)
    along = (e1 * e2).sum(axis=1) / length
    height = np.maximum(np.linalg.norm(np.cross(e1, e2), axis=1) / length, 1e-12)
    flat = np.zeros((len(p), 2, 2))
    flat[:, 0, 0], flat[:, 0, 1], flat[:, 1, 1] = length, along, height
    edges = np.stack([t[:, 1] - t[:, 0], t[:, 2] - t[:, 0]], axis=2)
    singular = np.linalg.svd(edges @ np.linalg.inv(flat), compute_uv=False)
    uv_area = np.linalg.det(edges) / 2
    surface = length * height / 2
    ratio = uv_area / surface / (uv_area.sum() / surface.sum())
    return UvStretch(ratio, singular[:, 0] / np.maximum(singular[:, 1], 1e-12), surface, uv_area)


def texels_per_vertex(
    uvs: Float[np.ndarray, "N 2"], quad_uvs: Int[np.ndarray, "F 4"], resolution: int
) -> Float[np.ndarray, " N"]:
    """A third of the UV area of the quads round each coordinate, in texels; 0 where none uses it."""
    corner = uvs[quad_uvs]
    following = np.roll(corner, -1, axis=1)
    cross = corner[..., 0] * following[..., 1] - corner[..., 1] * following[..., 0]
    area = np.abs(cross.sum(axis=1)) / 2
    return np.bincount(quad_uvs.ravel(), np.repeat(area, 4) / 3, len(uvs)) * resolution**2


def signed_uv_area(corner_uvs: Float[np.ndarray, "T 3 2"]) -> Float[np.ndarray, " T"]:
    """Twice each triangle's area in UV; negative where it is flipped."""
    a, b = corner_uvs[:, 1] - corner_uvs[:, 0], corner_uvs[:, 2] - corner_uvs[:, 0]
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
