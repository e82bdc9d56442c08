import numpy as np
import pytest

from mien.render.camera import orbit_camera, rasterize_view
from mien.render.lighting import bounced, light_subject
from mien.render.lights import white_furnace
from mien.render.raster import _footprint, _material_radiance
from mien.render.samples import visible_samples
from mien.render.shade import env_brdf, ggx_sphere, specular_occlusion, turn_normals
from mien.render.tone_mapping import film, film_plain
from render_fixture import sphere, white_matte


@pytest.mark.parametrize("kind", ["skin", "wet"])
def test_a_white_body_vanishes_in_a_white_furnace(kind):
    subject = sphere(material=white_matte(kind))
    lit = light_subject(subject, white_furnace(), rays=16, tile_resolution=128)
    camera = orbit_camera(subject.frame, 48, 48, 20.0)
    triangles = subject.surface.triangles
    raster = rasterize_view(camera, subject.vertices, triangles)
    samples = visible_samples(camera, raster, np.arange(len(triangles)), triangles, raster.covered)
    open_mirror = np.ones(len(subject.vertices), np.float32)
    radiance = _material_radiance(lit, 0, samples, open_mirror, _footprint(lit, camera))
    np.testing.assert_allclose(radiance, 1.0, rtol=5e-3)


@pytest.mark.parametrize("rough", [0.1, 0.4, 0.8])
@pytest.mark.parametrize("nv", [0.1, 0.5, 0.95])
def test_no_lobe_reflects_more_than_it_receives(rough, nv):
    directions = fibonacci_hemisphere(40000)
    view = np.array([np.sqrt(1 - nv * nv), 0.0, nv])
    half = directions + view
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    values = [
        ggx_sphere(h[2], d[2], nv, h @ view, rough, 0.0, 1.0) * d[2]
        for h, d in zip(half[::10], directions[::10], strict=True)
    ]
    albedo = 2 * np.pi * np.mean(values)
    assert 0.2 < albedo < 1.03


def fibonacci_hemisphere(count):
    index = np.arange(count) + 0.5
    z = index / count
    angle = np.pi * (3 - np.sqrt(5)) * index
    r = np.sqrt(1 - z * z)
    return np.stack([r * np.cos(angle), r * np.sin(angle), z], axis=1)


def test_directional_albedo_is_between_none_and_all():
    for f0 in (0.0, 0.028, 0.2, 1.0):
        values = [env_brdf(f0, r, v) for r in np.linspace(0.05, 1, 9) for v in np.linspace(0.02, 1, 9)]
        assert min(values) >= 0
        assert max(values) <= 1.01
    assert env_brdf(0.0, 0.4, 0.1) == 0.0


def test_specular_occlusion_is_closed_and_open_at_its_ends():
    assert specular_occlusion(0.0, 0.5, 0.2) < 0.9
    assert specular_occlusion(1.0, 0.5, 0.2) == pytest.approx(1.0)


def test_a_flat_normal_map_turns_nothing_and_a_tilted_one_turns_along_u():
    rng = np.random.default_rng(1)
    normals = rng.normal(size=(20, 3)).astype(np.float32)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    along_u, along_v = np.tile([1.0, 0, 0], (2, 1)), np.tile([0, 1.0, 0], (2, 1))
    triangle = np.zeros(20, np.int64)
    flat = normals.copy()
    turn_normals(flat, np.array([[0.5, 0.5, 1.0]], np.float32), along_u, along_v, triangle, normals)
    np.testing.assert_allclose(flat, normals, atol=1e-6)
    up = np.tile(np.array([0, 0, 1], np.float32), (20, 1))
    tilted = up.copy()
    turn_normals(tilted, np.array([[0.8, 0.5, 0.9]], np.float32), along_u, along_v, triangle, up)
    np.testing.assert_allclose(tilted, np.tile([0.6, 0.0, 0.8], (20, 1)), atol=1e-6)


def test_bounced_light_only_brightens_and_leaves_the_open_as_it_is():
    ratio = np.linspace(0, 1, 11)[:, None] * np.ones(3)
    out = bounced(ratio.astype(np.float32))
    assert (out >= ratio - 1e-6).all()
    np.testing.assert_allclose(out[-1], 1.0, atol=2e-3)
    assert out[5, 0] > out[5, 2]  # red flesh reflects red


def test_the_film_curve_rises_from_black_to_white():
    x = np.linspace(0, 5, 400)
    values = film_plain(x)
    assert (np.diff(values) >= -1e-9).all()
    assert values[0] == 0
    assert values[-1] == 1
    assert abs(values[x < 4][-1] - 1) < 0.02
    np.testing.assert_allclose([film(v) for v in x], values, atol=1e-6)
