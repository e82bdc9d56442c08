"""Close-ups at 400 %: the baked head beside the scan, at the same place and scale, unlit and as relief."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from mien.bake.colour import tile_of
from mien.bake.fill import typical_texel
from mien.bake.texture_sampling import ColourSource
from mien.core.conventions import linear_to_srgb, srgb_to_linear
from mien.core.face import PreparedScan, Template
from mien.core.mesh import Image
from mien.geometry.normals import normalized, vertex_normals
from mien.geometry.raster import Raster, rasterize
from mien.render.texture import Texture, texture_from_image
from mien.sheets.labels import blank_sheet, draw_text, paste
from mien.textures.tangent import normal_from_displacement

MAGNIFICATION = 4.0  # picture pixels per texel at the middle of the crop
LARGEST = 640  # pixels of a crop's side
_GREY = 0.72
_RAKING = np.array([0.55, 0.4, 0.73])  # right, up, toward: light that shows relief


@dataclass(frozen=True)
class CropSpot:
    """A place to look at: a point on the template's surface, the direction it is seen from, a width."""

    name: str
    vertex: int
    toward: tuple[float, float, float]  # (x, y, z) from the surface to the viewer
    metres: float


@dataclass(frozen=True)
class CropView:
    """An orthographic picture of a small place: its centre, axes (rows right, up, toward), scale and size."""

    centre: Float[np.ndarray, "3"]
    axes: Float[np.ndarray, "3 3"]
    pixels_per_metre: float
    size: int

    def raster(self, vertices: Float[np.ndarray, "V 3"], triangles: Int[np.ndarray, "T 3"]) -> Raster:
        """What is seen of a mesh; surfaces more than 40 mm behind or before the centre are left out."""
        local = (vertices - self.centre) @ self.axes.T
        pixels = np.stack([local[:, 0], -local[:, 1]], axis=1) * self.pixels_per_metre + 0.5 * self.size
        near = (np.abs(local[triangles, 2]) < 0.04).all(axis=1)
        shown = np.where(near[:, None], triangles, 0)
        return rasterize(pixels, -local[:, 2], shown, self.size, self.size)


def find_crop_spots(template: Template) -> tuple[CropSpot, ...]:
    """Lids, lips, ears, hair line, sideburns and nose, both sides."""
    points = template.landmarks.on(template.vertices, template.topology)
    skin = np.flatnonzero(template.vertex_mask("face", "head"))

    def at(point: np.ndarray) -> int:
        return int(skin[np.linalg.norm(template.vertices[skin] - point, axis=1).argmin()])

    def of_region(name: str, side: float) -> np.ndarray:
        weight = template.regions[name]
        ear = template.vertices[weight > 0.5]
        return np.array([side * np.abs(ear[:, 0]).max(), *ear[:, 1:].mean(axis=0)])

    span = float(np.linalg.norm(points[36] - points[45]))
    forehead = points[27] + np.array([0.0, 0.85 * span, 0.0])
    out = [
        CropSpot("right eye", at(points[36:42].mean(axis=0)), (-0.2, 0.1, 1.0), 0.034),
        CropSpot("left eye", at(points[42:48].mean(axis=0)), (0.2, 0.1, 1.0), 0.034),
        CropSpot("lips", at(points[51]), (0.0, 0.0, 1.0), 0.05),
        CropSpot("right corner of the mouth", at(points[48]), (-0.3, 0.0, 1.0), 0.03),
        CropSpot("nose", at(points[30]), (0.0, -0.1, 1.0), 0.04),
        CropSpot("hair line", at(forehead), (0.0, 0.5, 1.0), 0.05),
    ]
    for name, side in (("right", -1.0), ("left", 1.0)):
        temple = points[17 if side < 0 else 26] + np.array([side * 0.012, 0.035, -0.01])
        out.append(CropSpot(f"{name} temple", at(temple), (0.7 * side, 0.2, 0.7), 0.05))
        burn = points[0 if side < 0 else 16] + np.array([0.0, -0.005, 0.0])
        out.append(CropSpot(f"{name} sideburn", at(burn), (0.9 * side, 0.0, 0.45), 0.05))
        out.append(CropSpot(f"{name} ear", at(of_region(f"ear_{name}", side)), (side, 0.0, 0.25), 0.07))
        jaw = points[3 if side < 0 else 13]
        out.append(CropSpot(f"{name} jaw", at(jaw), (0.7 * side, -0.25, 0.6), 0.05))
    return tuple(out)


