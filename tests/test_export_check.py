"""`mien check` as a whole: a good asset passes, the validator is heard, what did not run is not called good."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from export_fixture import edit_glb, errors_of, tiny_asset
from mien.core.errors import MienError
from mien.export.check import check_path
from mien.export.folder import write_asset
from mien.export.khronos import node_modules
from mien.export.rules_folder import FOLDER_RULES
from mien.export.rules_glb import GLB_RULES

NO_VALIDATOR = "needs node and `npm ci` (npm package gltf-validator)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_asset(tiny_asset(), tmp_path / "tiny")
    return tmp_path / "tiny"


def test_a_good_asset_passes_without_a_warning(folder: Path):
    report = check_path(folder)
    assert report.passed
    assert [f for f in report.findings if f.severity != "note"] == []
    assert set(report.rules) == {*FOLDER_RULES, *GLB_RULES, "khronos validator", "readable", "topology"}
    assert report.not_run == ()
    assert check_path(folder / "tiny.glb").passed
    json.dumps(report.as_json(), allow_nan=False)
    assert "0 errors, 0 warnings" in report.as_table()


@pytest.mark.skipif(node_modules() is None, reason=NO_VALIDATOR)
def test_the_khronos_validator_finds_nothing_in_a_good_asset(folder: Path):
    measures = check_path(folder).measures
    assert measures["khronos errors"] == measures["khronos warnings"] == 0


@pytest.mark.skipif(node_modules() is None, reason=NO_VALIDATOR)
def test_the_khronos_validator_is_heard(folder: Path):
    glb = folder / "tiny.glb"
    edit_glb(glb, lambda document: document["meshes"][0]["primitives"][0].update(material=99))
    assert "UNRESOLVED_REFERENCE" in errors_of(check_path(glb), "khronos validator")


def test_without_the_validator_one_line_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    notes = [f.message for f in check_path(folder).findings if f.rule == "khronos validator"]
    assert notes == ["not run: node is missing; install Node.js 18 or newer"]


def test_neither_a_folder_nor_a_glb_is_refused(tmp_path: Path):
    with pytest.raises(MienError, match="expected an asset folder or a"):
        check_path(tmp_path / "nothing")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(MienError, match=r"is a \.txt file"):
        check_path(tmp_path / "a.txt")


def test_what_could_not_be_looked_at_is_not_called_good(folder: Path):
    (folder / "asset.json").unlink()
    report = check_path(folder)
    assert {"files", "maps", "landmarks", "obj", "topology"} <= set(report.not_run)
    assert "ok      files" not in report.as_table()
