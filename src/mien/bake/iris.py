"""The irises' colour, read from the scan's photographs where its eyes are open.

Each eye is looked at along its gaze. Between the lids the disc that is darkest against its surroundings is
the iris (the search of Daugman, "How iris recognition works", 2004, with discs for circles: a scan's
texture is blurred and its eyes look anywhere); the middle of the ring round its pupil gives the colour.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float

from mien.anatomy.eyeball import IRIS_RADIUS
from mien.bake.photographs import Photograph, find_photographs
from mien.bake.project import project_along_normals
from mien.bake.texture_sampling import read_bilinear
from mien.core.conventions import linear_to_lab, linear_to_srgb, srgb_to_linear, uv_to_pixel
from mien.core.face import PreparedScan, Template
from mien.core.mesh import Scan
from mien.geometry.align import fit_similarity
from mien.geometry.closest import ClosestPoint

_HALF = (0.016, 0.009)  # metres: half of the window that is looked through, across and up
_STEP = 0.2e-3
_MARGIN = 0.7e-3  # metres inside the lids' margins: lashes and wet rims are no eye
_LEAST_OPEN = 3.5e-5  # square metres between the lids; a closed eye has none
_WANDER = (4.5e-3, 2.5e-3)  # metres that the iris may lie off the head's own direction
_LEAST_CONTRAST = 0.12  # log light between an iris and the white beside it
# Times the light of the skin around: what is darker or brighter (shadows; lids, highlights) counts alike.
_DARKEST, _BRIGHTEST = 0.02, 1.2
_ENOUGH = 0.5  # log light: an iris that stands out by more is not more of an iris
_PRIOR = 0.3  # log light by which the middle is preferred to the end of what the iris may wander
_RIM, _BESIDE = (0.72, 0.95), (1.06, 1.35)  # of the iris's radius: what is compared
_RING = (0.48, 0.84)  # of the iris's radius: outside wide pupils, inside the dark limbus
_HIGHLIGHT = 2.0  # times the ring's median light
_WHITE = (1.1, 1.5)  # of the iris's radius: the white beside it
_LEAST_SEEN = 60  # points of the ring, or of the white
_FACING = 0.7  # cosine between the gaze and a photograph's view
_DARKEST_IRIS = 2.0  # CIE L*: what is darker was not lit
_SCLERA = np.array([0.885, 0.850, 0.815])  # sRGB of a healthy eye's white
_GAIN, _TINT = (0.8, 6.0), (0.75, 1.33)


@dataclass(frozen=True)
class _Window:
    """What is seen of one eye along its gaze: metres across and up from its axis, points on the eyeball,
    linear colour, what lies between the lids and is seen, and the iris's radius."""

    x: Float[np.ndarray, "H W"]
    y: Float[np.ndarray, "H W"]
    points: Float[np.ndarray, "H W 3"]
    gaze: Float[np.ndarray, "3"]
    colour: Float[np.ndarray, "H W 3"]
    open: Bool[np.ndarray, "H W"]
    radius: float


def measured_iris(
    template: Template, vertices: Float[np.ndarray, "V 3"], prepared: PreparedScan
) -> tuple[float, float, float] | None:
    """sRGB of the middle zone of the scan's irises, both eyes' mean; None where none is surely seen.

    `vertices` is the head as scanned, eyeballs placed. Each eye is read from the photograph, or else the
    texture, in which its iris stands out most; its light is set by the white of the eye beside it.
    """
    scan = prepared.scan
    if not scan.has_colour:
        return None
    photographs = find_photographs(scan) if scan.textures else ()
    found = []
    for side in ("left", "right"):
        window = _window(template, vertices, side)
        if window is None:
            continue
        pictures = [_photographed(window, one, scan) for one in photographs] or [_scanned(window, scan)]
        irises = [iris for iris in (_iris_of(p) for p in pictures if p is not None) if iris is not None]
        if irises:
            found.append(max(irises, key=lambda iris: iris[1])[0])
    if not found:
        return None
    linear = np.clip(np.mean(found, axis=0), 0.0, 1.0)
    if linear_to_lab(linear)[0] < _DARKEST_IRIS:
        return None
    red, green, blue = linear_to_srgb(linear)
    return float(red), float(green), float(blue)


