import numpy as np
import pytest

from mien.core.conventions import srgb_to_linear
from mien.core.mesh import Image
from mien.render.texture import (
    constant_texture,
    roughen_mips,
    sample_plain,
    texture_from_image,
    texture_from_pixels,
)

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("shape", [(16, 16, 3), (8, 32, 1), (5, 7, 4)])
def test_fast_sampling_equals_its_plain_twin(shape):
    texture = texture_from_pixels(RNG.random(shape, np.float32), srgb=False)
    uv, lod = RNG.uniform(-0.2, 1.2, (60, 2)), RNG.uniform(-1, 6, 60)
    np.testing.assert_allclose(texture.sample(uv, lod), sample_plain(texture, uv, lod), atol=2e-5)


def test_texel_centres_return_their_texel_and_v_grows_upward():
    pixels = RNG.random((4, 4, 2), np.float32)
    texture = texture_from_pixels(pixels, srgb=False)
    for row in range(4):
        uv = np.stack([(np.arange(4) + 0.5) / 4, np.full(4, 1 - (row + 0.5) / 4)], axis=1)
        np.testing.assert_allclose(texture.sample(uv, np.zeros(4)), pixels[row], atol=1e-6)


def test_every_level_keeps_the_mean():
    texture = texture_from_pixels(RNG.random((64, 64, 3), np.float32), srgb=False)
    for index in range(len(texture.starts)):
        np.testing.assert_allclose(
            texture.level(index).mean((0, 1)), texture.level(0).mean((0, 1)), rtol=1e-4
        )
    assert texture.level(len(texture.starts) - 1).shape[:2] == (1, 1)


def test_srgb_is_decoded_and_large_images_are_reduced():
    image = Image(np.full((64, 64, 3), 0.5, np.float32), "srgb")
    texture = texture_from_image(image, limit=16)
    assert texture.shape == (16, 16)
    np.testing.assert_allclose(texture.level(0), srgb_to_linear(np.array([0.5], np.float32))[0], rtol=1e-5)


def test_a_constant_is_the_same_everywhere():
    out = constant_texture(np.array([0.25, 0.5])).sample(RNG.random((9, 2)), RNG.uniform(0, 4, 9))
    np.testing.assert_allclose(out, [[0.25, 0.5]] * 9)


def test_coverage_in_a_fourth_channel_is_not_decoded():
    pixels = np.full((4, 4, 4), 0.5, np.float32)
    found = texture_from_pixels(pixels, srgb=True).data
    np.testing.assert_allclose(found[:, 3], 0.5)
    np.testing.assert_allclose(found[:, :3], srgb_to_linear(np.array(0.5)), rtol=1e-6)


def test_bumps_that_average_out_become_roughness():
    tilt = 0.2  # slope of stripes one texel wide
    normal = np.zeros((16, 16, 3))
    normal[..., 0] = np.where(np.arange(16) % 2, tilt, -tilt) / np.hypot(1, tilt)
    normal[..., 2] = 1 / np.hypot(1, tilt)
    bumps = texture_from_pixels((0.5 + 0.5 * normal).astype(np.float32), srgb=False)
    rough = roughen_mips(constant_texture(np.array([0.4])), bumps)
    assert rough.level(0) == pytest.approx(0.4, abs=1e-3)
    # The slopes have variance tilt^2 in one direction, that is half of it in each on average.
    assert rough.level(1) ** 4 == pytest.approx(0.4**4 + tilt**2, rel=0.03)
    flat = texture_from_pixels(np.full((16, 16, 3), (0.5, 0.5, 1.0), np.float32), srgb=False)
    own = texture_from_pixels(np.linspace(0.2, 0.8, 64, dtype=np.float32).reshape(8, 8, 1), srgb=False)
    found = roughen_mips(own, flat)
    assert found.shape == (16, 16)
    np.testing.assert_allclose(found.level(1), own.level(0), atol=2e-3)
