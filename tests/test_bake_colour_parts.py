"""The pieces of the colour bake, each against a closed form or its plain twin."""

import numpy as np
import pytest

from mien.bake.grain import SolidGrain, even_noise, plainest_patch
from mien.bake.project import project_along_normals
from mien.bake.seam_levelling import chart_nodes, level_seams
from mien.bake.skin_prior import tone_colour, tone_of_colour
from mien.bake.texture_sampling import ColourSource, read_bilinear, read_bilinear_plain
from mien.core.mesh import Scan
from mien.geometry.closest import ClosestPoint


def sheet(n: int = 12, size: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """A square of n x n cells in z = 0, facing +Z."""
    t = np.linspace(0, size, n + 1)
    x, y = (a.ravel() for a in np.meshgrid(t, t))
    ids = np.arange((n + 1) ** 2).reshape(n + 1, n + 1)
    a, b, c, d = (part.ravel() for part in (ids[:-1, :-1], ids[:-1, 1:], ids[1:, 1:], ids[1:, :-1]))
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    return np.stack([x, y, 0 * x], axis=1), triangles


def textured(texture: np.ndarray, uv_of: object = None) -> Scan:
    vertices, triangles = sheet()
    uvs = vertices[triangles][..., :2] / 0.1
    return Scan("sheet", vertices, triangles, uvs, np.zeros(len(triangles), np.int64), (texture,))


def test_bilinear_agrees_with_its_plain_twin():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (9, 13, 3), dtype=np.uint8)
    pixel = rng.uniform(-2, 16, (200, 2))
    fast = read_bilinear(image, pixel)
    np.testing.assert_allclose(fast, read_bilinear_plain(image, pixel), atol=2e-6)


def test_minification_averages_a_checkerboard():
    board = np.where(np.indices((256, 256)).sum(axis=0)[..., None] % 2, 255, 0).astype(np.uint8)
    source = ColourSource(textured(np.repeat(board, 3, axis=2)))
    triangle = np.arange(100)
    barycentric = np.full((100, 3), 1 / 3, np.float32)
    fine = source.read(triangle, barycentric, np.full(100, 1e-5, np.float32))
    coarse = source.read(triangle, barycentric, np.full(100, 0.1 / 16, np.float32))
    assert np.ptp(coarse) < 0.02
    assert np.ptp(fine) > 0.3


def test_background_of_the_atlas_is_never_read():
    texture = np.zeros((200, 200, 3), np.uint8)
    texture[50:150, 50:150] = 180
    vertices, triangles = sheet()
    uvs = 0.25 + 0.5 * vertices[triangles][..., :2] / 0.1
    scan = Scan("sheet", vertices, triangles, uvs, np.zeros(len(triangles), np.int64), (texture,))
    corner = np.tile(np.eye(3, dtype=np.float32), (len(triangles), 1))
    for size in (1e-5, 0.004):
        read = ColourSource(scan).read(
            np.repeat(np.arange(len(triangles)), 3), corner, np.full(len(corner), size)
        )
        assert np.ptp(read) < 1e-5


def test_grazing_confidence_falls_with_the_stretch_of_the_source():
    scan = textured(np.full((100, 100, 3), 128, np.uint8))
    squashed = Scan(
        "sheet",
        scan.vertices,
        scan.triangles,
        scan.corner_uvs * [1, 0.05],
        scan.triangle_texture,
        scan.textures,
    )
    every = np.arange(len(scan.triangles))
    assert (ColourSource(scan).grazing_confidence(every) == 1).all()
    assert (ColourSource(squashed).grazing_confidence(every) == 0).all()


def test_two_photographs_with_different_exposure_are_levelled():
    """Left and right halves have their own chart; the right one is twice as bright."""
    vertices, triangles = sheet()
    right = vertices[triangles][..., 0].mean(axis=1) > 0.05
    uvs = vertices[triangles][..., :2] / 0.1 * [0.45, 0.9] + [0.02, 0.05]
    uvs[right] += [0.5, 0]
    texture = np.full((200, 200, 3), 100, np.uint8)
    texture[:, 104:] = 138
    scan = Scan("two", vertices, triangles, uvs, np.zeros(len(triangles), np.int64), (texture,))
    middle = np.full((len(triangles), 3), 1 / 3, np.float32)
    every = np.arange(len(triangles))
    before = ColourSource(scan).read(every, middle)
    after = level_seams(scan).read(every, middle)
    jump = abs(np.log(before[right].mean() / before[~right].mean()))
    left_over = abs(np.log(after[right].mean() / after[~right].mean()))
    assert jump > 0.6
    assert left_over < 0.08 * jump
    assert after.mean() == pytest.approx(np.sqrt(before[right].mean() * before[~right].mean()), rel=0.1)


