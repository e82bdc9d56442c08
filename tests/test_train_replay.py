"""Replayed pictures: what was put in comes out, and truths move with their pictures."""

from __future__ import annotations

import numpy as np
import pytest

from mien.geometry.normals import vertex_normals
from mien.scan.landmarks.face_points import MIRROR_68
from mien.scan.landmarks.geometry_picture import FaceFrame, crop_view, geometry_image
from mien.scan.landmarks.orthographic import OrthographicView
from mien.synth.scans.clutter import blob
from mien.train import replay


@pytest.fixture(scope="module")
def lump():
    vertices, triangles = blob(np.zeros(3), np.array([0.5, 0.8, 0.6]), np.random.default_rng(4), 0.2, 60)
    return vertices, vertex_normals(vertices, triangles), triangles


def picture(lump, roll: float = 0.0, reach: float = 1.0) -> np.ndarray:
    view = OrthographicView(
        crop_view(FaceFrame(np.eye(3), np.zeros(3), 1.0), roll=roll).axes, np.zeros(3), reach, 128
    )
    return np.round(geometry_image(*lump, view)[0] * 127).astype(np.int8)


def test_a_turned_and_scaled_picture_is_that_of_the_turned_camera(lump):
    moved = replay._moved(picture(lump), 0.3, 1.1, np.zeros(2))
    true = picture(lump, 0.3, 1.0 / 1.1)
    both = (moved[4] > 0) & (true[4] > 0)
    assert (moved[4] == true[4]).mean() > 0.98
    assert both.sum() > 3000
    assert np.median(np.abs(moved.astype(int) - true)[:4, both]) <= 2


def test_points_follow_their_pictures():
    rng = np.random.default_rng(3)
    images = np.zeros((40, 5, 128, 128), np.int8)
    points = np.zeros((40, 68, 3), np.float32)
    x, y = rng.integers(40, 88, 40), rng.integers(40, 88, 40)
    for i in range(40):
        images[i, :, y[i] - 3 : y[i] + 4, x[i] - 3 : x[i] + 4] = 127
    points[:, :, 0], points[:, :, 1] = ((x + 0.5) / 64 - 1)[:, None], ((y + 0.5) / 64 - 1)[:, None]
    moved, places = replay.varied(images, points.reshape(40, -1), rng, points=True)
    for image, place in zip(moved, places, strict=True):
        rows, columns = np.nonzero(image[4] > 0)
        np.testing.assert_allclose(
            place[0, :2], [(columns.mean() + 0.5) / 64 - 1, (rows.mean() + 0.5) / 64 - 1], atol=0.5 / 64
        )


def test_poses_follow_as_directions_and_points_do():
    rng = np.random.default_rng(8)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0][:2]
    pose = np.concatenate([[0.2, -0.1, 0.3, -0.5], turn.ravel()]).astype(np.float32)
    _, poses = replay.varied(np.zeros((30, 5, 64, 64), np.int8), np.tile(pose, (30, 1)), rng, points=False)
    np.testing.assert_allclose(np.linalg.norm(poses[:, 4:7], axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose((poses[:, 4:7] * poses[:, 7:]).sum(1), 0.0, atol=1e-5)
    scale = np.exp(poses[:, 3] + 0.5)
    np.testing.assert_allclose(poses[:, 2], 0.3 * scale, rtol=1e-4)
    assert np.ptp(poses[:, 4]) > 0.01


def test_the_mirror_of_a_mirror_is_the_picture():
    rng = np.random.default_rng(1)
    images = rng.integers(-127, 128, (2, 5, 32, 32)).astype(np.int8)
    points = rng.normal(size=(2, 204)).astype(np.float32)
    poses = rng.normal(size=(2, 10)).astype(np.float32)
    np.testing.assert_array_equal(replay.flipped(replay.flipped(images)), images)
    np.testing.assert_array_equal(replay.mirrored_points(replay.mirrored_points(points)), points)
    np.testing.assert_array_equal(replay.mirrored_poses(replay.mirrored_poses(poses)), poses)
    once = replay.mirrored_points(points).reshape(2, 68, 3)
    np.testing.assert_array_equal(once[:, 36, 1], points.reshape(2, 68, 3)[:, MIRROR_68[36], 1])


def test_the_pool_forgets_the_oldest_and_repeats_itself():
    batches = [((np.full((4, 1), i), np.full(4, i)), (np.zeros((2, 1)), np.zeros(2))) for i in range(5)]
    pool = replay.Pool(8)
    for crops, _ in batches:
        pool.put(crops)
    values, same = pool.draw(8, np.random.default_rng(0))
    np.testing.assert_array_equal(values[:, 0], same)
    assert set(same.tolist()) == {3, 4}
