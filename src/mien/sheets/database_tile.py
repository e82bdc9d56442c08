"""One subject of a database on disk as a picture."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import UInt8

from mien.core.mesh import Image
from mien.database.record import Record
from mien.sheets.labels import blank_sheet, draw_text, paste
from mien.sheets.person import show_head
from mien.sheets.portraits import PortraitFrame, describe_person, photograph, portrait_camera
from mien.synth.identity.basis import load_basis
from mien.synth.person import SyntheticPerson
from mien.synth.subject import Subject
from mien.synth.whole_head import mean_head
from mien.template.load import load_template

_TILE, _CAPTION = (220, 248), 24
_SKIN = 512  # texels of what is drawn again
_YAW, _FRAME = 14.0, PortraitFrame(0.115, 0.132)

Picture = UInt8[np.ndarray, "H W 3"]


def record_tile(record: Record, subject: Subject, names: list[str], number: int) -> Picture:
    """One subject (sRGB): at rest, in one of its expressions `names` or turned, and the albedo.

    Form and albedo are the record's; what it does not hold (relief, eyes, teeth) is drawn again.
    """
    rest = (mean_head(load_basis(), load_template()) + record.neutral).astype(np.float64)
    person = SyntheticPerson(subject, _SKIN)
    maps = person.maps | {"face_albedo": _colour(record, "albedo")}
    pictures = [photograph(show_head(rest, maps), portrait_camera(rest, *_TILE, _YAW, _FRAME))]
    moving = [name for name in names if name != "neutral"]
    name = moving[7 * number % len(moving)] if moving else ""
    posed = rest + record.expressions[name] if name else rest
    if name:
        skin = replace(person.dynamic_skin, albedo=record.maps["albedo"])
        maps = maps | skin.maps_in(rest, posed)
    if f"albedo/{name}" in record.maps:
        maps["face_albedo"] = _colour(record, f"albedo/{name}")
    camera = portrait_camera(rest, *_TILE, _YAW if name else 2.5 * _YAW, _FRAME)
    pictures.append(photograph(show_head(posed, maps, rest), camera))
    albedo = cv2.resize(record.maps["albedo"], (_TILE[1], _TILE[1]), interpolation=cv2.INTER_AREA)
    tile = blank_sheet(2 * _TILE[0] + _TILE[1], _TILE[1] + _CAPTION)
    paste(tile, np.hstack([*pictures, albedo]), 0, _CAPTION)
    draw_text(tile, f"{record.key}  {describe_person(subject)}  sex {subject.sex:.2f}  {name}", 2, 16, 14)
    return tile


def _colour(record: Record, name: str) -> Image:
    return Image(record.maps[name].astype(np.float32) / 255.0, "srgb")
