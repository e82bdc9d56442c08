"""Laws of normals, Laplacians, solves, alignment, sampling, closest points and geodesics."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from mien.geometry.align import fit_similarity, fit_similarity_robust, nearest_rotations
from mien.geometry.closest import ClosestPoint, closest_plain
from mien.geometry.geodesic import geodesic_distance
from mien.geometry.laplacian import cotangent_laplacian, graph_laplacian, lumped_mass
from mien.geometry.normals import triangle_areas, triangle_normals, vertex_normals, vertex_normals_plain
from mien.geometry.sample import sample_surface
from mien.geometry.solve import SpdSolver


def grid(n: int = 9, jitter: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """A triangulated unit square in the plane z = 0, normals toward +z."""
    axis = np.linspace(0.0, 1.0, n)
    x, y = np.meshgrid(axis, axis)
    vertices = np.stack([x.ravel(), y.ravel(), np.zeros(n * n)], axis=1)
    vertices[:, :2] += jitter / n * (np.random.default_rng(0).random((n * n, 2)) - 0.5)
    i = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)).ravel()
    return vertices, np.concatenate([np.stack([i, i + 1, i + n + 1], 1), np.stack([i, i + n + 1, i + n], 1)])


def sphere(n: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """A closed unit sphere, outward winding."""
    import igl

    vertices = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], float)
    triangles = np.array(
        [[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]]
    )
    for _ in range(4):
        vertices, triangles = igl.upsample(vertices, triangles)
        vertices /= np.linalg.norm(vertices, axis=1, keepdims=True)
    return vertices, triangles.astype(np.int64)


def test_vertex_normals_match_the_plain_twin_and_the_sphere() -> None:
    vertices, triangles = sphere()
    normals = vertex_normals(vertices, triangles)
    np.testing.assert_allclose(normals, vertex_normals_plain(vertices, triangles), atol=1e-12)
    assert np.einsum("vd,vd->v", normals, vertices).min() > 0.999


def test_normals_of_degenerate_triangles_are_zero() -> None:
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0]])
    assert not triangle_normals(vertices, np.array([[0, 1, 2]])).any()
    assert not vertex_normals(vertices, np.array([[0, 1, 2]])).any()


@pytest.mark.parametrize("limit", [np.inf, 2.0])
def test_laplacian_is_symmetric_semidefinite_and_kills_constants(limit: float) -> None:
    vertices, triangles = grid(7, jitter=0.6)
    laplacian = cotangent_laplacian(vertices, triangles, limit)
    assert abs(laplacian - laplacian.T).max() < 1e-12
    np.testing.assert_allclose(laplacian @ np.ones(len(vertices)), 0, atol=1e-11)
    assert np.linalg.eigvalsh(laplacian.toarray()).min() > -1e-9


def test_laplacian_has_linear_precision_inside_the_plane() -> None:
    vertices, triangles = grid(9, jitter=0.6)
    laplacian = cotangent_laplacian(vertices, triangles)
    border = ClosestPoint(vertices, triangles).border_vertices
    assert np.abs(laplacian @ vertices)[~border].max() < 1e-12
    assert np.abs(laplacian @ vertices)[border].max() > 1e-3


def test_laplacian_gives_the_dirichlet_energy_and_mass_the_area() -> None:
    vertices, triangles = grid(11, jitter=0.5)
    energy = vertices[:, 0] @ (cotangent_laplacian(vertices, triangles) @ vertices[:, 0])
    area = triangle_areas(vertices, triangles).sum()
    assert energy == pytest.approx(area, rel=1e-12)  # |grad x|^2 = 1
    assert lumped_mass(vertices, triangles).sum() == pytest.approx(area, rel=1e-12)


def test_graph_laplacian_of_a_path() -> None:
    laplacian = graph_laplacian(3, np.array([[0, 1], [1, 2]])).toarray()
    np.testing.assert_array_equal(laplacian, [[1, -1, 0], [-1, 2, -1], [0, -1, 1]])


def test_solver_solves_and_refuses_a_singular_matrix() -> None:
    vertices, triangles = grid(8)
    laplacian = cotangent_laplacian(vertices, triangles)
    matrix = laplacian + sparse.identity(len(vertices))
    solution = SpdSolver(matrix).solve(matrix @ vertices)
    np.testing.assert_allclose(solution, vertices, atol=1e-10)
    with pytest.raises(ValueError, match="singular"):
        SpdSolver(sparse.csc_matrix((3, 3)))


def rotation(rng: np.random.Generator) -> np.ndarray:
    return nearest_rotations(rng.normal(size=(1, 3, 3)))[0]


@pytest.mark.parametrize("with_scale", [True, False])
def test_similarity_recovers_a_known_map(with_scale: bool) -> None:
    rng = np.random.default_rng(1)
    source, turn, shift = rng.normal(size=(30, 3)), rotation(rng), rng.normal(size=3)
    scale = 2.5 if with_scale else 1.0
    fit = fit_similarity(source, scale * source @ turn.T + shift, with_scale=with_scale)
    assert fit.scale == pytest.approx(scale)
    np.testing.assert_allclose(fit.rotation, turn, atol=1e-12)
    np.testing.assert_allclose(fit.inverse()(fit(source)), source, atol=1e-12)
    np.testing.assert_allclose(fit.after(fit.inverse())(source), source, atol=1e-12)
    homogeneous = np.c_[source, np.ones(30)] @ fit.matrix.T
    np.testing.assert_allclose(homogeneous[:, :3], fit(source), atol=1e-12)


def test_similarity_never_reflects() -> None:
    source = np.random.default_rng(2).normal(size=(20, 3))
    fit = fit_similarity(source, source * [-1, 1, 1])
    assert np.linalg.det(fit.rotation) == pytest.approx(1.0)


def test_robust_similarity_ignores_a_third_of_outliers() -> None:
    rng = np.random.default_rng(3)
    source, turn = rng.normal(size=(60, 3)), rotation(rng)
    target = 1.7 * source @ turn.T + 0.001 * rng.normal(size=(60, 3))
    target[:20] += rng.normal(size=(20, 3))
    fit, robust = fit_similarity_robust(source, target)
    assert np.abs(fit(source) - target)[20:].max() < 0.02
    assert np.abs(fit_similarity(source, target)(source) - target)[20:].max() > 0.1
    assert robust[:20].mean() < 0.1 < 0.5 < robust[20:].mean()


def test_similarity_needs_three_points() -> None:
    with pytest.raises(ValueError, match="at least 3"):
        fit_similarity(np.eye(3), np.eye(3), np.array([1.0, 1.0, 0.0]))


def test_closest_point_matches_brute_force() -> None:
    rng = np.random.default_rng(4)
    vertices, triangles = rng.normal(size=(40, 3)), rng.integers(0, 40, (60, 3))
    points = 2 * rng.normal(size=(200, 3))
    surface = ClosestPoint(vertices, triangles)  # some of these triangles have no area
    hits = surface.query(points)
    distance, where = closest_plain(vertices, triangles, points)
    np.testing.assert_allclose(hits.distance, distance, atol=1e-9)
    np.testing.assert_allclose(hits.points, where, atol=1e-9)
    np.testing.assert_allclose(surface.interpolate(hits, vertices), hits.points, atol=1e-7)


def test_border_hits_are_flagged_only_beyond_the_border() -> None:
    vertices, triangles = grid(6)
    surface = ClosestPoint(vertices, triangles)
    hits = surface.query(np.array([[0.47, 0.52, 0.3], [1.4, 0.43, 0.1], [-0.2, -0.3, 0.0]]))
    np.testing.assert_array_equal(surface.on_border(hits), [False, True, True])
    np.testing.assert_allclose(surface.normals_at(hits), [[0, 0, 1]] * 3, atol=1e-12)
    closed = ClosestPoint(*sphere())
    assert not closed.border_vertices.any()


def test_closest_point_refuses_a_mesh_without_area() -> None:
    with pytest.raises(ValueError, match="no triangle"):
        ClosestPoint(np.zeros((3, 3)), np.array([[0, 1, 2]]))


def test_geodesic_on_the_sphere_and_across_a_gap() -> None:
    vertices, triangles = sphere()
    both = np.concatenate([vertices, vertices + 5.0])
    distance = geodesic_distance(both, np.concatenate([triangles, triangles + len(vertices)]), 0)
    exact = np.arccos(np.clip(vertices @ vertices[0], -1, 1))
    assert np.abs(distance[: len(vertices)] - exact).max() < 0.08
    assert np.isinf(distance[len(vertices) :]).all()


def test_surface_samples_are_uniform_by_area_and_seeded() -> None:
    vertices, triangles = grid(5, jitter=0.8)
    samples = sample_surface(vertices, triangles, 20_000, seed=7)
    np.testing.assert_array_equal(samples.points, sample_surface(vertices, triangles, 20_000, 7).points)
    expected = triangle_areas(vertices, triangles)
    counts = np.bincount(samples.triangle, minlength=len(triangles)) / 20_000
    np.testing.assert_allclose(counts, expected / expected.sum(), atol=1e-3)
    rebuilt = np.einsum("sk,skd->sd", samples.barycentric, vertices[triangles[samples.triangle]])
    np.testing.assert_allclose(samples.points, rebuilt, atol=1e-12)
    only = np.arange(len(triangles)) == 3
    assert (sample_surface(vertices, triangles, 50, 0, only).triangle == 3).all()
    with pytest.raises(ValueError, match="no area"):
        sample_surface(vertices, triangles, 5, 0, np.zeros(len(triangles), bool))
