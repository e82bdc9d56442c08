"""Detected landmarks against the truth: Mien's networks, MediaPipe's, and both together."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mien.core.errors import MienError
from mien.evaluate.measures.aims import DESIGN, Aim, Verdict
from mien.evaluate.measures.evaluation import Evaluation, Findings, Say
from mien.evaluate.measures.landmark_cases import Case, make_cases
from mien.scan.landmarks.detect import detect_landmarks

NETWORKS = ("mien", "mediapipe", "both")
USED = "both"  # what `mien rig` detects with
COLUMNS = ("inner", "percent", "brows", "nose", "eyes", "mouth", "contour")
DATA = "MIEN_DATA"
_EYES = np.arange(36, 48)

INNER = Aim("inner landmarks, mean of the faces found, mm")
LOST = Aim("faces not found")
MISTAKEN = Aim("taken for a face that is none", at_most=0.0, source=DESIGN)


@dataclass(frozen=True, kw_only=True)
class EvaluateLandmarks(Evaluation):
    """Detects 68 landmarks on scans whose landmarks are known, with Mien's networks, with MediaPipe's and
    with both as `mien rig` does, and measures their mean distance; then tries things that are no face. Random
    scans need nothing; James, Lee Perry-Smith and ICT-FaceKit come from --data."""

    data: Path | None = None
    """Folder that holds scans/james, scans/lee-perry-smith and ict-facekit; $MIEN_DATA when left out."""
    heads: int = 8
    """How many random scans, and heads of ICT-FaceKit."""

    def measure(self, say: Say) -> Findings:
        """A row a scan and detector; for people a table with all three side by side."""
        rows = []
        for case in make_cases(self.data or _data_folder(), self.heads):
            say(case.name)
            rows += [measure_case(case, networks) for networks in NETWORKS]
        return Findings({"landmarks": [_finite(row) for row in rows]}, _judge(rows), format_rows(rows))


def _data_folder() -> Path | None:
    named = os.environ.get(DATA)
    return Path(named) if named else None


@dataclass(frozen=True)
class DetectionRow:
    """One scan, one detector: mean distances in millimetres (NaN where refused). The inner one is also in
    percent of the outer eye corners' distance; the contour's is that of the jaw's points from the curve
    through the true ones. `face`: whether there is one to find."""

    case: str
    networks: str
    found: bool
    seconds: float
    inner: float = np.nan
    percent: float = np.nan
    brows: float = np.nan
    nose: float = np.nan
    eyes: float = np.nan
    mouth: float = np.nan
    contour: float = np.nan
    face: bool = True


def measure_case(case: Case, networks: str) -> DetectionRow:
    """Runs the detector on the case."""
    started = time.process_time()
    try:
        points = detect_landmarks(case.scan, networks=networks).landmarks
    except MienError:
        points = None
    seconds = time.process_time() - started
    if points is None or case.truth is None:
        return DetectionRow(case.name, networks, points is not None, seconds, face=case.truth is not None)
    error = np.linalg.norm(points - case.truth, axis=1) * case.millimetres
    inner = float(error[17:].mean())
    eyes_apart = float(np.linalg.norm(case.truth[36] - case.truth[45])) * case.millimetres
    return DetectionRow(
        case.name,
        networks,
        True,
        seconds,
        inner=inner,
        percent=100 * inner / eyes_apart,
        brows=float(error[17:27].mean()),
        nose=float(error[27:36].mean()),
        eyes=float(error[_EYES].mean()),
        mouth=float(error[48:].mean()),
        contour=float(measure_distance_to_curve(points[:17], case.truth[:17]).mean()) * case.millimetres,
    )


def measure_distance_to_curve(
    points: Float[np.ndarray, "N 3"], curve: Float[np.ndarray, "K 3"]
) -> Float[np.ndarray, " N"]:
    """From each point to the polygon through the curve's points: along a contour nobody can say where its
    points lie."""
    start, along = curve[:-1], np.diff(curve, axis=0)
    offset = points[:, None] - start
    share = np.clip((offset * along).sum(2) / (along**2).sum(1), 0.0, 1.0)
    return np.linalg.norm(offset - share[..., None] * along, axis=2).min(axis=1)


def format_rows(rows: list[DetectionRow]) -> str:
    """Markdown: one line a scan, "ours / MediaPipe's / both"."""
    head = ("scan", "inner", "%", "brows", "nose", "eyes", "mouth", "contour", "s")
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name in dict.fromkeys(r.case for r in rows):
        each = [next(r for r in rows if r.case == name and r.networks == n) for n in NETWORKS]
        cells = [" / ".join(_cell(r, column) for r in each) for column in (*COLUMNS, "seconds")]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(row: DetectionRow, column: str) -> str:
    if column == "seconds":
        return f"{row.seconds:.1f}"
    value = getattr(row, column)
    if np.isfinite(value):
        return f"{value:.2f}"
    if column != "inner":
        return "–"
    return "taken for a face" if row.found else "refused"


def _judge(rows: list[DetectionRow]) -> tuple[Verdict, ...]:
    """What is used, on faces and on what is none."""
    used = [row for row in rows if row.networks == USED]
    faces, others = [r for r in used if r.face], [r for r in used if not r.face]
    inner = [row.inner for row in faces if row.found]
    return (
        INNER.judge(float(np.mean(inner)) if inner else np.nan, f"{len(inner)} of {len(faces)} faces"),
        LOST.judge(float(sum(not row.found for row in faces)), f"{len(faces)} faces"),
        MISTAKEN.judge(float(sum(row.found for row in others)), f"{len(others)} things"),
    )


def _finite(row: DetectionRow) -> dict[str, object]:
    """For JSON: numbers that do not exist are left out."""
    return {key: value for key, value in asdict(row).items() if value == value}
