"""The database's measures against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from mien.evaluate.measures.form_spread import (
    measure_nearest_neighbours,
    measure_nearest_training,
    measure_region_spread,
    measure_unevenness,
    remove_rigid_motion,
)
from mien.template.load import load_template

SKIN = 17595


def test_a_shift_of_known_deviation_is_the_spread_of_every_region():
    template = load_template()
    rng = np.random.default_rng(0)
    shift = np.array([[-1.0, 0, 0], [1.0, 0, 0]]) * 2e-3
    heads = rng.standard_normal((1, SKIN, 3)) + shift[:, None]
    for value in measure_region_spread(heads, template).values():
        assert value == pytest.approx(2.0, rel=1e-6)


def test_a_symmetric_head_is_even_and_a_known_bump_is_counted():
    template = load_template()
    head = template.vertices[:SKIN].copy()
    assert measure_unevenness(head[None], template)[0] < 1e-3
    bump = head.copy()
    face = template.part("face").vertices
    off_middle = np.flatnonzero(template.mirror[face] != np.arange(face.stop))[0]
    bump[off_middle, 2] += 4e-3  # half of it shows on either side
    expected = 2.0 * np.sqrt(2 / (face.stop - face.start))
    assert measure_unevenness(bump[None], template)[0] == pytest.approx(expected, rel=0.05)


def test_the_nearest_face_is_found_at_its_distance():
    faces = np.zeros((3, 50, 3))
    faces[1, :, 1] = 1e-3
    faces[2, :, 0] = 5e-3
    np.testing.assert_allclose(measure_nearest_neighbours(faces), [1.0, 1.0, 5.0], rtol=1e-6)


def test_a_copy_of_a_training_face_is_noticed():
    known = np.random.default_rng(4).standard_normal((6, 50, 3))
    asked = np.stack([known[3], known[1] + [0, 2e-3, 0]])
    np.testing.assert_allclose(measure_nearest_training(asked, known), [0.0, 2.0], atol=1e-4)


def test_a_turn_and_a_shift_are_no_spread():
    rest = np.random.default_rng(5).standard_normal((30, 3))
    motion = np.cross([0.1, -0.2, 0.05], rest) + [1.0, 2.0, 3.0]
    np.testing.assert_allclose(remove_rigid_motion(motion[None], rest), 0.0, atol=1e-12)
    bump = np.zeros((1, 30, 3))
    bump[0, 4, 1] = 1.0
    assert np.abs(remove_rigid_motion(bump, rest)[0, 4, 1]) > 0.5
