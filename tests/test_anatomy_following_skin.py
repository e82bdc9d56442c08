"""Lid rims go with their lids' front edges and do not fold."""

from __future__ import annotations

import numpy as np
import pytest

from mien.anatomy.following_skin import bind_lid_rims
from mien.synth.identity.basis import load_basis
from mien.synth.identity.heads import neutral_heads
from mien.synth.subject import draw_subject
from mien.template.load import load_template

SUBJECTS = (5, 6, 9, 12)


@pytest.fixture(scope="module")
def template():
    return load_template()


@pytest.fixture(scope="module")
def zones(template):
    return bind_lid_rims(template, load_basis().n_skin)


def test_a_motion_of_the_whole_head_is_left_as_it_is(template, zones):
    skin = template.vertices[: load_basis().n_skin] + np.array([0.01, -0.02, 0.005])
    healed = skin.copy()
    for zone in zones:
        zone.heal(healed)
    np.testing.assert_allclose(healed, skin, atol=1e-12)


def test_noise_behind_the_front_edges_is_taken_out_and_the_edges_stay(template, zones):
    rng = np.random.default_rng(1)
    skin = template.vertices[: load_basis().n_skin].copy()
    for zone in zones:
        noisy = skin.copy()
        noisy[zone.rows] += 1e-3 * rng.standard_normal((len(zone.rows), 3))
        healed = noisy.copy()
        zone.heal(healed)
        np.testing.assert_array_equal(healed[zone.known], skin[zone.known])
        assert np.std(healed - skin) < 0.7 * np.std(noisy - skin)


def test_few_triangles_of_drawn_rims_look_away_from_the_skin_round_them(template):
    triangles = template.topology.triangles
    n = load_basis().n_skin
    triangles = triangles[(triangles < n).all(axis=1)]
    rim = (template.regions["eye_rim_left"] + template.regions["eye_rim_right"])[:n] > 0.5
    for head in neutral_heads(load_basis(), [draw_subject(1, index) for index in SUBJECTS]):
        a, b, c = (head[triangles[:, k]].astype(float) for k in range(3))
        across = np.cross(b - a, c - a)
        normals = np.zeros((n, 3))
        for k in range(3):
            np.add.at(normals, triangles[:, k], across)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30)
        away = np.einsum("td,td->t", across, normals[triangles].sum(axis=1)) < 0
        assert (away & rim[triangles].any(axis=1)).sum() < 30
