import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.render.camera import VIEWS, Camera, frame_points, orbit_camera, rasterize_view, standard_camera
from render_fixture import sphere

RNG = np.random.default_rng(7)


def a_camera(width=90, height=120):
    return Camera(np.array([0.3, 0.2, 0.9]), np.array([0.0, 0.01, 0.0]), 24.0, width, height)


def test_a_ray_through_a_projected_point_meets_the_point():
    camera, points = a_camera(), RNG.uniform(-0.1, 0.1, (50, 3))
    pixels, w = camera.project(points)
    rays = camera.ray_directions(pixels)
    forward = camera.axes[2]
    np.testing.assert_allclose(camera.eye + rays * (w / (rays @ forward))[:, None], points, atol=1e-12)


def test_the_target_is_in_the_middle():
    pixels, w = a_camera().project(a_camera().target[None])
    np.testing.assert_allclose(pixels, [[45.0, 60.0]], atol=1e-9)
    np.testing.assert_allclose(w, np.linalg.norm(a_camera().eye - a_camera().target))


def test_axes_are_a_right_handed_frame_that_looks_forward():
    right, up, forward = a_camera().axes
    np.testing.assert_allclose(np.cross(right, up), -forward, atol=1e-12)
    assert up[1] > 0


@given(st.integers(0, 60), st.integers(0, 80), st.integers(1, 3))
def test_a_crop_shows_the_same_pixels(left, top, factor):
    camera, points = a_camera(), RNG.uniform(-0.1, 0.1, (5, 3))
    whole, _ = camera.project(points)
    part, _ = camera.cropped(left, top, 20, 20).resized(factor).project(points)
    np.testing.assert_allclose(part, factor * (whole - [left, top]), atol=1e-8)


@pytest.mark.parametrize("yaw", [0.0, 35.0, 90.0, -140.0])
def test_framed_points_fit_and_fill_the_picture(yaw):
    points = RNG.normal(size=(200, 3)) * [0.08, 0.1, 0.1]
    pixels, _ = frame_points(points, 200, 250, yaw, margin=1.0).project(points)
    assert pixels.min() >= -1e-6
    assert (pixels <= np.array([200, 250]) + 1e-6).all()
    margins = [pixels[:, 0].min(), 200 - pixels[:, 0].max(), pixels[:, 1].min(), 250 - pixels[:, 1].max()]
    assert min(margins) < 1e-6


def test_the_subjects_left_is_seen_from_positive_x():
    face = RNG.uniform(-0.1, 0.1, (50, 3))
    assert standard_camera(face, 100, 100, "side").eye[0] > 0.3
    assert set(VIEWS) == {"front", "three-quarter", "side"}
    assert orbit_camera(face, 10, 10, 35.0).yaw == pytest.approx(35.0)


def test_what_the_raster_sees_is_what_a_ray_meets_first():
    from mien.render.occlusion import Occluder

    subject, camera = sphere(rings=12), a_camera()
    surface, vertices = subject.surface, subject.vertices
    raster = rasterize_view(camera, vertices, surface.triangles)
    mask = raster.covered
    corners = vertices[surface.triangles[raster.triangle[mask]]]
    points = np.einsum("nk,nkd->nd", raster.barycentric[mask].astype(float), corners)
    rows, columns = np.nonzero(mask)
    pixels, w = camera.project(points)
    # Perspective-correct weights put the point on the ray through the pixel's centre.
    np.testing.assert_allclose(pixels, np.stack([columns, rows], 1) + 0.5, atol=1e-3)
    np.testing.assert_allclose(raster.depth[mask], w, rtol=1e-5)
    to_eye = camera.eye - points
    to_eye /= np.linalg.norm(to_eye, axis=1, keepdims=True)
    blocked = Occluder(vertices, surface.triangles).blocked(points + 1e-4 * to_eye, to_eye)
    assert blocked.mean() < 0.002  # the outermost silhouette may graze its neighbour


def test_plain_linear_weights_would_miss_the_ray():
    camera = Camera(np.array([0.0, 0.0, 0.3]), np.zeros(3), 60.0, 64, 64)
    vertices = np.array([[-0.1, -0.1, 0.1], [0.1, -0.1, -0.2], [0.0, 0.1, -0.1]])
    triangles = np.array([[0, 1, 2]])
    corrected = rasterize_view(camera, vertices, triangles)
    from mien.geometry.raster import rasterize

    pixels, w = camera.project(vertices)
    linear = rasterize(pixels, -1 / w, triangles, 64, 64)
    assert np.abs(corrected.barycentric - linear.barycentric).max() > 0.05
    np.testing.assert_allclose(corrected.barycentric[corrected.covered].sum(axis=1), 1.0, atol=1e-5)


def test_triangles_behind_the_camera_are_not_drawn():
    camera = Camera(np.zeros(3), np.array([0.0, 0.0, -1.0]), 40.0, 16, 16)
    vertices = np.array([[-1.0, -1, 1], [1, -1, 1], [0, 1, 1], [-1, -1, -2], [1, -1, -2], [0, 1, -2]])
    raster = rasterize_view(camera, vertices, np.array([[0, 1, 2], [0, 3, 4], [3, 4, 5]]))
    assert set(np.unique(raster.triangle)) == {-1, 2}
