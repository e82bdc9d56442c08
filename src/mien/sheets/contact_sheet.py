"""The contact sheet of an asset: three sides, clay beside the scan, six expressions, the maps."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import cv2
import numpy as np
from jaxtyping import UInt8

from mien.core.conventions import EXPRESSIONS, linear_to_srgb
from mien.core.mesh import Image, Scan
from mien.render.camera import orbit_camera, standard_camera
from mien.render.lighting import light_subject
from mien.render.lights import clay_studio, studio
from mien.render.raster import render_lit
from mien.render.renderable import Renderable, renderable_from_asset, renderable_from_scan
from mien.rigging.head import RiggedHead
from mien.scan.decimate import light_scan
from mien.sheets.labels import TITLE_COLOUR, blank_sheet, draw_text, paste

# What the six tiles show, and their labels.
SHEET_EXPRESSIONS: dict[str, dict[str, float]] = {
    "smile": EXPRESSIONS["smileOpen"],
    "jaw open": EXPRESSIONS["jawOpen"],
    "blink": EXPRESSIONS["blink"],
    "pucker": EXPRESSIONS["pucker"],
    "surprise": {**EXPRESSIONS["surprise"], "jawOpen": 0.5},
    "disgust": EXPRESSIONS["disgust"],
}
WIDTH = 1888
_MARGIN, _GAP, _LABEL = 24, 8, 26
_TEXTURE_LIMIT = 1024
_DISPLACEMENT_SHOWN = 0.3  # mm; black and white in the thumbnail
_MAPS = ("albedo", "specular", "roughness", "normal", "displacement", "scatter")

Picture = UInt8[np.ndarray, "_ _ 3"]  # tiles differ in size
Job = Callable[[], dict[str, Picture]]


def draw_contact_sheet(asset: RiggedHead) -> UInt8[np.ndarray, "H W 3"]:
    """The asset's preview (sRGB): neutral from three sides, clay of head and scan, six expressions, maps."""
    subject = renderable_from_asset(asset, _TEXTURE_LIMIT)
    top, middle = _tile_size(5), _tile_size(6)
    jobs: list[Job] = [lambda: _neutral(subject, asset, top)]
    if asset.scan is not None:
        scan = renderable_from_scan(_shape_of(asset.scan.scan), frame=subject.frame)
        jobs.append(lambda: {"clay, scan": _clay(scan, top, 24.0)})
    jobs += [partial(_expression, name, subject, middle) for name in SHEET_EXPRESSIONS]
    _warm(subject)
    with ThreadPoolExecutor(2) as pool:
        done = [picture for pictures in pool.map(lambda job: job(), jobs) for picture in pictures.items()]
    tiles = dict(done)
    expressions = {name: tiles.pop(name) for name in SHEET_EXPRESSIONS}
    return _layout(asset.name, [tiles, expressions, _thumbnails(asset)])


def _shape_of(scan: Scan) -> Scan:
    """What clay shows of a scan, at a density that a tile can show."""
    return replace(light_scan(scan), textures=(), triangle_texture=None)


def _tile_size(columns: int) -> tuple[int, int]:
    """Width and height of a tile when so many share a row: portrait, 4 to 5."""
    width = (WIDTH - 2 * _MARGIN - (columns - 1) * _GAP) // columns
    return width, width * 5 // 4


def _warm(subject: Renderable) -> None:
    """Builds what the threads share, so that none of them does it twice."""
    surface = subject.surface
    surface.normals(subject.vertices)
    _ = surface.smoother, surface.uv_area, studio()
    for index, material in enumerate(surface.materials):
        if material.kind == "skin":
            for resolution in (512, 256):
                surface.tile(index, resolution)


def _neutral(subject: Renderable, asset: RiggedHead, size: tuple[int, int]) -> dict[str, Picture]:
    lit = light_subject(subject, studio(), rays=16)
    tiles = {
        view.replace("-", " "): render_lit(lit, standard_camera(subject.frame, *size, view))
        for view in ("front", "three-quarter", "side")
    }
    # Clay shares the neutral's rays: of the ambient it needs the occlusion alone.
    tiles["clay, rig"] = render_lit(lit, orbit_camera(subject.frame, *size, 24.0), "clay")
    if asset.scan is None:
        tiles["clay, side"] = render_lit(lit, standard_camera(subject.frame, *size, "side"), "clay")
    return tiles


def _clay(subject: Renderable, size: tuple[int, int], yaw: float) -> Picture:
    camera = orbit_camera(subject.frame, *size, yaw)
    lit = light_subject(subject, clay_studio(), rays=8, diffusion=False, toward=camera.toward)
    return render_lit(lit, camera, "clay")


def _expression(name: str, subject: Renderable, size: tuple[int, int]) -> dict[str, Picture]:
    posed = subject.posed(SHEET_EXPRESSIONS[name])
    camera = orbit_camera(subject.frame, *size, 10.0, margin=1.24)
    lit = light_subject(posed, studio(), rays=8, shadow_samples=2, tile_resolution=256, toward=camera.toward)
    return {name: render_lit(lit, camera)}


def _thumbnails(asset: RiggedHead) -> dict[str, Picture]:
    """Face maps first, then the head's albedo and the eye's; as many as fit one row of ten."""
    maps = asset.maps
    first, *others = _textured_materials(asset)
    wanted = [f"{first}_{kind}" for kind in _MAPS] + [f"{name}_albedo" for name in others[:4]]
    size = _tile_size(10)[0]
    return {name.replace("_", " "): _thumbnail(maps[name], size) for name in wanted if name in maps}


def _textured_materials(asset: RiggedHead) -> list[str]:
    """The face's material first, then the others that have colour."""
    order = ("face", "head", "eye", "mouth", "lash")
    looks = {part.material: part.look or part.material for part in asset.template.parts}
    found = [name for name in looks if f"{name}_albedo" in asset.maps and looks[name] in order]
    return sorted(found, key=lambda name: order.index(looks[name])) or ["face"]


def _thumbnail(image: Image, size: int) -> Picture:
    pixels = np.asarray(image.pixels, np.float32)
    small = np.asarray(cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA), np.float32)
    small = small.reshape(size, size, -1)
    if image.unit == "mm":
        small = 0.5 + 0.5 * small / _DISPLACEMENT_SHOWN  # grey is zero
    if small.shape[2] < 3:
        shown = np.repeat(small[..., :1], 3, axis=2)
    elif image.colour_space == "srgb" or _is_normal(small[..., :3]):
        shown = small[..., :3]
    else:
        shown = linear_to_srgb(np.clip(small[..., :3], 0, 1))
    return (np.clip(shown, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


def _is_normal(small: np.ndarray) -> bool:
    """Tangent-space normals are shown as stored: unit vectors packed into 0..1."""
    length = np.linalg.norm(2.0 * small - 1.0, axis=-1)
    return bool(np.abs(np.median(length) - 1.0) < 0.1)


def _layout(title: str, rows: list[dict[str, Picture]]) -> Picture:
    filled = [row for row in rows if row]
    heights = [max(tile.shape[0] for tile in row.values()) + _LABEL for row in filled]
    sheet = blank_sheet(WIDTH, 56 + sum(heights) + _GAP * len(filled) + _MARGIN // 2)
    draw_text(sheet, title, _MARGIN, 38, 22, TITLE_COLOUR)
    y = 56
    for row, height in zip(filled, heights, strict=True):
        x = _MARGIN
        for name, tile in row.items():
            paste(sheet, tile, x, y)
            draw_text(sheet, name, x + 1, y + tile.shape[0] + 17)
            x += tile.shape[1] + _GAP
        y += height + _GAP
    return sheet
