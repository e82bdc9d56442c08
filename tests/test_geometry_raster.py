"""The fast raster against its plain twin."""

from __future__ import annotations

import numpy as np
import pytest

from mien.geometry.raster import rasterize, rasterize_plain


def test_fast_and_plain_raster_agree_on_random_triangles():
    rng = np.random.default_rng(1)
    pixels = rng.uniform(-4, 36, (60, 2))
    depth = rng.uniform(1, 2, 60)
    triangles = rng.integers(0, 60, (40, 3))
    fast = rasterize(pixels, depth, triangles, 24, 32)
    plain = rasterize_plain(pixels, depth, triangles, 24, 32)
    assert np.array_equal(fast.triangle, plain.triangle)
    assert fast.barycentric == pytest.approx(plain.barycentric, abs=1e-6)
    assert fast.depth[fast.covered] == pytest.approx(plain.depth[plain.covered], abs=1e-6)


def test_interpolation_of_pixel_coordinates_gives_pixel_centres():
    corners = np.array([[-5.0, -5.0], [40.0, -3.0], [3.0, 50.0]])
    raster = rasterize(corners, np.ones(3), np.array([[0, 1, 2]]), 16, 16)
    where = raster.interpolate(corners[None])
    ys, xs = np.mgrid[0:16, 0:16] + 0.5
    inside = raster.covered
    assert inside.sum() > 100
    assert where[inside] == pytest.approx(np.stack([xs, ys], -1)[inside], abs=1e-4)


def test_the_nearer_triangle_wins_and_degenerate_ones_draw_nothing():
    pixels = np.array([[0.0, 0], [8, 0], [0, 8], [0, 0], [8, 0], [0, 8]])
    depth = np.array([2.0, 2, 2, 1, 1, 1])
    raster = rasterize(pixels, depth, np.array([[0, 1, 2], [3, 4, 5], [0, 0, 1]]), 8, 8)
    assert set(np.unique(raster.triangle)) == {-1, 1}