def _window(template: Template, vertices: Float[np.ndarray, "V 3"], side: str) -> _Window | None:
    """The eye's window, without colour yet; None where the lids are shut."""
    rows = template.vertex_mask(f"eye_{side}")
    placed = fit_similarity(template.vertices[rows], vertices[rows])
    centre = placed(next(j.position for j in template.joints if j.name == f"eye_{side}"))
    rim = np.concatenate([template.loops[f"lid_upper_{side}"], template.loops[f"lid_lower_{side}"][::-1]])
    local = (vertices[rim] - centre) @ placed.rotation
    x, y = np.meshgrid(*(np.arange(-half, half + _STEP / 2, _STEP) for half in _HALF))
    between = _inside(local[:, :2], x.shape)
    if between.sum() * _STEP**2 < _LEAST_OPEN:
        return None
    ball = float(np.linalg.norm(vertices[rows] - centre, axis=1).max())
    depth = np.sqrt(np.maximum(ball**2 - x**2 - y**2, 0.0))
    points = centre + np.stack([x, y, depth], axis=-1) @ placed.rotation.T
    return _Window(x, y, points, placed.rotation[:, 2], points * 0.0, between, IRIS_RADIUS * placed.scale)


def _photographed(window: _Window, photograph: Photograph, scan: Scan) -> _Window | None:
    """The eyeball as one photograph shows it; None where that looks too much from the side."""
    camera, points = photograph.camera, window.points.reshape(-1, 3)
    toward = -np.linalg.solve(camera[:, :3], camera[:, 3]) - points.mean(axis=0)
    pixel = photograph.project(points)
    left, top, right, bottom = photograph.frame
    inside = ((pixel > (left, top)) & (pixel < (right, bottom))).all(axis=1)
    if toward @ window.gaze < _FACING * np.linalg.norm(toward) or not inside.all():
        return None
    colour = read_bilinear(scan.textures[photograph.texture], pixel).astype(np.float64)
    return replace(window, colour=colour.reshape(window.points.shape))


def _scanned(window: _Window, scan: Scan) -> _Window | None:
    """The eye in the scan's own colour, seen along the gaze; None where the scan has nothing there."""
    colour = _colour_ahead(
        _near(scan, window.points.mean(axis=(0, 1))), window.points.reshape(-1, 3), window.gaze
    )
    if colour is None:
        return None
    colour = colour.reshape(window.points.shape)
    seen = np.isfinite(colour).all(axis=-1)
    return replace(window, colour=np.where(seen[..., None], colour, 0.0), open=window.open & seen)


def _inside(outline: Float[np.ndarray, "N 2"], shape: tuple[int, ...]) -> Bool[np.ndarray, "H W"]:
    """The window's points inside a closed outline, its rim left out."""
    pixels = np.round((outline + _HALF) / _STEP * 16).astype(np.int32)
    drawn = np.zeros(shape, np.uint8)
    cv2.fillPoly(drawn, [pixels], 1, shift=4)
    return cv2.distanceTransform(drawn, cv2.DIST_L2, 3) * _STEP > _MARGIN


def _near(scan: Scan, centre: Float[np.ndarray, "3"]) -> Scan:
    """The scan's triangles round one eye."""
    close = np.linalg.norm(scan.vertices - centre, axis=1) < 2 * _HALF[0]
    kept = close[scan.triangles].any(axis=1)
    uvs, which = scan.corner_uvs, scan.triangle_texture
    return replace(
        scan,
        triangles=scan.triangles[kept],
        corner_uvs=None if uvs is None else uvs[kept],
        triangle_texture=None if which is None else which[kept],
    )


def _colour_ahead(
    scan: Scan, points: Float[np.ndarray, "N 3"], gaze: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "N 3"] | None:
    """Linear colour of the scan before or behind the points, along the gaze; NaN where it has none."""
    if not len(scan.triangles):
        return None
    surface = ClosestPoint(scan.vertices, scan.triangles)
    hit = project_along_normals(surface, points, np.broadcast_to(gaze, points.shape).copy(), rays_only=True)
    on = hit.triangle >= 0
    triangle, weights = hit.triangle[on], hit.barycentric[on]
    out = np.full((len(points), 3), np.nan)
    out[on] = _colour_at(scan, triangle, weights)
    return out


