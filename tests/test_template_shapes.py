"""The 52 shapes that ship: symmetric, sided without leaks, lids on the eyeballs, lips that seal."""

from __future__ import annotations

import numpy as np
import pytest

from mien.anatomy.gaze import LOOK_DEGREES, look_rotation
from mien.anatomy.parts import placed_eyeball
from mien.core.conventions import SHAPE_INDEX, SHAPE_NAMES, mirrored_shape
from mien.core.face import Template
from mien.geometry.align import fit_similarity
from mien.rigging import quality
from mien.rigging.rig import Rig
from mien.template.load import load_template

STEP = 2e-6  # metres: shapes ship as 16-bit steps of their largest component


@pytest.fixture(scope="module")
def template() -> Template:
    return load_template()


@pytest.fixture(scope="module")
def rig(template: Template) -> Rig:
    return Rig.on(template)


def shape(template: Template, name: str) -> np.ndarray:
    return template.shapes[SHAPE_INDEX[name]]


@pytest.mark.parametrize("name", SHAPE_NAMES)
def test_each_shape_moves_and_is_the_mirror_image_of_its_twin(template, name):
    offsets = shape(template, name)
    twin = shape(template, mirrored_shape(name))[template.mirror] * [-1.0, 1.0, 1.0]
    assert np.abs(offsets).max() > 1e-3
    skin = template.vertex_mask("face", "head", "mouth_socket", "eye_socket_left", "eye_socket_right")
    np.testing.assert_allclose(offsets[skin], twin[skin], atol=STEP)


def test_nothing_leaks_across_the_midline(template, rig):
    assert max(quality.leakage(template, rig).values()) <= 0.02


def test_left_and_right_add_up_to_a_symmetric_shape(template, rig):
    assert max(quality.halves_residual(template, rig).values()) <= 0.02


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_blink_closes(template, rig, side):
    gap = quality.blink_gap(template, rig, side) * 1e3
    assert -0.3 <= gap.min() <= gap.max() <= 0.3


@pytest.mark.parametrize("stem", ["eyeBlink", "eyeWide", "eyeSquint", *LOOK_DEGREES])
def test_lids_stay_on_the_eyeball(template, rig, stem):
    distance = quality.lid_to_ball(template, rig, {f"{stem}Left": 1.0}, "left") * 1e3
    assert distance.min() >= -0.01
    assert distance.max() <= 0.3


def test_no_eyeball_pokes_through_a_closed_lid(template, rig):
    eye = placed_eyeball(template, rig.neutral, "left")
    posed = rig.neutral + shape(template, "eyeBlinkLeft")
    face = template.vertex_mask("face")
    near = face & (np.linalg.norm(rig.neutral - eye.centre, axis=1) < 0.02)
    ahead = near & (rig.neutral[:, 2] > eye.centre[2] + 0.004)
    assert eye.clearance(posed[ahead]).min() > -0.05e-3


def test_lips_seal_over_the_open_jaw(template, rig):
    gap = quality.lip_seal(template, rig) * 1e3
    assert -0.3 <= gap.min() <= gap.max() <= 0.3


def test_no_shape_drives_the_lips_through_each_other(template, rig):
    assert max(quality.lip_crossing(template, rig).values()) <= 0.3


def test_the_quality_can_fail(template, rig):
    broken = template.shapes.copy()
    broken[SHAPE_INDEX["eyeBlinkLeft"]] *= 0.8
    broken[SHAPE_INDEX["mouthClose"]] *= 1.1
    broken[SHAPE_INDEX["mouthSmileLeft"]] += 1e-4
    worse = Rig.on(template, rig.neutral, broken)
    report = quality.rig_quality(template, worse)
    assert report["blink_gap_max_left"] > 1.0
    assert report["lip_seal_min"] < -1.0
    assert report["leakage_max"] > 0.1


@pytest.mark.parametrize("name", ["jawOpen", "jawLeft", "jawRight", "jawForward"])
def test_the_lower_jaw_moves_rigidly(template, name):
    rows = template.vertex_mask("teeth_lower", "gums_lower")
    rest = template.vertices[rows]
    moved = rest + shape(template, name)[rows]
    rigid = fit_similarity(rest, moved, with_scale=False)
    np.testing.assert_allclose(rigid(rest), moved, atol=5e-6)
    assert (shape(template, name)[template.vertex_mask("teeth_upper", "gums_upper")] == 0).all()


def test_the_jaw_joint_opens_like_the_shape(template):
    hinge = next(joint.position for joint in template.joints if joint.name == "jaw")
    rows = template.vertex_mask("teeth_lower")
    arm = template.vertices[rows] - hinge
    moved = arm + shape(template, "jawOpen")[rows]
    turn = fit_similarity(arm, moved, with_scale=False)
    angle = np.degrees(np.arccos((np.trace(turn.rotation) - 1) / 2))
    assert 20 <= angle <= 27
    np.testing.assert_allclose(arm @ turn.rotation.T, moved, atol=0.2e-3)


@pytest.mark.parametrize("stem", list(LOOK_DEGREES))
def test_eyes_turn_about_their_joint(template, stem):
    for side in ("Left", "Right"):
        centre = next(j.position for j in template.joints if j.name == f"eye_{side.lower()}")
        rows = template.vertex_mask(f"eye_{side.lower()}", f"cornea_{side.lower()}")
        arm = template.vertices[rows] - centre
        turned = arm @ look_rotation(stem + side).T - arm
        np.testing.assert_allclose(shape(template, stem + side)[rows], turned, atol=STEP)


def test_gaze_goes_where_its_name_says():
    ahead = np.array([0.0, 0.0, 1.0])
    assert (look_rotation("eyeLookUpLeft") @ ahead)[1] > 0.3
    assert (look_rotation("eyeLookDownRight") @ ahead)[1] < -0.3
    assert (look_rotation("eyeLookInLeft") @ ahead)[0] < -0.3
    assert (look_rotation("eyeLookOutLeft") @ ahead)[0] > 0.3
    assert (look_rotation("eyeLookInRight") @ ahead)[0] > 0.3
    assert (look_rotation("eyeLookOutRight") @ ahead)[0] < -0.3


def test_joint_weights_are_a_partition(template):
    assert (template.joint_weights >= 0).all()
    np.testing.assert_allclose(template.joint_weights.sum(axis=1), 1.0, atol=1e-6)
