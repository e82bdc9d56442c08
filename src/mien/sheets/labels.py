"""Small text and tiles on a dark sheet."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import UInt8

SHEET_COLOUR = (24, 25, 27)
LABEL_COLOUR = (176, 179, 184)
TITLE_COLOUR = (226, 228, 230)


@lru_cache(maxsize=1)
def _font() -> cv2.FontFace:
    return cv2.FontFace("sans")


def blank_sheet(width: int, height: int) -> UInt8[np.ndarray, "H W 3"]:
    """An empty sheet (sRGB)."""
    return np.full((height, width, 3), SHEET_COLOUR, np.uint8)


def draw_text(
    sheet: UInt8[np.ndarray, "H W 3"],
    text: str,
    x: int,
    y: int,
    size: int = 13,
    colour: tuple[int, int, int] = LABEL_COLOUR,
) -> None:
    """Writes `text` with its baseline's left end at (x, y), `size` pixels tall; ASCII and Latin."""
    cv2.putText(sheet, text, (x, y), colour, _font(), size)


def paste(sheet: UInt8[np.ndarray, "H W 3"], tile: UInt8[np.ndarray, "h w 3"], x: int, y: int) -> None:
    """Lays a tile on the sheet with its upper left corner at (x, y)."""
    sheet[y : y + tile.shape[0], x : x + tile.shape[1]] = tile
