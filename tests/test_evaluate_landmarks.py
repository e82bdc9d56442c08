"""The landmark table measures what it says."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.mesh import Scan
from mien.evaluate import landmarks
from mien.evaluate.landmarks import (
    COLUMNS,
    DetectionRow,
    format_rows,
    measure_case,
    measure_distance_to_curve,
)
from mien.evaluate.measures.landmark_cases import Case


def test_distance_to_a_curve_ignores_where_along_it_points_lie():
    curve = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0]])
    points = np.array(
        [[0.37, 0.0, 0.0], [0.5, -0.2, 0.0], [1.3, 0.5, 0.4], [-0.3, 0.0, 0.4], [1.0, 0.0, 0.0]]
    )
    np.testing.assert_allclose(
        measure_distance_to_curve(points, curve), [0.0, 0.2, 0.5, 0.5, 0.0], atol=1e-12
    )


def test_a_known_error_is_measured_in_millimetres(monkeypatch: pytest.MonkeyPatch):
    from types import SimpleNamespace

    rng = np.random.default_rng(0)
    truth = rng.normal(size=(68, 3))
    moved = truth + np.array([0.0, 0.003, 0.004])
    monkeypatch.setattr(landmarks, "detect_landmarks", lambda *_, **__: SimpleNamespace(landmarks=moved))
    case = Case("made", Scan("made", truth, np.array([[0, 1, 2]])), truth, 1000.0)
    row = measure_case(case, "mien")
    for column in ("inner", "brows", "nose", "eyes", "mouth"):
        assert getattr(row, column) == pytest.approx(5.0)
    assert row.contour <= 5.0 + 1e-9
    apart = np.linalg.norm(truth[36] - truth[45])
    assert row.percent == pytest.approx(100 * 0.005 / apart)


def test_the_table_shows_both_and_says_what_was_refused():
    numbers = dict.fromkeys(COLUMNS, 1.5)
    rows = [
        DetectionRow("a", "mien", True, 1.0, **numbers),
        DetectionRow("a", "mediapipe", False, 2.0),
        DetectionRow("a", "both", True, 1.0, **numbers),
        DetectionRow("thing", "mien", True, 1.0),
        DetectionRow("thing", "mediapipe", False, 1.0),
        DetectionRow("thing", "both", False, 1.0),
    ]
    lines = format_rows(rows).splitlines()
    assert "1.50 / refused / 1.50" in lines[2]
    assert "taken for a face / refused / refused" in lines[3]
