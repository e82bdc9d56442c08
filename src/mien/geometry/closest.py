"""Closest points on a triangle mesh."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import igl
import numpy as np
from jaxtyping import Bool, Float, Int

from mien.geometry.normals import fast_areas, normalized, vertex_normals


@dataclass(frozen=True)
class Hits:
    """For each query point: the closest surface point, where it lies, and how far away."""

    points: Float[np.ndarray, "N 3"]
    triangle: Int[np.ndarray, " N"]
    barycentric: Float[np.ndarray, "N 3"]
    distance: Float[np.ndarray, " N"]


class ClosestPoint:
    """Closest-point queries against one mesh; the tree is built once (libigl AABB).

    Triangles without area are left out. Raises `ValueError` where none is left. Tree, normals and borders
    are made when they are first asked for.
    """

    def __init__(self, vertices: Float[np.ndarray, "V 3"], triangles: Int[np.ndarray, "T 3"]) -> None:
        self.vertices = np.ascontiguousarray(vertices, np.float64)
        self.triangles = np.ascontiguousarray(triangles, np.int64)
        self._kept = np.flatnonzero(fast_areas(self.vertices, self.triangles) > 0)
        if len(self._kept) == 0:
            raise ValueError("the mesh has no triangle with an area")
        self._tree_triangles = np.ascontiguousarray(self.triangles[self._kept])

    @cached_property
    def _tree(self) -> igl.AABB:
        tree = igl.AABB()
        tree.init(self.vertices, self._tree_triangles)
        return tree

    @cached_property
    def normals(self) -> Float[np.ndarray, "V 3"]:
        """Area-weighted vertex normals."""
        return vertex_normals(self.vertices, self.triangles)

    @cached_property
    def _border_corners(self) -> Bool[np.ndarray, "T 3"]:
        return _border_corners(self.triangles)

    def query(self, points: Float[np.ndarray, "N 3"]) -> Hits:
        """Closest point of the mesh to each of `points`."""
        points = np.ascontiguousarray(points, np.float64)
        if len(points) == 0:
            return Hits(points, np.zeros(0, np.int64), np.zeros((0, 3)), np.zeros(0))
        squared, found, closest = self._tree.squared_distance(self.vertices, self._tree_triangles, points)
        triangle = self._kept[np.asarray(found, np.int64).ravel()]
        closest = np.ascontiguousarray(closest)
        bary = barycentric_of(closest, self.vertices[self.triangles[triangle]])
        return Hits(closest, triangle, bary, np.sqrt(np.maximum(np.ravel(squared), 0.0)))

    def normals_at(self, hits: Hits) -> Float[np.ndarray, "N 3"]:
        """Vertex normals interpolated to the hits, unit length."""
        return normalized(self.interpolate(hits, self.normals))

    def interpolate(self, hits: Hits, values: Float[np.ndarray, " V *C"]) -> Float[np.ndarray, " N *C"]:
        """Per-vertex values at the hits."""
        return np.einsum("nk,nk...->n...", hits.barycentric, values[self.triangles[hits.triangle]])

    def on_border(self, hits: Hits, tolerance: float = 1e-4) -> Bool[np.ndarray, " N"]:
        """True where a hit lies on an open (or non-manifold) edge: the point is really beyond the mesh."""
        touches = hits.barycentric < tolerance
        return (touches & self._border_corners[hits.triangle]).any(axis=1)

    @property
    def border_vertices(self) -> Bool[np.ndarray, " V"]:
        """True at vertices of edges that do not have exactly two triangles."""
        mask = np.zeros(len(self.vertices), bool)
        for k in range(3):
            open_edge = self.triangles[self._border_corners[:, k]]
            mask[open_edge[:, [(k + 1) % 3, (k + 2) % 3]].ravel()] = True
        return mask


def _border_corners(triangles: Int[np.ndarray, "T 3"]) -> Bool[np.ndarray, "T 3"]:
    """True at a corner whose opposite edge does not have exactly two triangles."""
    edges = np.sort(triangles[:, [1, 2, 2, 0, 0, 1]].reshape(-1, 2), axis=1)
    key = edges[:, 0].astype(np.int64) * (int(triangles.max()) + 1) + edges[:, 1]
    _, inverse, counts = np.unique(key, return_inverse=True, return_counts=True)
    return (counts[inverse] != 2).reshape(-1, 3)


def barycentric_of(
    points: Float[np.ndarray, "N 3"], corners: Float[np.ndarray, "N 3 3"]
) -> Float[np.ndarray, "N 3"]:
    """Barycentric weights of points that lie on their triangles; clipped to 0..1 and summing to one."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    normal = np.cross(b - a, c - a)
    area = np.maximum(np.einsum("nd,nd->n", normal, normal), 1e-300)
    wa = np.einsum("nd,nd->n", np.cross(c - b, points - b), normal) / area
    wb = np.einsum("nd,nd->n", np.cross(a - c, points - c), normal) / area
    weights = np.clip(np.stack([wa, wb, 1 - wa - wb], axis=1), 0.0, 1.0)
    return weights / weights.sum(axis=1, keepdims=True)


def closest_plain(
    vertices: Float[np.ndarray, "V 3"],
    triangles: Int[np.ndarray, "T 3"],
    points: Float[np.ndarray, "N 3"],
) -> tuple[Float[np.ndarray, " N"], Float[np.ndarray, "N 3"]]:
    """`ClosestPoint.query` as a specification: each point against each face, edge and corner.

    Returns distances and closest points.
    """
    best = np.full(len(points), np.inf)
    where = np.zeros_like(points)

    def offer(candidates: np.ndarray, valid: np.ndarray) -> None:
        distance = np.where(valid, np.linalg.norm(candidates - points, axis=1), np.inf)
        wins = distance < best
        best[wins], where[wins] = distance[wins], candidates[wins]

    for a, b, c in vertices[triangles]:
        normal = np.cross(b - a, c - a)
        if not np.linalg.norm(normal) > 0:
            continue
        unit = normal / np.linalg.norm(normal)
        foot = points - ((points - a) @ unit)[:, None] * unit
        inside = np.ones(len(points), bool)
        for p, q in ((a, b), (b, c), (c, a)):
            inside &= np.cross(q - p, foot - p) @ normal >= 0
            along = np.clip((points - p) @ (q - p) / ((q - p) @ (q - p)), 0, 1)
            offer(p + along[:, None] * (q - p), np.ones(len(points), bool))
        offer(foot, inside)
    return best, where
