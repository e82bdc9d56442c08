"""Laws of the pieces of registration: derivatives, bounded steps, rows, deformation, repair, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import lsq_linear

from mien.core.conventions import SHAPE_INDEX
from mien.core.mesh import Scan
from mien.geometry.align import Similarity, nearest_rotations
from mien.geometry.closest import ClosestPoint
from mien.geometry.solve import SpdSolver
from mien.geometry.weights import smoothstep, tukey
from mien.register.acceptance import FitEvidence
from mien.register.fitted_skin import FittedSkin
from mien.register.linear_fit import bounded_quadratic
from mien.register.morphable_model import LinearHead, basis_at_landmarks, basis_at_vertices, stepped
from mien.register.nonrigid import FitStage, LandmarkPull, Rows, conjugate_gradients, fit_nonrigid
from mien.register.repair import mouth_shut, unfolded
from mien.register.scan_surface import ScanSurface, scan_surface
from mien.register.skin_colour import colour_likeness
from mien.register.surface_distance import FaceArea, flipped_triangles, two_way_distance
from mien.template.load import load_template

RNG = np.random.default_rng


def random_head(seed: int) -> LinearHead:
    rng = RNG(seed)
    template = load_template()
    turn = nearest_rotations(np.eye(3)[None] + 0.3 * rng.normal(size=(1, 3, 3)))[0]
    expression = np.zeros(52)
    expression[SHAPE_INDEX["jawOpen"]] = 0.3
    pose = Similarity(1.1, turn, 0.1 * rng.normal(size=3))
    return LinearHead(pose, rng.normal(size=len(template.fitted.modes)), expression)


def test_basis_points_are_the_heads_vertices_and_landmarks() -> None:
    template, head = load_template(), random_head(0)
    index = RNG(1).integers(0, template.parts[0].vertices.stop, 50)
    vertices = head.vertices(template)
    np.testing.assert_allclose(basis_at_vertices(template, index).points(head), vertices[index], atol=1e-6)
    landmarks = template.landmarks.on(vertices, template.topology)
    np.testing.assert_allclose(basis_at_landmarks(template).points(head), landmarks, atol=1e-6)


def test_jacobian_matches_finite_differences() -> None:
    template, head = load_template(), random_head(2)
    basis = basis_at_vertices(template, RNG(3).integers(0, 7000, 20))
    directions = RNG(4).normal(size=(20, 3))
    jacobian = basis.jacobian(head, directions)
    jaw = int(np.flatnonzero(basis_columns_moved(jacobian))[0])
    for column in [*range(7), 7, 12, jaw]:
        step = np.zeros(jacobian.shape[1])
        step[column] = 1e-5
        ahead, behind = (basis.points(stepped(head, sign * step)) for sign in (1, -1))
        numeric = np.einsum("pd,pd->p", ahead - behind, directions) / 2e-5
        np.testing.assert_allclose(jacobian[:, column], numeric, atol=2e-6)


def basis_columns_moved(jacobian: np.ndarray) -> np.ndarray:
    """The jaw's column: it is at 0.3, so both directions of its step stay within 0..1."""
    from mien.register.morphable_model import FITTED_SHAPES

    out = np.zeros(jacobian.shape[1], bool)
    out[jacobian.shape[1] - len(FITTED_SHAPES) + FITTED_SHAPES.index("jawOpen")] = True
    return out


@pytest.mark.parametrize("seed", range(8))
def test_bounded_quadratic_matches_scipy(seed: int) -> None:
    rng = RNG(seed)
    a, b = rng.normal(size=(30, 12)), rng.normal(size=30)
    low, high = -rng.random(12) * 0.1, rng.random(12) * 0.1
    low[:3], high[:3] = -np.inf, np.inf
    low[5] = high[5] = 0.0
    found = bounded_quadratic(a.T @ a, -a.T @ b, low, high)
    free = low < high
    expected = lsq_linear(a[:, free], b, (low[free], high[free]), method="bvls", tol=1e-12).x
    np.testing.assert_allclose(found[free], expected, atol=1e-7)
    assert found[5] == 0.0