def test_a_texture_without_seams_is_left_as_it_is():
    scan = textured(np.random.default_rng(3).integers(60, 200, (64, 64, 3), dtype=np.uint8))
    assert level_seams(scan).gains is None


def test_chart_nodes_split_only_at_seams():
    scan = textured(np.zeros((4, 4, 3), np.uint8))
    node, vertex = chart_nodes(scan)
    assert len(vertex) == len(scan.vertices)
    assert (vertex[node] == scan.triangles).all()
    moved = scan.corner_uvs.copy()
    moved[0] += 0.01
    node, vertex = chart_nodes(
        Scan("s", scan.vertices, scan.triangles, moved, scan.triangle_texture, scan.textures)
    )
    assert len(vertex) == len(scan.vertices) + 3


def test_projection_finds_the_nearer_agreeing_layer():
    """A sheet 2 mm ahead, one 1 mm behind that faces away: the first is the surface."""
    vertices, triangles = sheet()
    both = np.concatenate([vertices + np.array([0, 0, 0.002]), vertices - np.array([0, 0, 0.001])])
    surface = ClosestPoint(both, np.concatenate([triangles, triangles[:, ::-1] + len(vertices)]))
    points = np.column_stack([np.linspace(0.01, 0.09, 9), np.full(9, 0.043), np.zeros(9)]).astype(np.float32)
    normals = np.tile(np.array([[0, 0, 1.0]], np.float32), (9, 1))
    hit = project_along_normals(surface, points, normals)
    np.testing.assert_allclose(hit.offset, 0.002, atol=1e-6)
    np.testing.assert_allclose(hit.agreement, 1.0, atol=1e-5)
    far = project_along_normals(surface, points + np.array([0, 0, 0.05], np.float32), normals)
    assert (far.triangle == -1).all()


def test_even_noise_has_the_patch_s_covariance_and_no_direction():
    rng = np.random.default_rng(4)
    mix = np.array([[1.0, 0.4, 0.2], [0, 0.5, 0.3], [0, 0, 0.3]])
    patch = rng.standard_normal((64, 64, 3)) @ mix
    patch = 0.5 * (patch + np.roll(patch, 1, axis=1))  # neighbours in a row resemble one another
    noise = even_noise(patch.astype(np.float32), 256, seed=1)
    flat = noise.reshape(-1, 3)
    np.testing.assert_allclose(np.cov(flat.T), np.cov(patch.reshape(-1, 3).T), atol=0.06)
    along = (noise[:, 1:] * noise[:, :-1]).mean() / (noise**2).mean()
    across = (noise[1:] * noise[:-1]).mean() / (noise**2).mean()
    assert along == pytest.approx(across, abs=0.03)
    assert along == pytest.approx(0.25, abs=0.1)  # between 0.5 in rows and 0 in columns
    assert (noise == even_noise(patch.astype(np.float32), 256, seed=1)).all()


def test_grain_on_a_surface_keeps_its_variance_and_its_size_on_any_slope():
    square = even_noise(np.random.default_rng(6).standard_normal((32, 32, 3)).astype(np.float32), 256, seed=2)
    grain = SolidGrain(square, 0.001)
    points = 0.25 * np.random.default_rng(7).random((40_000, 3), np.float32)
    for normal in ([0, 0, 1], [0, 0.6, 0.8], [0.577, 0.577, 0.577]):
        facing = np.tile(np.array([normal], np.float32), (len(points), 1))
        found = grain.at(points, facing)
        np.testing.assert_allclose(found.std(axis=0), square.std(axis=(0, 1)), rtol=0.05)
    flat = np.array([[0.0305, 0.0405, 0.5]], np.float32)
    up = np.array([[0, 0, 1.0]], np.float32)
    assert (grain.at(flat, up) == grain.at(flat + np.float32([0, 0, 0.1]), up)).all()


def test_plainest_patch_avoids_a_feature_and_the_forbidden():
    rng = np.random.default_rng(5)
    detail = 0.02 * rng.standard_normal((80, 80, 3)).astype(np.float32)
    detail[10:30, 10:70] -= 1.0 * (rng.random((20, 60, 1)) < 0.1)
    allowed = np.zeros((80, 80), bool)
    allowed[5:60, 5:75] = True
    corner = plainest_patch(detail, allowed, 20)
    assert corner is not None
    assert detail[corner[0] : corner[0] + 20, corner[1] : corner[1] + 20].min() > -0.2
    assert plainest_patch(detail, allowed, 60) is None


def test_tone_and_its_colour_are_inverse():
    for tone in np.linspace(0, 1, 9):
        assert tone_of_colour(tone_colour(float(tone))) == pytest.approx(tone, abs=0.01)
