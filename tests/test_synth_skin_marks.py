import numpy as np
import pytest

from mien.synth.skin.cells import cell_noise, cell_noise_plain
from mien.synth.skin.grid import SIZE, grid
from mien.synth.skin.marks import BLOT, CREASE, PORE, SPOT, Marks, deposit
from mien.synth.skin.pores import _with_room
from mien.synth.skin.splat import splat, splat_plain


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
    points = np.random.default_rng(0).uniform(-5, 5, (15, 20, 3))
    slow = cell_noise_plain(points.reshape(-1, 3), 0.7, 3)
    for fast, plain in zip(cell_noise(points, 0.7, 3), slow, strict=True):
        np.testing.assert_allclose(fast.ravel(), plain, atol=1e-6)
    first, second = cell_noise(points, 0.7, 3)
    assert (first <= second).all()
    moved = cell_noise(points + 1e-3, 0.7, 3)[0]  # a distance changes by no more than one moves
    assert np.abs(moved - first).max() <= 1e-3 * np.sqrt(3) / 0.7 + 1e-5


def test_cell_noise_reads_places_between_texels():
    row, column = np.indices((8, 8))
    places = np.stack([1.3 * column, row + 0.2 * column, 0.5 * row], axis=-1)  # a plane
    inner = np.stack(cell_noise(places, 1.1, 4, 32))[:, 2:-2, 2:-2]  # beyond lie the borders' half texels
    row, column = (np.indices((32, 32)) + 0.5) / 4 - 0.5
    fine = np.stack([1.3 * column, row + 0.2 * column, 0.5 * row], axis=-1)
    np.testing.assert_allclose(inner, np.stack(cell_noise(fine, 1.1, 4))[:, 2:-2, 2:-2], atol=1e-5)


def test_pores_keep_their_distance():
    points = np.random.default_rng(1).uniform(0, 10, (400, 3)) * [1, 1, 0]
    room, rank = np.full(400, 0.8), np.random.default_rng(2).random(400)
    kept = points[_with_room(points, room, rank)]
    gap = np.linalg.norm(kept[:, None] - kept, axis=2) + 9 * np.eye(len(kept))
    assert 40 < len(kept) < 160
    assert gap.min() >= 0.8


def test_marks_are_round_in_millimetres_wherever_they_lie():
    face = grid("face")
    rng = np.random.default_rng(2)
    places = face.scatter(np.full(len(face.weights), 0.003), rng)
    assert len(places) == pytest.approx(0.003 * face.texel_area.sum(), rel=0.15)
    ones = np.ones((len(places), 2))
    marks = face.marks(places, rng.normal(size=(len(places), 3)), ones, ones[:, 0], 512)
    area = np.abs(np.linalg.det(marks.to_surface)) * 512**2
    np.testing.assert_allclose(area, face.texel_area[face.texel(places)] * SIZE**2, rtol=1e-4)


def test_marks_fade_before_the_seam_to_the_other_tile():
    face = grid("face")
    places = face.scatter(np.full(len(face.weights), 0.02), np.random.default_rng(3))
    radius = np.full((len(places), 2), 2.0)
    marks = face.marks(places, np.ones((len(places), 3)), radius, np.ones(len(places)), 512)
    room = face.at(places, face.from_border)
    assert (marks.strength[room < 0.9] == 0).all()
    assert (marks.strength[room > 3.1] == 1).all()
    assert 0 < np.count_nonzero(room < 3.0) < 0.4 * len(room)


def test_coarse_marks_hold_what_fine_ones_do():
    rng = np.random.default_rng(4)
    n = 40
    centre, step = rng.uniform(4, 28, (n, 2)), np.tile(0.8 * np.eye(2), (n, 1, 1))
    radius, strength = rng.uniform(0.2, 2.0, (n, 2)), rng.uniform(0.3, 1.0, n)
    for profile in (SPOT, BLOT):
        coarse, fine = np.zeros((32, 32), np.float32), np.zeros((512, 512), np.float32)
        deposit(coarse, Marks(centre, step, radius, strength), profile)
        splat(fine, Marks(16 * centre, step / 16, radius, strength), profile)
        mean = fine.reshape(32, 16, 32, 16).mean(axis=(1, 3))
        assert coarse.sum() == pytest.approx(mean.sum(), rel=0.05)
        assert np.corrcoef(coarse.ravel(), mean.ravel())[0, 1] > 0.97


def test_the_grid_tells_where_a_texel_lies():
    face = grid("face")
    at = face.at_texels(face.points)
    row, column = face.cells
    places = np.stack([column + 0.5, row + 0.5], axis=1) / SIZE
    np.testing.assert_allclose(face.at(places, face.points), at)
    from mien.bake.colour import tile_of

    tile = tile_of(face.template, "face", SIZE)
    assert np.mean(tile.covered == face.covered) > 0.999
    both = tile.covered & face.covered
    apart = tile.image(tile.at_texels(face.points))[both] - at[face.texel_of[both]]
    assert np.abs(apart).max() < 1e-2
