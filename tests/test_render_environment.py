import cv2
import numpy as np
import pytest

from mien.core.errors import MienError
from mien.render.environment import (
    cone_samples,
    ggx_blur,
    irradiance_sh,
    latlong_directions,
    latlong_solid_angles,
    latlong_uv,
    lookup_levels,
    make_environment,
    sh_basis,
)
from mien.render.lights import clay_studio, direction_at, load_hdri, split_sun, studio, white_furnace

RNG = np.random.default_rng(5)


def unit(n):
    v = RNG.normal(size=(n, 3))
    return v / np.linalg.norm(v, axis=1, keepdims=True)


def test_solid_angles_cover_the_sphere():
    assert latlong_solid_angles(24).sum() == pytest.approx(4 * np.pi)


def test_directions_and_uvs_are_inverse():
    directions = latlong_directions(16)
    uv = latlong_uv(directions.reshape(-1, 3)).reshape(16, 32, 2)
    np.testing.assert_allclose(uv[..., 0], (np.arange(32) + 0.5) / 32 * np.ones((16, 1)), atol=1e-12)
    np.testing.assert_allclose(uv[..., 1], 1 - (np.arange(16)[:, None] + 0.5) / 16 * np.ones(32), atol=1e-12)


def test_harmonics_are_orthonormal():
    basis = sh_basis(latlong_directions(128))
    gram = np.einsum("hwa,hwb,hw->ab", basis, basis, latlong_solid_angles(128))
    np.testing.assert_allclose(gram, np.eye(9), atol=2e-3)


def test_irradiance_of_a_white_furnace_is_pi():
    np.testing.assert_allclose(white_furnace().irradiance(unit(20)), np.pi, rtol=1e-3)


def test_irradiance_is_that_of_the_cosine_integral():
    smooth = 1.0 + 0.8 * latlong_directions(64)[..., 1:2] * np.ones(3)
    environment = make_environment(smooth, smooth, ())
    directions, area = latlong_directions(64), latlong_solid_angles(64)
    for normal in unit(5):
        cosine = np.maximum(directions @ normal, 0) * area
        expected = np.einsum("hw,hwc->c", cosine, smooth)
        np.testing.assert_allclose(environment.irradiance(normal[None])[0], expected, rtol=2e-3)


def test_the_fast_irradiance_equals_the_basis_product():
    environment, normals = studio(), unit(30)
    plain = np.maximum(sh_basis(normals) @ irradiance_sh(environment.ambient), 0)
    np.testing.assert_allclose(environment.irradiance(normals), plain, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("roughness", [0.2, 0.5, 1.0])
def test_blurring_a_constant_changes_nothing_and_never_overshoots(roughness):
    np.testing.assert_allclose(ggx_blur(np.ones((16, 32, 3)), roughness), 1.0, rtol=1e-4)
    picture = RNG.random((16, 32, 3)).astype(np.float32)
    blurred = ggx_blur(picture, roughness)
    assert blurred.min() >= picture.min()
    assert blurred.max() <= picture.max() + 1e-6


def test_levels_are_looked_up_at_pixel_centres():
    levels = RNG.random((3, 8, 16, 3)).astype(np.float32)
    directions = latlong_directions(8)
    out = np.empty(3, np.float32)
    for level, row, column in [(0, 3, 5), (1, 0, 0), (2, 7, 15)]:
        x, y, z = directions[row, column]
        lookup_levels(levels, x, y, z, float(level), out)
        np.testing.assert_allclose(out, levels[level, row, column], atol=1e-4)


def test_a_cone_stays_within_its_radius_and_is_centred():
    direction = direction_at(30.0, 20.0)
    samples = cone_samples(direction, 0.2, 256)
    assert np.arccos(np.clip(samples @ direction, -1, 1)).max() <= 0.2 + 1e-9
    np.testing.assert_allclose(
        samples.mean(axis=0) / np.linalg.norm(samples.mean(axis=0)), direction, atol=0.01
    )


@pytest.mark.parametrize("make", [studio, clay_studio])
def test_the_lights_painted_in_have_the_irradiance_that_they_state(make):
    environment = make()
    directions, area = latlong_directions(128), latlong_solid_angles(128)
    for light in environment.lights:
        cosine = np.maximum(directions @ light.direction, 0) * area
        near = directions @ light.direction > np.cos(3 * light.radius)
        painted = np.einsum("hw,hwc->c", cosine * near, environment.full - environment.ambient)
        np.testing.assert_allclose(painted, light.irradiance, rtol=0.02)


def test_a_sun_is_split_off_without_loss():
    picture = np.full((64, 128, 3), 0.2)
    sun = direction_at(50.0, 40.0)
    picture[latlong_directions(64) @ sun > np.cos(0.06)] = 300.0
    ambient, (light,) = split_sun(picture)
    assert light.direction @ sun > 0.999
    cosine = np.maximum(latlong_directions(64) @ light.direction, 0) * latlong_solid_angles(64)
    total = np.einsum("hw,hwc->c", cosine, picture)
    np.testing.assert_allclose(np.einsum("hw,hwc->c", cosine, ambient) + light.irradiance, total, rtol=1e-6)


def test_an_overcast_sky_has_no_sun():
    _, lights = split_sun(np.ones((32, 64, 3)))
    assert lights == ()


def test_a_radiance_file_is_read_and_exposed(tmp_path):
    picture = np.tile(np.linspace(0.1, 4.0, 64, dtype=np.float32)[:, None, None], (1, 128, 3))
    cv2.imwrite(str(tmp_path / "sky.hdr"), picture)
    environment = load_hdri(tmp_path / "sky.hdr")
    assert environment.full[0].mean() < environment.full[-1].mean()
    assert environment.full.shape == (256, 512, 3)


@pytest.mark.parametrize(
    ("name", "content"), [("no.hdr", None), ("bad.hdr", b"x"), ("bad.exr", b"x"), ("a.png", b"x")]
)
def test_what_is_no_environment_is_refused_in_one_line(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(MienError) as refused:
        load_hdri(tmp_path / name)
    assert name in str(refused.value)
    assert "\n" not in str(refused.value)
