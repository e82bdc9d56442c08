"""The examples run as they stand, and say what they should."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mien.synth.person import SyntheticPerson

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name: str, *arguments: object) -> str:
    """An example's output; what it prints to stderr where it fails."""
    command = [sys.executable, EXAMPLES / name, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def asset(tmp_path_factory):
    """A small asset folder: an invented person's."""
    from mien.pipeline.synth_head import person_asset

    folder = tmp_path_factory.mktemp("examples") / "somebody"
    person_asset(SyntheticPerson.draw(7, resolution=256), "somebody").save(folder)
    return folder


def test_posing_a_head(asset):
    told = run("pose_a_head.py", asset)
    assert "landmarks (68, 3)" in told
    assert "a batch: (8, " in told
    left = float(told.rsplit(" mm left", 1)[0].rsplit(" ", 1)[1])
    assert left < 2.5


def test_an_invented_person(tmp_path):
    told = run("invented_person.py", 7, tmp_path / "person.png")
    assert "years old" in told
    assert "face_albedo" in told
    assert (tmp_path / "person.png").stat().st_size > 50_000


def test_reading_an_asset_in_numpy_without_mien(asset):
    told = run("read_asset_in_numpy.py", asset)
    assert "52 blendshapes" in told
    lines = {line.split(":")[0].strip(): line for line in told.splitlines()}
    assert float(lines["face"].rsplit(" ", 2)[1]) > 20
    assert "import mien" not in (EXAMPLES / "read_asset_in_numpy.py").read_text()


def test_rigging_a_scan(rigged, tmp_path):
    """Its stages come from the tests' cache, where `rigged` put them."""
    told = run("rig_a_scan.py", EXAMPLES / "demo_scan.glb", tmp_path / "demo")
    assert "median 0.0" in told
    assert (tmp_path / "demo" / "demo.glb").is_file()
