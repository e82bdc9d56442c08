"""A scan's colour baked into the canonical tiles, and completed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float

from mien.bake.fill import TileColour, base_colour, fill_tile, from_log, measured_grain, to_log
from mien.bake.level import level_seams
from mien.bake.prior import regional_pattern, tone_colour, tone_of_colour
from mien.bake.project import REACH, Projection, project_along_normals
from mien.bake.sample import ColourSource
from mien.bake.trust import (
    OPENNESS,
    bare_core,
    colour_trust,
    geometric_trust,
    grow_from_face,
    openness,
)
from mien.core.conventions import linear_to_srgb
from mien.core.errors import MienError
from mien.core.face import PreparedScan, Template
from mien.core.mesh import Image
from mien.geometry.closest import ClosestPoint
from mien.geometry.normals import vertex_normals
from mien.geometry.uvspace import Tile, blur_within, fill_gutter, locate_texels, smooth_gutter
from mien.geometry.weights import smoothstep

TILES = ("face", "head")
_GRAIN_SEED = 20
_CAVITY = (0.5, 0.33, 0.3)  # what little light in a nostril does to skin
_FEATHER = 1.5  # texels over which single lost texels are feathered


@dataclass(frozen=True)
class BakedColour:
    """sRGB albedo of both tiles, complete, and per texel 1 measured ... 0 filled."""

    face_albedo: Image
    head_albedo: Image
    face_confidence: Image
    head_confidence: Image


@dataclass(frozen=True)
class _Reading:
    """What the scan says at a tile's covered texels: log colour (0 where lost) and geometric trust."""

    tile: Tile
    log_colour: Float[np.ndarray, "N 3"]
    trust: Float[np.ndarray, " N"]


def bake_colour(
    template: Template,
    vertices: Float[np.ndarray, "V 3"],
    prepared: PreparedScan,
    resolution: int = 1024,
    confidence: Float[np.ndarray, " V"] | None = None,
) -> BakedColour:
    """Reads the scan's colour for every texel of "face" and "head" and completes what it lacks.

    `vertices` is the head as scanned, in the scan's space (metres); `confidence` the registration's own,
    per vertex. The texture's light is kept as it is; charts that were exposed differently are levelled.
    Raises `MienError` where the scan has no colour.
    """
    scan = prepared.scan
    if not scan.has_colour:
        raise MienError(
            f"{scan.name}: no colour (expected a texture or vertex colours); give --albedo IMAGE, "
            "or let Mien generate the skin"
        )
    surface = ClosestPoint(scan.vertices, scan.triangles)
    source = level_seams(scan)
    tiles = {name: tile_of(template, name, resolution) for name in TILES}
    readings = {name: _read(tile, vertices, template, surface, source) for name, tile in tiles.items()}
    exposed = openness(template, vertices)
    trust, observed = _judge(template, vertices, list(readings.values()), exposed, confidence)
    data = {name: _with_trust(reading, trust) for name, reading in readings.items()}
    base = base_colour(template, vertices, observed, trust, _prior(template, observed, trust))
    base += _cavity_shade(template, exposed, trust)
    bare = np.where(bare_core(template), 1.0, 0.0)
    grain = measured_grain(data["face"], vertices, base, bare)
    images = {}
    for n, name in enumerate(TILES):
        filled = fill_tile(template, vertices, data[name], base, grain, _GRAIN_SEED + n)
        images[f"{name}_albedo"] = _finish(filled, tiles[name])
        images[f"{name}_confidence"] = Image(tiles[name].image(data[name].confidence)[..., None])
    return BakedColour(**images)


def tile_of(template: Template, part: str, resolution: int) -> Tile:
    """The texels of one part's tile."""
    quads = np.zeros(len(template.topology.quads), bool)
    quads[template.part(part).quads] = True
    return locate_texels(template.topology, quads, resolution)


