"""Points spread over a surface evenly by area."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from mien.geometry.normals import triangle_areas


@dataclass(frozen=True)
class SurfaceSamples:
    """Points on a mesh: triangle, barycentric weights, position."""

    triangle: Int[np.ndarray, " S"]
    barycentric: Float[np.ndarray, "S 3"]
    points: Float[np.ndarray, "S 3"]


def sample_surface(
    vertices: Float[np.ndarray, "V 3"],
    triangles: Int[np.ndarray, "T 3"],
    count: int,
    seed: int,
    mask: Bool[np.ndarray, " T"] | None = None,
) -> SurfaceSamples:
    """`count` points, uniform by area (stratified along the summed area), only on `mask`ed triangles.

    Raises `ValueError` where the (masked) surface has no area.
    """
    areas = triangle_areas(vertices, triangles)
    if mask is not None:
        areas = areas * mask
    total = np.cumsum(areas)
    if len(total) == 0 or not total[-1] > 0:
        raise ValueError("the surface has no area to sample")
    rng = np.random.default_rng(seed)
    stations = (np.arange(count) + rng.random(count)) / count * total[-1]
    triangle = np.minimum(np.searchsorted(total, stations, side="right"), len(areas) - 1)
    root, along = np.sqrt(rng.random(count)), rng.random(count)
    barycentric = np.stack([1 - root, root * (1 - along), root * along], axis=1)
    points = np.einsum("sk,skd->sd", barycentric, vertices[triangles[triangle]])
    return SurfaceSamples(triangle, barycentric, points)


def fibonacci_sphere(count: int) -> Float[np.ndarray, "N 3"]:
    """Unit vectors in nearly even directions (Fibonacci's sphere)."""
    k = np.arange(count) + 0.5
    z = 1 - 2 * k / count
    angle = np.pi * (1 + 5**0.5) * k
    ring = np.sqrt(1 - z * z)
    return np.stack([ring * np.cos(angle), ring * np.sin(angle), z], axis=1)
