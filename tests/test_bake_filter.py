"""Reading a picture through a texel's footprint."""

import numpy as np
import pytest

from mien.bake.texture_filter import read_footprints, read_footprints_plain
from mien.bake.texture_sampling import halvings
from mien.core.conventions import linear_to_srgb, srgb_to_linear


def stripes(cycles: float, size: int = 256) -> np.ndarray:
    """Vertical stripes, linear 0.5 +- 0.3, stored sRGB."""
    row = 0.5 + 0.3 * np.sin(2 * np.pi * cycles * (np.arange(size) + 0.5))
    srgb = np.round(255 * linear_to_srgb(row)).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(srgb[None, :, None], (size, size, 3)))


def kept(cycles: float, along_x: tuple[float, float], along_y: tuple[float, float]) -> float:
    """Contrast left of the stripes, seen by footprints of these sides."""
    rng = np.random.default_rng(0)
    pixel = rng.uniform(60, 190, (4000, 2))
    sides = (np.tile(side, (4000, 1)) for side in (along_x, along_y))
    found = read_footprints(halvings(stripes(cycles)), pixel, *sides)[:, 0]
    phase = 2 * np.pi * cycles * pixel[:, 0]
    basis = np.stack([np.sin(phase), np.cos(phase), np.ones(4000)], axis=1)
    return float(np.linalg.lstsq(basis, found, rcond=None)[0][0] / 0.3)


def test_agrees_with_its_plain_twin():
    rng = np.random.default_rng(1)
    pyramid = halvings(rng.integers(0, 256, (32, 48, 3), dtype=np.uint8))
    pixel = rng.uniform(-3, 50, (60, 2))
    along_x, along_y = rng.normal(size=(2, 60, 2)) * rng.uniform(0.1, 8, (2, 60, 1))
    fast = read_footprints(pyramid, pixel, along_x, along_y)
    np.testing.assert_allclose(fast, read_footprints_plain(pyramid, pixel, along_x, along_y), atol=5e-6)


def test_an_even_picture_stays_even():
    rng = np.random.default_rng(2)
    picture = np.full((64, 64, 3), (200, 120, 40), np.uint8)
    along_x, along_y = rng.normal(size=(2, 100, 2)) * 4
    found = read_footprints(halvings(picture), rng.uniform(0, 64, (100, 2)), along_x, along_y)
    np.testing.assert_allclose(found, np.tile(srgb_to_linear(picture[0, 0] / 255.0), (100, 1)), atol=2e-6)


def test_a_pixel_s_centre_gives_the_pixel():
    picture = np.random.default_rng(3).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    rows, columns = np.mgrid[0:20, 0:20]
    pixel = np.stack([columns.ravel(), rows.ravel()], axis=1) + 0.5
    tiny = np.full((400, 2), 0.1)
    found = read_footprints([picture], pixel, tiny, tiny)
    np.testing.assert_allclose(found, srgb_to_linear(picture.reshape(-1, 3) / 255.0), atol=1e-5)


@pytest.mark.parametrize("cycles", [0.1, 0.2, 0.25])
def test_magnified_it_is_sharper_than_linear_interpolation(cycles):
    found = kept(cycles, (0.3, 0.1), (-0.1, 0.3))
    assert found > np.sinc(cycles) ** 2 + 0.4 * (1 - np.sinc(cycles) ** 2)
    assert found < 1.06


def test_what_the_tile_cannot_hold_is_averaged_away():
    assert abs(kept(0.4, (6.0, 0.0), (0.0, 6.0))) < 0.03


def test_a_long_footprint_averages_along_itself_only():
    assert abs(kept(1 / 3, (6.0, 0.0), (0.0, 1.0))) < 0.06  # two whole stripes
    assert kept(0.25, (1.0, 0.0), (0.0, 6.0)) > 0.8  # along them
