"""Sharpness, stretch and close-ups: against closed forms, and with inputs that must show."""

import subprocess
import sys

import numpy as np
import pytest

from mien.core.face import PreparedScan
from mien.core.mesh import Image, Scan
from mien.evaluate.measures.closeups import BakedHead, _detail_kept, draw_closeups, find_crop_spots
from mien.evaluate.measures.texel_stretch import (
    compute_singular_values,
    draw_stretch,
    measure_stretch,
    paint_false_colour,
)
from mien.evaluate.sharpness import Grating, compute_tent_contrast, measure_kept_contrast
from mien.template.load import load_template

TEMPLATE = load_template()


def test_singular_values_are_numpy_s():
    steps = np.random.default_rng(0).normal(size=(40, 2, 3))
    truth = np.linalg.svd(np.swapaxes(steps, 1, 2), compute_uv=False)
    np.testing.assert_allclose(np.stack(compute_singular_values(steps), axis=1), truth, atol=1e-9)


def test_twice_the_texels_are_half_as_large():
    one, two = (measure_stretch(TEMPLATE, TEMPLATE.vertices, n) for n in (1024, 2048))
    assert two["texel_median_mm"] == pytest.approx(one["texel_median_mm"] / 2)
    assert two["anisotropy_p95"] == pytest.approx(one["anisotropy_p95"])


def test_a_head_drawn_out_shows_in_the_stretch():
    even = measure_stretch(TEMPLATE, TEMPLATE.vertices, 256)
    long = measure_stretch(TEMPLATE, TEMPLATE.vertices * [1, 3, 1], 256)
    assert long["anisotropy_median"] > 1.5 * even["anisotropy_median"]
    sheet = draw_stretch(TEMPLATE, TEMPLATE.vertices, 256)
    assert sheet.dtype == np.uint8
    assert len(np.unique(sheet.reshape(-1, 3), axis=0)) > 100


def test_false_colours_grow_lighter():
    shades = paint_false_colour(np.linspace(-0.5, 1.5, 9)).astype(int).sum(axis=1)
    assert (np.diff(shades) >= 0).all()


def test_the_bake_is_sharper_than_linear_interpolation():
    """Two texels a source pixel: a grating of four pixels a wave keeps nearly all its contrast."""
    found = measure_kept_contrast(TEMPLATE, Grating(213, 0.25, 256))
    assert found > 0.93
    assert found > compute_tent_contrast(0.25) + 0.1
    assert found < 1.08


def test_what_the_tile_cannot_hold_does_not_come_back_as_something_else():
    assert abs(measure_kept_contrast(TEMPLATE, Grating(1707, 0.375, 256))) < 0.05


def test_detail_kept_is_one_for_the_same_and_less_for_a_blurred_picture():
    rng = np.random.default_rng(1)
    picture = rng.integers(60, 200, (100, 100, 3), dtype=np.uint8)
    blurred = ((picture.astype(int) + np.roll(picture, 1, 0) + np.roll(picture, 2, 0)) // 3).astype(np.uint8)
    sure = np.ones((100, 100), np.float32)
    assert _detail_kept(picture, picture, sure) == pytest.approx(1.0)
    assert _detail_kept(picture, blurred, sure) < 0.8
    assert np.isnan(_detail_kept(picture, picture, 0 * sure))


def test_close_ups_show_scan_and_head_alike():
    """The template as its own scan, both grey: the pictures agree where neither has an edge."""
    quads = np.zeros(len(TEMPLATE.topology.quads), bool)
    for part in ("face", "head"):
        quads[TEMPLATE.part(part).quads] = True
    triangles = TEMPLATE.topology.triangles[np.repeat(quads, 2)]
    grey = np.full((len(TEMPLATE.vertices), 3), 0.5)
    scan = Scan("same", TEMPLATE.vertices, triangles, vertex_colours=grey)
    landmarks = TEMPLATE.landmarks.on(TEMPLATE.vertices, TEMPLATE.topology)
    same = PreparedScan(scan, np.eye(4), landmarks, np.ones(68), "metres")
    tiles = ("face", "head")
    head = BakedHead(
        TEMPLATE.vertices,
        {name: Image(np.full((64, 64, 3), 0.5, np.float32), "srgb") for name in tiles},
        {name: Image(np.zeros((64, 64, 1), np.float32), "linear", "mm") for name in tiles},
        {name: Image(np.ones((64, 64, 1), np.float32)) for name in tiles},
    )
    chosen = tuple(s for s in find_crop_spots(TEMPLATE) if s.name in ("nose", "left ear", "right temple"))
    assert len(chosen) == 3
    for crop in draw_closeups(TEMPLATE, head, same, chosen):
        width = (crop.picture.shape[1] - 6) // 4
        tiles4 = [crop.picture[24:-6, 6 + k * width : k * width + width].astype(int) for k in range(4)]
        assert np.quantile(np.abs(tiles4[0] - tiles4[1]), 0.98) <= 1
        assert np.quantile(np.abs(tiles4[2] - tiles4[3]), 0.98) <= 3
        assert tiles4[2].std() > 2  # something is shown


def test_no_scans_and_scans_without_a_folder_are_refused(tmp_path):
    def evaluate(*options: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mien", "evaluate", "colour", *map(str, options)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    without_scans = evaluate("--plots", tmp_path, "--scans")
    assert without_scans.returncode == 1
    assert without_scans.stderr.startswith("mien: evaluate colour: no scans, expected one or more")
    assert evaluate("--scans", tmp_path / "a.obj").returncode == 2
