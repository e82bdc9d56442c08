"""The stages of `mien rig`: what the cache spares, that it changes nothing, and what edited files lead to."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from rig_fixture import DEMO, Run, differing

READ = {"reading the scan", "finding the face"}
FITTED = {
    "fitting the template",
    "building the rig",
    "baking colour and maps",
    "drawing the preview",
    "drawing the error map",
}
PAINTED = {"painting mouth and lashes"}


def test_the_first_run_computes_every_stage(rigged: Run) -> None:
    assert rigged.computed | rigged.fetched == READ | FITTED | PAINTED
    assert rigged.fetched <= PAINTED  # what is the same for every head may be of another test's run


def test_the_second_run_computes_nothing_and_gives_the_same_bytes(rigged: Run, tmp_path: Path) -> None:
    again = Run.of(DEMO, tmp_path / "head")
    assert again.computed == set()
    assert differing(again.files, rigged.files) == []


@pytest.mark.slow
def test_a_moved_landmark_runs_the_fit_again_and_not_the_reading(rigged: Run, tmp_path: Path) -> None:
    content = json.loads((rigged.out / "scan" / "landmarks.json").read_text())
    points = np.array(content["scan"], float)
    eyes = np.linalg.norm(points[45] - points[36])
    content["scan"][48] = (points[48] + [0.03 * eyes, 0.0, 0.0]).tolist()
    (tmp_path / "edited.json").write_text(json.dumps(content))
    moved = Run.of(DEMO, tmp_path / "head", landmarks=tmp_path / "edited.json")
    assert moved.computed == FITTED | {"finding the face"}
    written = json.loads((moved.out / "scan" / "landmarks.json").read_text())
    np.testing.assert_allclose(written["scan"][48], content["scan"][48], atol=1e-6 * eyes)
    assert written["confidence"][48] == 1.0
    np.testing.assert_allclose(written["found"][48], points[48], atol=1e-6 * eyes)
    assert moved.manifest["quality"]["registration_mm"]["placed_landmarks_max_mm"] < 1.0
    assert written["confidence"][:17] == content["confidence"][:17]


@pytest.mark.slow
def test_a_painted_mask_runs_only_the_fit_and_what_is_black_is_not_measured(
    rigged: Run, tmp_path: Path
) -> None:
    mask = cv2.imread(str(rigged.out / "scan" / "mask.png"), cv2.IMREAD_GRAYSCALE)
    assert (mask == 255).mean() > 0.1
    mask[: len(mask) // 3] = 0
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    masked = Run.of(DEMO, tmp_path / "head", mask=tmp_path / "mask.png")
    assert masked.computed == FITTED
    before, after = (_measured(run) for run in (rigged, masked))
    assert after["colour"] < 0.95 * before["colour"]
    assert after["surface"] < before["surface"] - 0.02


def _measured(run: Run) -> dict[str, float]:
    colour = cv2.imread(str(run.out / "confidence.png"), cv2.IMREAD_GRAYSCALE).mean() / 255
    return {"colour": colour, "surface": run.manifest["quality"]["registration_mm"]["measured_share"]}
