"""A person's rig: the template's own is the template's, another head's holds the same promises."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.conventions import SHAPE_INDEX, shape_weights
from mien.core.face import Template
from mien.rigging import quality
from mien.rigging.neutralise import remove_expression
from mien.rigging.personal import build_rig
from mien.rigging.rig import Rig
from mien.template.load import load_template


@pytest.fixture(scope="module")
def template() -> Template:
    return load_template()


@pytest.fixture(scope="module")
def person(template: Template) -> tuple[np.ndarray, Rig]:
    weights = 0.8 * np.random.default_rng(3).normal(size=min(20, len(template.identity.modes)))
    head = template.identity.heads(template.vertices, weights)
    return head, build_rig(template, head)


def test_the_template_gets_its_own_shapes(template):
    rig = build_rig(template, template.vertices)
    np.testing.assert_allclose(rig.neutral, template.vertices, atol=1e-9)
    np.testing.assert_allclose(rig.shapes, template.shapes, atol=1e-5)


def test_a_moved_and_turned_template_gets_moved_and_turned_shapes(template):
    c, s = np.cos(0.2), np.sin(0.2)
    turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    rig = build_rig(template, template.vertices @ turn.T + [0.1, -0.05, 0.02])
    skin = slice(0, template.part("head").vertices.stop)
    difference = np.linalg.norm(rig.shapes[:, skin] - (template.shapes @ turn.T)[:, skin], axis=2)
    assert np.percentile(difference, 99.9) < 0.1e-3


def test_the_neutral_stays_the_person(template, person):
    head, rig = person
    face = template.part("face").vertices
    moved = np.linalg.norm(rig.neutral[face] - head[face], axis=1)
    assert np.percentile(moved, 95) < 0.3e-3


def test_a_person_blinks_seals_and_does_not_leak(template, person):
    report = quality.rig_quality(template, person[1])
    for side in ("left", "right"):
        assert abs(report[f"blink_gap_max_{side}"]) <= 0.3
        assert abs(report[f"blink_gap_min_{side}"]) <= 0.3
    assert report["lid_to_ball_min_eyeBlinkLeft"] >= -0.02
    assert -0.3 <= report["lip_seal_min"] <= report["lip_seal_max"] <= 0.3
    assert report["lip_crossing_max"] <= 0.3
    assert report["leakage_max"] <= 0.02


def test_joints_sit_in_the_person(template, person):
    rig = person[1]
    for side in ("left", "right"):
        joint = next(j.position for j in rig.joints if j.name == f"eye_{side}")
        ball = rig.neutral[template.vertex_mask(f"eye_{side}")]
        distance = np.linalg.norm(ball - joint, axis=1)
        assert 0.0105 < distance.max() < 0.0135


def test_an_expression_is_taken_out_again(template, person):
    rig = person[1]
    weights = shape_weights({"jawOpen": 0.3, "mouthSmileLeft": 0.5, "eyeBlinkRight": 0.8})
    neutral = remove_expression(template, rig.pose(weights), weights)
    face = template.part("face").vertices
    error = np.linalg.norm(neutral[face] - rig.neutral[face], axis=1)
    before = np.linalg.norm(rig.pose(weights)[face] - rig.neutral[face], axis=1)
    assert np.percentile(error, 95) < 1e-3
    assert error.mean() < 0.1 * before.mean()


def test_no_weights_take_nothing_out(template, person):
    head, _ = person
    kept = remove_expression(template, head, np.zeros(52))
    skin = slice(0, template.part("head").vertices.stop)
    np.testing.assert_array_equal(kept[skin], head[skin])


def test_the_jaw_of_a_bigger_head_travels_farther(template):
    rig = build_rig(template, 1.1 * template.vertices)
    rows = template.vertex_mask("teeth_lower")
    own = np.linalg.norm(template.shapes[SHAPE_INDEX["jawOpen"], rows], axis=1)
    bigger = np.linalg.norm(rig.shapes[SHAPE_INDEX["jawOpen"], rows], axis=1)
    np.testing.assert_allclose(bigger / own, 1.1, atol=0.03)
