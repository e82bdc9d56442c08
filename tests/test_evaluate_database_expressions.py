"""Judging the database's expressions: what is wrong on purpose is found."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.conventions import EXPRESSIONS, shape_weights
from mien.core.errors import MienError
from mien.evaluate import database_expressions as judge
from mien.synth.expression.maker import expression_maker
from mien.synth.identity.basis import load_basis
from mien.synth.subject import draw_subject


@pytest.fixture(scope="module")
def maker():
    return expression_maker(load_basis())


@pytest.fixture(scope="module")
def bound(maker):
    subject = draw_subject(1, 20_500)
    head = maker.heads.head(subject)
    return maker.bind(head, maker.draw_form(subject, head))


def test_open_lids_are_apart_and_a_blink_half_made_is_found(maker, bound):
    blink = maker.expression(bound, shape_weights(EXPRESSIONS["blink"]))
    rest = bound.head.skin
    gaps = [judge.measure_lid_gap(rest + share * blink, maker.template) for share in (0.0, 0.5, 1.0)]
    assert gaps[0] > gaps[1] > 2.0
    assert gaps[2] < judge.LIDS_APART.at_most


def test_lids_pushed_into_the_ball_are_found(maker, bound):
    weights = np.zeros(52)
    pushed = bound.head.skin + np.float32([0.0, 0.0, -1e-3])
    assert judge.measure_depth_in_ball(bound.head.skin, bound, weights, maker.template) < 0.1
    assert judge.measure_depth_in_ball(pushed, bound, weights, maker.template) > 0.5


def test_crossed_and_gaping_lips_are_found(maker, bound):
    rest, lips = bound.head.skin.astype(np.float64), maker.heads.seat.lips
    seam = np.zeros_like(rest)
    seam[lips.seam_upper, 1] = 1e-3
    for sign, crossed, apart in ((1.0, 0.0, 1.0), (-1.0, 0.9, 0.0)):
        found = judge.measure_lips(maker, rest + sign * seam, rest, np.zeros(52))
        assert found[0] == pytest.approx(crossed, abs=0.2)
        assert found[1] == pytest.approx(apart, abs=0.2)


def test_a_triangle_turned_over_is_found_and_a_turned_head_is_not(maker, bound):
    surface, rest = maker.surface, bound.head.skin[maker.surface.vertices]
    turn = np.float32([[0.8, 0, 0.6], [0, 1, 0], [-0.6, 0, 0.8]])
    assert not judge.find_folded_triangles(rest @ turn.T, rest, surface).any()
    cheek = np.argmax(maker.template.regions["cheek_left"][surface.vertices])
    ring = surface.mean[cheek].indices
    far = ring[np.argmax(np.linalg.norm(rest[ring] - rest[cheek], axis=1))]
    folded = rest.copy()
    folded[cheek] += 2.5 * (rest[far] - rest[cheek])
    found = judge.find_folded_triangles(folded, rest, surface)
    assert found.any()
    assert np.isin(surface.triangles[found], np.append(ring, surface.mean[far].indices)).any(axis=1).all()


def test_volume_is_area_times_height(maker, bound):
    surface, rest = maker.surface, bound.head.skin[maker.surface.vertices]
    flat = rest * np.float32([1, 1, 0])
    moved = np.zeros_like(rest)
    moved[:, 2] = 1e-3
    cross = surface.cross(flat)[:, 2]
    expected = 1e6 * 1e-3 * 0.5 * float(cross.sum(dtype=float))
    found = judge.measure_swept_volume(moved, flat, np.ones(len(rest)), surface.triangles)
    assert found == pytest.approx(expected, rel=1e-4)


def test_a_mirrored_motion_is_even_and_one_side_is_half_uneven(maker):
    face, mirror = maker.surface.vertices, maker.template.mirror[maker.surface.vertices]
    smile = maker.template.shapes[:, face]
    names = ["mouthSmileLeft", "mouthSmileRight"]
    left, right = (np.tensordot(shape_weights({n: 1.0}), smile, axes=1) for n in names)
    assert judge.measure_uneven_share(left + right, mirror) < 0.01
    assert judge.measure_uneven_share(left, mirror) == pytest.approx(0.5, abs=0.03)


def test_every_expression_is_judged_and_its_aims_are_met():
    found = judge.EvaluateDatabaseExpressions(subjects=1).measure(lambda text: None)
    assert [row["expression"] for row in found.tables["expressions"]] == [
        name for name in EXPRESSIONS if EXPRESSIONS[name]
    ]
    assert len(found.verdicts) == 6
    assert not found.missed


@pytest.mark.parametrize("subjects", [0, 10_000])
def test_more_subjects_than_there_are_or_none_are_refused(subjects):
    with pytest.raises(MienError, match=f"{subjects} subjects: the test split has"):
        judge.EvaluateDatabaseExpressions(subjects=subjects).measure(lambda text: None)
