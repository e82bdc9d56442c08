"""Conventions, files and the raster: laws and refusals."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core.conventions import (
    EXPRESSIONS,
    SHAPE_INDEX,
    SHAPE_NAMES,
    linear_to_srgb,
    mirrored_shape,
    pixel_to_uv,
    shape_weights,
    srgb_to_linear,
    uv_to_pixel,
)
from mien.core.errors import MienError
from mien.core.files import check_writable_target, whole_folder


def test_there_are_52_shapes_and_mirroring_them_is_an_involution():
    assert len(set(SHAPE_NAMES)) == 52
    assert {mirrored_shape(mirrored_shape(n)) for n in SHAPE_NAMES} == set(SHAPE_NAMES)
    # 18 pairs, and jawLeft|Right and mouthLeft|Right, which mirror each other too
    assert sum(mirrored_shape(n) != n for n in SHAPE_NAMES) == 40


def test_there_are_26_expressions_of_known_shapes():
    assert len(EXPRESSIONS) == 26
    for weights in EXPRESSIONS.values():
        assert shape_weights(weights).sum() == pytest.approx(sum(weights.values()))
    with pytest.raises(KeyError):
        shape_weights({"eyeBlinkCentre": 1.0})
    assert shape_weights({"jawOpen": 0.5})[SHAPE_INDEX["jawOpen"]] == 0.5


@given(st.floats(0, 1))
def test_srgb_encoding_inverts_decoding(value: float):
    assert linear_to_srgb(srgb_to_linear(np.array([value])))[0] == pytest.approx(value, abs=1e-6)


def test_srgb_has_the_standard_mid_grey():
    assert srgb_to_linear(np.array([0.5]))[0] == pytest.approx(0.21404, abs=1e-5)


def test_uv_origin_is_bottom_left_and_pixels_start_top_left():
    assert uv_to_pixel(np.array([0.0, 1.0]), 8, 4) == pytest.approx([0, 0])
    assert uv_to_pixel(np.array([1.0, 0.0]), 8, 4) == pytest.approx([4, 8])
    uv = np.random.default_rng(0).random((10, 2))
    assert pixel_to_uv(uv_to_pixel(uv, 7, 5), 7, 5) == pytest.approx(uv)


def test_a_folder_appears_only_when_its_block_ends_well(tmp_path: Path):
    out = tmp_path / "head"
    with pytest.raises(RuntimeError, match="half way"), whole_folder(out) as staging:
        (staging / "half.txt").write_text("half")
        raise RuntimeError("half way")
    assert list(tmp_path.iterdir()) == []
    with whole_folder(out) as staging:
        (staging / "all.txt").write_text("all")
    assert [p.name for p in tmp_path.iterdir()] == ["head"]
    assert (out / "all.txt").read_text() == "all"


def test_a_folder_in_use_is_refused_without_force_and_replaced_whole_with_it(tmp_path: Path):
    out = tmp_path / "head"
    out.mkdir()
    (out / "old.txt").write_text("old")
    with pytest.raises(MienError, match="--force"):
        check_writable_target(out, force=False)
    with whole_folder(out, force=True) as staging:
        (staging / "new.txt").write_text("new")
    assert [p.name for p in out.iterdir()] == ["new.txt"]
    assert [p.name for p in tmp_path.iterdir()] == ["head"]


def test_a_target_below_a_file_is_refused(tmp_path: Path):
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "head"):
        with pytest.raises(MienError, match="is a file"):
            check_writable_target(out, force=False)


def test_importing_the_command_line_loads_nothing_heavy():
    code = "import sys, mien.cli.main; print(sorted({'numba','scipy','igl','cv2','trimesh','mitsuba'} & set(sys.modules)))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert output.stdout.strip() == "[]"
    guilty = subprocess.run(
        [sys.executable, "-c", "import scipy; " + code], capture_output=True, text=True, check=True
    )
    assert guilty.stdout.strip() == "['scipy']", "the check itself must be able to see a heavy import"
