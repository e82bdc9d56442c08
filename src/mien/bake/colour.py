"""A scan's colour baked into the canonical tiles, and completed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float

from mien.bake.colour_confidence import (
    OPENNESS,
    bare_core,
    colour_trust,
    geometric_trust,
    grow_from_face,
    hairy_zone,
    openness,
    sure_form,
)
from mien.bake.fill import THREADS, TileColour, base_colour, fill_tile, from_log, measured_grain, to_log
from mien.bake.hairline import hair_line
from mien.bake.lid_texels import lid_skin
from mien.bake.photographs import find_photographs
from mien.bake.project import REACH, Projection, project_along_normals
from mien.bake.ray_hits import CoarseHits, strips, texel_rays
from mien.bake.seam_levelling import level_seams
from mien.bake.skin_prior import completion_pattern, tone_colour, tone_of_colour
from mien.bake.texture_sampling import ColourSource, point_source
from mien.bake.views import photograph_source
from mien.core.errors import MienError
from mien.core.face import PreparedScan, Template
from mien.core.mesh import Image, Scan
from mien.geometry.closest import ClosestPoint
from mien.geometry.normals import normalized, vertex_normals
from mien.geometry.uvspace import Tile, at_texels_of, blur_within, locate_texels
from mien.geometry.weights import smoothstep
from mien.scan.decimate import light_scan

TILES = ("face", "head")
COARSE = 1024  # texels at most on which is decided what was measured
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
    """What the scan says at a coarse tile's covered texels: log colour (0 where lost), geometric trust, and
    where each lies on the scan."""

    tile: Tile
    log_colour: Float[np.ndarray, "N 3"]
    trust: Float[np.ndarray, " N"]
    hits: CoarseHits


@dataclass(frozen=True)
class _Head:
    """The head as scanned, with its vertex normals, and the scan it is read from."""

    template: Template
    vertices: Float[np.ndarray, "V 3"]
    normals: Float[np.ndarray, "V 3"]
    surface: ClosestPoint
    source: ColourSource


def bake_colour(
    template: Template,
    vertices: Float[np.ndarray, "V 3"],
    prepared: PreparedScan,
    resolution: int = 1024,
    confidence: Float[np.ndarray, " V"] | None = None,
    shown: Float[np.ndarray, " V"] | None = None,
    bare: Float[np.ndarray, " V"] | None = None,
) -> BakedColour:
    """Reads the scan's colour for every texel of "face" and "head" and completes what it lacks.

    `vertices` is the head as scanned, in the scan's space (metres); `confidence` and `bare` are the
    registration's own, per vertex; what the user masked (`shown` 0) is filled. What is measured and what
    is filled is decided at `COARSE` texels at most, the colour itself is read at `resolution`. The texture's
    light is kept as it is; charts and photographs that were exposed differently are levelled. Raises
    `MienError` where the scan has no colour.
    """
    scan = prepared.scan
    if not scan.has_colour:
        raise MienError(
            f"{scan.name}: no colour (expected a texture or vertex colours); give --albedo IMAGE, "
            "or let Mien generate the skin"
        )
    light = light_scan(scan)
    surface = ClosestPoint(light.vertices, light.triangles)
    normals = vertex_normals(vertices, template.topology.triangles)
    source = colour_source(light) if light is scan or scan.textures else point_source(light, scan)
    head = _Head(template, vertices, normals, surface, source)
    readings = {name: _read(head, tile_of(template, name, min(resolution, COARSE))) for name in TILES}
    exposed = openness(template, vertices)
    doubts = (confidence, sure_form(template, bare, confidence))
    trust, observed = _judge(template, vertices, list(readings.values()), exposed, *doubts)
    trust = trust if shown is None else trust * shown
    base = base_colour(template, vertices, observed, trust, _prior(template, observed, trust))
    base += _cavity_shade(template, exposed, trust)
    images, grain = {}, None
    for n, name in enumerate(TILES):
        tile = tile_of(template, name, resolution)
        data = _fine(head, tile, readings[name], trust, base)
        if name == "face":
            bare = np.where(bare_core(template), 1.0, 0.0)
            grain = measured_grain(data, vertices, bare)
        images[f"{name}_confidence"] = Image(data.confidence[..., None])
        images[f"{name}_albedo"] = fill_tile(vertices, normals, data, base, grain, _GRAIN_SEED + n)
    return BakedColour(**images)


def colour_source(scan: Scan) -> ColourSource:
    """The scan's colour with its exposure levelled: photographs where the texture consists of such, else an
    atlas of charts."""
    photographs = find_photographs(scan)
    return photograph_source(scan, photographs) if photographs else level_seams(scan)


def tile_of(template: Template, part: str, resolution: int) -> Tile:
    """The texels of one part's tile."""
    quads = np.zeros(len(template.topology.quads), bool)
    quads[template.part(part).quads] = True
    return locate_texels(template.topology, quads, resolution)


