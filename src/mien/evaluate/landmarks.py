"""Detected landmarks against the truth, Mien's networks beside MediaPipe's and both together.

`python -m mien.evaluate.landmarks` prints the table. Real scans and ICT-FaceKit are read from the folder that
MIEN_DATA names; without it the rows on synthetic heads and on things that are no face remain.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mien.core.errors import MienError
from mien.evaluate.measures.landmark_cases import Case, cases
from mien.scan.landmarks.detect import detect_landmarks

NETWORKS = ("mien", "mediapipe", "both")
COLUMNS = ("inner", "percent", "brows", "nose", "eyes", "mouth", "contour")
_EYES = np.arange(36, 48)


@dataclass(frozen=True)
class Row:
    """One scan, one detector: mean distances in millimetres (NaN where refused), the inner one also in
    percent of the outer eye corners' distance; of the jaw's points to the curve through the true ones."""

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


def measure_case(case: Case, networks: str) -> Row:
    """Runs the detector on the case."""
    started = time.process_time()
    try:
        points = detect_landmarks(case.scan, networks=networks).landmarks
    except MienError:
        points = None
    seconds = time.process_time() - started
    if points is None or case.truth is None:
        return Row(case.name, networks, points is not None, seconds)
    error = np.linalg.norm(points - case.truth, axis=1) * case.millimetres
    inner = float(error[17:].mean())
    eyes_apart = float(np.linalg.norm(case.truth[36] - case.truth[45])) * case.millimetres
    return Row(
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
        contour=float(distance_to_curve(points[:17], case.truth[:17]).mean()) * case.millimetres,
    )


def distance_to_curve(
    points: Float[np.ndarray, "N 3"], curve: Float[np.ndarray, "K 3"]
) -> Float[np.ndarray, " N"]:
    """From each point to the polygon through the curve's points: along a contour nobody can say where its
    points lie."""
    start, along = curve[:-1], np.diff(curve, axis=0)
    offset = points[:, None] - start
    share = np.clip((offset * along).sum(2) / (along**2).sum(1), 0.0, 1.0)
    return np.linalg.norm(offset - share[..., None] * along, axis=2).min(axis=1)


def table(rows: list[Row]) -> str:
    """Markdown: one line a scan, "ours / MediaPipe's / both"."""
    head = ("scan", "inner", "%", "brows", "nose", "eyes", "mouth", "contour", "s")
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name in dict.fromkeys(r.case for r in rows):
        each = [next(r for r in rows if r.case == name and r.networks == n) for n in NETWORKS]
        cells = [" / ".join(_cell(r, column) for r in each) for column in (*COLUMNS, "seconds")]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(row: Row, column: str) -> str:
    if column == "seconds":
        return f"{row.seconds:.1f}"
    value = getattr(row, column)
    if np.isfinite(value):
        return f"{value:.2f}"
    if column != "inner":
        return "–"
    return "taken for a face" if row.found else "refused"


def main() -> None:
    """Prints the table."""
    folder = os.environ.get("MIEN_DATA")
    rows = [measure_case(case, n) for case in cases(Path(folder) if folder else None) for n in NETWORKS]
    print(table(rows))  # noqa: T201


if __name__ == "__main__":
    main()
