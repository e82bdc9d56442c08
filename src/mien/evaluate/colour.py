"""The colour that is baked from your scans: close-ups beside the scan, texel stretch, what was measured."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from mien.bake.colour import bake_colour
from mien.bake.relief import scan_relief
from mien.core.errors import MienError
from mien.core.face import PreparedScan, Registration, Template
from mien.evaluate.measures.aims import DESIGN, Aim, Verdict, judge_columns
from mien.evaluate.measures.closeups import BakedHead, draw_closeups
from mien.evaluate.measures.evaluation import Evaluation, Findings, Rows, Say
from mien.evaluate.measures.given_scans import pair_scans, prepare_real, register_and_settle
from mien.evaluate.measures.pictures import make_folder, write_plot
from mien.evaluate.measures.texel_stretch import draw_stretch, measure_stretch
from mien.template.load import load_template

LARGEST = 4096  # texels of the bake that the aim of time is about
SECONDS = Aim("seconds of baking both tiles at 4096, two cores", at_most=30.0, source=DESIGN)


@dataclass(frozen=True, kw_only=True)
class EvaluateColour(Evaluation):
    """Registers your scans, bakes their colour, and draws a folder for each: close-ups at 400 % of lids,
    lips, ears and hair line beside the scan, and a map of texel stretch. Measures the seconds of the bake,
    the share of the maps that comes from the scan, and the detail kept in the close-ups."""

    scans: tuple[Path, ...]
    """Your scans."""
    albedo: tuple[Path, ...] = ()
    """Their colour textures, in the same order."""
    plots: Path
    """Folder for the pictures, one folder in it for each scan."""
    resolution: Literal[1024, 2048, 4096] = 2048
    """Width of the baked maps in texels."""

    def measure(self, say: Say) -> Findings:
        """A row a scan."""
        if not self.scans:
            raise MienError("evaluate colour: no scans, expected one or more; give --scans FILE ...")
        template = load_template()
        rows: Rows = []
        for scan in pair_scans(self.scans, self.albedo):
            folder = make_folder(self.plots / scan.path.stem)
            say(f"{scan.path.name}: fitting")
            prepared, fitted = register_and_settle(template, prepare_real(scan))
            say(f"{scan.path.name}: baking at {self.resolution}")
            numbers = measure_bake(template, prepared, fitted, folder, self.resolution)
            rows.append({"scan": scan.path.name, **numbers})
        return Findings({"colour": rows}, tuple(_judge(rows, self.resolution)))


def measure_bake(
    template: Template, prepared: PreparedScan, fitted: Registration, folder: Path, resolution: int
) -> dict[str, float]:
    """Bakes a head's colour, draws it into `folder`, and returns its numbers.

    Times are of the bake of colour alone.
    """
    started, cpu = time.perf_counter(), time.process_time()
    baked = bake_colour(template, fitted.vertices, prepared, resolution, fitted.confidence, bare=fitted.bare)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    head = BakedHead(
        fitted.vertices,
        {"face": baked.face_albedo, "head": baked.head_albedo},
        scan_relief(template, fitted.vertices, prepared, resolution, confidence=fitted.confidence),
        {"face": baked.face_confidence, "head": baked.head_confidence},
    )
    close = draw_closeups(template, head, prepared)
    for crop in close:
        write_plot(folder / f"{crop.name.replace(' ', '_')}.png", crop.picture)
    write_plot(folder / "stretch.png", draw_stretch(template, fitted.vertices, resolution))
    return {
        "bake_seconds": seconds,
        "bake_cpu_seconds": cpu,
        "face_measured": float((baked.face_confidence.pixels > 0.5).mean()),
        "head_measured": float((baked.head_confidence.pixels > 0.5).mean()),
        "detail_kept_median": float(np.nanmedian([crop.detail_kept for crop in close])),
        **measure_stretch(template, fitted.vertices, resolution),
    }


def _judge(rows: Rows, resolution: int) -> list[Verdict]:
    """Time at the largest resolution alone, which the aim is about."""
    kept = Aim("detail kept in the close-ups, median")
    found = [kept.judge(float(str(row["detail_kept_median"])), str(row["scan"])) for row in rows]
    timed = judge_columns({"bake_seconds": SECONDS}, rows) if resolution == LARGEST else []
    return found + timed
