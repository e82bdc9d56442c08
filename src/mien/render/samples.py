"""Visible points as flat arrays, and values interpolated to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Float, Int
from numba import njit

from mien.geometry.normals import normalized
from mien.geometry.raster import Raster
from mien.render.camera import Camera


@dataclass(frozen=True)
class VisibleSamples:
    """Visible points: flat pixel index, triangle, its corners' vertices, weights, direction to the eye."""

    pixel: Int[np.ndarray, " N"]
    triangle: Int[np.ndarray, " N"]
    corners: Int[np.ndarray, "N 3"]
    barycentric: Float[np.ndarray, "N 3"]
    views: Float[np.ndarray, "N 3"]

    def at(self, vertex_values: Float[np.ndarray, " V *C"]) -> Float[np.ndarray, " N *C"]:
        """Vertex values at the points (float32)."""
        return interpolate(self.corners, self.barycentric, vertex_values)

    def smoothed(
        self, vertices: Float[np.ndarray, "V 3"], vertex_normals: Float[np.ndarray, "V 3"]
    ) -> Float[np.ndarray, "N 3"]:
        """The points lifted onto the smooth surface that the vertex normals stand for.

        Each corner's tangent plane lifts the point as far as it lies below that plane; the lifts are
        interpolated. Shadow rays from there do not meet the flat triangle's neighbours: Hanika, "Hacking
        the Shadow Terminator", Ray Tracing Gems II (2021), chapter 4.
        """
        points = self.at(vertices)
        lift = np.zeros_like(points)
        for k in range(3):
            corner = self.corners[:, k]
            normal = vertex_normals[corner].astype(np.float32)
            below = np.minimum(np.einsum("nd,nd->n", points - vertices[corner], normal), 0.0)
            lift -= (self.barycentric[:, k] * below)[:, None] * normal
        return (points + lift).astype(np.float32)

    def normals(self, vertex_normals: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "N 3"]:
        """Vertex normals at the points, unit length."""
        return normalized(self.at(vertex_normals))

    def uv(self, corner_uvs: Float[np.ndarray, "T 3 2"]) -> Float[np.ndarray, "N 2"]:
        """Texture coordinates at the points."""
        out = np.empty((len(self.pixel), 2), np.float32)
        _interpolate_corners(self.triangle, self.barycentric, corner_uvs, out)
        return out

    def by(self, keys: Int[np.ndarray, " N"]) -> Iterator[tuple[int, VisibleSamples]]:
        """The points of each key, in increasing order of keys."""
        order = np.argsort(keys.astype(np.int16), kind="stable")
        sorted_keys = keys[order]
        values, starts = np.unique(sorted_keys, return_index=True)
        for key, own in zip(values, np.split(order, starts[1:]), strict=True):
            yield (
                int(key),
                VisibleSamples(
                    self.pixel[own],
                    self.triangle[own],
                    self.corners[own],
                    self.barycentric[own],
                    self.views[own],
                ),
            )


def visible_samples(
    camera: Camera,
    raster: Raster,
    chosen: Int[np.ndarray, " S"],
    triangles: Int[np.ndarray, "T 3"],
    mask: np.ndarray,
) -> VisibleSamples:
    """The masked pixels of a raster that drew only the triangles `chosen` of all."""
    flat = np.flatnonzero(mask)
    triangle = chosen[raster.triangle.reshape(-1)[flat]]
    return VisibleSamples(
        pixel=flat,
        triangle=triangle,
        corners=triangles[triangle],
        barycentric=raster.barycentric.reshape(-1, 3)[flat],
        views=_views(camera, flat),
    )


def interpolate(
    corners: Int[np.ndarray, "N 3"],
    barycentric: Float[np.ndarray, "N 3"],
    values: Float[np.ndarray, " V *C"],
) -> Float[np.ndarray, " N *C"]:
    """Barycentric interpolation of vertex values (float32)."""
    flat = np.asarray(values, np.float32).reshape(len(values), -1)
    out = np.empty((len(corners), flat.shape[1]), np.float32)
    _interpolate(corners, barycentric, flat, out)
    return out.reshape(len(corners), *values.shape[1:])


def _views(camera: Camera, flat: np.ndarray) -> Float[np.ndarray, "N 3"]:
    out = np.empty((len(flat), 3), np.float32)
    _eye_directions(flat, camera.width, *camera.centre, camera.focal, camera.axes, out)
    return out


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _eye_directions(flat, width, centre_x, centre_y, focal, axes, out):
    for n in range(flat.shape[0]):
        x = (flat[n] % width + 0.5 - centre_x) / focal
        y = (centre_y - (flat[n] // width + 0.5)) / focal
        inverse = -1.0 / np.sqrt(x * x + y * y + 1.0)
        for k in range(3):
            out[n, k] = inverse * (x * axes[0, k] + y * axes[1, k] + axes[2, k])


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _interpolate(corners, barycentric, values, out):
    for n in range(corners.shape[0]):
        i, j, k = corners[n, 0], corners[n, 1], corners[n, 2]
        a, b, c = barycentric[n, 0], barycentric[n, 1], barycentric[n, 2]
        for m in range(values.shape[1]):
            out[n, m] = a * values[i, m] + b * values[j, m] + c * values[k, m]


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _interpolate_corners(triangle, barycentric, values, out):
    for n in range(triangle.shape[0]):
        t = triangle[n]
        for m in range(values.shape[2]):
            out[n, m] = (
                barycentric[n, 0] * values[t, 0, m]
                + barycentric[n, 1] * values[t, 1, m]
                + barycentric[n, 2] * values[t, 2, m]
            )
