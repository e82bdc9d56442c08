"""The scan's own relief: what it shows along the normal beyond the registered mesh, per texel."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float

from mien.bake.colour import TILES, tile_of
from mien.bake.fill import typical_texel
from mien.bake.project import REACH, project_along_normals
from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.core.face import PreparedScan, Template
from mien.core.mesh import Image
from mien.geometry.closest import ClosestPoint
from mien.geometry.normals import normalized, vertex_normals
from mien.geometry.uvspace import Tile, blur_within, fill_gutter
from mien.geometry.weights import smoothstep
from mien.scan.decimate import light_scan

LIMIT_MM = 0.8
_TRUSTED = (0.0005, 0.0012)  # metres between head and scan: relief ... no relief
_AGREEING = (0.6, 0.85)  # cosine between the two normals: folds have no relief ... relief
_FINENESS = (0.45, 0.75)  # template edge over scan edge: the scan is too coarse to add anything ... adds
_SURE = (0.3, 0.8)  # the registration's confidence: no relief ... relief
_OFF = 0.0006  # metres: where the mesh lies farther off, the scan is something else (hair, cloth)
_SMOOTHING = 0.35  # of a scan's edge: shorter waves are its facets
_STEPS = 5.0  # texels a scan edge that show all that the scan has


def scan_relief(
    template: Template,
    vertices: Float[np.ndarray, "V 3"],
    prepared: PreparedScan,
    resolution: int = 1024,
    shown: Float[np.ndarray, " V"] | None = None,
    confidence: Float[np.ndarray, " V"] | None = None,
) -> dict[str, Image]:
    """Displacement in mm (outward positive) for "face" and "head"; 0 where nothing was measured, where the
    registration doubts (`confidence` 0) and where the user masked the scan (`shown` 0).

    Measured between two smooth surfaces, over the registered mesh and over the scan (Phong tessellation of
    both), so that neither the roundness between vertices, which smooth shading shows already, nor a coarse
    scan's facets count. A scan much coarser than the template's mesh yields zeros.
    """
    scan = prepared.scan
    light = light_scan(scan)
    whole = ClosestPoint(light.vertices, light.triangles)
    edge = _median_edge(scan.vertices, scan.triangles)
    nearest = whole.query(vertices)
    local = _edges(light.vertices, light.triangles)
    fine = _fineness(template, vertices, edge / float(np.median(local)) * local[nearest.triangle])
    fine *= _followed(template, nearest.distance)
    fine = fine if shown is None else fine * shown
    fine = fine if confidence is None else fine * smoothstep(confidence, *_SURE)
    near = (nearest.distance < REACH) & (fine > 0)
    surface = whole if light is scan else ClosestPoint(scan.vertices, scan.triangles)
    out = {}
    for name in TILES:
        tile = tile_of(template, name, resolution)
        relief = np.zeros(tile.covered.shape, np.float32)
        if near.any():
            small = tile_of(template, name, enough_texels(tile, vertices, edge))
            found = _tile_relief(small, template, vertices, surface, near, fine, edge, light is not scan)
            relief = _enlarged(found, small, tile)
        out[name] = Image(relief[..., None], "linear", "mm")
    return out


def enough_texels(tile: Tile, vertices: Float[np.ndarray, "V 3"], edge: float) -> int:
    """The tile's resolution, halved as long as it still shows all that a scan of this edge (metres) has."""
    resolution, texel = tile.resolution, typical_texel(tile, vertices)
    while resolution > 256 and resolution % 2 == 0 and 2 * texel * _STEPS <= edge:
        resolution, texel = resolution // 2, 2 * texel
    return resolution


def _fineness(
    template: Template, vertices: np.ndarray, scan_edge: Float[np.ndarray, " V"]
) -> Float[np.ndarray, " V"]:
    """Per vertex 0..1: how fine the scan is there, against the template's mesh; the doubt of neighbours
    counts, as a coarse triangle's hits lie all over it."""
    edges = template.topology.edges
    length = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)
    count = np.maximum(np.bincount(edges.ravel(), minlength=len(vertices)), 1)
    mean = np.bincount(edges.ravel(), np.repeat(length, 2), len(vertices)) / count
    return smoothstep(_spread(template, mean / np.maximum(scan_edge, 1e-9)), *_FINENESS)


def _followed(template: Template, distance: np.ndarray) -> Float[np.ndarray, " V"]:
    """Per vertex 0..1: fades out before places where the mesh does not follow the scan, so that no relief
    ends in a step."""
    return 1.0 - smoothstep(_spread(template, (distance > _OFF).astype(float)), 0.02, 0.35)


