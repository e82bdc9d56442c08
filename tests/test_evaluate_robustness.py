"""The robustness table judges rightly: a perfect answer works, a shifted one is a silent fault."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mien.core.errors import MienError
from mien.core.face import PreparedScan, Registration
from mien.core.mesh import Scan
from mien.evaluate import robustness as room
from mien.evaluate.measures.calibration_plot import draw_calibration
from mien.evaluate.measures.disturbances import Disturbance, list_disturbances
from mien.evaluate.measures.expected_error import Reliability
from mien.evaluate.robustness import (
    Outcome,
    UndisturbedScan,
    format_outcomes,
    to_rows,
    try_disturbance,
    try_no_face,
)
from mien.geometry.align import transformed
from mien.register.acceptance import refuse_untrusted
from mien.synth.scans.no_faces import no_faces
from mien.template.load import load_template


@pytest.fixture(scope="module")
def subject() -> UndisturbedScan:
    template = load_template()
    end = template.part("head").vertices.stop  # the face comes first, then the rest of the head
    used = template.topology.triangles[(template.topology.triangles < end).all(axis=1)]
    landmarks = template.landmarks.on(template.vertices, template.topology)
    return UndisturbedScan("head", Scan("head", template.vertices[:end], used), landmarks, template.vertices)


def oracle(trial: Disturbance, off: float = 0.0):
    """An answer as the pipeline would give it: the truth, `off` metres away, in some upright space."""
    template = load_template()
    upright = np.diag([1.0, 1.0, 1.0, 1.0])
    upright[:3, 3] = 0.01, -0.02, 0.03
    size = abs(np.linalg.det(trial.turn[:3, :3])) ** (1 / 3)
    upright[:3, :3] /= size

    def answer(_template, scan: Scan) -> tuple[PreparedScan, Registration]:
        truth = template.vertices + [0.0, off, 0.0]
        if np.linalg.det(trial.turn[:3, :3]) < 0:
            truth = truth[template.mirror]
        there = transformed(upright @ trial.turn, truth)
        n = len(there)
        prepared = PreparedScan(scan, upright, np.zeros((68, 3)), np.ones(68), "metres")
        return prepared, Registration(
            there, there, np.zeros(1), np.zeros(52), np.zeros(n), np.ones(n), {}, None, np.full(n, 0.1)
        )

    return answer


@pytest.mark.parametrize("trial", list_disturbances(), ids=lambda trial: trial.name)
def test_the_truth_is_found_right_through_every_disturbance(trial, subject, monkeypatch) -> None:
    monkeypatch.setattr(room, "_whole_way", oracle(trial))
    found = try_disturbance(load_template(), subject, trial)
    assert found.verdict == "works"
    assert found.p95_mm < 1e-3
    assert found.expected_mm == pytest.approx(0.1)
    monkeypatch.setattr(room, "_whole_way", oracle(trial, 0.005))
    wrong = try_disturbance(load_template(), subject, trial)
    assert wrong.verdict == "silently wrong"
    assert wrong.median_mm == pytest.approx(5.0, rel=1e-3)


def test_disturbances_do_what_they_say(subject) -> None:
    rng = np.random.default_rng(0)
    by_name = {trial.name: trial for trial in list_disturbances()}
    assert len(by_name) == len(list_disturbances())
    changed = {n: t.change(subject.scan, subject.landmarks, rng) for n, t in by_name.items() if t.change}
    assert len(changed["2,000 triangles"].triangles) == pytest.approx(2000, abs=100)
    moved = np.linalg.norm(changed["noise 1 mm"].vertices - subject.scan.vertices, axis=1)
    assert np.sqrt(np.mean(moved**2)) == pytest.approx(0.001, rel=0.05)
    left = changed["crop: left half"]
    assert left.vertices[left.triangles].mean(axis=1)[:, 0].min() >= subject.landmarks[27:31, 0].mean()
    assert 0 < len(changed["crop: bare mask"].triangles) < len(changed["crop: head"].triangles)


def test_refusals_and_mistaken_non_faces_are_told_apart(subject, monkeypatch) -> None:
    def refuse(*_: object):
        raise MienError("head: no face was found from any side, expected a scan of one head; give one")

    monkeypatch.setattr(room, "_whole_way", refuse)
    refused = try_disturbance(load_template(), subject, Disturbance("undisturbed"))
    assert refused.verdict == "refused"
    assert try_no_face(load_template(), subject.scan).verdict == "refused"
    monkeypatch.setattr(room, "_whole_way", oracle(Disturbance("x")))
    mistaken = try_no_face(load_template(), subject.scan)
    assert mistaken.verdict == "silently wrong"
    table = format_outcomes([refused, mistaken])
    assert "refused: no face was found from any side" in table
    assert "**silently wrong**" in table
    assert "median_mm" not in to_rows([refused])[0]


def test_what_is_no_face_has_a_surface_and_a_name(subject) -> None:
    scans = list(no_faces(subject.scan, subject.landmarks))
    assert len({scan.name for scan in scans}) == len(scans) >= 8
    for scan in scans:
        assert len(scan.triangles) > 20
        assert np.isfinite(scan.vertices).all()


def test_a_fit_that_doubts_itself_is_refused() -> None:
    prepared = PreparedScan(Scan("x", np.zeros((3, 3)), np.array([[0, 1, 2]])), np.eye(4), np.zeros((68, 3)), np.ones(68), "m")  # fmt: skip
    refuse_untrusted(prepared, {"expected_error_median_mm": 1.9, "scale": 1.0})
    refuse_untrusted(prepared, {"expected_error_median_mm": 3.0, "scale": 2.0})
    for bad in (2.5, float("nan")):
        with pytest.raises(MienError, match="x: the fit cannot be trusted"):
            refuse_untrusted(prepared, {"expected_error_median_mm": bad, "scale": 1.0})


def test_the_table_has_a_column_a_head() -> None:
    one = Outcome("a", "turned", "works", 0.5, 1.25, 0.1, 1.0, "")
    table = format_outcomes([one, replace(one, subject="b", median_mm=0.75)])
    assert "| turned | 0.50 / 1.25 | 0.75 / 1.25 |" in table


def test_the_calibration_is_drawn_where_it_lies() -> None:
    at = np.geomspace(0.05, 5.0, 12)
    good = Reliability("off_surface", at, at, 0.5 * at, 2 * at, 0.9, 0.95)
    bad = replace(good, true=10 * at, high=20 * at)
    pictures = [draw_calibration([r, replace(r, target="slip")], "12 scans") for r in (good, bad)]
    assert pictures[0].shape == pictures[1].shape
    points = [(p == (253, 186, 73)).all(axis=-1) for p in pictures]
    rows = [np.nonzero(mask)[0].mean() for mask in points]
    assert min(mask.sum() for mask in points) > 1000
    assert rows[0] != rows[1]