def grid_skin(n: int = 21, size: float = 0.1) -> FittedSkin:
    axis = np.linspace(-size / 2, size / 2, n)
    x, y = np.meshgrid(axis, axis)
    rest = np.stack([x.ravel(), y.ravel(), np.zeros(n * n)], axis=1)
    i = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)).ravel()
    quads = np.stack([i, i + 1, i + n + 1, i + n], axis=1)
    triangles = quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)
    return FittedSkin(np.arange(n * n), triangles, quads, rest, np.ones(n * n))


def surface_of(vertices: np.ndarray, triangles: np.ndarray) -> ScanSurface:
    ones = np.ones(len(vertices))
    return ScanSurface(ClosestPoint(vertices, triangles), ones, ones)


def no_landmarks() -> LandmarkPull:
    return LandmarkPull(np.zeros(1, int), np.array([[1.0, 0, 0]]), np.zeros((1, 3)), np.zeros(1))


def bump(points: np.ndarray) -> np.ndarray:
    out = points.copy()
    out[:, 2] += 0.006 * np.exp(-((points[:, :2] / 0.02) ** 2).sum(axis=1))
    return out


STAGES = (FitStage(0.01, 0.02, 0.3, 4), FitStage(0.004, 0.01, 0.3, 4, dense=True))


def test_nonrigid_fit_reaches_a_bump_and_leaves_a_perfect_start_alone() -> None:
    skin, fine = grid_skin(), grid_skin(80, 0.12)
    target = surface_of(bump(fine.rest), fine.triangles)
    fitted = fit_nonrigid(skin, skin.rest, target, np.ones(skin.n), no_landmarks(), STAGES)
    inner = np.abs(skin.rest[:, :2]).max(axis=1) < 0.045
    assert target.closest.query(fitted[inner]).distance.max() < 2e-4
    assert target.closest.query(skin.rest).distance.max() > 2e-3
    flat = surface_of(fine.rest, fine.triangles)
    still = fit_nonrigid(skin, skin.rest, flat, np.ones(skin.n), no_landmarks(), STAGES)
    np.testing.assert_allclose(still, skin.rest, atol=1e-7)


def test_nonrigid_fit_ignores_what_is_not_trusted() -> None:
    skin, fine = grid_skin(), grid_skin(80, 0.12)
    target = surface_of(bump(fine.rest), fine.triangles)
    trusted = (np.linalg.norm(skin.rest[:, :2], axis=1) > 0.048).astype(float)
    fitted = fit_nonrigid(skin, skin.rest, target, trusted, no_landmarks(), STAGES)
    assert np.abs(fitted - skin.rest).max() < 3e-4


def test_conjugate_gradients_solve_the_coupled_system() -> None:
    rng = RNG(0)
    skin = grid_skin(6)
    matrix = (skin.stiffness + 0.1 * sparse.identity(skin.n)).tocsr()
    normal = rng.normal(size=(20, 3))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    select = sparse.random(20, skin.n, 0.1, random_state=0, format="csr")
    rows = Rows(select, rng.normal(size=(20, 3)), normal, rng.random(20), 0.05)
    found = conjugate_gradients(
        lambda x: matrix @ x + rows.apply(x),
        rows.right(),
        np.zeros((skin.n, 3)),
        SpdSolver(matrix),
        steps=200,
        tolerance=1e-12,
    )
    residual = matrix @ found + rows.apply(found) - rows.right()
    assert np.abs(residual).max() < 1e-8
    gradient = select.T @ (
        rows.weight[:, None]
        * (
            np.einsum("pd,pd->p", normal, select @ found - rows.target)[:, None] * normal
            + 0.05 * (select @ found - rows.target)
        )
    )
    np.testing.assert_allclose(matrix @ found + gradient, 0, atol=1e-8)


def test_unfolding_opens_a_fold_and_leaves_the_rest() -> None:
    skin = grid_skin()
    folded = bump(skin.rest)
    middle = skin.n // 2
    folded[middle, 0] += 0.012  # past its neighbour at 5 mm
    assert len(flipped_triangles(skin, folded, skin.rest)) > 0
    opened = unfolded(skin, folded, skin.rest)
    assert len(flipped_triangles(skin, opened, skin.rest)) == 0
    moved = np.linalg.norm(opened - folded, axis=1) > 1e-9
    assert moved[middle]
    assert moved.sum() < 120
    np.testing.assert_array_equal(unfolded(skin, skin.rest, skin.rest), skin.rest)


