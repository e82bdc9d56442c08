"""The error map: how far a registered head lies off its scan, and how far to believe it, in false colours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from mien.core.conventions import linear_to_srgb, srgb_to_linear
from mien.core.face import Registration, Template
from mien.geometry.normals import normalized, vertex_normals
from mien.register.confidence import error_at
from mien.render.camera import orbit_camera, rasterize_view
from mien.render.raster import BACKGROUND
from mien.sheets.labels import LABEL_COLOUR, TITLE_COLOUR, blank_sheet, draw_text, paste

VIEWS = (("front", 0.0), ("left side", 90.0), ("right side", -90.0), ("back", 180.0))
TILE = (336, 420)  # width, height
LARGEST_MM = 1.0  # the colours' end, the same for every head so that two pictures compare
SUPERSAMPLING = 2
_BAR, _MARGIN, _GAP, _LABEL, _HEADING = 128, 24, 8, 24, 62
_GREY = np.array([0.36, 0.365, 0.375])
_NOT_SKIN = np.array([0.20, 0.203, 0.21])
_SKIN = ("face", "head")
_LEFT_OUT = ("cornea", "eye_occlusion", "eye_blend", "eye_socket", "lacrimal", "lashes", "mouth_socket")
_KEY = np.array([-0.45, 0.55, 0.70])  # light from the upper left, in camera axes
_FILL = np.array([0.80, 0.05, 0.60])

Picture = UInt8[np.ndarray, "_ _ 3"]


@dataclass(frozen=True)
class Scale:
    """A colour bar: values from `low` to `high` over a colour table, with ticks (value, label)."""

    colours: Float[np.ndarray, "256 3"]
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]

    def __call__(self, values: Float[np.ndarray, "*N"]) -> Float[np.ndarray, "*N 3"]:
        """Linear RGB; values beyond the ends take the end's colour, NaN the grey of "not measured"."""
        share = np.clip((values - self.low) / (self.high - self.low), 0.0, 1.0)
        colour = self.colours[np.round(np.nan_to_num(share) * 255).astype(int)]
        return np.where(np.isnan(values)[..., None], _GREY, colour)


def error_map(template: Template, registration: Registration) -> UInt8[np.ndarray, "H W 3"]:
    """Four views of the head as scanned (sRGB): distance to the scan above, confidence below.

    Grey where nothing was measured. Beside each confidence stands the error off the true surface that it
    means.
    """
    distance = Scale(_table(cv2.COLORMAP_INFERNO, 0.97, 0.10), 0.0, LARGEST_MM, _millimetre_ticks())
    sure = Scale(_table(cv2.COLORMAP_VIRIDIS, 0.0, 1.0), 0.0, 1.0, _confidence_ticks())
    skin = _skin(template, registration)
    confidence = np.where(skin, registration.confidence, np.nan)
    rows = (
        ("distance to the scan, mm; grey: not measured", distance, registration.distance_mm),
        (
            "confidence in the form, 1 sure ... 0 guessed, and the error expected off the true surface",
            sure,
            confidence,
        ),
    )
    views = [_View(template, registration.vertices, skin, yaw) for _, yaw in VIEWS]
    return _layout(
        [(title, scale, [view.painted(values, scale) for view in views]) for title, scale, values in rows]
    )


class _View:
    """The head from one side: shading and what each pixel sees, shared by all pictures from there."""

    def __init__(
        self, template: Template, vertices: Float[np.ndarray, "V 3"], skin: Bool[np.ndarray, " V"], yaw: float
    ) -> None:
        opaque = _opaque(template)
        triangles = template.topology.triangles[opaque]
        face = vertices[template.face_vertices()]
        camera = orbit_camera(face, *TILE, yaw, margin=1.42).resized(SUPERSAMPLING)
        raster = rasterize_view(camera, vertices, triangles)
        self._covered = raster.covered
        self._corners = triangles[raster.triangle[raster.covered]]
        self._weights = raster.barycentric[raster.covered]
        normals = vertex_normals(vertices, triangles) @ camera.axes.T * [1.0, 1.0, -1.0]
        seen = normalized(self._at(normals))
        self._shade = _shading(seen)
        # Through the mouth and the open neck the skin's inside is seen: it has no error of its own.
        self._is_skin = skin[self._corners].all(axis=1) & (seen[:, 2] > -0.1)

    def painted(self, values: Float[np.ndarray, " V"], scale: Scale) -> Picture:
        """The head in the colours of `values` per vertex."""
        colour = np.where(self._is_skin[:, None], scale(self._at(values)), _NOT_SKIN)
        height, width = self._covered.shape
        picture = np.empty((height, width, 3), np.float32)
        picture[:] = _background(height)[:, None]
        picture[self._covered] = colour * self._shade[:, None]
        small = cv2.resize(picture, TILE, interpolation=cv2.INTER_AREA)
        return _encoded(small)

    def _at(self, values: np.ndarray) -> np.ndarray:
        return np.einsum("nk,nk...->n...", self._weights, values[self._corners])


