"""The scan's own relief: what it shows along the normal beyond the registered mesh, per texel."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from mien.bake.colour import TILES, tile_of
from mien.bake.project import REACH, project_along_normals
from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.core.face import PreparedScan, Template
from mien.core.mesh import Image
from mien.geometry.closest import ClosestPoint
from mien.geometry.normals import normalized, vertex_normals
from mien.geometry.uvspace import Tile, blur_within
from mien.geometry.weights import smoothstep
from mien.scan.light import light_scan

LIMIT_MM = 0.8
_TRUSTED = (0.001, 0.0025)  # metres between head and scan: relief ... no relief
_FINENESS = (1.8, 3.0)  # template edge over scan edge: a coarser scan has no relief of its own


def scan_relief(
    template: Template,
    vertices: Float[np.ndarray, "V 3"],
    prepared: PreparedScan,
    resolution: int = 1024,
    shown: Float[np.ndarray, " V"] | None = None,
) -> dict[str, Image]:
    """Displacement in mm (outward positive) for "face" and "head"; 0 where nothing was measured and where the
    user masked the scan (`shown` 0).

    Measured from the smooth surface over the mesh (Phong tessellation), so that the roundness between
    vertices, which smooth shading shows already, is not counted twice. Kept is what is finer than the
    template's mesh and coarser than the scan's: the mean per vertex is taken out, wavelengths below two
    scan edges are facets and smoothed away. A scan about as coarse as the template yields zeros.
    """
    scan = prepared.scan
    fine = _fineness(template, vertices, scan.vertices, scan.triangles)
    fine = fine if shown is None else fine * shown
    surface = ClosestPoint(scan.vertices, scan.triangles) if fine.any() else None
    light = light_scan(scan)
    whole = ClosestPoint(light.vertices, light.triangles) if light is not scan else surface
    edge = _median_edge(scan.vertices, scan.triangles)
    out = {}
    for name in TILES:
        tile = tile_of(template, name, resolution)
        relief = np.zeros(len(tile.corners), np.float32)
        if surface is not None and whole is not None:
            near = (whole.query(vertices).distance < REACH) & (fine > 0)
            relief = _tile_relief(tile, template, vertices, surface, near, fine, edge, whole is not surface)
        out[name] = Image(tile.image(relief)[..., None], "linear", "mm")
    return out


def _fineness(
    template: Template, vertices: np.ndarray, scan_vertices: np.ndarray, scan_triangles: np.ndarray
) -> np.ndarray:
    """Per vertex 0..1: how much finer than the template's mesh the scan is."""
    edges = template.topology.edges
    length = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)
    count = np.bincount(edges.ravel(), minlength=len(vertices))
    mean = np.bincount(edges.ravel(), np.repeat(length, 2), len(vertices)) / np.maximum(count, 1)
    return smoothstep(mean / _median_edge(scan_vertices, scan_triangles), *_FINENESS)


def _median_edge(vertices: np.ndarray, triangles: np.ndarray) -> float:
    return float(np.median(np.linalg.norm(vertices[triangles[:, 0]] - vertices[triangles[:, 1]], axis=1)))


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
    relief[rows] = MILLIMETRES_PER_METRE * hit.offset
    trust[rows] = np.where(hit.triangle >= 0, 1.0 - smoothstep(np.abs(hit.offset), *_TRUSTED), 0.0)
    image, known = tile.image(relief), tile.image(trust) > 0.5
    texel = np.sqrt(np.median(tile.at_texels(tile.texel_area(vertices))))
    image = blur_within(image, known, max(edge / texel, 0.5))
    weight = tile.to_vertices(trust)
    mean = tile.to_vertices(trust * image[tile.covered]) / np.maximum(weight, 1e-6)
    detail = (image[tile.covered] - tile.at_texels(mean)) * trust * tile.at_texels(fine)
    return np.clip(detail, -LIMIT_MM, LIMIT_MM).astype(np.float32)


def _smooth_points(tile: Tile, vertices: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Phong tessellation (Boubekeur and Alexa 2008, eq. 4, alpha = 3/4) at the covered texels."""
    flat = tile.at_texels(vertices).astype(np.float64)
    bulge = np.zeros_like(flat)
    for k in range(3):
        corner = tile.corners[:, k]
        height = np.einsum("nd,nd->n", vertices[corner] - flat, normals[corner])
        bulge += (tile.weights[:, k] * height)[:, None] * normals[corner]
    return flat + 0.75 * bulge
