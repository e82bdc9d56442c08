"""The 68 landmarks on the scan, numbered: what to look at while landmarks.json is edited."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from mien.core.face import PreparedScan
from mien.scan.decimate import light_scan
from mien.scan.landmarks.orthographic import OrthographicView, draw, make_canvas
from mien.sheets.labels import draw_text

SIZE = 1000
_MARGIN = 1.25  # half the picture's width, of half the landmarks' extent
_RUNS = ((0, 17), (17, 22), (22, 27), (27, 31), (31, 36), (36, 42), (42, 48), (48, 60), (60, 68))
_INNER_LIPS = np.array([[1, 0], [0, -1], [0, -1], [0, -1], [-1, 0], [0, 1], [0, 1], [0, 1]], np.float64)
_LABEL = 15  # pixels from a dot to its number
_OUTLINE = ((-1, 0), (1, 0), (0, -1), (0, 1))


def landmark_picture(scan: PreparedScan) -> UInt8[np.ndarray, "1000 1000 3"]:
    """The scan from the front (sRGB) with its landmarks, numbered from 0 as in landmarks.json; dots run from
    red (confidence 0) over yellow to green (1). What was not seen is left out."""
    seen = scan.landmark_confidence > 0
    points = scan.landmarks[seen]
    low, high = points.min(axis=0), points.max(axis=0)
    view = OrthographicView(np.eye(3), (low + high) / 2, 0.5 * _MARGIN * float((high - low)[:2].max()), SIZE)
    picture = draw(make_canvas(light_scan(scan.scan), max_texture=2048), view).image
    sheet = np.ascontiguousarray(0.8 * picture).astype(np.uint8)
    at = view.project(scan.landmarks)[:, :2]
    labels = _label_places(at)
    for number in np.flatnonzero(seen):
        colour = _colour(float(scan.landmark_confidence[number]))
        spot = (round(float(at[number, 0])), round(float(at[number, 1])))
        cv2.circle(sheet, spot, 5, (0, 0, 0), -1, cv2.LINE_AA)
        cv2.circle(sheet, spot, 4, colour, -1, cv2.LINE_AA)
        _outlined(sheet, str(number), *labels[number])
    caption = f"68 landmarks, Multi-PIE, from 0; {int(seen.sum())} seen; confidence red 0 ... green 1"
    _outlined(sheet, caption, 16, SIZE - 16)
    return sheet


def _label_places(at: Float[np.ndarray, "68 2"]) -> list[tuple[int, int]]:
    """Each number's baseline start, away from the middle of its feature, so that numbers do not meet."""
    places = []
    for start, stop in _RUNS:
        away = at[start:stop] - at[start:stop].mean(axis=0)
        if start in (17, 22):
            away = np.tile([0.0, -1.0], (stop - start, 1))
        if start == 27:
            away = np.tile([1.0, 0.0], (stop - start, 1))
        if start == 31:
            away = np.tile([0.0, 1.0], (stop - start, 1))
        if start == 60:
            away = _INNER_LIPS
        away = away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9)
        middle = at[start:stop] + _LABEL * away
        places += [(round(float(x)) - 7, round(float(y)) + 5) for x, y in middle]
    return places


def _colour(confidence: float) -> tuple[int, int, int]:
    """Red, yellow, green."""
    return round(255 * min(1.0, 2 - 2 * confidence)), round(255 * min(1.0, 2 * confidence)), 40


def _outlined(sheet: UInt8[np.ndarray, "H W 3"], text: str, x: int, y: int) -> None:
    for dx, dy in _OUTLINE:
        draw_text(sheet, text, x + dx, y + dy, colour=(0, 0, 0))
    draw_text(sheet, text, x, y, colour=(255, 255, 255))