def _spread(template: Template, values: np.ndarray) -> np.ndarray:
    """Averages with the neighbours, three rings wide."""
    edges, n = template.topology.edges, len(values)
    count = np.bincount(edges.ravel(), minlength=n)
    for _ in range(3):
        sums = np.bincount(edges[:, 0], values[edges[:, 1]], n)
        sums += np.bincount(edges[:, 1], values[edges[:, 0]], n)
        values = np.where(count > 0, 0.5 * (values + sums / np.maximum(count, 1)), values)
    return values


def _median_edge(vertices: np.ndarray, triangles: np.ndarray) -> float:
    return float(np.median(_edges(vertices, triangles)))


def _edges(vertices: np.ndarray, triangles: np.ndarray) -> Float[np.ndarray, " M"]:
    """One edge of each triangle, metres."""
    return np.linalg.norm(vertices[triangles[:, 0]] - vertices[triangles[:, 1]], axis=1)


def _tile_relief(
    tile: Tile,
    template: Template,
    vertices: np.ndarray,
    surface: ClosestPoint,
    near: np.ndarray,
    fine: np.ndarray,
    edge: float,
    rays_only: bool,
) -> np.ndarray:
    rows = np.flatnonzero(near[tile.corners].all(axis=1))
    relief, trust = np.zeros(len(tile.corners), np.float32), np.zeros(len(tile.corners), np.float32)
    at_vertices = vertex_normals(vertices, template.topology.triangles)
    normals = normalized(tile.at_texels(at_vertices)[rows])
    points = _smooth_points(tile, vertices, at_vertices)[rows]
    hit = project_along_normals(surface, points, normals, rays_only=rays_only)
    lift = _phong_lift(surface, hit.triangle, hit.barycentric, normals)
    relief[rows] = MILLIMETRES_PER_METRE * np.where(hit.triangle >= 0, hit.offset + lift, 0.0)
    agree = smoothstep(hit.agreement, *_AGREEING)
    trust[rows] = agree * np.where(hit.triangle >= 0, 1.0 - smoothstep(np.abs(hit.offset), *_TRUSTED), 0.0)
    image, known = tile.image(relief), tile.image(trust) > 0.5
    sigma = max(_SMOOTHING * edge / typical_texel(tile, vertices), 0.5)
    image = blur_within(image, known, sigma)
    # Trust falls off before the border of what is known, where the average is one-sided.
    sure = np.clip(2.0 * blur_within(tile.image(trust), tile.covered, 2.0 * sigma) - 1.0, 0.0, 1.0)
    return np.clip(image * sure * tile.image(tile.at_texels(fine)), -LIMIT_MM, LIMIT_MM).astype(np.float32)


def _phong_lift(
    surface: ClosestPoint, triangle: np.ndarray, barycentric: np.ndarray, directions: np.ndarray
) -> np.ndarray:
    """How far along `directions` the smooth surface over the scan lies beyond its flat triangles (metres)."""
    corner = surface.triangles[triangle]
    flat = np.einsum("nk,nkd->nd", barycentric, surface.vertices[corner])
    out = np.zeros(len(triangle))
    for k in range(3):
        normal = surface.normals[corner[:, k]]
        height = np.einsum("nd,nd->n", surface.vertices[corner[:, k]] - flat, normal)
        out += barycentric[:, k] * height * np.einsum("nd,nd->n", normal, directions)
    return 0.75 * out


def _enlarged(pixels: np.ndarray, small: Tile, tile: Tile) -> np.ndarray:
    if small.resolution == tile.resolution:
        return pixels
    size = (tile.resolution, tile.resolution)
    large = cv2.resize(fill_gutter(pixels, small.covered), size, interpolation=cv2.INTER_CUBIC)
    # The cubic overshoots a little where the relief was clipped.
    return np.where(tile.covered, np.clip(large, -LIMIT_MM, LIMIT_MM), 0.0).astype(np.float32)


def _smooth_points(tile: Tile, vertices: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Phong tessellation (Boubekeur and Alexa 2008, eq. 4, alpha = 3/4) at the covered texels."""
    flat = tile.at_texels(vertices).astype(np.float64)
    bulge = np.zeros_like(flat)
    for k in range(3):
        corner = tile.corners[:, k]
        height = np.einsum("nd,nd->n", vertices[corner] - flat, normals[corner])
        bulge += (tile.weights[:, k] * height)[:, None] * normals[corner]
    return flat + 0.75 * bulge