def test_two_way_distance_of_parallel_sheets_is_their_gap() -> None:
    skin, other = grid_skin(), grid_skin(33)
    scan = Scan("sheet", other.rest + np.array([0, 0, 0.0005]), other.triangles)
    area = FaceArea(np.ones(len(skin.triangles), bool), np.ones(len(other.triangles), bool))
    measured = skin.rest[:, 0] > -1.0
    numbers = two_way_distance(skin, skin.rest, measured, scan, area, 4000)
    for way in ("head_to_scan", "scan_to_head"):
        assert numbers[f"{way}_median_mm"] == pytest.approx(0.5, abs=1e-6)
        assert numbers[f"{way}_p95_mm"] == pytest.approx(0.5, abs=1e-6)
    half = two_way_distance(skin, skin.rest, skin.rest[:, 0] >= 0, scan, area, 4000)
    assert half["measured_share"] == pytest.approx(0.5, abs=0.02)


def test_soft_thresholds() -> None:
    np.testing.assert_allclose(tukey(np.array([0.0, 1.0, 2.0]), 1.0), [1, 0, 0])
    np.testing.assert_allclose(smoothstep(np.array([0.0, 1.5, 2.0, 3.0]), 1.0, 2.0), [0, 0.5, 1, 1])


def test_borders_are_not_trusted_and_rough_surface_is_not_smooth() -> None:
    sheet = grid_skin(60, 0.1)
    rough = sheet.rest + RNG(0).normal(size=(sheet.n, 1)) * [0, 0, 0.002]
    crop = [scan_surface(Scan("s", v, sheet.triangles), v, 0.01, v[0]) for v in (sheet.rest, rough)]
    border = np.abs(sheet.rest[:, :2]).max(axis=1) > 0.0499
    inner = np.abs(sheet.rest[:, :2]).max(axis=1) < 0.045
    assert crop[0].trust[border].max() == 0.0
    assert crop[0].trust[inner].min() == 1.0
    assert crop[0].smooth.min() > 0.99
    assert np.median(crop[1].smooth) < 0.1
    assert crop[0].skinlike is None


def test_colour_tells_hair_from_skin() -> None:
    sheet = grid_skin(40, 0.2)
    colours = np.tile([0.80, 0.62, 0.55], (sheet.n, 1)) + 0.02 * RNG(0).normal(size=(sheet.n, 3))
    hair = sheet.rest[:, 0] > 0.06
    colours[hair] = [0.12, 0.09, 0.07]
    shade = sheet.rest[:, 0] < -0.06
    colours[shade] *= 0.7
    scan = Scan("s", sheet.rest, sheet.triangles, vertex_colours=np.clip(colours, 0, 1))
    like = colour_likeness(scan, np.arange(len(sheet.triangles)), np.zeros(3))
    assert like is not None
    assert like[hair].max() < 0.05
    assert np.median(like[~hair & ~shade]) > 0.95
    assert np.median(like[shade]) > 0.7


def test_mouth_is_shut_where_the_inner_lips_touch() -> None:
    template = load_template()
    opened = template.vertices + 0.5 * template.shapes[SHAPE_INDEX["jawOpen"]]
    seen = np.ones(68)
    landmarks = template.landmarks.on(opened, template.topology)
    assert not mouth_shut(landmarks, seen)
    landmarks[[65, 66, 67]] = landmarks[[63, 62, 61]]
    assert mouth_shut(landmarks, seen)
    assert not mouth_shut(landmarks, np.zeros(68))


GOOD = FitEvidence(landmark_median=0.003, supported=0.9, surface_quartile=0.001, identity_rms=1.0)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"landmark_median": 0.02}, "landmarks"),
        ({"landmark_median": float("nan")}, "landmarks"),
        ({"supported": 0.3}, "finds surface"),
        ({"surface_quartile": 0.01}, "from the closest face"),
        ({"identity_rms": 9.0}, "standard deviations"),
    ],
)
def test_each_rule_of_trust_refuses(change: dict[str, float], word: str) -> None:
    assert GOOD.complaint() is None
    complaint = replace(GOOD, **change).complaint()
    assert complaint is not None
    assert word in complaint