def _read(
    tile: Tile,
    vertices: np.ndarray,
    template: Template,
    surface: ClosestPoint,
    source: ColourSource,
) -> _Reading:
    normals = vertex_normals(vertices, template.topology.triangles)
    near = surface.query(vertices).distance < 2 * REACH
    texels = np.flatnonzero(near[tile.corners].any(axis=1))
    n = len(tile.corners)
    log_colour, trust = np.zeros((n, 3), np.float32), np.zeros(n, np.float32)
    size = np.sqrt(tile.at_texels(tile.texel_area(vertices)))
    points, directions = tile.at_texels(vertices), tile.at_texels(normals)
    for rows in np.array_split(texels, max(1, len(texels) // 1_000_000)):
        direction = directions[rows] / np.linalg.norm(directions[rows], axis=1, keepdims=True)
        hit = project_along_normals(surface, points[rows], direction)
        rows, hit = _hits_only(rows, hit)
        colour = source.read(hit.triangle, hit.barycentric, size[rows])
        known = np.isfinite(colour).all(axis=1)
        log_colour[rows] = to_log(np.where(known[:, None], colour, 0.0))
        trust[rows] = np.where(known, geometric_trust(surface, source, hit), 0.0)
    return _Reading(tile, log_colour, trust)


def _hits_only(rows: np.ndarray, hit: Projection) -> tuple[np.ndarray, Projection]:
    on = hit.triangle >= 0
    return rows[on], Projection(hit.triangle[on], hit.barycentric[on], hit.offset[on], hit.agreement[on])


def _judge(
    template: Template,
    vertices: np.ndarray,
    readings: list[_Reading],
    exposed: np.ndarray,
    confidence: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Per vertex: the trust in the measurement round it, and the mean log colour there."""
    seen, total = np.zeros(len(vertices)), np.zeros(len(vertices))
    colour = np.zeros((len(vertices), 3))
    for reading in readings:
        seen += reading.tile.to_vertices(reading.trust)
        total += reading.tile.to_vertices(np.ones_like(reading.trust))
        colour += reading.tile.to_vertices(reading.trust[:, None] * reading.log_colour)
    observed = colour / np.maximum(seen, 1e-6)[:, None]
    trust = seen / np.maximum(total, 1e-6)
    known = trust > 0.3
    trust = trust * colour_trust(template, from_log(observed), known, confidence)
    trust *= smoothstep(exposed, *OPENNESS) * template.regions.get("measured", np.ones(len(trust)))
    return grow_from_face(template, vertices, trust), observed


def _with_trust(reading: _Reading, trust: np.ndarray) -> TileColour:
    """Texel confidence: the mesh's, less what is lost texel by texel, feathered."""
    tile = reading.tile
    lost = cv2.dilate(tile.image(reading.trust < 0.35), np.ones((3, 3), np.uint8))
    local = 1.0 - blur_within(lost, tile.covered, _FEATHER)
    here = np.where(reading.trust > 0, np.clip(2 * local[tile.covered] - 1, 0, 1), 0.0)
    confidence = (tile.at_texels(trust) * here).astype(np.float32)
    return TileColour(tile, reading.log_colour, confidence)


def _prior(template: Template, observed: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """The person's own tone with the regional pattern, log colour."""
    sure = (trust > 0.7) & bare_core(template)
    core = observed[sure] if sure.any() else observed[trust > 0.5]
    skin = from_log(np.median(core, axis=0)) if len(core) else tone_colour(0.3)
    return to_log(skin * np.exp(regional_pattern(template, tone_of_colour(skin))))


def _cavity_shade(template: Template, exposed: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """Unmeasured nostrils and ear canals are dark and reddish; lids and lips only close, they stay skin.

    Added after the fill: as a part of its guidance it would brighten the surroundings of a cavity that
    was measured.
    """
    soft = [w for name, w in template.regions.items() if "lid" in name or "rim" in name or "lip" in name]
    skin = np.maximum.reduce(soft) if soft else np.zeros(len(exposed))
    cavity = (1.0 - smoothstep(exposed, 0.05, 0.4)) * (1.0 - trust) * (1.0 - skin)
    return cavity[:, None] * np.log(_CAVITY)


def _finish(log_colour: np.ndarray, tile: Tile) -> Image:
    linear = smooth_gutter(fill_gutter(from_log(log_colour), tile.covered), tile.covered)
    return Image(linear_to_srgb(linear).astype(np.float32), "srgb")
