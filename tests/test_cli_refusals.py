"""Bad input: one clear line on standard error, exit 1, no traceback, nothing half written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

CUBE = "".join(f"v {x} {y} {z}\n" for x in (0, 1) for y in (0, 1) for z in (0, 1)) + (
    "f 1 2 4 3\nf 5 7 8 6\nf 1 5 6 2\nf 3 4 8 7\nf 1 3 7 5\nf 2 6 8 4\n"
)


def run_mien(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mien", *map(str, arguments)], capture_output=True, text=True, timeout=120
    )


def assert_refused(result: subprocess.CompletedProcess[str], folder: Path, *words: str) -> None:
    assert result.returncode == 1, result.stderr
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("mien: ")
    for word in words:
        assert word in lines[0], lines[0]
    assert [p.name for p in folder.iterdir() if "head" in p.name] == [], "something was left behind"


def small_sheet(path: Path, n: int = 40) -> Path:
    """A wavy square of triangles: a valid mesh that is no face."""
    xs, ys = np.meshgrid(np.linspace(0, 1, n), np.linspace(0, 1, n))
    points = np.stack([xs, ys, 0.05 * np.sin(9 * xs) * np.cos(7 * ys)], -1).reshape(-1, 3)
    index = np.arange(n * n).reshape(n, n) + 1
    faces = np.stack([index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]], -1).reshape(-1, 4)
    text = "".join("v {:.5f} {:.5f} {:.5f}\n".format(*p) for p in points)
    path.write_text(text + "".join("f {} {} {} {}\n".format(*f) for f in faces))
    return path


def test_an_empty_file(tmp_path: Path):
    (tmp_path / "scan.obj").write_text("")
    assert_refused(run_mien("rig", tmp_path / "scan.obj", "--out", tmp_path / "head"), tmp_path, "scan.obj")


def test_a_scan_that_is_not_there(tmp_path: Path):
    result = run_mien("rig", tmp_path / "none.obj", "--out", tmp_path / "head")
    assert_refused(result, tmp_path, "none.obj")


def test_a_truncated_obj(tmp_path: Path):
    scan = small_sheet(tmp_path / "scan.obj")
    text = scan.read_text()
    scan.write_text(text[: text.index("v 0.5")] + text[text.index("f 1 ") :])
    assert_refused(run_mien("rig", scan, "--out", tmp_path / "head"), tmp_path, "scan.obj")


def test_coordinates_that_are_not_numbers(tmp_path: Path):
    scan = small_sheet(tmp_path / "scan.obj")
    scan.write_text(scan.read_text().replace("v 0.00000 0.00000", "v nan 0.00000", 1))
    assert_refused(run_mien("rig", scan, "--out", tmp_path / "head"), tmp_path, "scan.obj", "finite")


def test_a_cube(tmp_path: Path):
    (tmp_path / "cube.obj").write_text(CUBE)
    assert_refused(run_mien("rig", tmp_path / "cube.obj", "--out", tmp_path / "head"), tmp_path, "cube")


def test_a_surface_that_is_no_face(tmp_path: Path):
    scan = small_sheet(tmp_path / "scan.obj", 60)
    assert_refused(run_mien("rig", scan, "--out", tmp_path / "head"), tmp_path, "face")


def test_a_missing_texture(tmp_path: Path):
    scan = small_sheet(tmp_path / "scan.obj")
    result = run_mien("rig", scan, "--albedo", tmp_path / "none.jpg", "--out", tmp_path / "head")
    assert_refused(result, tmp_path, "none.jpg")


@pytest.mark.parametrize("count", [12, 67])
def test_a_landmark_file_of_the_wrong_length(tmp_path: Path, count: int):
    scan = small_sheet(tmp_path / "scan.obj")
    (tmp_path / "points.json").write_text(json.dumps([[0.0, 0.0, 0.0]] * count))
    result = run_mien("rig", scan, "--landmarks", tmp_path / "points.json", "--out", tmp_path / "head")
    assert_refused(result, tmp_path, "points.json", str(count), "68")


def test_a_landmark_file_is_read_before_the_scan(tmp_path: Path):
    (tmp_path / "scan.obj").write_text("no scan")
    (tmp_path / "points.json").write_text(json.dumps([[0.0, 0.0, 0.0]] * 60))
    result = run_mien(
        "rig", tmp_path / "scan.obj", "--landmarks", tmp_path / "points.json", "--out", tmp_path / "head"
    )
    assert_refused(result, tmp_path, "points.json", "60 points, expected 68 or 51")


def test_a_base_mesh_that_is_no_head_is_refused_before_the_scan_is_fitted(tmp_path: Path):
    scan = small_sheet(tmp_path / "scan.obj")
    corners = "vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n"
    faces = (
        " ".join(f"{v}/{i + 1}" for i, v in enumerate(line.split()[1:])) for line in CUBE.splitlines()[8:]
    )
    body = "\n".join([*CUBE.splitlines()[:8], corners, *(f"f {face}" for face in faces)])
    (tmp_path / "cube.obj").write_text(body + "\n")
    result = run_mien("rig", scan, "--topology", tmp_path / "cube.obj", "--out", tmp_path / "head")
    assert_refused(result, tmp_path, "the base mesh", "cube", "--topology-landmarks")


def test_a_folder_that_cannot_be_written(tmp_path: Path):
    scan = small_sheet(tmp_path / "scan.obj")
    assert_refused(run_mien("rig", scan, "--out", "/proc/mien/head"), tmp_path, "/proc/mien/head")


def test_an_output_folder_in_use(tmp_path: Path):
    scan = small_sheet(tmp_path / "scan.obj")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    assert_refused(run_mien("rig", scan, "--out", tmp_path / "taken"), tmp_path, "--force")
    assert (tmp_path / "taken" / "mine.txt").read_text() == "mine"


def test_wrong_usage_is_exit_two():
    assert run_mien("rig").returncode == 2
    assert run_mien("sculpt").returncode == 2


def test_help_names_every_command():
    result = run_mien("--help")
    assert result.returncode == 0
    for command in ("rig", "render", "check", "evaluate", "bench"):
        assert command in result.stdout
