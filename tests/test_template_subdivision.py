import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.geometry.subdivision import catmull_clark

CUBE = np.array(
    [[0, 3, 2, 1], [4, 5, 6, 7], [0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7]], dtype=np.int64
)
CUBE_VERTICES = np.array(
    [[x, y, z] for z in (-1, 1) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))], dtype=float
)


def grid(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[0 : rows + 1, 0 : columns + 1]
    vertices = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1).astype(float)
    i = (np.arange(rows)[:, None] * (columns + 1) + np.arange(columns)).ravel()
    return vertices, np.stack([i, i + 1, i + columns + 2, i + columns + 1], axis=1)


def test_counts_of_a_cube():
    fine = catmull_clark(CUBE, 8)
    assert fine.matrix.shape == (8 + 12 + 6, 8)
    assert fine.quads.shape == (24, 4)
    assert len(np.unique(fine.quads)) == 26


def test_rows_sum_to_one():
    for quads, n in ((CUBE, 8), (grid(3, 4)[1], 20)):
        sums = np.asarray(catmull_clark(quads, n).matrix.sum(axis=1))
        np.testing.assert_allclose(sums, 1, atol=1e-14)


def test_cube_known_points():
    # Catmull & Clark 1978: face centre, edge = mean of ends and both centres, vertex = (Q + 2R + 0 P) / 3.
    fine = catmull_clark(CUBE, 8).matrix @ CUBE_VERTICES
    np.testing.assert_allclose(np.abs(fine[:8]), 5 / 9, atol=1e-14)
    np.testing.assert_allclose(
        np.sort(np.abs(fine[8:20]), axis=1), np.tile([0, 0.75, 0.75], (12, 1)), atol=1e-14
    )
    np.testing.assert_allclose(np.sort(np.abs(fine[20:]), axis=1), np.tile([0, 0, 1], (6, 1)), atol=1e-14)


def test_a_plane_stays_a_plane_and_its_border_its_border():
    vertices, quads = grid(4, 5)
    fine = catmull_clark(quads, len(vertices)).matrix @ vertices
    assert np.abs(fine[:, 2]).max() == 0
    assert fine[:, 0].min() >= 0
    assert fine[:, 0].max() <= 5
    # A regular inner vertex of a regular grid does not move.
    np.testing.assert_allclose(fine[7], vertices[7], atol=1e-14)


def test_an_open_border_depends_on_the_border_alone():
    vertices, quads = grid(3, 3)
    fine = catmull_clark(quads, len(vertices))
    inner = np.array([5, 6, 9, 10])
    border_edges = len(vertices) + np.flatnonzero(fine.on_boundary)
    border = np.concatenate([np.setdiff1d(np.arange(16), inner), border_edges])
    assert abs(fine.matrix[border][:, inner]).max() == 0


@given(st.integers(0, 10_000))
def test_affine_invariance(seed: int):
    rng = np.random.default_rng(seed)
    vertices, quads = grid(2, 3)
    vertices = vertices + 0.2 * rng.standard_normal(vertices.shape)
    matrix, shift = rng.standard_normal((3, 3)), rng.standard_normal(3)
    s = catmull_clark(quads, len(vertices)).matrix
    np.testing.assert_allclose(s @ (vertices @ matrix + shift), (s @ vertices) @ matrix + shift, atol=1e-12)


def test_repeated_steps_converge_to_the_limit_of_a_cube_corner():
    # Limit position of a valence-3 vertex: (n^2 P + 4 sum E + sum F) / (n (n + 5)), Halstead et al. 1993.
    limit = (
        9 * CUBE_VERTICES[6] + 4 * CUBE_VERTICES[[2, 5, 7]].sum(0) + CUBE_VERTICES[[1, 3, 4]].sum(0)
    ) / 24
    quads, points = CUBE, CUBE_VERTICES
    for _ in range(6):
        fine = catmull_clark(quads, len(points))
        quads, points = fine.quads, fine.matrix @ points
    np.testing.assert_allclose(points[6], limit, atol=2e-3)


def test_winding_is_kept():
    fine = catmull_clark(CUBE, 8)
    points = fine.matrix @ CUBE_VERTICES
    q = points[fine.quads]
    normal = np.cross(q[:, 1] - q[:, 0], q[:, 3] - q[:, 0])
    assert (np.einsum("fd,fd->f", normal, q.mean(axis=1)) > 0).all()


def test_a_fan_of_three_faces_at_one_edge_is_refused():
    quads = np.array([[0, 1, 2, 3], [0, 1, 4, 5], [1, 0, 6, 7]])
    with pytest.raises(ValueError, match="manifold"):
        catmull_clark(quads, 8)
