import numpy as np
import pytest

from mien.render.diffusion import PROFILE_WEIGHTS, diffuse_irradiance, diffuse_plain

RNG = np.random.default_rng(2)


def everywhere(size, value):
    return np.full((size, size), value, np.float32)


def test_the_profile_is_white_within_the_tables_rounding():
    np.testing.assert_allclose(PROFILE_WEIGHTS.sum(axis=0), 1.0, atol=0.003)


@pytest.mark.parametrize("texel_mm", [0.2, 0.5, 2.0])
def test_constant_light_stays_constant(texel_mm):
    covered = np.zeros((96, 96), bool)
    covered[20:70, 10:80] = True
    light = np.zeros((96, 96, 3), np.float32)
    light[covered] = [1.0, 0.5, 0.25]
    out = diffuse_irradiance(light, covered, everywhere(96, texel_mm))
    np.testing.assert_allclose(out[covered], np.tile([1.0, 0.5, 0.25], (covered.sum(), 1)), rtol=1e-4)


def test_energy_is_kept_away_from_borders():
    light = np.zeros((256, 256, 3), np.float32)
    light[96:160, 96:160] = RNG.random((64, 64, 3))
    out = diffuse_irradiance(light, np.ones((256, 256), bool), everywhere(256, 0.5))
    np.testing.assert_allclose(out.sum((0, 1)), light.sum((0, 1)), rtol=0.01)


@pytest.mark.parametrize("texel_mm", [0.35, 0.8])
def test_the_scale_space_comes_near_the_exact_sum_of_gaussians(texel_mm):
    step = np.zeros((192, 192, 3), np.float32)
    step[:, 96:] = 1.0
    covered = np.ones((192, 192), bool)
    fast = diffuse_irradiance(step, covered, everywhere(192, texel_mm))
    plain = diffuse_plain(step, covered, texel_mm)
    inner = (slice(48, 144), slice(48, 144))
    assert np.abs(fast - plain)[inner].max() < 0.05
    assert np.abs(fast - plain)[inner].mean() < 0.01


def test_red_travels_farther_than_green_and_blue():
    step = np.zeros((128, 128, 3), np.float32)
    step[:, 64:] = 1.0
    out = diffuse_irradiance(step, np.ones((128, 128), bool), everywhere(128, 0.5))
    red, green, blue = out[64, 60]  # two millimetres into the shadow
    assert red > 3 * green
    assert green >= blue


def test_uncovered_texels_do_not_darken_their_neighbours():
    covered = np.zeros((64, 64), bool)
    covered[:, :32] = True
    light = np.where(covered[..., None], 1.0, 0.0).astype(np.float32) * np.ones(3, np.float32)
    out = diffuse_irradiance(light, covered, everywhere(64, 0.3))
    np.testing.assert_allclose(out[:, :32], 1.0, rtol=1e-4)
