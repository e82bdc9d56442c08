"""The numbers of the README, measured: what `mien evaluate` and `mien bench` run."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np

from mien.core.errors import MienError
from mien.core.face import PreparedScan, Template
from mien.evaluate.measures.bench import bench_against_trimesh as bench
from mien.evaluate.measures.registration import correspondence, measure_registration
from mien.geometry.align import transformed
from mien.meshio.load import load_scan
from mien.register.run import register
from mien.register.unit import settle_unit
from mien.scan.clean import clean_scan
from mien.scan.landmarks.file import read_landmarks
from mien.scan.prepare import prepare_scan
from mien.synth.scans.synthetic_scan import synthetic
from mien.template.load import load_template

Rows = list[dict[str, object]]
SYNTHETIC_SCANS = 5


@dataclass(frozen=True)
class RealScan:
    """A scan to measure on, with its colour and, where somebody placed them, true landmarks."""

    path: Path
    albedo: Path | None = None
    true_landmarks: Path | None = None


def real_scans(
    paths: tuple[Path, ...], albedos: tuple[Path, ...], landmarks: tuple[Path, ...]
) -> list[RealScan]:
    """Scans with the albedo and the landmark file that stand at the same place in their lists."""
    if max(len(albedos), len(landmarks)) > len(paths):
        raise MienError(
            f"{len(paths)} scans, {len(albedos)} albedos and {len(landmarks)} landmark files, expected "
            "no more of these than scans; give them in the scans' order"
        )
    return [RealScan(*row) for row in zip_longest(paths, albedos, landmarks)]


def evaluate_registration(scans: list[RealScan]) -> Rows:
    """Correspondence on synthetic scans with known truth, then accuracy on the given scans (mm, s)."""
    template = load_template()
    rows: Rows = []
    for seed in range(SYNTHETIC_SCANS):
        made = synthetic(template, seed)
        started = time.perf_counter()
        fitted = register(template, made.prepared)
        seconds = time.perf_counter() - started
        rows.append(
            {"scan": made.prepared.scan.name, "seconds": seconds, **correspondence(template, fitted, made)}
        )
    return rows + [_real_row(template, scan) for scan in scans]


def _real_row(template: Template, scan: RealScan) -> dict[str, object]:
    started = time.perf_counter()
    prepared = _prepared(scan)
    found = time.perf_counter()
    fitted = register(template, prepared)
    seconds = time.perf_counter() - found
    detection = _detection_error_mm(scan, prepared)
    prepared, fitted = settle_unit(template, prepared, fitted)
    return {
        "scan": scan.path.name,
        "seconds_landmarks": found - started,
        "seconds": seconds,
        **detection,
        **measure_registration(template, fitted, prepared),
    }


def _detection_error_mm(scan: RealScan, prepared: PreparedScan) -> dict[str, float]:
    """Detected against true landmarks, the 51 without the jaw's contour, in millimetres."""
    if scan.true_landmarks is None:
        return {}
    points, _ = read_landmarks(scan.true_landmarks)
    truth = transformed(prepared.transform, points)
    error = np.linalg.norm(prepared.landmarks - truth, axis=1)[17:] * 1000
    return {"detected_51_mean_mm": float(error.mean()), "detected_51_max_mm": float(error.max())}


def evaluate_shapes() -> Rows:
    """The template's 52 shapes: blink gap, lip seal, leakage, flips (mm)."""
    from mien.rigging.personal import build_rig
    from mien.rigging.quality import rig_quality

    template = load_template()
    quality = rig_quality(template, build_rig(template, template.vertices))
    return [{"scan": "template", **quality}]


def evaluate_bench(scans: list[RealScan]) -> Rows:
    """Ours beside trimesh's two, from the same linear fit with the same landmarks and measure.

    Without scans, on a synthetic one.
    """
    template = load_template()
    prepared = {scan.path.name: _prepared(scan) for scan in scans}
    if not prepared:
        made = synthetic(template, 0).prepared
        prepared = {made.scan.name: made}
    return [{"scan": name, **row} for name, one in prepared.items() for row in bench(template, one)]


def _prepared(scan: RealScan) -> PreparedScan:
    return prepare_scan(clean_scan(load_scan(scan.path, scan.albedo)))
