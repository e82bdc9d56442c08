"""`mien render` and `mien sheet`: pictures of what was made."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from mien.core.conventions import SHAPE_INDEX
from mien.core.errors import MienError
from mien.core.files import whole_folder, write_whole
from mien.export.read_asset import read_asset
from mien.template import load_template
from mien.view import expression_sheet, standard_camera, subject_from_asset
from mien.view.lights import load_hdri
from mien.view.pathtrace import path_trace, path_traced_turntable

_TEXTURE_LIMIT = 4096
_LEAST_SIZE = 16
_SHAPES_DRAWN_AT = 1024  # pixels a tile before it is reduced


def render(
    asset_folder: Path,
    out: Path,
    *,
    hdri: Path | None = None,
    expression: str = "",
    view: str = "front",
    turntable: int = 0,
    clay: bool = False,
    size: int = 1024,
    samples: int = 64,
) -> Path:
    """Path-traces an asset into a PNG, or a turntable into a folder of PNGs; returns what was written.

    Raises `MienError` for a folder that is no asset, an unknown shape, or where Mitsuba is missing.
    """
    weights = parse_expression(expression)
    if size < _LEAST_SIZE or samples < 1:
        raise MienError(
            f"--size {size} --samples {samples}: expected at least {_LEAST_SIZE} pixels and 1 sample"
        )
    subject = subject_from_asset(read_asset(asset_folder, load_template()), _TEXTURE_LIMIT)
    environment = load_hdri(hdri) if hdri else None
    if turntable:
        pictures = path_traced_turntable(
            subject, size, turntable, weights=weights, environment=environment, clay=clay, samples=samples
        )
        with whole_folder(out) as folder:
            for n, picture in enumerate(pictures):
                write_picture(folder / f"{n:04d}.png", picture)
        return out
    camera = standard_camera(subject.frame, size, size, view)
    picture = path_trace(subject, camera, weights, environment=environment, clay=clay, samples=samples)
    write_picture(out, picture)
    return out


def draw_shapes(out: Path, asset_folder: Path | None, tile: int) -> Path:
    """All 52 shapes of an asset, or of the template, in clay: one PNG; returns its path."""
    template, rig = load_template(), None
    if asset_folder:
        asset = read_asset(asset_folder, template)
        template, rig = asset.template, asset.rig
    write_picture(out, expression_sheet(template, rig, size=tile, drawn_at=max(tile, _SHAPES_DRAWN_AT)))
    return out


def parse_expression(text: str) -> dict[str, float]:
    """`jawOpen=0.7,mouthSmileLeft=0.5` as weights by shape; a side may be left out for both."""
    weights: dict[str, float] = {}
    for term in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = term.partition("=")
        names = [name] if name in SHAPE_INDEX else [f"{name}Left", f"{name}Right"]
        if any(n not in SHAPE_INDEX for n in names):
            raise MienError(f"--expression: no shape {name!r}, expected ARKit's names such as jawOpen=0.7")
        weights |= dict.fromkeys(names, _weight(term, value or "1"))
    return weights


def _weight(term: str, value: str) -> float:
    try:
        weight = float(value)
    except ValueError:
        weight = -1.0
    if not 0.0 <= weight <= 1.0:
        raise MienError(f"--expression: {term!r}, expected NAME=NUMBER with a number from 0 to 1")
    return weight


def write_picture(path: Path, picture: np.ndarray) -> None:
    """An RGB uint8 picture as PNG, put in place whole."""
    done, encoded = cv2.imencode(".png", picture[..., ::-1])
    assert done
    write_whole(path, encoded.tobytes())
