"""Points attached to a surface: triangle, barycentric weights, and an offset in the surface's own frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

from mien.geometry.closest import ClosestPoint, barycentric_of
from mien.geometry.normals import normalized, vertex_normals

AGREE = 0.5  # cosine between normals from which on a closest point is believed
_CANDIDATES = 48
_FACING_COST = 0.004  # metres that a candidate whose normal is opposite counts as farther away


@dataclass(frozen=True)
class Attachment:
    """Where points hang on a surface. `offset` is in the surface's frame there (metres of the binding pose).

    `agreement` is the cosine between the points' normals and the surface's, `border` True where the
    closest point lies on an open edge.
    """

    corners: Int[np.ndarray, "N 3"]
    triangle: Int[np.ndarray, " N"]
    barycentric: Float[np.ndarray, "N 3"]
    offset: Float[np.ndarray, "N 3"]
    agreement: Float[np.ndarray, " N"]
    border: Bool[np.ndarray, " N"]

    @property
    def distance(self) -> Float[np.ndarray, " N"]:
        """Metres from the surface in the binding pose."""
        return np.linalg.norm(self.offset, axis=1)

    def of(self, values: Float[np.ndarray, " S *C"]) -> Float[np.ndarray, " N *C"]:
        """Values at the surface's vertices, interpolated at the attached points."""
        return np.einsum("nk,nk...->n...", self.barycentric, values[self.corners])

    def some(self, rows: Int[np.ndarray, " M"] | Bool[np.ndarray, " N"]) -> Attachment:
        """Only some of the points."""
        return Attachment(
            self.corners[rows],
            self.triangle[rows],
            self.barycentric[rows],
            self.offset[rows],
            self.agreement[rows],
            self.border[rows],
        )

    def frames(
        self, vertices: Float[np.ndarray, "S 3"], normals: Float[np.ndarray, "S 3"]
    ) -> Float[np.ndarray, "N 3 3"]:
        """Rotation at each point: columns along the first edge, across, and along the smooth normal."""
        normal = normalized(self.of(normals))
        edge = vertices[self.corners[:, 1]] - vertices[self.corners[:, 0]]
        first = normalized(edge - normal * (edge * normal).sum(axis=1, keepdims=True))
        return np.stack([first, np.cross(normal, first), normal], axis=2)

    def moved(
        self,
        vertices: Float[np.ndarray, "S 3"],
        normals: Float[np.ndarray, "S 3"],
        offset: Float[np.ndarray, "N 3"],
    ) -> Float[np.ndarray, "N 3"]:
        """The points on a posed surface, their offsets turned with it."""
        return self.of(vertices) + np.einsum("nij,nj->ni", self.frames(vertices, normals), offset)

    def offsets_of(
        self,
        vertices: Float[np.ndarray, "S 3"],
        normals: Float[np.ndarray, "S 3"],
        points: Float[np.ndarray, "N 3"],
    ) -> Float[np.ndarray, "N 3"]:
        """The offsets, in the surface's frames, at which given points stand off their places."""
        return np.einsum("nji,nj->ni", self.frames(vertices, normals), points - self.of(vertices))


def attach(
    points: Float[np.ndarray, "N 3"],
    point_normals: Float[np.ndarray, "N 3"],
    vertices: Float[np.ndarray, "S 3"],
    triangles: Int[np.ndarray, "T 3"],
    surface: ClosestPoint | None = None,
) -> Attachment:
    """Attaches points to the closest place of a surface that faces the way they do.

    Where the closest place of all faces another way (lips touch, a lid lies on another), the best among
    the nearby triangles is taken: distance and turned normal weighed together.
    """
    surface = surface or ClosestPoint(vertices, triangles)
    hits = surface.query(points)
    triangle, bary, place = hits.triangle.copy(), hits.barycentric.copy(), hits.points.copy()
    agreement = np.einsum("nd,nd->n", surface.normals_at(hits), point_normals)
    against = np.flatnonzero((agreement < AGREE) & (hits.distance > 1e-6))
    if len(against):
        found = _facing(surface, points[against], point_normals[against])
        better = found[3] > agreement[against] + 0.1
        rows = against[better]
        triangle[rows], bary[rows], place[rows] = (part[better] for part in found[:3])
        agreement[rows] = found[3][better]
    corners = surface.triangles[triangle]
    made = Attachment(corners, triangle, bary, np.zeros_like(points), agreement, surface.on_border(hits))
    offset = made.offsets_of(surface.vertices, surface.normals, points)
    return Attachment(corners, triangle, bary, offset, agreement, made.border)


def _facing(
    surface: ClosestPoint, points: np.ndarray, normals: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Triangle, weights, place and agreement of the cheapest of many nearby triangles."""
    centres = surface.vertices[surface.triangles].mean(axis=1)
    count = min(_CANDIDATES, len(centres))
    near = cKDTree(centres).query(points, k=count)[1].reshape(len(points), count)
    n = len(points)
    repeated = np.repeat(points, count, axis=0)
    corners = surface.vertices[surface.triangles[near.ravel()]]
    bary = _closest_weights(repeated, corners)
    place = np.einsum("nk,nkd->nd", bary, corners)
    facing = normalized(np.einsum("nk,nkd->nd", bary, surface.normals[surface.triangles[near.ravel()]]))
    cosine = np.einsum("nd,nd->n", facing, np.repeat(normals, count, axis=0))
    cost = np.linalg.norm(repeated - place, axis=1) + _FACING_COST * (1.0 - cosine)
    best = cost.reshape(n, count).argmin(axis=1) + count * np.arange(n)
    return near.ravel()[best], bary[best], place[best], cosine[best]


def _closest_weights(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Barycentric weights of each triangle's closest point: the foot, or else the best on the three edges."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    normal = normalized(np.cross(b - a, c - a))
    foot = points - normal * ((points - a) * normal).sum(axis=1, keepdims=True)
    best = barycentric_of(foot, corners)
    distance = np.linalg.norm(np.einsum("nk,nkd->nd", best, corners) - points, axis=1)
    for i, j in ((0, 1), (1, 2), (2, 0)):
        edge = corners[:, j] - corners[:, i]
        share = ((points - corners[:, i]) * edge).sum(axis=1) / np.maximum((edge**2).sum(axis=1), 1e-30)
        share = np.clip(share, 0.0, 1.0)
        weights = np.zeros_like(best)
        weights[:, i], weights[:, j] = 1.0 - share, share
        away = np.linalg.norm(np.einsum("nk,nkd->nd", weights, corners) - points, axis=1)
        closer = away < distance - 1e-12
        best[closer], distance[closer] = weights[closer], away[closer]
    return best


def normals_of(
    vertices: Float[np.ndarray, "V 3"], triangles: Int[np.ndarray, "T 3"]
) -> Float[np.ndarray, "V 3"]:
    """Vertex normals; any unit vector where a vertex has no area."""
    out = vertex_normals(vertices, triangles)
    out[~out.any(axis=1)] = (0.0, 0.0, 1.0)
    return out
