import numpy as np
import pytest

from mien.core.errors import MienError
from mien.core.mesh import Scan
from mien.render.camera import orbit_camera
from mien.render.environment import make_environment
from mien.render.lighting import light_subject
from mien.render.lights import white_furnace
from mien.render.occlusion import Occluder, ambient_light, mirror_openness
from mien.render.raster import render_view, turntable
from mien.render.renderable import renderable_from_scan
from mien.render.samples import interpolate
from render_fixture import sphere, white_matte

RNG = np.random.default_rng(9)


@pytest.mark.parametrize("mode", ["skin", "clay"])
def test_a_picture_has_its_size_a_subject_and_the_same_bytes_again(mode):
    subject = sphere()
    camera = orbit_camera(subject.frame, 60, 80, 10.0)
    first = render_view(subject, camera, mode=mode)
    assert first.shape == (80, 60, 3)
    assert first[40, 30].mean() > first[2, 2].mean() + 30
    np.testing.assert_array_equal(first, render_view(sphere(), camera, mode=mode))


def test_light_comes_from_the_side_on_which_the_key_stands():
    subject = sphere()
    picture = render_view(subject, orbit_camera(subject.frame, 60, 60, 0.0)).astype(float)
    assert picture[15:45, 35:45].mean() > picture[15:45, 15:25].mean() + 10


def test_an_open_sphere_is_not_occluded_and_a_closed_box_is_dark():
    subject = sphere(material=white_matte())
    normals = subject.surface.normals(subject.vertices)
    occluder = Occluder(subject.vertices, subject.surface.triangles)
    _, openness = ambient_light(occluder, subject.vertices, normals, white_furnace(), 16)
    assert openness.mean() > 0.99
    ratio, openness = ambient_light(occluder, 0.5 * subject.vertices, -normals, white_furnace(), 16)
    assert openness.max() < 0.05
    assert ratio.max() < 0.05


def test_ambient_occlusion_beneath_a_ceiling_matches_its_form_factor():
    # A disc of angular radius a about the normal hides sin(a)^2 of the cosine-weighted hemisphere.
    angle = np.linspace(0, 2 * np.pi, 129)[:-1]
    rim = np.stack([np.cos(angle), np.sin(angle), np.ones(128)], axis=1)
    vertices = np.vstack([rim, [[0.0, 0.0, 1.0]]])
    triangles = np.stack([np.arange(128), (np.arange(128) + 1) % 128, np.full(128, 128)], axis=1)
    points, normals = np.zeros((64, 3)), np.tile([0.0, 0.0, 1.0], (64, 1))
    _, openness = ambient_light(Occluder(vertices, triangles), points, normals, white_furnace(), 64)
    assert openness.mean() == pytest.approx(0.5, abs=0.01)


def test_reflections_of_a_convex_body_are_open_and_those_inside_it_closed():
    subject = sphere()
    occluder = Occluder(subject.vertices, subject.surface.triangles)
    normals, eye = subject.surface.normals(subject.vertices), np.array([0.0, 0.0, 1.0])
    facing = normals[:, 2] > 0.3
    assert mirror_openness(occluder, subject.vertices, normals, eye)[facing].min() == 1.0
    inside = mirror_openness(occluder, 0.5 * subject.vertices, normals, eye)
    assert inside[facing].max() == 0.0


def test_without_light_there_is_no_picture_but_black():
    subject = sphere()
    dark = make_environment(np.zeros((16, 32, 3)), np.zeros((16, 32, 3)), ())
    lit = light_subject(subject, dark, rays=4, tile_resolution=64)
    assert lit.light.max() == 0
    assert lit.tiles[0].level(0)[..., :3].max() == 0


def test_interpolation_equals_its_formula():
    corners, values = RNG.integers(0, 9, (20, 3)), RNG.random((9, 3))
    weights = RNG.dirichlet(np.ones(3), 20).astype(np.float32)
    expected = np.einsum("nk,nkc->nc", weights, values[corners])
    np.testing.assert_allclose(interpolate(corners, weights, values), expected, atol=1e-6)
    np.testing.assert_allclose(interpolate(corners, weights, values[:, 0]), expected[:, 0], atol=1e-6)


def test_a_bare_scan_can_be_looked_at():
    body = sphere()
    scan = Scan("bare", body.vertices, body.surface.triangles)
    subject = renderable_from_scan(scan)
    picture = render_view(subject, orbit_camera(subject.frame, 40, 40, 0.0), mode="clay")
    assert picture[20, 20].mean() > 80


def test_a_turntable_turns():
    pictures = list(turntable(sphere(), 32, 3))
    assert len(pictures) == 3
    assert (pictures[0] != pictures[1]).any()


def test_wrong_modes_and_expressions_are_refused():
    subject = sphere()
    camera = orbit_camera(subject.frame, 16, 16, 0.0)
    with pytest.raises(MienError, match="mode 'wax'"):
        render_view(subject, camera, mode="wax")
    with pytest.raises(MienError, match="has no rig"):
        render_view(subject, camera, {"jawOpen": 1.0})


def test_points_are_lifted_onto_the_sphere_that_the_normals_stand_for():
    from mien.render.samples import VisibleSamples

    corners = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]])
    middle = VisibleSamples(
        pixel=np.zeros(1, np.int64),
        triangle=np.zeros(1, np.int64),
        corners=np.array([[0, 1, 2]]),
        barycentric=np.full((1, 3), 1 / 3),
        views=np.zeros((1, 3)),
    )
    flat = np.linalg.norm(middle.at(corners))
    assert flat == pytest.approx(1 / np.sqrt(3), abs=1e-6)
    lifted = middle.smoothed(corners, corners)
    # Each corner lifts by 1 - 1/3 along its own axis, with a weight of a third.
    assert lifted == pytest.approx(np.full((1, 3), 1 / 3 + 2 / 9), abs=1e-6)
    at_corner = VisibleSamples(
        middle.pixel, middle.triangle, middle.corners, np.array([[1.0, 0, 0]]), middle.views
    )
    assert at_corner.smoothed(corners, corners) == pytest.approx(corners[:1], abs=1e-6)
