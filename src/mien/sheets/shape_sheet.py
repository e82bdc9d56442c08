"""All 52 shapes of a rig in clay, one row a shape: front, three-quarter and side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
from jaxtyping import UInt8

from mien.core.conventions import SHAPE_NAMES
from mien.core.face import Template
from mien.render.camera import VIEWS, standard_camera
from mien.render.raster import light_for, render_lit
from mien.render.renderable import Renderable, renderable_from_template
from mien.rigging.rig import Rig
from mien.sheets.labels import blank_sheet, draw_text, paste

_LABEL, _GAP = 22, 6
_MARGIN = 1.06  # close: ears and crown hardly move
# ARKit defines mouthClose on an open jaw, and a tongue needs a gap to come out of.
DRAWN_ON: dict[str, dict[str, float]] = {"mouthClose": {"jawOpen": 1.0}, "tongueOut": {"jawOpen": 0.4}}


def shape_tiles(
    template: Template, rig: Rig | None = None, size: int = 1024, names: Sequence[str] = SHAPE_NAMES
) -> Iterator[tuple[str, UInt8[np.ndarray, "S W 3"]]]:
    """Yields name and picture of one shape after the other at weight 1: the three views side by side.

    Shapes of `DRAWN_ON` are shown on top of another one. `size` is the side of one square view in pixels.
    `rig` defaults to the template's own shapes.
    """
    subject = renderable_from_template(template, rig)
    with ThreadPoolExecutor(2) as pool:
        yield from zip(names, pool.map(lambda name: _three_views(subject, name, size), names), strict=True)


def expression_sheet(
    template: Template,
    rig: Rig | None = None,
    size: int = 256,
    columns: int = 4,
    names: Sequence[str] = SHAPE_NAMES,
    drawn_at: int | None = None,
) -> UInt8[np.ndarray, "H W 3"]:
    """One sheet of all shapes, `columns` shapes a row, their names beneath.

    Tiles are drawn at `drawn_at` pixels (`size` if left out) and reduced to `size`, one at a time: a
    sheet reduced from 1,024 never holds more than one full tile.
    """
    cell_width, cell_height = 3 * size + _GAP, size + _LABEL + _GAP
    rows = -(-len(names) // columns)
    sheet = blank_sheet(columns * cell_width + _GAP, rows * cell_height + _GAP)
    for index, (name, picture) in enumerate(shape_tiles(template, rig, drawn_at or size, names)):
        tile = cv2.resize(picture, (3 * size, size), interpolation=cv2.INTER_AREA)
        row, column = divmod(index, columns)
        x, y = _GAP + column * cell_width, _GAP + row * cell_height
        paste(sheet, np.asarray(tile, np.uint8), x, y)
        base = "".join(f"  on {other} {weight:g}" for other, weight in DRAWN_ON.get(name, {}).items())
        draw_text(sheet, name + base, x + 1, y + size + 16)
    return sheet


def _three_views(subject: Renderable, name: str, size: int) -> UInt8[np.ndarray, "S W 3"]:
    lit = light_for(subject, {name: 1.0, **DRAWN_ON.get(name, {})}, "clay")
    # Framed by the neutral, so that tiles can be compared.
    cameras = [standard_camera(subject.frame, size, size, view, margin=_MARGIN) for view in VIEWS]
    return np.hstack([render_lit(lit, camera, "clay") for camera in cameras])