@dataclass(frozen=True)
class BakedHead:
    """What is judged: the head as scanned; its albedo (sRGB), displacement (mm) and confidence by tile."""

    vertices: Float[np.ndarray, "V 3"]
    albedo: dict[str, Image]
    displacement: dict[str, Image]
    confidence: dict[str, Image]


@dataclass(frozen=True)
class Crop:
    """One spot: its picture (scan and head unlit, then both in grey under raking light), and the head's share
    of the scan's detail there (mean gradient of log light; NaN where little was measured)."""

    name: str
    picture: UInt8[np.ndarray, "H W 3"]
    detail_kept: float


def frame_spot(
    template: Template, head: BakedHead, spot: CropSpot, magnification: float = MAGNIFICATION
) -> CropView:
    """The view of a spot: `magnification` pixels a typical texel of the face, no larger than `LARGEST`."""
    toward = np.array(spot.toward) / np.linalg.norm(spot.toward)
    right = normalized(np.cross([0.0, 1.0, 0.0], toward)[None])[0]
    axes = np.stack([right, np.cross(toward, right), toward])
    tile = tile_of(template, "face", 256)
    texel = typical_texel(tile, head.vertices) * 256 / head.albedo["face"].pixels.shape[0]
    scale = magnification / texel
    return CropView(head.vertices[spot.vertex], axes, scale, int(min(spot.metres * scale, LARGEST)))


def draw_closeups(
    template: Template, head: BakedHead, prepared: PreparedScan, chosen: tuple[CropSpot, ...] | None = None
) -> list[Crop]:
    """Close-ups of the chosen spots, all of `find_crop_spots` if left out."""
    pieces = _pieces(template, head)
    source = ColourSource(prepared.scan)
    out = []
    for spot in find_crop_spots(template) if chosen is None else chosen:
        view = frame_spot(template, head, spot)
        scan, baked = _scan_pictures(prepared, source, view), _head_pictures(pieces, head, view)
        order = (("scan", scan[0]), ("head", baked[0]), ("scan, relief", scan[1]), ("head, relief", baked[1]))
        out.append(Crop(spot.name, _row(spot, view, order), _detail_kept(scan[0], baked[0], baked[2])))
    return out