def _shading(normals: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, " N"]:
    """Soft light from the upper left, so that form shows and colours keep their lightness."""
    normals = normals * np.where(
        normals[:, 2:] < 0, -1.0, 1.0
    )  # seen from behind: the inside of an open neck
    key, fill = (np.maximum(normals @ (light / np.linalg.norm(light)), 0.0) for light in (_KEY, _FILL))
    return 0.30 + 0.78 * key**1.2 + 0.16 * fill


def _opaque(template: Template) -> Bool[np.ndarray, " G"]:
    mask = np.zeros(len(template.topology.quads), bool)
    for part in template.parts:
        mask[part.quads] = not part.name.startswith(_LEFT_OUT)
    return np.repeat(mask, 2)


def _skin(template: Template, registration: Registration) -> Bool[np.ndarray, " V"]:
    """Where there is an error to tell: the skin, not the parts that follow it."""
    if registration.expected_error_mm is not None:
        return np.isfinite(registration.expected_error_mm)
    return template.vertex_mask(*(part.name for part in template.parts if part.name in _SKIN))


def _confidence_ticks() -> tuple[tuple[float, str], ...]:
    middle = tuple((c, f"{c:g}  {error_at(c):.1f} mm") for c in (0.8, 0.6, 0.4, 0.2))
    return ((1.0, "1"), *middle, (0.0, "0"))


def _millimetre_ticks() -> tuple[tuple[float, str], ...]:
    steps = np.linspace(0.0, LARGEST_MM, 5)
    return tuple((float(s), f"{s:g}" + (" mm and more" if s == LARGEST_MM else "")) for s in steps)


@lru_cache(maxsize=4)
def _table(name: int, first: float, last: float) -> Float[np.ndarray, "256 3"]:
    """A stretch of one of OpenCV's perceptually even tables (van der Walt and Smith 2015), linear RGB."""
    ramp = np.round(255 * np.linspace(first, last, 256)).astype(np.uint8)[:, None]
    return srgb_to_linear(cv2.applyColorMap(ramp, name)[:, 0, ::-1] / 255.0)


@lru_cache(maxsize=4)
def _background(height: int) -> Float[np.ndarray, "H 3"]:
    """The fade behind every picture of a head, linear RGB."""
    along = np.linspace(0.0, 1.0, height)[:, None]
    return srgb_to_linear(np.array(BACKGROUND[0]) * (1 - along) + np.array(BACKGROUND[1]) * along)


def _encoded(linear: Float[np.ndarray, "*N 3"]) -> UInt8[np.ndarray, "*N 3"]:
    return (linear_to_srgb(np.clip(linear, 0.0, 1.0)) * 255.0 + 0.5).astype(np.uint8)


def _layout(rows: list[tuple[str, Scale, list[Picture]]]) -> Picture:
    width, height = TILE
    step = height + _HEADING + _LABEL
    sheet = blank_sheet(2 * _MARGIN + len(VIEWS) * (width + _GAP) + _BAR, len(rows) * step + _MARGIN // 2)
    for number, (title, scale, tiles) in enumerate(rows):
        top = number * step + _HEADING
        draw_text(sheet, title, _MARGIN, top - 20, 19, TITLE_COLOUR)
        for column, ((name, _), tile) in enumerate(zip(VIEWS, tiles, strict=True)):
            x = _MARGIN + column * (width + _GAP)
            paste(sheet, tile, x, top)
            draw_text(sheet, name, x + 1, top + height + 17)
        _draw_bar(sheet, scale, _MARGIN + len(VIEWS) * (width + _GAP) + 8, top + 8, height - 16)
    return sheet


def _draw_bar(sheet: Picture, scale: Scale, x: int, y: int, height: int, width: int = 18) -> None:
    """The colour bar upright, its largest value on top, with ticks to its right."""
    values = np.linspace(scale.high, scale.low, height)
    paste(sheet, np.repeat(_encoded(scale(values))[:, None], width, axis=1), x, y)
    for value, label in scale.ticks:
        row = y + round((scale.high - value) / (scale.high - scale.low) * (height - 1))
        sheet[row, x + width : x + width + 5] = LABEL_COLOUR
        draw_text(sheet, label, x + width + 9, row + 5)
