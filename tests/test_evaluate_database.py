"""The database's measures against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from mien.data.subject import draw_subject
from mien.evaluate.database import nearest_neighbours, predictability, region_spread, unevenness
from mien.template.load import load_template

SKIN = 17595


def test_a_shift_of_known_deviation_is_the_spread_of_every_region():
    template = load_template()
    rng = np.random.default_rng(0)
    shift = np.array([[-1.0, 0, 0], [1.0, 0, 0]]) * 2e-3
    heads = rng.standard_normal((1, SKIN, 3)) + shift[:, None]
    for value in region_spread(heads, template).values():
        assert value == pytest.approx(2.0, rel=1e-6)


def test_a_symmetric_head_is_even_and_a_known_bump_is_counted():
    template = load_template()
    head = template.vertices[:SKIN].copy()
    assert unevenness(head[None], template)[0] < 1e-3
    bump = head.copy()
    face = template.part("face").vertices
    off_middle = np.flatnonzero(template.mirror[face] != np.arange(face.stop))[0]
    bump[off_middle, 2] += 4e-3  # half of it shows on either side
    expected = 2.0 * np.sqrt(2 / (face.stop - face.start))
    assert unevenness(bump[None], template)[0] == pytest.approx(expected, rel=0.05)


def test_the_nearest_face_is_found_at_its_distance():
    faces = np.zeros((3, 50, 3))
    faces[1, :, 1] = 1e-3
    faces[2, :, 0] = 5e-3
    np.testing.assert_allclose(nearest_neighbours(faces), [1.0, 1.0, 5.0], rtol=1e-6)


def test_what_is_written_into_form_is_read_from_it_and_noise_tells_nothing():
    people = [draw_subject(2, i) for i in range(300)]
    rng = np.random.default_rng(1)
    noise = 1e-3 * rng.standard_normal((300, 40, 3))
    told = noise.copy()
    told[:, 0, 0] += 0.02 * np.array([(p.age - 49) / 18 for p in people])
    told[:, 1, 0] += 0.02 * np.array([p.sex - 0.5 for p in people]) * 3
    read = predictability(told, people, 20)
    assert read.age_r2 > 0.9
    assert read.sex_accuracy > 0.95
    blind = predictability(noise, people, 20)
    assert blind.age_r2 < 0.15
    assert blind.sex_accuracy < 0.7
