"""One subject of a database on disk as a picture."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import UInt8

from mien.core.mesh import Image
from mien.database.record import Record
from mien.sheets.labels import blank_sheet, draw_text, paste
from mien.sheets.person import expressive, folding, person_maps, seen
from mien.sheets.portraits import PortraitFrame, photograph, portrait_camera
from mien.synth.identity.basis import load_basis
from mien.synth.skin.look import draw_look
from mien.synth.subject import Subject
from mien.synth.whole_head import mean_head
from mien.template.load import load_template

_TILE, _CAPTION = (220, 248), 24
_SKIN = 512  # texels of what is drawn again
_YAW, _FRAME = 14.0, PortraitFrame(0.115, 0.132)

Picture = UInt8[np.ndarray, "H W 3"]


def record_tile(record: Record, someone: Subject, names: list[str], number: int) -> Picture:
    """One subject (sRGB): at rest, in one of its expressions `names` or turned, and the albedo.

    Form and albedo are the record's; what it does not hold (relief, eyes, teeth) is drawn again.
    """
    rest, look = mean_head(load_basis(), load_template()) + record.neutral, draw_look(someone)
    maps = person_maps(someone, look, _SKIN)
    maps["face_albedo"] = _colour(record, "albedo")
    rest = rest.astype(np.float64)
    pictures = [photograph(seen(rest, maps), portrait_camera(rest, *_TILE, _YAW, _FRAME))]
    moving = [name for name in names if name != "neutral"]
    name = moving[7 * number % len(moving)] if moving else ""
    posed = rest + record.expressions[name] if name else rest
    if name:
        maps = expressive(maps, look, rest, posed, folding(maps, look))
    if f"albedo/{name}" in record.maps:
        maps["face_albedo"] = _colour(record, f"albedo/{name}")
    camera = portrait_camera(rest, *_TILE, _YAW if name else 2.5 * _YAW, _FRAME)
    pictures.append(photograph(seen(posed, maps, rest), camera))
    albedo = cv2.resize(record.maps["albedo"], (_TILE[1], _TILE[1]), interpolation=cv2.INTER_AREA)
    tile = blank_sheet(2 * _TILE[0] + _TILE[1], _TILE[1] + _CAPTION)
    paste(tile, np.hstack([*pictures, albedo]), 0, _CAPTION)
    draw_text(tile, f"{record.key}  {described(someone)}  sex {someone.sex:.2f}  {name}", 2, 16, 14)
    return tile


def _colour(record: Record, name: str) -> Image:
    return Image(record.maps[name].astype(np.float32) / 255.0, "srgb")
