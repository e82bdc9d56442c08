"""The calibration as a picture: predicted against true error, on logarithmic axes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8

from mien.evaluate.measures.expected_error import Reliability
from mien.sheets.labels import LABEL_COLOUR, TITLE_COLOUR, blank_sheet, draw_text

Picture = UInt8[np.ndarray, "H W 3"]

PANEL = 560
TITLES = {"off_surface": "off the true surface", "slip": "along the surface (slip)"}
_LEFT, _TOP, _RIGHT, _BOTTOM, _BETWEEN = 76, 116, 28, 96, 88
_PANEL_COLOUR = (34, 35, 38)
_GRID = (56, 58, 62)
_IDENTITY = (150, 153, 158)
_TWICE = (92, 95, 100)
_POINT = (253, 186, 73)
_BAND = (176, 110, 40)
_SHIFT = 4  # OpenCV draws at sixteenths of a pixel
_TICKS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True)
class _Axes:
    """A square panel with its upper left corner at (x, y): millimetres to pixels on both logarithmic axes."""

    x: int
    y: int
    low: float
    high: float

    def along(self, millimetres: float) -> float:
        share = np.log(millimetres / self.low) / np.log(self.high / self.low)
        return float(np.clip(share, 0.0, 1.0)) * PANEL

    def at(self, predicted: float, true: float) -> tuple[float, float]:
        return self.x + self.along(predicted), self.y + PANEL - self.along(true)


def draw_calibration(found: list[Reliability], scans: str) -> Picture:
    """One panel a target (sRGB): mean true error over the mean predicted one in bins of equal count.

    Bars reach from the 10th to the 90th percentile of the true error; the diagonal is a perfect prediction,
    dashes are half and twice of it. `scans` says what was measured on.
    """
    width = _LEFT + len(found) * (PANEL + _BETWEEN) - _BETWEEN + _RIGHT
    sheet = blank_sheet(width, _TOP + PANEL + _BOTTOM)
    draw_text(
        sheet, "Error that the registration predicts, against the true one", _LEFT, 36, 21, TITLE_COLOUR
    )
    draw_text(sheet, f"{scans}; bars: 10th to 90th percentile; dashes: half and twice", _LEFT, 62, 14)
    for number, one in enumerate(found):
        _draw_panel(sheet, one, _LEFT + number * (PANEL + _BETWEEN), _TOP)
    return sheet


def _draw_panel(sheet: Picture, found: Reliability, x: int, y: int) -> None:
    means = np.concatenate([found.predicted, found.true])
    axes = _Axes(x, y, 0.4 * float(means.min()), 1.25 * float(max(means.max(), found.high.max())))
    sheet[y : y + PANEL, x : x + PANEL] = _PANEL_COLOUR
    _draw_grid(sheet, axes)
    _draw_line(sheet, axes.at(axes.low, axes.low), axes.at(axes.high, axes.high), _IDENTITY, 2)
    for factor in (0.5, 2.0):
        _draw_dashed(sheet, axes, factor)
    for predicted, low, high in zip(found.predicted, found.low, found.high, strict=True):
        _draw_line(sheet, axes.at(predicted, max(low, axes.low)), axes.at(predicted, high), _BAND, 3)
    for predicted, true in zip(found.predicted, found.true, strict=True):
        centre = tuple(round(c * 2**_SHIFT) for c in axes.at(predicted, true))
        cv2.circle(sheet, centre, 7 * 2**_SHIFT, _POINT, -1, cv2.LINE_AA, _SHIFT)
    draw_text(sheet, TITLES[found.target], x, y - 10, 16, TITLE_COLOUR)
    draw_text(sheet, "mean predicted error, mm", x + PANEL - 168, y + PANEL + 42)
    draw_text(sheet, "mean true error, mm", x + 10, y + 20)
    numbers = f"Spearman {found.correlation:.2f}; true below twice the predicted: {found.within_two:.0%}"
    draw_text(sheet, numbers, x, y + PANEL + 66, 14)


def _draw_grid(sheet: Picture, axes: _Axes) -> None:
    for tick in _TICKS:
        if not axes.low < tick < axes.high:
            continue
        _draw_line(sheet, axes.at(tick, axes.low), axes.at(tick, axes.high), _GRID, 1)
        _draw_line(sheet, axes.at(axes.low, tick), axes.at(axes.high, tick), _GRID, 1)
        column, row = axes.at(tick, tick)
        draw_text(sheet, f"{tick:g}", round(column) - 9, axes.y + PANEL + 20, 13, LABEL_COLOUR)
        draw_text(sheet, f"{tick:g}", axes.x - 38, round(row) + 5, 13, LABEL_COLOUR)


def _draw_dashed(sheet: Picture, axes: _Axes, factor: float) -> None:
    stations = np.geomspace(axes.low, axes.high, 81)
    for a, b in zip(stations[:-1:2], stations[1::2], strict=True):
        if axes.low <= factor * a and factor * b <= axes.high:
            _draw_line(sheet, axes.at(a, factor * a), axes.at(b, factor * b), _TWICE, 1)


def _draw_line(
    sheet: Picture, a: tuple[float, float], b: tuple[float, float], colour: tuple[int, int, int], width: int
) -> None:
    start, end = (tuple(round(c * 2**_SHIFT) for c in point) for point in (a, b))
    cv2.line(sheet, start, end, colour, width, cv2.LINE_AA, _SHIFT)
