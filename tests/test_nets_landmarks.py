"""The landmark networks: NumPy and torch agree, pictures mean what they say, mirrors are mirrors."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.errors import MienError
from mien.scan.landmarks import networks as net_landmarks
from mien.scan.landmarks.combine import fused_by_both
from mien.scan.landmarks.fuse import FusedFace
from mien.scan.landmarks.geometry_picture import FaceFrame, crop_view, geometry_image
from mien.scan.landmarks.orthographic import OrthographicView


def test_an_oblique_square_shows_its_normal_and_depth():
    corners = np.array([[-1.0, -1, -1], [1, -1, 1], [1, 1, 1], [-1, 1, -1]])  # z = x
    triangles = np.array([[0, 1, 2], [0, 2, 3]])
    normals = np.tile(np.array([-1.0, 0, 1]) / np.sqrt(2), (4, 1))
    view = OrthographicView(np.eye(3), np.zeros(3), 2.0, 64)
    image, raster = geometry_image(corners, normals, triangles, view)
    np.testing.assert_allclose(image[:3, 32, 32], normals[0], atol=1e-6)
    column = np.arange(17, 47)
    x = (column + 0.5 - 32) / 32  # in half image widths
    np.testing.assert_allclose(image[3, 32, column], x, atol=1e-5)
    np.testing.assert_array_equal(image[4], raster.triangle >= 0)
    assert (image[:, 0, 0] == 0).all()
    behind, _ = geometry_image(
        corners, normals, triangles, OrthographicView(np.diag([-1.0, 1, -1]), np.zeros(3), 2.0, 64)
    )
    assert behind[2, 32, 32] < 0  # a back shows as one


def test_crop_views_are_right_handed_and_turn_as_they_say():
    frame = FaceFrame(np.eye(3), np.zeros(3), 1.0)
    for angles in ((0.0, 0.0, 0.0), (0.5, -0.3, 0.8)):
        axes = crop_view(frame, *angles).axes
        np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(axes) > 0
    assert crop_view(frame, yaw=0.5).axes[2, 0] > 0  # seen from the subject's left
    assert crop_view(frame, pitch=0.5).axes[2, 1] > 0  # from above


def test_integration_gives_the_mean_of_a_peak():
    maps = np.full((1, 32, 32, 136), -50.0, np.float32)
    maps[..., 68:] = 0.25
    maps[0, 4, 9, :68] = maps[0, 4, 10, :68] = 50.0
    points = net_landmarks.integrate(maps)
    np.testing.assert_allclose(points[0, 3], [10.0 / 16 - 1, 4.5 / 16 - 1, 0.25], atol=1e-6)


def test_numpy_and_torch_agree():
    torch = pytest.importorskip("torch")
    from mien.nets.landmarks import FinderNet, LandmarkNet, fold_batch_norm

    torch.manual_seed(0)
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    whole = rng.normal(size=(3, 5, 64, 64)).astype(np.float32)
    crop = rng.normal(size=(2, 5, 128, 128)).astype(np.float32)
    finder, points = FinderNet(), LandmarkNet()
    finder(torch.from_numpy(whole)), points(torch.from_numpy(crop))  # gives the norms statistics to fold
    finder.eval(), points.eval()
    with torch.no_grad():
        expected = finder(torch.from_numpy(whole)).numpy()
        expected_points = [t.numpy() for t in points(torch.from_numpy(crop))]
    np.testing.assert_allclose(net_landmarks.run_finder(fold_batch_norm(finder), whole), expected, atol=2e-4)
    for ours, theirs in zip(
        net_landmarks.run_points(fold_batch_norm(points), crop), expected_points, strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=2e-4)


def test_the_map_loss_is_least_at_the_truth():
    torch = pytest.importorskip("torch")
    from mien.nets.landmarks import integrate_scores
    from mien.train.landmark_loss import map_cross_entropy

    truth = torch.tensor([0.1234, -0.4321, 0.0]).repeat(1, 68, 1)
    scores = torch.zeros(1, 68, 32, 32, requires_grad=True)
    optimizer = torch.optim.Adam([scores], 0.5)
    for _ in range(200):
        optimizer.zero_grad()
        map_cross_entropy(scores.flatten(2).log_softmax(2), truth).mean().backward()
        optimizer.step()
    maps = torch.cat([scores.detach(), torch.zeros(1, 68, 32, 32)], dim=1)
    np.testing.assert_allclose(integrate_scores(maps).numpy(), truth.numpy(), atol=0.01)


def test_the_shipped_networks_find_the_template_and_its_landmarks():
    from mien.core.mesh import Scan
    from mien.scan.clean import clean_scan
    from mien.scan.landmarks.detect import detect_landmarks
    from mien.template.load import load_template

    template = load_template()
    names = ("face", "head", "eye_left", "eye_right")
    quads = np.concatenate([template.topology.quads[template.part(n).quads] for n in names])
    triangles = quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3).astype(np.int64)
    scan = clean_scan(Scan("head", template.vertices.astype(np.float64), triangles))
    found = detect_landmarks(scan, networks="mien")
    truth = template.landmarks.on(template.vertices, template.topology)
    assert np.linalg.norm(found.landmarks - truth, axis=1)[17:].mean() < 0.004


def _fused(points: np.ndarray, spread: float = 0.01) -> FusedFace:
    return FusedFace(points, np.full(68, spread), np.ones(68), 0.9)


def test_both_take_colour_where_there_is_and_the_mean_where_they_agree():
    rng = np.random.default_rng(2)
    points = rng.normal(size=(68, 3))
    near, far = points.copy(), points.copy()
    near[:, 0] += 0.01
    far[:, 0] += 1.0
    shape = _fused(points)
    np.testing.assert_array_equal(fused_by_both(shape, _fused(near), 1.0, coloured=True).points, near)
    mean = fused_by_both(shape, _fused(near), 1.0, coloured=False)
    np.testing.assert_allclose(mean.points, (points + near) / 2, atol=1e-3)
    apart = fused_by_both(shape, _fused(far), 1.0, coloured=False)
    np.testing.assert_allclose(apart.points, points, atol=0.01)
    assert (apart.spread > 10 * mean.spread).all()


def test_both_fill_each_others_gaps_and_no_more():
    points = np.random.default_rng(3).normal(size=(68, 3))
    shape, pictures = points.copy(), points + 0.01
    pictures[:10] = np.nan
    shape[5:20] = np.nan
    for coloured in (False, True):
        found = fused_by_both(_fused(shape), _fused(pictures), 1.0, coloured=coloured).points
        np.testing.assert_array_equal(found[:5], points[:5])
        np.testing.assert_array_equal(found[10:20], pictures[10:20])
        assert np.isnan(found[5:10]).all()
        assert np.isfinite(found[20:]).all()


def test_without_mediapipe_both_say_that_they_are_one(monkeypatch: pytest.MonkeyPatch):
    from mien.scan.landmarks import detect

    monkeypatch.setattr(detect, "has_network_files", lambda: False)
    assert detect._installed("both") == ("mien", (detect.SHAPE_ALONE,))
    monkeypatch.undo()
    with pytest.raises(MienError, match="expected both, mien or mediapipe"):
        detect._installed("neither")


def test_networks_that_this_opencv_cannot_read_are_done_without(monkeypatch: pytest.MonkeyPatch):
    from mien.scan.landmarks import detect

    def unreadable():
        raise AttributeError("module 'cv2.dnn' has no attribute 'ENGINE_CLASSIC'")

    monkeypatch.setattr("mien.scan.landmarks.mediapipe._networks", unreadable)
    monkeypatch.setattr(detect, "has_network_files", lambda: True)
    assert detect._installed("both") == ("mien", (detect.NOT_READ,))
