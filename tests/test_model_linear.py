"""The linear model of heads: laws of principal components, with heads added one batch after another."""

from __future__ import annotations

import numpy as np
import pytest

from mien.database import release as freeze
from mien.geometry.align import Similarity, nearest_rotations
from mien.model.pca import add_heads, aligned_skins, database_skins, fit_pca, identity_about, importance
from mien.synth.identity.basis import load_basis
from mien.synth.subject import draw_subject
from mien.template.load import load_template


@pytest.fixture
def heads():
    rng = np.random.default_rng(0)
    modes = rng.standard_normal((6, 40, 3)) * np.array([5, 3, 2, 1, 0.5, 0.2])[:, None, None]
    return (1.0 + np.tensordot(rng.standard_normal((30, 6)), modes, axes=1)).astype(np.float32)


@pytest.fixture
def weights():
    return np.random.default_rng(1).random(40) + 0.1


def covariance(model):
    flat = model.modes.reshape(len(model.modes), -1).astype(np.float64)
    return flat.T @ flat


def test_all_components_give_every_head_back(heads, weights):
    model = fit_pca(heads, weights, 30)
    assert len(model.modes) == 6
    again = model.heads(model.coefficients(heads))
    np.testing.assert_allclose(again, heads, atol=2e-4)
    assert model.explained[-1] == pytest.approx(1.0, abs=1e-5)


def test_modes_are_orthogonal_standard_deviations_and_sorted(heads, weights):
    model = fit_pca(heads, weights, 5)
    scaled = model.modes * np.sqrt(model.weights)[:, None]
    products = np.einsum("ksd,lsd->kl", scaled, scaled)
    np.testing.assert_allclose(products, np.diag(np.diag(products)), atol=1e-4 * products.max())
    assert (np.diff(model.variances) <= 0).all()
    np.testing.assert_allclose(model.coefficients(heads).std(axis=0), 1.0, atol=1e-3)


def test_no_other_three_directions_leave_less(heads, weights):
    model = fit_pca(heads, weights, 3)

    def left(modes):
        root = np.sqrt(model.weights)[:, None]
        rows = ((heads - model.mean) * root).reshape(len(heads), -1)
        axes = np.linalg.qr((modes * root).reshape(3, -1).T)[0]
        return ((rows - rows @ axes @ axes.T) ** 2).sum()

    rng = np.random.default_rng(2)
    for _ in range(5):
        assert left(model.modes) < left(model.modes + 0.05 * rng.standard_normal(model.modes.shape))


def test_heads_added_later_give_the_model_of_all(heads, weights):
    whole = fit_pca(heads, weights, 30)
    grown = add_heads(add_heads(fit_pca(heads[:12], weights, 30), heads[12:17]), heads[17:], count=30)
    np.testing.assert_allclose(grown.mean, whole.mean, atol=1e-5)
    np.testing.assert_allclose(covariance(grown), covariance(whole), atol=1e-3 * covariance(whole).max())
    assert grown.total == pytest.approx(whole.total, rel=1e-4)
    assert grown.count == 30


def test_a_weight_counts_a_head_so_many_times(heads, weights):
    start = fit_pca(heads[:20], weights, 30)
    twice = add_heads(start, np.concatenate([heads[20:23], heads[20:23]]), count=30)
    heavy = add_heads(start, heads[20:23], weight=2.0, count=30)
    np.testing.assert_allclose(covariance(heavy), covariance(twice), atol=1e-3 * covariance(twice).max())
    np.testing.assert_allclose(heavy.mean, twice.mean, atol=1e-6)


def test_pose_is_no_mode():
    template = load_template()
    goal = load_basis().mean.astype(np.float64)
    turn = nearest_rotations(np.eye(3)[None] + 0.05 * np.random.default_rng(3).standard_normal((1, 3, 3)))[0]
    moved = Similarity(1.0, turn, np.array([0.01, -0.02, 0.03]))(goal)
    np.testing.assert_allclose(aligned_skins([moved], goal, template)[0], goal, atol=1e-6)


def test_registration_can_take_it_with_eyes_and_teeth_following():
    basis, template = load_basis(), load_template()
    skins = database_skins(basis, [draw_subject(3, i) for i in range(6)], template)
    model = fit_pca(skins, importance(template, basis.mean.astype(np.float64)), 2)
    identity = identity_about(model, template)
    assert identity.modes.shape == (3, *template.vertices.shape)
    mean = identity.heads(template.vertices, np.array([1.0, 0.0, 0.0]))
    np.testing.assert_allclose(mean[: basis.n_skin], model.mean, atol=1e-6)
    ball = template.part("eye_left").vertices
    lids = template.regions["upper_lid_left"][: basis.n_skin] > 0.5
    shift = identity.modes[1][ball].mean(axis=0) - identity.modes[1][: basis.n_skin][lids].mean(axis=0)
    assert (
        np.linalg.norm(shift)
        < 0.5 * np.linalg.norm(identity.modes[1][: basis.n_skin][lids].mean(axis=0)) + 2e-3
    )


def test_the_shipped_model_holds_unseen_faces_better_than_the_older_one():
    basis, template = load_basis(), load_template()
    face = template.part("face").vertices
    people = [draw_subject(freeze.SEED, index) for index in freeze.split_indices("test")[:6]]
    skins = database_skins(basis, people, template)[:, face]

    def error(model):
        modes = model.modes[:, face].reshape(len(model.modes), -1)
        away = (skins - template.vertices[face]).reshape(len(skins), -1)
        left = away - np.linalg.lstsq(modes.T, away.T, rcond=None)[0].T @ modes
        return 1e3 * np.linalg.norm(left.reshape(skins.shape), axis=2).mean()

    assert error(template.fitted) < 0.75
    assert error(template.fitted) < 0.6 * error(template.identity)