def _colour_at(
    scan: Scan, triangle: np.ndarray, weights: Float[np.ndarray, "N 3"]
) -> Float[np.ndarray, "N 3"]:
    if not scan.textures or scan.corner_uvs is None:
        assert scan.vertex_colours is not None
        linear = srgb_to_linear(scan.vertex_colours)
        return np.asarray(np.einsum("nk,nkc->nc", weights, linear[scan.triangles[triangle]]))
    out = np.full((len(triangle), 3), np.nan)
    uv = np.einsum("nk,nkd->nd", weights, scan.corner_uvs[triangle])
    which = scan.triangle_texture
    which = np.zeros(len(scan.triangles), np.int64) if which is None else which
    for t, texture in enumerate(scan.textures):
        rows = np.flatnonzero(which[triangle] == t)
        out[rows] = read_bilinear(texture, uv_to_pixel(uv[rows], *texture.shape[:2]))
    return out


def _iris_of(window: _Window) -> tuple[Float[np.ndarray, "3"], float] | None:
    """Linear albedo of the ring between pupil and limbus, and how much the iris stands out; None where no
    iris does."""
    found = _darkest_disc(window)
    if found is None:
        return None
    at_x, at_y, contrast = found
    away = np.hypot(window.x - at_x, window.y - at_y) / window.radius
    ring = window.open & (away > _RING[0]) & (away < _RING[1]) & (window.y < at_y + 0.25 * window.radius)
    level = np.abs(window.y - at_y) < 0.5 * window.radius
    white = window.colour[window.open & level & (away > _WHITE[0]) & (away < _WHITE[1])]
    if ring.sum() < _LEAST_SEEN or len(white) < _LEAST_SEEN:
        return None
    return _typical(window.colour[ring]) * _light_lost(white), contrast


def _typical(colour: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "3"]:
    """The median of the brighter half, which no lid or lash shades, without highlights."""
    bright = colour.mean(axis=-1)
    middle = np.median(bright)
    kept = (bright >= middle) & (bright < _HIGHLIGHT * middle)
    return np.asarray(np.median(colour[kept], axis=0))


def _light_lost(white: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "3"]:
    """Gains that make the white of the eye white: lids shade the eye and lamps tint it, in photographs only.

    Bounded, because lashes and lids shade the white more than the iris and redden it.
    """
    bright = white.mean(axis=-1)
    shown = np.median(white[bright >= np.percentile(bright, 60)], axis=0)
    sclera = srgb_to_linear(_SCLERA)
    gain = float(np.clip(sclera.mean() / max(shown.mean(), 1e-3), *_GAIN))
    tint = (sclera / sclera.mean()) / np.maximum(shown / max(shown.mean(), 1e-3), 1e-2)
    return gain * np.clip(tint, *_TINT)


def _darkest_disc(window: _Window) -> tuple[float, float, float] | None:
    """Where a disc of the iris's size stands out most from both sides, and by how much log light."""
    light = window.colour.mean(axis=-1)
    skin = float(np.median(light[~window.open & (light > 0)]))
    light = np.log(np.minimum(light, _BRIGHTEST * skin) + _DARKEST * skin)
    best: tuple[float, float, float] | None = None
    across, up = (np.arange(-reach, reach + 1e-9, 0.4e-3) for reach in _WANDER)
    for at_y in up:
        level = window.open & (np.abs(window.y - at_y) < 0.55 * window.radius)
        for at_x in across:
            away = np.hypot(window.x - at_x, window.y - at_y) / window.radius
            rim, beside = (level & (away > low) & (away < high) for low, high in (_RIM, _BESIDE))
            steps = []
            for side in (window.x < at_x, window.x > at_x):
                inner, outer = light[rim & side], light[beside & side]
                enough = min(len(inner), len(outer)) >= _LEAST_SEEN // 2
                steps.append(float(outer.mean() - inner.mean()) if enough else 0.0)
            contrast = min(*steps, _ENOUGH) - _PRIOR * ((at_x / _WANDER[0]) ** 2 + (at_y / _WANDER[1]) ** 2)
            if contrast > (_LEAST_CONTRAST if best is None else best[2]):
                best = float(at_x), float(at_y), contrast
    return best
