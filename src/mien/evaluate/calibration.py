"""Does the registration know where it is wrong? Expected error beside the true one, and in torn holes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.core.face import PreparedScan, Template
from mien.evaluate.measures.aims import Aim, Verdict
from mien.evaluate.measures.calibration_plot import draw_calibration
from mien.evaluate.measures.evaluation import Findings, Say
from mien.evaluate.measures.expected_error import (
    HELD_OUT_SEED,
    Reliability,
    measure_reliability,
    register_samples,
)
from mien.evaluate.measures.given_scans import (
    RealScan,
    ScanEvaluation,
    pair_scans,
    prepare_real,
    register_and_settle,
)
from mien.evaluate.measures.pictures import make_folder, write_plot
from mien.register.error_features import FEATURES, SURELY, Evidence, evidence
from mien.register.error_model import TARGETS, ErrorModel, design, error_model
from mien.register.run import LinearFit, linear_fit, nonrigid_fit
from mien.scan.clean import select_faces
from mien.sheets.error_map import error_map
from mien.template.load import load_template

HELD_OUT_SCANS = 12
HOLES, SMALLEST, LARGEST = 9, 0.005, 0.018  # number, and radii in metres
AROUND = 0.085  # metres round the middle of the face
GAPS = (0.0, 2.0, 4.0, 6.0, 9.0, 13.0, 20.0)  # mm to the hole's border


@dataclass(frozen=True, kw_only=True)
class EvaluateCalibration(ScanEvaluation):
    """Registers twelve synthetic scans that the expected error was not fitted on and holds it against the
    true one, bin by bin. Into your scans holes are torn: what fills them is held against what was there. With
    --plots the calibration is drawn, and each of your scans in false colours of its expected error."""

    plots: Path | None = None
    """Folder for calibration.png and a NAME_error.png for each of your scans."""

    def measure(self, say: Say) -> Findings:
        """A row a kind of error (off the surface, along it), then a row each of your scans."""
        scans = pair_scans(self.scans, self.albedo)
        folder = None if self.plots is None else make_folder(self.plots)
        template, model = load_template(), error_model()
        found, said = measure_held_out(template, model, say)
        if folder is not None:
            write_plot(folder / "calibration.png", draw_calibration(found, said))
        rows = [_reliability_row(one) for one in found]
        rows += [_real_row(template, model, scan, folder, say) for scan in scans]
        return Findings({"calibration": rows}, tuple(_report(found)))


def measure_held_out(
    template: Template, model: ErrorModel, say: Say, count: int = HELD_OUT_SCANS
) -> tuple[list[Reliability], str]:
    """How well each target's prediction holds on scans it was not fitted on, and in words on which."""
    seeds = range(HELD_OUT_SEED, HELD_OUT_SEED + count)
    held_out = list(register_samples(template, seeds, say))
    vertices = sum(len(sample.columns) for sample in held_out)
    said = f"{len(held_out)} synthetic scans that it was not fitted on, {vertices:,} vertices"
    return [measure_reliability(model, held_out, target) for target in TARGETS], said


def _reliability_row(found: Reliability) -> dict[str, object]:
    return {
        "scan": f"{found.target} (held-out scans)",
        "spearman": found.correlation,
        "below_twice_predicted": found.within_two,
        **{f"bin_{k}_predicted_mm": float(v) for k, v in enumerate(found.predicted, 1)},
        **{f"bin_{k}_true_mm": float(v) for k, v in enumerate(found.true, 1)},
    }


def _report(found: list[Reliability]) -> list[Verdict]:
    """Nothing is aimed at: on the diagonal would be perfect."""
    verdicts = []
    for one in found:
        name = one.target.replace("_", " ")
        verdicts.append(Aim(f"expected error, {name}: rank correlation").judge(one.correlation))
        verdicts.append(Aim(f"expected error, {name}: true below twice of it").judge(one.within_two))
    return verdicts


def _real_row(
    template: Template, model: ErrorModel, scan: RealScan, folder: Path | None, say: Say
) -> dict[str, object]:
    say(f"{scan.path.name}: holes torn into it")
    prepared = prepare_real(scan)
    prepared, registration = register_and_settle(template, prepared)
    if folder is not None:
        write_plot(folder / f"{scan.path.stem}_error.png", error_map(template, registration))
    holes = {
        f"hole_{row['gap_from_mm']:g}_to_{row['gap_to_mm']:g}_mm_{kind}": row[f"{kind}_mm"]
        for row in measure_in_holes(template, prepared, model)
        for kind in ("true", "expected")
    }
    return {"scan": scan.path.name, **holes}


def measure_in_holes(
    template: Template, prepared: PreparedScan, model: ErrorModel, seed: int = 3
) -> list[dict[str, float]]:
    """Tears holes into a scan: what fills them, held against the whole scan.

    A row a range of distances to the hole's border: vertices, and their mean error off the whole scan, true
    and expected, in millimetres at the template's size.
    """
    whole, fitted = _fitted(template, prepared)
    size = whole.head.pose.scale
    torn = replace(prepared, scan=select_faces(prepared.scan, _kept(whole, fitted, prepared, seed)))
    fit, bridged = _fitted(template, torn)
    before, after = _evidence(whole, fitted), _evidence(fit, bridged)
    hole = (before.raw > SURELY) & (after.raw < 0.05) & (whole.skin.measured > 0.5)
    true = whole.surface.closest.query(bridged).distance * MILLIMETRES_PER_METRE / size
    expected = model.expected(design(template, fit.skin, after.features), "off_surface")
    gap = after.features[:, FEATURES.index("gap")]
    return _binned(gap, hole, true, expected)


def _fitted(template: Template, prepared: PreparedScan) -> tuple[LinearFit, Float[np.ndarray, "S 3"]]:
    fit = linear_fit(template, prepared, lambda _: None)
    return fit, nonrigid_fit(template, fit, lambda _: None)


def _evidence(fit: LinearFit, fitted: Float[np.ndarray, "S 3"]) -> Evidence:
    return evidence(fit.skin, fitted, fit.start, fit.surface, fit.bare, fit.head.pose.scale)


def _kept(
    fit: LinearFit, fitted: Float[np.ndarray, "S 3"], prepared: PreparedScan, seed: int
) -> Bool[np.ndarray, " M"]:
    """The scan's triangles outside the holes."""
    rng, size = np.random.default_rng(seed), fit.head.pose.scale
    centres = prepared.scan.vertices[prepared.scan.triangles].mean(axis=1)
    middle = prepared.landmarks[27:].mean(axis=0)
    near = np.linalg.norm(fitted - middle, axis=1) < AROUND * size
    face = np.flatnonzero(near & (fit.skin.measured > 0.9))
    keep = np.ones(len(centres), bool)
    for _ in range(HOLES):
        ball = fitted[rng.choice(face)]
        keep &= np.linalg.norm(centres - ball, axis=1) > size * rng.uniform(SMALLEST, LARGEST)
    return keep


def _binned(
    gap: np.ndarray, hole: np.ndarray, true: np.ndarray, expected: np.ndarray
) -> list[dict[str, float]]:
    rows = []
    for low, high in pairwise(GAPS):
        here = hole & (gap > low) & (gap <= high)
        if here.any():
            rows.append(
                {
                    "gap_from_mm": low,
                    "gap_to_mm": high,
                    "vertices": float(here.sum()),
                    "true_mm": float(true[here].mean()),
                    "expected_mm": float(expected[here].mean()),
                }
            )
    return rows
