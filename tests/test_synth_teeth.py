"""Teeth of one's own: they stay apart, behind the lips' side of the row, and wear with age."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from mien.synth.identity.teeth import JAWS, ToothForm, shape_teeth, shaped, tooth_rows
from mien.synth.subject import draw_subject
from mien.template.load import load_template


@pytest.fixture(scope="module")
def template():
    return load_template()


def _plain(**change):
    zero = np.zeros(8)
    return replace(ToothForm(zero, zero, zero, zero, 0.0), **change)


def _inside(teeth):
    """Vertices that lie within the hull of a tooth beside their own, of the front teeth of one row."""
    planes = [ConvexHull(tooth).equations for tooth in teeth[:6]]
    pairs = [(a, b) for a in range(6) for b in (a - 1, a + 1) if 0 <= b < 6]
    return sum(int((teeth[b] @ planes[a][:, :3].T + planes[a][:, 3] < 0).all(axis=1).sum()) for a, b in pairs)


def test_rows_run_from_the_middle_outward_and_face_the_lips():
    for jaw in JAWS:
        for side, row in zip((1, -1), tooth_rows(jaw), strict=True):
            assert row.rows.shape == (8, 105)
            assert side * row.axes[0, 0, 0] > 0.9  # along the row: to the subject's own side
            assert row.axes[0, 1, 2] > 0.9  # outward: to the front
            assert side * row.axes[5, 1, 0] > 0.5  # and to the cheek
            assert 4.5 < row.width[0] < 9.5


def test_no_form_of_its_own_moves_nothing():
    np.testing.assert_allclose(shaped(tooth_rows("upper")[0], _plain()), 0.0, atol=1e-12)


def test_widths_trade_places_and_a_gap_is_as_wide_as_told():
    row = tooth_rows("upper")[0]
    wider = np.array([0.1, -0.1, 0, 0, 0, 0, 0, 0])
    moved = np.einsum("tkd,tad->tka", shaped(row, _plain(wider=wider, gap=1.2)), row.axes)[..., 0]
    place = row.local[..., 0] + moved
    assert place[0].min() - row.local[0, :, 0].min() == pytest.approx(0.6, abs=0.06)  # half of it a side
    ends = np.array([place[k].max() - row.local[k, :, 0].max() for k in (0, 5)])
    assert ends[0] > 0.3
    assert abs(ends[1]) < 0.05  # the sixth tooth ends where it did
    assert not moved[6:].any()


def test_teeth_stay_apart_and_behind_the_lips(template):
    head = template.vertices.astype(np.float32)
    crossed = {jaw: _inside(head[tooth_rows(jaw)[0].rows] * 1e3) for jaw in JAWS}
    for index in (0, 3, 39):
        own = shape_teeth(template, draw_subject(1, index), head)
        for jaw in JAWS:
            for row in tooth_rows(jaw):
                assert _inside(own[row.rows] * 1e3) <= crossed[jaw] + 3  # of 630
                step = np.einsum("tkd,td->tk", (own - head)[row.rows] * 1e3, row.axes[:, 1])
                assert step.max() < 0.6  # millimetres outward, a turned tooth's corner
        others = ~template.vertex_mask("teeth_upper", "teeth_lower")
        np.testing.assert_array_equal(own[others], head[others])


def test_teeth_are_the_subjects_own_and_wear_with_age(template):
    head = template.vertices.astype(np.float32)
    one = draw_subject(1, 3)
    own = shape_teeth(template, one, head)
    np.testing.assert_array_equal(own, shape_teeth(template, one, head))
    assert np.abs(own - shape_teeth(template, draw_subject(1, 4), head)).max() > 0.2e-3
    edge = tooth_rows("upper")[0].rows[0]
    old, young = (shape_teeth(template, replace(one, age=age), head)[edge, 1].min() for age in (80.0, 20.0))
    assert 0.2e-3 < old - young < 2e-3


def test_moved_heads_have_moved_teeth(template):
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    head = template.vertices
    one = draw_subject(1, 5)
    moved = shape_teeth(template, one, 1.1 * head @ turn.T)
    np.testing.assert_allclose(moved, 1.1 * shape_teeth(template, one, head) @ turn.T, atol=1e-7)
