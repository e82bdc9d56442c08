"""Texel-stretch maps: how large a texel is on the head, and how much longer than wide, in false colours."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from mien.bake.colour import TILES, tile_of
from mien.bake.ray_hits import texel_steps
from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.core.face import Template
from mien.geometry.uvspace import Tile
from mien.sheets.labels import SHEET_COLOUR, blank_sheet, draw_text, paste

_DRAWN = 512  # texels of the drawn tiles; the sizes shown are those at the asked resolution
_SHOWN = ("millimetres a texel", "long over short side of a texel")
_LONGEST = 4.0  # end of the anisotropy's colour bar


@dataclass(frozen=True)
class Stretch:
    """Of one tile's covered texels: the geometric mean side in mm, and the longer over the shorter axis."""

    tile: Tile
    side_mm: Float[np.ndarray, " N"]
    anisotropy: Float[np.ndarray, " N"]


def measure_texels(
    template: Template, vertices: Float[np.ndarray, "V 3"], name: str, resolution: int
) -> Stretch:
    """Stretch of a tile ("face" or "head") of `resolution` texels on a head (metres).

    The axes are the singular values of the map from texels to the surface, constant on each triangle.
    """
    tile = tile_of(template, name, min(resolution, _DRAWN))
    long, short = compute_singular_values(texel_steps(tile, vertices).astype(np.float64))
    scale = MILLIMETRES_PER_METRE * tile.resolution / resolution
    side, ratio = scale * np.sqrt(long * short), long / np.maximum(short, 1e-12)
    return Stretch(tile, side[tile.texel_triangle], ratio[tile.texel_triangle])


def compute_singular_values(
    steps: Float[np.ndarray, "T 2 3"],
) -> tuple[Float[np.ndarray, " T"], Float[np.ndarray, " T"]]:
    """Of the 3x2 matrices whose columns are the two steps, larger first, in closed form."""
    a, b = steps[:, 0], steps[:, 1]
    aa, bb, ab = (np.einsum("td,td->t", p, q) for p, q in ((a, a), (b, b), (a, b)))
    root = np.hypot(0.5 * (aa - bb), ab)
    mean = 0.5 * (aa + bb)
    return np.sqrt(mean + root), np.sqrt(np.maximum(mean - root, 0.0))


def measure_stretch(
    template: Template, vertices: Float[np.ndarray, "V 3"], resolution: int
) -> dict[str, float]:
    """The face tile's numbers: texel size (mm) and anisotropy, median and 95th percentile of the texels."""
    face = measure_texels(template, vertices, "face", resolution)
    return {
        "texel_median_mm": float(np.median(face.side_mm)),
        "texel_p95_mm": float(np.percentile(face.side_mm, 95)),
        "anisotropy_median": float(np.median(face.anisotropy)),
        "anisotropy_p95": float(np.percentile(face.anisotropy, 95)),
    }


def draw_stretch(
    template: Template, vertices: Float[np.ndarray, "V 3"], resolution: int
) -> UInt8[np.ndarray, "H W 3"]:
    """Both tiles, size and anisotropy, each with its colour bar."""
    gap, head, bar = 8, 24, 34
    sheet = blank_sheet(2 * _DRAWN + 3 * gap, 2 * (_DRAWN + head + bar) + gap)
    for row, name in enumerate(TILES):
        found = measure_texels(template, vertices, name, resolution)
        ends = (0.0, 2.5 * float(np.median(found.side_mm))), (1.0, _LONGEST)
        for column, values in enumerate((found.side_mm, found.anisotropy)):
            x, y = gap + column * (_DRAWN + gap), gap + row * (_DRAWN + head + bar)
            draw_text(sheet, f"{name}, {resolution} texels: {_SHOWN[column]}", x, y + 14)
            paste(sheet, _painted(found.tile, values, ends[column]), x, y + head - gap)
            _draw_bar(sheet, x, y + head + _DRAWN - 2, ends[column])
    return sheet


def _painted(tile: Tile, values: np.ndarray, ends: tuple[float, float]) -> UInt8[np.ndarray, "S S 3"]:
    image = np.tile(np.array(SHEET_COLOUR, np.uint8), (*tile.covered.shape, 1))
    image[tile.covered] = paint_false_colour((values - ends[0]) / (ends[1] - ends[0]))
    return np.asarray(cv2.resize(image, (_DRAWN, _DRAWN), interpolation=cv2.INTER_NEAREST))


def paint_false_colour(share: Float[np.ndarray, " N"]) -> UInt8[np.ndarray, "N 3"]:
    """0..1 (clipped) as sRGB from dark blue over green to yellow."""
    grey = np.round(255 * np.clip(share, 0, 1)).astype(np.uint8)
    return np.asarray(cv2.applyColorMap(grey[:, None], cv2.COLORMAP_VIRIDIS))[:, 0, ::-1]


def _draw_bar(sheet: np.ndarray, x: int, y: int, ends: tuple[float, float]) -> None:
    width = _DRAWN - 120
    sheet[y : y + 10, x + 60 : x + 60 + width] = paint_false_colour(np.linspace(0, 1, width))[None]
    draw_text(sheet, f"{ends[0]:.2f}", x + 20, y + 10)
    draw_text(sheet, f"{ends[1]:.2f} and more", x + 60 + width - 20, y + 26)
