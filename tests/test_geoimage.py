import numpy as np
import pytest

from mien.evaluate.geoimage import measure_surface_errors
from mien.geoimage.codec import GeometryImageCodec, face_codec, thin_plate
from mien.geoimage.sampling import bilinear_weights, surface_samples
from mien.synth.random_heads import random_head
from mien.template.load import load_template


@pytest.fixture(scope="module")
def codec():
    return face_codec(load_template())


@pytest.fixture(scope="module")
def small():
    """A 6 x 6 grid of quads in the middle of a 32² image."""
    n = 7
    x, y = np.meshgrid(np.linspace(0.15, 0.85, n), np.linspace(0.2, 0.8, n))
    uvs = np.stack([x, y], -1).reshape(-1, 2)
    a = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)).ravel()
    triangles = np.concatenate([np.stack([a, a + 1, a + n + 1], 1), np.stack([a, a + n + 1, a + n], 1)])
    return uvs, GeometryImageCodec(n * n, triangles, uvs[triangles], 32)


def test_linear_fields_come_back_exactly(small):
    uvs, codec = small
    field = np.c_[uvs, uvs @ [2.0, -1.0] + 0.5]
    image = codec.encode(field)
    np.testing.assert_allclose(codec.decode(image), field, atol=1e-9)
    triangle = np.arange(len(codec.triangles))
    middle = codec.sample(image, triangle, np.full((len(triangle), 3), 1 / 3))
    np.testing.assert_allclose(middle, field[codec.triangles].mean(axis=1), atol=1e-9)


def test_row_zero_is_the_top(small):
    uvs, codec = small
    image = codec.encode(uvs[:, 1:2])
    assert image[0, 16, 0] > image[31, 16, 0]
    np.testing.assert_allclose(image[16, 16, 0], 1 - 16.5 / 32, atol=1e-6)


def test_the_encoder_is_the_least_squares_solution(small):
    _, codec = small
    field = np.random.default_rng(0).normal(size=(codec.n_vertices, 2))
    image_at, mesh_at, weight = codec._samples
    root = np.sqrt(weight)[:, None]
    dense = np.vstack([image_at.toarray() * root, 1e-2 * _square_root(thin_plate(32).toarray())])
    right = np.vstack([(mesh_at @ field) * root, np.zeros((32 * 32, 2))])
    best = np.linalg.lstsq(dense, right, rcond=None)[0].reshape(32, 32, 2)
    inside = codec.covered
    np.testing.assert_allclose(codec.encode(field)[inside], best[inside], atol=1e-6)


def _square_root(matrix):
    value, vector = np.linalg.eigh(matrix)
    return (np.sqrt(np.maximum(value, 0))[:, None]) * vector.T


def test_a_batch_is_each_alone(small):
    _, codec = small
    fields = np.random.default_rng(1).normal(size=(3, codec.n_vertices, 3))
    images = codec.encode(fields)
    assert images.shape == (3, 32, 32, 3)
    for field, image in zip(fields, images, strict=True):
        np.testing.assert_allclose(codec.encode(field), image, atol=1e-9)
    np.testing.assert_allclose(codec.decode(images)[1], codec.decode(images[1]))


def test_the_operator_is_the_encoder(small):
    _, codec = small
    field = np.random.default_rng(2).normal(size=(codec.n_vertices, 3))
    slow, fast = codec.encode(field), codec.encode_fast(field)
    error = (fast - slow)[codec.covered]
    assert np.sqrt(np.mean(error**2)) < 2e-3  # of white noise, the worst that can be encoded
    assert np.abs(error).max() < 0.03
    ones = np.ones((codec.n_vertices, 1))
    np.testing.assert_allclose(codec.encode_fast(ones), 1.0, atol=1e-4)


def test_vertices_of_other_parts_do_not_matter(codec):
    rng = np.random.default_rng(3)
    offset = 1e-3 * rng.normal(size=(codec.n_vertices, 3))
    other = offset.copy()
    away = np.setdiff1d(np.arange(codec.n_vertices), codec.triangles)
    other[away] += 1.0
    np.testing.assert_array_equal(codec.encode(offset), codec.encode(other))
    assert not codec.decode(codec.encode(offset))[away].any()


def test_heads_come_back_within_the_design(codec):
    template = load_template()
    heads = [random_head(1, i) - template.vertices + template.shapes[(7 * i) % 52] for i in range(3)]
    error = measure_surface_errors(codec, heads)
    assert max(error["vertices_mean_mm"], error["inside_mean_mm"]) < 0.03
    assert max(error["vertices_p99.9_mm"], error["inside_p99.9_mm"]) < 0.3
    plain = face_codec(template, spread=False)
    rasterised = measure_surface_errors(plain, heads, rasterised=True)
    assert rasterised["vertices_mean_mm"] > error["vertices_mean_mm"]


def test_bilinear_weights_sum_to_one_and_hit_texel_centres():
    uvs = np.random.default_rng(4).uniform(-0.1, 1.1, (200, 2))
    np.testing.assert_allclose(np.asarray(bilinear_weights(uvs, 16).sum(axis=1)).ravel(), 1.0)
    centre = bilinear_weights(np.array([[2.5 / 16, 1 - 5.5 / 16]]), 16).toarray()[0]
    assert centre[5 * 16 + 2] == pytest.approx(1.0)


def test_samples_cover_every_triangle():
    corner_uvs = np.random.default_rng(5).uniform(0, 1, (50, 3, 2)) * 0.1
    triangle, barycentric, weight = surface_samples(corner_uvs, 64, 2.0)
    assert set(triangle.tolist()) == set(range(50))
    np.testing.assert_allclose(barycentric.sum(axis=1), 1.0)
    assert (weight > 0).all()
    assert (barycentric > -1e-12).all()
