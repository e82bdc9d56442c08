"""A scan as registration sees it: cropped, with a closest-point tree and a trust per vertex."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from mien.core.mesh import Scan
from mien.geometry.closest import ClosestPoint, Hits
from mien.geometry.normals import normalized, vertex_normals
from mien.geometry.weights import smoothstep, tukey
from mien.register.skin_colour import FACE_RADIUS, colour_likeness
from mien.scan.mask import unwanted, wanted

# Chosen by eye:
BORDER_FADE = 0.004  # metres over which trust grows from an open border
ROUGH = (0.02, 0.10)  # scatter of normals (1 - cosine): skin ... hair or cloth
ROUGH_RADIUS = 0.006  # metres over which normals are compared to find hair and cloth


@dataclass(frozen=True)
class ScanSurface:
    """Cropped scan. `trust` is 0 at open borders and where the user's mask says so, and 1 well inside;
    `unmasked_trust` is the same before the mask. `smooth` is 0 on rough (hair) surface.

    `skinlike` is 1 where the colour is the face's skin and 0 where it is not; None without colour. `mask` is
    the user's: 1 follow, 0 ignore, about a half undecided; None without one. `scatter` is how far normals
    scatter (1 - cosine against their surroundings), which `smooth` is made of, and `usual_scatter`
    its median on the face: noise scatters all of a scan.
    """

    closest: ClosestPoint
    trust: Float[np.ndarray, " N"]
    smooth: Float[np.ndarray, " N"]
    skinlike: Float[np.ndarray, " N"] | None = None
    mask: Float[np.ndarray, " N"] | None = None
    scatter: Float[np.ndarray, " N"] | None = None
    usual_scatter: float = 0.0
    unmasked_trust: Float[np.ndarray, " N"] | None = None

    @property
    def vertices(self) -> Float[np.ndarray, "N 3"]:
        """Points of the cropped scan."""
        return self.closest.vertices

    @property
    def triangles(self) -> Int[np.ndarray, "M 3"]:
        """Triangles of the cropped scan."""
        return self.closest.triangles

    def asked_for(self, hits: Hits) -> Float[np.ndarray, " P"]:
        """1 where the user's mask says to follow the surface whatever it looks like, 0 elsewhere."""
        if self.mask is None:
            return np.zeros(len(hits.distance))
        return wanted(self.closest.interpolate(hits, self.mask))

    def followed(self, hits: Hits) -> Float[np.ndarray, " P"]:
        """0 where the user's mask says to ignore the surface, 1 elsewhere."""
        if self.mask is None:
            return np.ones(len(hits.distance))
        return 1.0 - unwanted(self.closest.interpolate(hits, self.mask))


@dataclass(frozen=True)
class Pairs:
    """Points paired with a surface: where, the surface's normal there, and a weight in 0..1.

    `offset` is signed along the surface normal, positive where the point lies outside.
    """

    hits: Hits
    normals: Float[np.ndarray, "P 3"]
    offset: Float[np.ndarray, " P"]
    weight: Float[np.ndarray, " P"]


def scan_surface(
    scan: Scan, around: Float[np.ndarray, "V 3"], margin: float, face_centre: Float[np.ndarray, "3"]
) -> ScanSurface:
    """The part of the scan inside the bounding box of `around`, grown by `margin` (metres).

    Raises `ValueError` where nothing is left.
    """
    low, high = around.min(axis=0) - margin, around.max(axis=0) + margin
    inside = ((scan.vertices >= low) & (scan.vertices <= high)).all(axis=1)
    kept = np.flatnonzero(inside[scan.triangles].all(axis=1))
    if len(kept) == 0:
        raise ValueError("no scan surface lies near the head")
    skinlike = colour_likeness(scan, kept, face_centre)
    used, local = np.unique(scan.triangles[kept], return_inverse=True)
    vertices, triangles = scan.vertices[used], local.reshape(-1, 3)
    closest = ClosestPoint(vertices, triangles)
    mask = None if scan.vertex_mask is None else scan.vertex_mask[used]
    trust, scatter = _border_trust(closest), _scatter(vertices, triangles)
    near = np.linalg.norm(vertices - face_centre, axis=1) < FACE_RADIUS
    return ScanSurface(
        closest,
        trust if mask is None else trust * (1.0 - unwanted(mask)),
        1.0 - smoothstep(scatter, *ROUGH),
        None if skinlike is None else skinlike[used],
        mask,
        scatter,
        float(np.median(scatter[near])) if near.any() else 0.0,
        trust,
    )


def pair(
    surface: ScanSurface,
    points: Float[np.ndarray, "P 3"],
    normals: Float[np.ndarray, "P 3"],
    *,
    reach: float,
    min_cosine: float,
    masked: bool = True,
) -> Pairs:
    """Closest scan points with weights: Tukey in distance, normals that agree, away from open borders.

    `reach` (metres) is the distance at which a pair counts nothing. Without `masked`, what the user's mask
    says is left out of the weights.
    """
    hits = surface.closest.query(points)
    scan_normals = surface.closest.normals_at(hits)
    agreement = np.einsum("pd,pd->p", normals, scan_normals)
    offset = np.einsum("pd,pd->p", points - hits.points, scan_normals)
    weight = tukey(hits.distance, reach) * smoothstep(agreement, min_cosine, min_cosine + 0.25)
    trust = surface.trust if masked or surface.unmasked_trust is None else surface.unmasked_trust
    weight *= surface.closest.interpolate(hits, trust)
    weight[surface.closest.on_border(hits)] = 0.0
    return Pairs(hits, scan_normals, offset, weight)


def _border_trust(closest: ClosestPoint) -> np.ndarray:
    from scipy.spatial import cKDTree

    border = closest.border_vertices
    if not border.any():
        return np.ones(len(closest.vertices))
    distance = cKDTree(closest.vertices[border]).query(
        closest.vertices, distance_upper_bound=2 * BORDER_FADE
    )[0]
    return smoothstep(distance, 0.0, BORDER_FADE)


def neighbour_average(
    vertices: Float[np.ndarray, "N 3"], triangles: Int[np.ndarray, "M 3"], radius: float
) -> tuple[sparse.csr_matrix, int]:
    """A matrix that averages over a vertex and its neighbours, and how often it reaches `radius` (metres)."""
    pairs = triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    n = len(vertices)
    lengths = np.linalg.norm(vertices[pairs[:, 0]] - vertices[pairs[:, 1]], axis=1)
    rounds = int(np.clip((radius / max(np.median(lengths), 1e-6)) ** 2, 2, 40))
    graph = sparse.coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n)).tocsr()
    graph = graph + graph.T + sparse.identity(n)
    return sparse.diags(1.0 / np.asarray(graph.sum(axis=1)).ravel()) @ graph, rounds


def _scatter(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """1 - cosine between normals and their mean over `ROUGH_RADIUS`, averaged over as much."""
    average, rounds = neighbour_average(vertices, triangles, ROUGH_RADIUS)
    normals = vertex_normals(vertices, triangles)
    mean, spread = normals, None
    for _ in range(rounds):
        mean = average @ mean
    spread = 1.0 - np.einsum("nd,nd->n", normals, normalized(mean))
    for _ in range(rounds):
        spread = average @ spread
    return spread
