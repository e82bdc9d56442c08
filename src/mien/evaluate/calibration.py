"""Does the registration know when it is wrong? `mien evaluate registration --plots` and `--robustness`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from mien.core.face import PreparedScan, Template
from mien.evaluate.measures.calibration_plot import calibration_picture
from mien.evaluate.measures.expected_error import HELD_OUT_SEED, Reliability, calibration_samples, reliability
from mien.evaluate.measures.punched import punched
from mien.evaluate.measures.robustness import (
    Outcome,
    UndisturbedScan,
    real_subject,
    robustness,
    synthetic_subject,
)
from mien.evaluate.registration import RealScan
from mien.meshio.load import load_scan
from mien.register.error_model import TARGETS, error_model
from mien.register.run import register
from mien.register.unit import settle_unit
from mien.scan.clean import clean_scan
from mien.scan.prepare import prepare_scan
from mien.sheets.error_map import error_map
from mien.sheets.write import write_picture
from mien.template.load import load_template

Rows = list[dict[str, object]]
Say = Callable[[str], None]
HELD_OUT_SCANS = 12
ROBUSTNESS_SEED = 2000


def plot_calibration(out: Path, scans: list[RealScan], say: Say, count: int = HELD_OUT_SCANS) -> Rows:
    """Draws calibration.png of `count` held-out synthetic scans, and NAME_error.png of each given scan.

    Returns a row a target: Spearman's correlation, the share below twice the prediction, and the bins (mm);
    and a row a given scan: the true and expected error in holes torn into it, by distance to their border.
    """
    out.mkdir(parents=True, exist_ok=True)
    template, model = load_template(), error_model()
    held_out = list(calibration_samples(template, range(HELD_OUT_SEED, HELD_OUT_SEED + count), say))
    found = [reliability(model, held_out, target) for target in TARGETS]
    vertices = sum(len(s.columns) for s in held_out)
    said = f"{len(held_out)} synthetic scans that it was not fitted on, {vertices:,} vertices"
    write_picture(out / "calibration.png", calibration_picture(found, said))
    rows = _reliability_rows(found)
    for scan in scans:
        say(f"error map of {scan.path.name}, and holes torn into it")
        prepared = prepare_scan(clean_scan(load_scan(scan.path, scan.albedo)))
        _, registration = settle_unit(template, prepared, register(template, prepared))
        write_picture(out / f"{scan.path.stem}_error.png", error_map(template, registration))
        rows.append({"scan": scan.path.name, **_hole_numbers(template, prepared)})
    return rows


def _reliability_rows(found: list[Reliability]) -> Rows:
    return [
        {
            "scan": f"{one.target} (held-out scans)",
            "spearman": one.correlation,
            "below_twice_predicted": one.within_two,
            **{f"bin_{k}_predicted_mm": float(v) for k, v in enumerate(one.predicted, 1)},
            **{f"bin_{k}_true_mm": float(v) for k, v in enumerate(one.true, 1)},
        }
        for one in found
    ]


def _hole_numbers(template: Template, prepared: PreparedScan) -> dict[str, object]:
    return {
        f"hole_{row['gap_from_mm']:g}_to_{row['gap_to_mm']:g}_mm_{kind}": row[f"{kind}_mm"]
        for row in punched(template, prepared)
        for kind in ("true", "expected")
    }


def try_robustness(scans: list[RealScan], say: Say) -> list[Outcome]:
    """Every disturbance on a synthetic head and on the given scans, and what is no face."""
    template = load_template()
    subjects: list[UndisturbedScan] = [synthetic_subject(template, ROBUSTNESS_SEED)]
    subjects += [real_subject(template, load_scan(scan.path, scan.albedo)) for scan in scans]
    return list(robustness(template, subjects, say))


def robustness_table(outcomes: list[Outcome]) -> str:
    """Markdown: a row a disturbance, a column a head; what is no face; the count of silent faults."""
    names = list(dict.fromkeys(o.subject for o in outcomes if o.subject != "no face"))
    found = {(o.subject, o.trial): o for o in outcomes}
    trials = list(dict.fromkeys(o.trial for o in outcomes if o.subject != "no face"))
    lines = [f"| disturbance | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for trial in trials:
        cells = [_cell(found[name, trial]) if (name, trial) in found else "" for name in names]
        lines.append(f"| {trial} | {' | '.join(cells)} |")
    lines += ["", "| no face | |", "|---|---|"]
    lines += [f"| {o.trial} | {_cell(o)} |" for o in outcomes if o.subject == "no face"]
    wrong = sum(o.verdict == "silently wrong" for o in outcomes)
    return "\n".join([*lines, "", f"Silently wrong: {wrong} of {len(outcomes)}."])


def outcome_rows(outcomes: list[Outcome]) -> Rows:
    """For JSON: numbers that do not exist are left out."""
    return [{k: v for k, v in asdict(o).items() if v == v} for o in outcomes]


def _cell(outcome: Outcome) -> str:
    if outcome.verdict == "refused":
        return f"refused: {_reason(outcome.said)}"
    numbers = f"{outcome.median_mm:.2f} / {outcome.p95_mm:.2f}"
    return numbers if outcome.verdict == "works" else f"**silently wrong** {numbers}"


def _reason(message: str) -> str:
    """The middle of a refusal: not the file's name, not the advice."""
    said = message.split(": ", 1)[-1]
    return said.split(", expected")[0].split("; ")[0]
