"""One small scan, end to end: what `mien rig` promises of every asset, measured on the files that it wrote."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import trimesh

from mien.core.conventions import SHAPE_NAMES
from mien.export.asset import FaceAsset
from mien.export.check import check_path
from mien.export.reader import read_glb
from mien.pipeline.rig import STAGES
from mien.rigging.quality import rig_quality
from mien.template.load import load_template
from rig_fixture import DEMO, REGISTRATION_BOUNDS, RIG_AIMS, Run, contents, differing, laid_out, mien, outside


@pytest.fixture(scope="module")
def read_back(rigged: Run) -> FaceAsset:
    return FaceAsset.load(rigged.out)


def test_the_folder_is_laid_out_as_promised_and_lists_itself(rigged: Run) -> None:
    assert set(rigged.files) == laid_out("head")
    assert {entry["path"] for entry in rigged.manifest["files"]} == laid_out("head") - {"asset.json"}


def test_the_check_passes_without_a_warning(rigged: Run) -> None:
    report = check_path(rigged.out)
    assert report.passed, report.as_table()
    assert [f.message for f in report.findings if f.severity == "warning"] == []


def test_there_are_52_shapes_by_arkits_names_and_each_moves_something(
    rigged: Run, read_back: FaceAsset
) -> None:
    assert read_glb(rigged.out / "head.glb").head["extras"]["targetNames"] == list(SHAPE_NAMES)
    assert rigged.manifest["shapes"] == list(SHAPE_NAMES)
    assert np.abs(read_back.rig.shapes).max(axis=(1, 2)).min() > 1e-3  # metres


def test_lids_lips_and_leakage_meet_the_designs_aims(rigged: Run, read_back: FaceAsset) -> None:
    measured = rig_quality(load_template(), read_back.rig)
    assert outside(measured, RIG_AIMS) == []
    reported = rigged.manifest["quality"]["rig_mm"]
    for name in RIG_AIMS:
        assert reported[name] == pytest.approx(measured[name], abs=0.002), name  # the GLB holds micrometres


def test_the_fit_is_as_close_as_it_was(rigged: Run) -> None:
    assert outside(rigged.manifest["quality"]["registration_mm"], REGISTRATION_BOUNDS) == []


def test_the_registered_head_lies_on_the_scan_in_the_scans_own_coordinates(rigged: Run) -> None:
    head = trimesh.load(rigged.out / "scan" / "registered.ply", process=False)
    scan = trimesh.load(DEMO, force="mesh", process=False)
    far = head.metadata["_ply_raw"]["vertex"]["data"]["distance_mm"].ravel()
    some = np.flatnonzero(np.isfinite(far) & (far < 0.3))[::40]
    unit = 1000 * np.linalg.norm(np.array(rigged.manifest["scan_to_asset"])[:3, 0])  # mm in the scan's unit
    _, distance, _ = trimesh.proximity.closest_point_naive(scan, head.vertices[some])
    assert len(some) > 100
    np.testing.assert_allclose(unit * distance, far[some], atol=0.01)


def test_most_of_the_face_has_its_own_colour_at_the_resolution_asked_for(rigged: Run) -> None:
    albedo = cv2.imread(str(rigged.out / "maps" / "face_albedo.png"), cv2.IMREAD_UNCHANGED)
    assert albedo.shape == (1024, 1024, 3)
    measured = cv2.imread(str(rigged.out / "confidence.png"), cv2.IMREAD_UNCHANGED) / 255.0
    assert measured.mean() > 0.5
    sure = cv2.resize(measured, (1024, 1024)) > 0.99
    blue, green, red = albedo[sure].mean(axis=0)
    assert red > green + 10 > blue + 10  # skin, in the order in which OpenCV reads


def test_every_stage_is_told_once(rigged: Run) -> None:
    assert len(rigged.told) == len(set(rigged.told)) == STAGES  # what the progress bar counts


def test_the_same_scan_gives_the_same_bytes_in_another_process_without_a_cache(
    rigged: Run, tmp_path: Path
) -> None:
    out = tmp_path / "head"
    again = mien("rig", DEMO, "--out", out, "--no-cache", "--json", PYTHONHASHSEED="7")
    assert again.returncode == 0, again.stderr
    assert differing(contents(out), rigged.files) == []
    numbers = json.loads(again.stdout)
    assert numbers["rig_mm"] == rigged.manifest["quality"]["rig_mm"]
    assert len(numbers["seconds"]) == STAGES - 1  # all but "done"