def _read(head: _Head, tile: Tile) -> _Reading:
    near = head.surface.query(head.vertices).distance < 2 * REACH
    texels = np.flatnonzero(near[tile.corners].any(axis=1))
    n = len(tile.corners)
    log_colour, trust = np.zeros((n, 3), np.float32), np.zeros(n, np.float32)
    triangle, offset = np.full(n, -1, np.int64), np.zeros(n, np.float32)
    size = np.sqrt(tile.at_texels(tile.texel_area(head.vertices)))
    points, directions = tile.at_texels(head.vertices), tile.at_texels(head.normals)
    for rows in np.array_split(texels, max(1, len(texels) // 1_000_000)):
        hit = project_along_normals(head.surface, points[rows], normalized(directions[rows]))
        rows, hit = _hits_only(rows, hit)
        triangle[rows], offset[rows] = hit.triangle, hit.offset
        colour = head.source.read(hit.triangle, hit.barycentric, size[rows])
        known = np.isfinite(colour).all(axis=1)
        log_colour[rows] = to_log(np.where(known[:, None], colour, 0.0))
        trust[rows] = np.where(known, geometric_trust(head.surface, head.source, hit), 0.0)
    found = np.full(tile.covered.shape, -1, np.int64)
    found[tile.covered] = triangle
    return _Reading(tile, log_colour, trust, CoarseHits(found, tile.image(offset)))


def _hits_only(rows: np.ndarray, hit: Projection) -> tuple[np.ndarray, Projection]:
    on = hit.triangle >= 0
    return rows[on], Projection(hit.triangle[on], hit.barycentric[on], hit.offset[on], hit.agreement[on])


def _fine(head: _Head, tile: Tile, reading: _Reading, trust: np.ndarray, base: np.ndarray) -> TileColour:
    """The tile at its full resolution: what differs from the base, read through each texel's footprint."""
    confidence = _confidence(tile, reading, trust)
    detail = np.zeros((*tile.covered.shape, 3), np.float32)
    flat, sure = detail.reshape(-1, 3), confidence.reshape(-1)
    rays = texel_rays(tile, head.vertices, head.normals, head.surface, reading.hits)
    wanted = np.flatnonzero(sure[rays.places] > 0).astype(np.int32)

    def read(rows: np.ndarray) -> None:
        hits = rays.hits(rows)
        colour = head.source.read_hits(hits)
        known = np.isfinite(colour).all(axis=1)
        here = rays.places[hits.rows[known]]
        flat[here] = to_log(colour[known]) - at_texels_of(tile, base, hits.rows[known])
        seen = np.zeros(len(rows), bool)
        seen[np.searchsorted(rows, hits.rows[known])] = True
        sure[rays.places[rows[~seen]]] = 0.0

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(read, strips(wanted)))
    return TileColour(tile, detail, confidence)


def _judge(
    template: Template,
    vertices: np.ndarray,
    readings: list[_Reading],
    exposed: np.ndarray,
    confidence: np.ndarray | None,
    form: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Per vertex: the trust in the measurement round it, and the mean log colour there."""
    seen, total = np.zeros(len(vertices)), np.zeros(len(vertices))
    colour, square = np.zeros((len(vertices), 3)), np.zeros(len(vertices))
    for reading in readings:
        light = reading.log_colour.mean(axis=1)
        seen += reading.tile.to_vertices(reading.trust)
        total += reading.tile.to_vertices(np.ones_like(reading.trust))
        colour += reading.tile.to_vertices(reading.trust[:, None] * reading.log_colour)
        square += reading.tile.to_vertices(reading.trust * light**2)
    observed = colour / np.maximum(seen, 1e-6)[:, None]
    spread = np.sqrt(np.maximum(square / np.maximum(seen, 1e-6) - observed.mean(axis=1) ** 2, 0.0))
    trust = seen / np.maximum(total, 1e-6)
    known = trust > 0.3
    trust = trust * colour_trust(template, from_log(observed), known, confidence, form)
    trust *= smoothstep(exposed, *OPENNESS) * template.regions.get("measured", np.ones(len(trust)))
    kept = np.maximum(hairy_zone(template), template.regions.get("beard", np.zeros(len(trust))))
    if form is not None:
        ears = np.maximum(template.regions["ear_left"], template.regions["ear_right"])
        kept = np.maximum(kept, form * ears)  # their hollows are dark, and no hair
    trust *= hair_line(template, vertices, observed.mean(axis=1), spread, trust, kept, form)
    trust *= lid_skin(template, vertices, from_log(observed), spread, trust)
    return grow_from_face(template, vertices, trust, form), observed


def _confidence(tile: Tile, reading: _Reading, trust: np.ndarray) -> Float[np.ndarray, "R R"]:
    """Texel confidence: the mesh's, less what is lost texel by texel on the coarse tile, feathered."""
    coarse = reading.tile
    lost = cv2.dilate(coarse.image(reading.trust < 0.35), np.ones((3, 3), np.uint8))
    local = np.clip(2.0 * (1.0 - blur_within(lost, coarse.covered, _FEATHER)) - 1.0, 0.0, 1.0)
    local *= coarse.image(reading.trust) > 0
    if tile.resolution != coarse.resolution:
        local = _enlarged(local, tile.resolution)
    return tile.image(tile.at_texels(trust)) * local


def _enlarged(pixels: np.ndarray, resolution: int) -> np.ndarray:
    return np.asarray(cv2.resize(pixels, (resolution, resolution), interpolation=cv2.INTER_LINEAR))


def _prior(template: Template, observed: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """The person's own tone with the regional pattern, log colour: what all measured bare skin agrees on."""
    hairy = np.maximum(hairy_zone(template), template.regions.get("beard", np.zeros(len(trust))))
    bare = template.vertex_mask("face") & (hairy < 0.2)
    sure = (trust > 0.7) & (bare | bare_core(template))
    sure = sure if sure.any() else trust > 0.5
    if not sure.any():
        skin = tone_colour(0.3)
        return to_log(skin * np.exp(completion_pattern(template, tone_of_colour(skin))))
    first = from_log(np.median(observed[sure], axis=0))
    pattern = completion_pattern(template, tone_of_colour(first))
    return to_log(np.exp(np.median(np.log(from_log(observed[sure])) - pattern[sure], axis=0) + pattern))


def _cavity_shade(template: Template, exposed: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """Unmeasured nostrils and ear canals are dark and reddish; lids and lips only close, they stay skin.

    Added after the fill: as a part of its guidance it would brighten the surroundings of a cavity that
    was measured.
    """
    soft = [w for name, w in template.regions.items() if "lid" in name or "rim" in name or "lip" in name]
    skin = np.maximum.reduce(soft) if soft else np.zeros(len(exposed))
    cavity = (1.0 - smoothstep(exposed, 0.05, 0.4)) * (1.0 - trust) * (1.0 - skin)
    return cavity[:, None] * np.log(_CAVITY)
