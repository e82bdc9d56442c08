"""UV tiles: sampling, area, derivatives, gutters."""

import numpy as np
import pytest

from mien.core.mesh import Topology
from mien.geometry.uvspace import blur_within, fill_gutter, locate_texels, smooth_gutter


def grid(n: int = 8, shear: float = 0.0, scale: float = 0.1) -> tuple[np.ndarray, Topology]:
    """A flat n x n grid in the plane z = 0, its UVs an affine (sheared) image of it."""
    t = np.linspace(0, 1, n + 1)
    u, v = (a.ravel() for a in np.meshgrid(t, t))
    ids = np.arange((n + 1) ** 2).reshape(n + 1, n + 1)
    quads = np.stack([ids[:-1, :-1], ids[:-1, 1:], ids[1:, 1:], ids[1:, :-1]], axis=-1).reshape(-1, 4)
    vertices = np.stack([scale * (u + shear * v), scale * v, 0 * u], axis=1)
    uvs = np.stack([0.1 + 0.8 * u, 0.1 + 0.8 * v], axis=1)
    return vertices, Topology(len(vertices), quads, uvs, quads)


def whole_tile(topology: Topology, resolution: int):
    return locate_texels(topology, np.ones(len(topology.quads), bool), resolution)


def test_linear_functions_of_uv_are_sampled_exactly():
    _, topology = grid()
    tile = whole_tile(topology, 50)
    sampled = tile.image(tile.at_texels(topology.uvs))
    rows, columns = np.nonzero(tile.covered)
    expected = np.stack([(columns + 0.5) / 50, 1 - (rows + 0.5) / 50], axis=1)
    np.testing.assert_allclose(sampled[rows, columns], expected, atol=1e-5)


def test_sampler_is_a_partition_of_unity_and_to_vertices_its_transpose():
    _, topology = grid()
    tile = whole_tile(topology, 40)
    np.testing.assert_allclose(tile.at_texels(np.ones(topology.n_vertices)), 1.0, atol=1e-6)
    rng = np.random.default_rng(0)
    x, y = rng.random(topology.n_vertices), rng.random(len(tile.corners))
    assert tile.at_texels(x) @ y == pytest.approx(x @ tile.to_vertices(y), rel=1e-4)


def test_texel_area_of_an_affine_tile():
    vertices, topology = grid(scale=0.1)
    tile = whole_tile(topology, 40)
    np.testing.assert_allclose(tile.texel_area(vertices), (0.1 / 0.8 / 40) ** 2, rtol=1e-6)


def test_uv_derivatives_of_a_sheared_plane():
    vertices, topology = grid(shear=0.5, scale=0.1)
    du, dv = whole_tile(topology, 32).uv_derivatives(vertices)
    np.testing.assert_allclose(du, np.tile([0.125, 0, 0], (len(du), 1)), atol=1e-9)
    np.testing.assert_allclose(dv, np.tile([0.0625, 0.125, 0], (len(dv), 1)), atol=1e-9)


def test_gutter_takes_the_nearest_covered_value():
    rng = np.random.default_rng(1)
    covered = rng.random((24, 24)) < 0.05
    pixels = rng.random((24, 24, 3)).astype(np.float32)
    filled = fill_gutter(pixels, covered)
    known = np.argwhere(covered)
    for row, column in np.argwhere(~covered):
        distance = np.linalg.norm(known - [row, column], axis=1)
        near = known[distance <= distance.min() * 1.05 + 1e-9]  # the 5x5 mask is within 2 per cent or so
        assert (filled[row, column] == pixels[near[:, 0], near[:, 1]]).all(axis=1).any()
    assert (filled[covered] == pixels[covered]).all()


def test_smooth_gutter_leaves_the_rim_and_keeps_to_the_range():
    covered = np.zeros((64, 64), bool)
    covered[:, :20] = True
    pixels = np.random.default_rng(2).random((64, 64, 3)).astype(np.float32)
    filled = fill_gutter(pixels, covered)
    soft = smooth_gutter(filled, covered, rim=8)
    assert (soft[:, :27] == filled[:, :27]).all()
    assert soft.min() >= pixels.min() - 1e-6
    assert soft.max() <= pixels.max() + 1e-6
    assert soft[:, 50:].std() < 0.3 * filled[:, 50:].std()


def test_blur_within_keeps_a_constant_and_never_reads_outside():
    covered = np.zeros((40, 40), bool)
    covered[5:30, 8:33] = True
    pixels = np.where(covered, 0.7, 99.0).astype(np.float32)
    np.testing.assert_allclose(blur_within(pixels, covered, 3.0)[covered], 0.7, atol=1e-5)
