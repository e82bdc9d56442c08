"""Surface distance between a registered head and its scan, in both directions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.core.mesh import Scan
from mien.geometry.closest import ClosestPoint
from mien.geometry.cluster import clustered
from mien.geometry.geodesic import geodesic_distance
from mien.geometry.normals import triangle_areas, triangle_normals
from mien.geometry.sample import sample_surface
from mien.register.fitted_skin import FittedSkin

RADIUS = 0.090  # metres along the surface from the nose tip: the area for which docs/measured.md states aims
SAMPLES = 100_000  # points on each surface, as there
GEODESIC_TRIANGLES = 60_000  # of the mesh on which distances along a denser scan are taken; chosen for speed
CRUSHED = 0.005  # share of the median triangle's area below which a triangle counts as crushed; by eye


@dataclass(frozen=True)
class FaceArea:
    """The triangles that are judged, on the head and on the scan."""

    head: Bool[np.ndarray, " G"]
    scan: Bool[np.ndarray, " M"]


def face_area(
    skin: FittedSkin,
    vertices: Float[np.ndarray, "S 3"],
    scan: Scan,
    nose_tip: Float[np.ndarray, "3"],
    radius: float = RADIUS,
) -> FaceArea:
    """Triangles within `radius` of the nose tip along the surface; on the head only skin that a scan sees."""
    near_head = _within(vertices, skin.triangles, nose_tip, radius)
    seen = (skin.measured[skin.triangles] > 0.5).all(axis=1)
    return FaceArea(near_head & seen, _within(scan.vertices, scan.triangles, nose_tip, radius))


def two_way_distance(
    skin: FittedSkin,
    vertices: Float[np.ndarray, "S 3"],
    measured: Bool[np.ndarray, " S"],
    scan: Scan,
    area: FaceArea,
    samples: int = SAMPLES,
) -> dict[str, float]:
    """Distances in millimetres at `samples` points spread by area on each side, and the measured share.

    A point of the head counts where its triangle was measured, a point of the scan where the closest
    point of the head was (hair, clothes and the inside of mouth and nostrils are left out of the
    distances; `measured_share` says how much of the head's face area that leaves).
    """
    triangle_measured = measured[skin.triangles].all(axis=1)
    on_head = sample_surface(vertices, skin.triangles, samples, 0, area.head)
    counted = triangle_measured[on_head.triangle]
    to_scan = ClosestPoint(scan.vertices, scan.triangles).query(on_head.points[counted]).distance
    on_scan = sample_surface(scan.vertices, scan.triangles, samples, 1, area.scan)
    head = ClosestPoint(vertices, skin.triangles)
    hits = head.query(on_scan.points)
    to_head = hits.distance[triangle_measured[hits.triangle] & ~head.on_border(hits)]
    out = {"measured_share": float(counted.mean())}
    for name, distance in (("head_to_scan", to_scan), ("scan_to_head", to_head)):
        out |= distance_numbers(name, distance)
    return out


def distance_numbers(name: str, distance: Float[np.ndarray, " P"]) -> dict[str, float]:
    """Median, 95th percentile and mean in millimetres; infinite where there is no distance at all."""
    if len(distance) == 0:
        distance = np.array([np.inf])
    scaled = distance * MILLIMETRES_PER_METRE
    return {
        f"{name}_median_mm": float(np.median(scaled)),
        f"{name}_p95_mm": float(np.percentile(scaled, 95)),
        f"{name}_mean_mm": float(scaled.mean()),
    }


def flipped_triangles(
    skin: FittedSkin, vertices: Float[np.ndarray, "S 3"], reference: Float[np.ndarray, "S 3"]
) -> Int[np.ndarray, " F"]:
    """Triangles whose normal turned by more than 90 degrees against the reference shape.

    Triangles that are crushed in the reference (the inner rim of closed lids) have no side to compare.
    """
    turned = np.einsum(
        "td,td->t", triangle_normals(vertices, skin.triangles), triangle_normals(reference, skin.triangles)
    )
    flipped = turned < 0.0
    flipped[crushed_triangles(skin, reference)] = False
    return np.flatnonzero(flipped)


def crushed_triangles(skin: FittedSkin, vertices: Float[np.ndarray, "S 3"]) -> Int[np.ndarray, " F"]:
    """Triangles smaller than 0.5 % of the median triangle (about 0.01 square millimetres)."""
    areas = triangle_areas(vertices, skin.triangles)
    return np.flatnonzero(areas < CRUSHED * np.median(areas))


def edge_stretch(
    skin: FittedSkin, vertices: Float[np.ndarray, "S 3"], reference: Float[np.ndarray, "S 3"]
) -> Float[np.ndarray, " E"]:
    """max(length / reference length, its inverse) of every quad edge."""
    i, j = skin.edges.T
    lengths = np.linalg.norm(vertices[i] - vertices[j], axis=1)
    before = np.linalg.norm(reference[i] - reference[j], axis=1)
    ratio = np.maximum(lengths, 1e-9) / np.maximum(before, 1e-9)
    return np.maximum(ratio, 1.0 / ratio)


def _within(vertices: np.ndarray, triangles: np.ndarray, spot: np.ndarray, radius: float) -> np.ndarray:
    if len(triangles) > 2 * GEODESIC_TRIANGLES:  # the distance is smooth: a lighter mesh tells it as well
        few = clustered(vertices, triangles, GEODESIC_TRIANGLES)
        distance = np.append(_distance(few.vertices, few.triangles, spot), np.inf)[few.cluster]
    else:
        distance = _distance(vertices, triangles, spot)
    return (distance[triangles] <= radius).all(axis=1)


def _distance(vertices: np.ndarray, triangles: np.ndarray, spot: np.ndarray) -> np.ndarray:
    used = np.unique(triangles)
    source = int(used[np.argmin(((vertices[used] - spot) ** 2).sum(axis=1))])
    return geodesic_distance(vertices, triangles, source)
