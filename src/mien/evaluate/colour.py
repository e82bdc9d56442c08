"""What `mien evaluate colour` runs: sharpness of the bake; close-ups and stretch maps of scans."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from mien.bake.colour import bake_colour
from mien.bake.relief import scan_relief
from mien.core.errors import MienError
from mien.core.face import PreparedScan, Registration, Template
from mien.evaluate.measures.crops import BakedHead, crops
from mien.evaluate.measures.sharpness import sharpness_rows
from mien.evaluate.measures.stretch import stretch_row, stretch_sheet
from mien.evaluate.registration import RealScan, Rows
from mien.meshio.load import load_scan
from mien.register.run import register
from mien.register.unit import settle_unit
from mien.scan.clean import clean_scan
from mien.scan.prepare import prepare_scan
from mien.template.load import load_template


def evaluate_sharpness() -> Rows:
    """Contrast that the bake keeps of gratings, against linear interpolation."""
    return sharpness_rows(load_template())


def evaluate_colour(scans: list[RealScan], out: Path, resolution: int, say: Callable[[str], None]) -> Rows:
    """A row and a folder of pictures per scan: 400 % close-ups of lids, lips, ears and hair line beside the
    scan, and the texel-stretch map.

    Times are of the colour's bake alone. Raises `MienError` where a folder cannot be made.
    """
    template = load_template()
    rows: Rows = []
    for scan in scans:
        say(f"{scan.path.name}: fitting")
        prepared = prepare_scan(clean_scan(load_scan(scan.path, scan.albedo)))
        prepared, fitted = settle_unit(template, prepared, register(template, prepared))
        say(f"{scan.path.name}: baking at {resolution}")
        folder = out / scan.path.stem
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MienError(f"{folder}: cannot be made ({error.strerror}); choose another folder") from error
        rows.append({"scan": scan.path.name, **_one(template, prepared, fitted, folder, resolution)})
    return rows


def _one(
    template: Template, prepared: PreparedScan, fitted: Registration, folder: Path, resolution: int
) -> dict[str, float]:
    started, cpu = time.perf_counter(), time.process_time()
    baked = bake_colour(template, fitted.vertices, prepared, resolution, fitted.confidence, bare=fitted.bare)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    head = BakedHead(
        fitted.vertices,
        {"face": baked.face_albedo, "head": baked.head_albedo},
        scan_relief(template, fitted.vertices, prepared, resolution, confidence=fitted.confidence),
        {"face": baked.face_confidence, "head": baked.head_confidence},
    )
    close = crops(template, head, prepared)
    for crop in close:
        _write(folder / f"{crop.name.replace(' ', '_')}.png", crop.picture)
    _write(folder / "stretch.png", stretch_sheet(template, fitted.vertices, resolution))
    return {
        "bake_seconds": seconds,
        "bake_cpu_seconds": cpu,
        "face_measured": float((baked.face_confidence.pixels > 0.5).mean()),
        "head_measured": float((baked.head_confidence.pixels > 0.5).mean()),
        "detail_kept_median": float(np.nanmedian([crop.detail_kept for crop in close])),
        **stretch_row(template, fitted.vertices, resolution),
    }


def _write(path: Path, picture: np.ndarray) -> None:
    if not cv2.imwrite(str(path), picture[..., ::-1]):
        raise MienError(f"{path}: cannot be written; choose another folder")