def _detail_kept(scan: np.ndarray, head: np.ndarray, confidence: np.ndarray) -> float:
    """Mean gradient of log light in the head's picture over that in the scan's, where surely measured."""
    sure = (confidence > 0.95) & (scan.max(axis=2) > 12)
    sure = cv2.erode(sure.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    if sure.mean() < 0.05:
        return float("nan")
    return _gradient(head)[sure].mean() / max(float(_gradient(scan)[sure].mean()), 1e-9)


def _gradient(picture: np.ndarray) -> np.ndarray:
    light = np.log(srgb_to_linear(picture / 255.0).mean(axis=2) + 0.01)
    light = cv2.GaussianBlur(light, (0, 0), 1.0)  # eight-bit steps are no detail
    return np.hypot(np.gradient(light, axis=0), np.gradient(light, axis=1))


def _row(
    spot: CropSpot, view: CropView, tiles: tuple[tuple[str, np.ndarray], ...]
) -> UInt8[np.ndarray, "H W 3"]:
    gap, head = 6, 24
    sheet = blank_sheet(gap + len(tiles) * (view.size + gap), view.size + head + gap)
    wide = 1000.0 * view.size / view.pixels_per_metre
    for n, (label, picture) in enumerate(tiles):
        x = gap + n * (view.size + gap)
        text = f"{spot.name}, {wide:.0f} mm wide: {label}" if n == 0 else label
        draw_text(sheet, text, x, 16, 12)
        paste(sheet, picture, x, head)
    return sheet


def _scan_pictures(
    prepared: PreparedScan, source: ColourSource, view: CropView
) -> tuple[np.ndarray, np.ndarray]:
    scan = prepared.scan
    raster = view.raster(scan.vertices, scan.triangles)
    mask = raster.covered
    triangle, bary = raster.triangle[mask], raster.barycentric[mask]
    size = np.full(len(triangle), 1.0 / view.pixels_per_metre, np.float32)
    colour = np.full((view.size, view.size, 3), np.nan, np.float32)
    if scan.has_colour:
        colour[mask] = source.read(triangle.astype(np.int64), bary, size)
    normals = vertex_normals(scan.vertices, scan.triangles)
    smooth = normalized(np.einsum("nk,nkd->nd", bary, normals[scan.triangles[triangle]]))
    return _flat(colour), _relief(smooth, mask, view)


@dataclass(frozen=True)
class _Piece:
    """One tile's triangles with their UVs at corners, its albedo and its height as textures."""

    triangles: Int[np.ndarray, "T 3"]
    uvs: Float[np.ndarray, "T 3 2"]
    albedo: Texture
    normal: Texture
    confidence: Texture
    tangent_u: Float[np.ndarray, "V 3"]


def _pieces(template: Template, head: BakedHead) -> list[_Piece]:
    out = []
    for name, albedo in head.albedo.items():
        tile = tile_of(template, name, albedo.pixels.shape[0])
        height = head.displacement[name]
        normal = normal_from_displacement(height, tile, head.vertices, template.topology.triangles)
        along_u, _ = tile.uv_derivatives(head.vertices)
        out.append(
            _Piece(
                tile.triangles,
                tile.uvs[tile.triangle_uvs],
                texture_from_image(albedo, 8192),
                texture_from_image(normal, 8192),
                texture_from_image(head.confidence[name], 8192),
                along_u,
            )
        )
    return out


def _head_pictures(pieces: list[_Piece], head: BakedHead, view: CropView) -> tuple[np.ndarray, ...]:
    """Unlit, in relief, and the confidence."""
    triangles = np.concatenate([p.triangles for p in pieces])
    uvs = np.concatenate([p.uvs for p in pieces])
    which = np.repeat(np.arange(len(pieces)), [len(p.triangles) for p in pieces])
    normals = vertex_normals(head.vertices, triangles)
    raster = view.raster(head.vertices, triangles)
    mask = raster.covered
    triangle, bary = raster.triangle[mask], raster.barycentric[mask]
    uv = np.einsum("nk,nkd->nd", bary, uvs[triangle])
    corner = triangles[triangle]
    smooth = normalized(np.einsum("nk,nkd->nd", bary, normals[corner]))
    colour = np.full((view.size, view.size, 3), np.nan, np.float32)
    confidence = np.zeros((view.size, view.size), np.float32)
    sure = np.zeros(len(triangle), np.float32)
    found, bumped = np.zeros((len(triangle), 3), np.float32), smooth.copy()
    for n, piece in enumerate(pieces):
        rows = np.flatnonzero(which[triangle] == n)
        if len(rows) == 0:
            continue
        level = np.zeros(len(rows), np.float32)
        found[rows] = piece.albedo.sample(uv[rows], level)
        sure[rows] = piece.confidence.sample(uv[rows], level)[:, 0]
        tangent = np.einsum("nk,nkd->nd", bary[rows], piece.tangent_u[corner[rows]])
        bumped[rows] = _turned(smooth[rows], tangent, piece.normal.sample(uv[rows], level))
    colour[mask], confidence[mask] = found, sure
    return _flat(colour), _relief(bumped, mask, view), confidence


def _turned(normals: np.ndarray, along_u: np.ndarray, stored: np.ndarray) -> np.ndarray:
    """Normals turned by a tangent-space normal map (Y up)."""
    local = 2.0 * stored - 1.0
    tangent = normalized(along_u - normals * np.einsum("nd,nd->n", along_u, normals)[:, None])
    bitangent = np.cross(normals, tangent)
    return normalized(local[:, :1] * tangent + local[:, 1:2] * bitangent + local[:, 2:] * normals)


def _flat(linear: np.ndarray) -> UInt8[np.ndarray, "S S 3"]:
    srgb = linear_to_srgb(np.nan_to_num(linear, nan=0.02).astype(np.float32))
    return np.round(255.0 * np.clip(srgb, 0, 1)).astype(np.uint8)


def _relief(normals: np.ndarray, mask: np.ndarray, view: CropView) -> UInt8[np.ndarray, "S S 3"]:
    light = (_RAKING / np.linalg.norm(_RAKING)) @ view.axes
    shade = _GREY * (0.06 + 0.94 * np.maximum(normals @ light, 0.0))
    picture = np.full((view.size, view.size, 3), 0.02, np.float32)
    picture[mask] = shade[:, None]
    return _flat(picture)
