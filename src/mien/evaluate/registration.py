"""How well scans are registered: synthetic ones against their known truth, yours by distance."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.core.face import PreparedScan, Template
from mien.evaluate.measures.aims import DESIGN, Aim, judge_columns
from mien.evaluate.measures.evaluation import Findings, Rows, Say
from mien.evaluate.measures.given_scans import RealScan, ScanEvaluation, pair_scans, prepare_real
from mien.evaluate.measures.registration_accuracy import measure_correspondence, measure_registration
from mien.geometry.align import transformed
from mien.register.rescale import settle_unit
from mien.register.run import register
from mien.scan.landmarks.file import read_landmarks
from mien.synth.scans.synthetic_scan import synthetic
from mien.template.load import load_template

SYNTHETIC_SCANS = 5

_AMBERG = f"{DESIGN}; trimesh's nricp_amberg"
# By the column that is judged; of its values the worst counts.
SYNTHETIC_AIMS = {
    "correspondence_median_mm": Aim("correspondence, median, mm", at_most=0.5, source=DESIGN),
    "correspondence_p95_mm": Aim("correspondence, 95 %, mm", at_most=2.0, source=DESIGN),
}
REAL_AIMS = {
    "head_to_scan_median_mm": Aim("head to scan, median, mm", at_most=0.1, source=f"{_AMBERG}: 0.26"),
    "head_to_scan_p95_mm": Aim("head to scan, 95 %, mm", at_most=0.7, source=f"{_AMBERG}: 1.5"),
    "scan_to_head_median_mm": Aim("scan to head, median, mm", at_most=0.1, source=f"{_AMBERG}: 0.26"),
    "scan_to_head_p95_mm": Aim("scan to head, 95 %, mm", at_most=0.7, source=f"{_AMBERG}: 1.5"),
    "measured_share": Aim("share of the face measured", at_least=0.9, source=DESIGN),
    "flipped_in_face": Aim("flipped triangles in the face", at_most=0.0, source=DESIGN),
    "edge_stretch_p95": Aim("edge stretch, 95 %", at_most=1.5, source=DESIGN),
    "seconds": Aim("seconds on two cores", at_most=10.0, source=f"{_AMBERG}: 13"),
    "detected_51_mean_mm": Aim("detected landmarks, mean, mm", at_most=2.5, source=DESIGN),
}


@dataclass(frozen=True, kw_only=True)
class EvaluateRegistration(ScanEvaluation):
    """Registers five synthetic scans and measures how far each vertex lies from where it belongs; then your
    scans, whose truth nobody knows: the distance from head to scan and back, how much of the face was
    measured, flipped triangles, stretch and seconds."""

    landmarks: tuple[Path, ...] = ()
    """Landmarks that somebody placed on your scans, in the same order; the detected ones are compared with
    them. The fit does not use them."""

    def measure(self, say: Say) -> Findings:
        """One row a scan."""
        scans = pair_scans(self.scans, self.albedo, self.landmarks)
        template = load_template()
        made = measure_synthetic(template, say)
        real = [_real_row(template, scan, say) for scan in scans]
        verdicts = [*judge_columns(SYNTHETIC_AIMS, made), *judge_columns(REAL_AIMS, real)]
        return Findings({"registration": made + real}, tuple(verdicts))


def measure_synthetic(template: Template, say: Say, count: int = SYNTHETIC_SCANS) -> Rows:
    """Correspondence (mm) on synthetic scans with known truth, and seconds of registering each."""
    rows: Rows = []
    for seed in range(count):
        say(f"synthetic scan {seed + 1} of {count}")
        made = synthetic(template, seed)
        started = time.perf_counter()
        fitted = register(template, made.prepared)
        seconds = time.perf_counter() - started
        errors = measure_correspondence(template, fitted, made)
        rows.append({"scan": made.prepared.scan.name, "seconds": seconds, **errors})
    return rows


def _real_row(template: Template, scan: RealScan, say: Say) -> dict[str, object]:
    say(f"registering {scan.path.name}")
    started = time.perf_counter()
    prepared = prepare_real(scan)
    found = time.perf_counter()
    fitted = register(template, prepared)
    seconds = time.perf_counter() - found
    detection = _detection_errors(scan, prepared)
    prepared, fitted = settle_unit(template, prepared, fitted)
    return {
        "scan": scan.path.name,
        "seconds_landmarks": found - started,
        "seconds": seconds,
        **detection,
        **measure_registration(template, fitted, prepared),
    }


def _detection_errors(scan: RealScan, prepared: PreparedScan) -> dict[str, float]:
    """Detected against placed landmarks, the 51 without the jaw's contour, in millimetres."""
    if scan.true_landmarks is None:
        return {}
    points, _ = read_landmarks(scan.true_landmarks)
    truth = transformed(prepared.transform, points)
    error = np.linalg.norm(prepared.landmarks - truth, axis=1)[17:] * MILLIMETRES_PER_METRE
    return {"detected_51_mean_mm": float(error.mean()), "detected_51_max_mm": float(error.max())}
