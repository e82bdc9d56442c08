import numpy as np
import pytest

from mien.data.skin.cells import cell_noise, cell_noise_plain, lattice_noise
from mien.data.skin.layout import layout
from mien.data.skin.splat import BLOT, CREASE, PORE, SPOT, Marks, splat, splat_plain


@pytest.mark.parametrize("profile", [SPOT, PORE, CREASE, BLOT])
@pytest.mark.parametrize("deepest", [False, True])
def test_the_kernel_draws_what_the_plain_twin_draws(profile, deepest):
    rng = np.random.default_rng(profile)
    n = 12
    marks = Marks(
        rng.uniform(-2, 32, (n, 2)), rng.normal(size=(n, 2, 2)), rng.uniform(1, 4, (n, 2)), rng.normal(size=n)
    )
    fast, slow = np.zeros((30, 34), np.float32), np.zeros((30, 34))
    splat(fast, marks, profile, deepest=deepest)
    splat_plain(slow, marks, profile, deepest=deepest)
    np.testing.assert_allclose(fast, slow, atol=1e-5)
    assert np.abs(fast).max() > 0.1


def test_a_spot_has_the_volume_of_a_gaussian():
    step = np.eye(2)[None] * 0.05  # 50 um a pixel
    canvas = np.zeros((200, 200), np.float32)
    splat(canvas, Marks(np.array([[100.0, 100.0]]), step, np.array([[0.6, 0.3]]), np.ones(1)), SPOT)
    assert canvas.sum() * 0.05**2 == pytest.approx(np.pi * 0.6 * 0.3, rel=2e-3)


def test_cell_noise_is_its_plain_twin_and_a_distance():
    points = np.random.default_rng(0).uniform(-5, 5, (300, 3))
    for fast, slow in zip(cell_noise(points, 0.7, 3), cell_noise_plain(points, 0.7, 3), strict=True):
        np.testing.assert_allclose(fast, slow, atol=1e-6)
    first, second = cell_noise(points, 0.7, 3)
    assert (first <= second).all()
    moved = cell_noise(points + 1e-3, 0.7, 3)[0]  # a distance changes by no more than one moves
    assert np.abs(moved - first).max() <= 1e-3 * np.sqrt(3) / 0.7 + 1e-5


def test_lattice_noise_has_zero_mean_unit_variance_and_no_jumps():
    rng = np.random.default_rng(1)
    points = rng.uniform(-60, 60, (100_000, 3))
    noise = lattice_noise(points, 1.0, 5)
    assert abs(noise.mean()) < 0.03
    assert noise.std() == pytest.approx(1.0, abs=0.02)
    assert np.abs(lattice_noise(points + 1e-4, 1.0, 5) - noise).max() < 0.01
    assert np.abs(np.corrcoef(noise, lattice_noise(points, 1.0, 6))[0, 1]) < 0.02


def test_marks_are_round_in_millimetres_wherever_they_lie():
    face = layout("face")
    rng = np.random.default_rng(2)
    places = face.scatter(np.full(len(face.tile.weights), 0.003, np.float32), rng)
    assert len(places) == pytest.approx(0.003 * face.texel_area.sum(), rel=0.15)
    ones = np.ones((len(places), 2))
    marks = face.marks(places, rng.normal(size=(len(places), 3)), ones, ones[:, 0], 512)
    stretch = np.linalg.svd(marks.to_surface, compute_uv=False)
    area = np.abs(np.linalg.det(marks.to_surface)) * 512**2
    np.testing.assert_allclose(area, face.at_texel_area(places), rtol=1e-4)
    assert (stretch > 0).all()
