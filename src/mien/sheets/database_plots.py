"""The database's numbers as pictures: distributions beside their targets, components, spread by region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from mien.sheets.labels import TITLE_COLOUR, blank_sheet, draw_text
from mien.synth.distributions import Marginal

Picture = UInt8[np.ndarray, "H W 3"]

_PANEL_COLOUR, _GRID = (34, 35, 38), (56, 58, 62)
_BAR, _LINE, _OTHER = (176, 110, 40), (253, 186, 73), (120, 160, 200)
_BINS = 24


def distribution_picture(found: Sequence[Marginal]) -> Picture:
    """A histogram an attribute (bars) with the wanted distribution (line)."""
    width, height, gap, top = 250, 170, 22, 60
    sheet = blank_sheet(gap + len(found) * (width + gap), top + height + 44)
    draw_text(
        sheet, "Drawn people (bars) and the distributions they should have (lines)", gap, 30, 18, TITLE_COLOUR
    )
    for number, one in enumerate(found):
        x = gap + number * (width + gap)
        sheet[top : top + height, x : x + width] = _PANEL_COLOUR
        edges = np.linspace(one.low, one.high, _BINS + 1)
        count = np.histogram(one.values, edges)[0] / len(one.values)
        wanted = np.diff(one.cdf(edges))
        scale = 0.9 * height / max(count.max(), wanted.max())
        for k, share in enumerate(count):
            left, right = (x + round(width * (k + s) / _BINS) for s in (0.08, 0.92))
            sheet[top + height - round(share * scale) : top + height, left:right] = _BAR
        centres = x + width * (np.arange(_BINS) + 0.5) / _BINS
        _polyline(sheet, centres, top + height - wanted * scale, _LINE)
        draw_text(sheet, one.name, x, top - 8, 14)
        draw_text(sheet, f"{one.low:g}", x, top + height + 18, 12)
        draw_text(sheet, f"{one.high:g}", x + width - 28, top + height + 18, 12)
    return sheet


def component_picture(explained: Float[np.ndarray, " K"], errors: Sequence[Mapping[str, float]]) -> Picture:
    """Share of variance left out (logarithmic) and error on unseen heads, both by number of components."""
    width, height, left, top = 460, 300, 70, 70
    sheet = blank_sheet(2 * (left + width) + 30, top + height + 60)
    draw_text(sheet, "Principal components of the database's neutral heads", left, 30, 19, TITLE_COLOUR)
    components = np.array([row["components"] for row in errors])
    first = _Panel(sheet, (left, top), (width, height), len(explained), (1e-3, 1.0))
    first.draw("variance left out", (1.0, 0.1, 0.01, 0.001))
    first.line(np.arange(1, len(explained) + 1), np.maximum(1.0 - explained, 1e-3), _LINE)
    second = _Panel(sheet, (2 * left + width, top), (width, height), len(explained), (0.1, 5.0))
    second.draw(
        "error on unseen faces, mm: vertex (yellow), surface (blue); mean and 95 %",
        (0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
    )
    for name, colour in (("vertex", _LINE), ("surface", _OTHER)):
        for kind in ("mean", "p95"):
            second.line(components, np.array([row[f"{name}_{kind}_mm"] for row in errors]), colour)
    return sheet


def spread_picture(own: Mapping[str, float], theirs: Mapping[str, float]) -> Picture:
    """Standard deviation by region in millimetres: the database (yellow) and ICT-FaceKit (blue)."""
    row, left, top, width = 26, 150, 62, 460
    sheet = blank_sheet(left + width + 70, top + row * len(own) + 16)
    draw_text(sheet, "Spread by region, mm: database (yellow), ICT-FaceKit (blue)", 16, 30, 17, TITLE_COLOUR)
    scale = width / max(*own.values(), *theirs.values())
    for number, name in enumerate(own):
        y = top + number * row
        draw_text(sheet, name.replace("_", " "), 16, y + 16, 14)
        for k, (values, colour) in enumerate(((own, _LINE), (theirs, _OTHER))):
            sheet[y + 10 * k : y + 10 * k + 9, left : left + round(scale * values[name])] = colour
        longer = max(own[name], theirs[name])
        draw_text(sheet, f"{own[name]:.1f}", left + round(scale * longer) + 6, y + 15, 12)
    return sheet


class _Panel:
    """Axes: 0 .. `end` across, logarithmic `low` .. `high` upward."""

    def __init__(
        self, sheet: Picture, at: tuple[int, int], size: tuple[int, int], end: int, span: tuple[float, float]
    ) -> None:
        self.sheet, self.at, self.size, self.end, self.span = sheet, at, size, end, span

    def draw(self, title: str, ticks: Sequence[float]) -> None:
        (x, y), (width, height) = self.at, self.size
        self.sheet[y : y + height, x : x + width] = _PANEL_COLOUR
        draw_text(self.sheet, title, x, y - 10, 13)
        for tick in ticks:
            row = round(float(self._row(np.array(tick))))
            self.sheet[min(row, y + height - 1), x : x + width] = _GRID
            draw_text(self.sheet, f"{tick:g}", x - 44, row + 5, 12)
        for tick in range(0, self.end + 1, 50):
            draw_text(self.sheet, f"{tick}", x + round(width * tick / self.end) - 8, y + height + 20, 12)
        draw_text(self.sheet, "components", x + width - 90, y + height + 42, 13)

    def line(
        self, across: Float[np.ndarray, " N"], up: Float[np.ndarray, " N"], colour: tuple[int, int, int]
    ) -> None:
        _polyline(self.sheet, self.at[0] + self.size[0] * across / self.end, self._row(up), colour)

    def _row(self, value: np.ndarray) -> np.ndarray:
        low, high = self.span
        share = np.log(np.clip(value, low, high) / low) / np.log(high / low)
        return self.at[1] + self.size[1] * (1.0 - share)


def _polyline(sheet: Picture, x: np.ndarray, y: np.ndarray, colour: tuple[int, int, int]) -> None:
    points = np.round(np.stack([x, y], axis=1) * 16).astype(np.int32)
    cv2.polylines(sheet, [points.reshape(-1, 1, 2)], False, colour, 2, cv2.LINE_AA, 4)
