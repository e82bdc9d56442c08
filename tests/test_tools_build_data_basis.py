"""The basis of the face database: what is taken out of offsets, what a unit must be like, how far it may go."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from tools.build_data_basis.rigid import without_rigid
from tools.build_data_basis.units import LARGEST, LEAST_LIKENESS, _likeness_scale, _limited, _seen
from tools.build_places import face_corners, mirrored

from mien.template.load import load_template

RNG = np.random.default_rng


def skin(count: int = 60, face: int = 40) -> SimpleNamespace:
    """As much of a skin as is asked for: vertices, of which the first are the face's."""
    return SimpleNamespace(
        vertices=0.1 * RNG(0).standard_normal((count, 3)), parts=[SimpleNamespace(vertices=slice(0, face))]
    )


def test_a_shift_and_a_small_turn_are_taken_out_whole():
    made = skin()
    motion = np.cross([0.02, -0.01, 0.03], made.vertices) + [0.004, 0.002, -0.001]
    np.testing.assert_allclose(without_rigid(motion[None], made), 0.0, atol=1e-12)


def test_what_is_left_has_no_motion_of_the_face_and_is_left_again():
    made = skin()
    offsets = 1e-3 * RNG(1).standard_normal((2, 60, 3))
    once = without_rigid(offsets, made)
    np.testing.assert_allclose(once[:, :40].mean(axis=1), 0.0, atol=1e-12)
    np.testing.assert_allclose(without_rigid(once, made), once, atol=1e-12)


def test_a_unit_is_brought_to_its_shapes_size_or_refused_where_it_moves_other_things():
    shape = RNG(2).standard_normal((30, 3))
    assert _likeness_scale(0.25 * shape, shape) == pytest.approx(4.0)
    assert _likeness_scale(-shape, shape) is None
    other = RNG(3).standard_normal((30, 3))
    other -= (other * shape).sum() / (shape**2).sum() * shape  # square to it
    assert _likeness_scale(other, shape) is None
    assert 0.0 < LEAST_LIKENESS < 1.0


def test_a_mode_is_shortened_to_its_largest_size_and_a_small_one_kept():
    shape = RNG(4).standard_normal((30, 3))
    long = _limited(5.0 * shape, shape)
    assert np.linalg.norm(long) == pytest.approx(LARGEST * np.linalg.norm(shape))
    short = 0.1 * LARGEST * shape
    np.testing.assert_array_equal(_limited(short, shape), short)


def test_modes_are_seen_on_the_face_and_fade_toward_ears_and_scalp():
    template = load_template()
    count = template.part("head").vertices.stop
    seen = _seen(np.ones((count, 3)), template)[:, 0]
    assert seen[template.part("head").vertices].max() == 0.0
    assert seen.max() == pytest.approx(1.0)
    assert seen[template.regions["ear_left"][:count] > 0.99].max(initial=0.0) < 0.02


def test_places_are_the_mean_of_both_sides():
    template = load_template()
    triangles = template.topology.triangles[
        2 * template.part("face").quads.start : 2 * template.part("face").quads.stop
    ]
    corners = template.topology.uvs[face_corners(template)]
    np.testing.assert_allclose(
        mirrored(template, triangles, corners)[face_corners(template)], corners, atol=1e-6
    )
    shifted = mirrored(template, triangles, corners + [0.01, 0.0])
    np.testing.assert_allclose(shifted[face_corners(template)], corners, atol=1e-6)
