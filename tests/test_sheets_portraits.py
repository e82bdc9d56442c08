"""Portraits of the database's people: scale, gaze, expression maps."""

import numpy as np
import pytest

from mien.anatomy.gaze import LOOK_DEGREES
from mien.core.conventions import EXPRESSIONS
from mien.sheets.person import gaze_toward, show_person
from mien.sheets.portraits import GROUND, HEAD, face_portrait_frame, labelled, portrait_camera, portraits
from mien.synth.person import SyntheticPerson
from mien.template.load import load_template


@pytest.fixture(scope="module")
def person():
    return SyntheticPerson.draw(2, 11, 256)


@pytest.mark.parametrize("yaw", [-30.0, 0.0, 18.0])
@pytest.mark.parametrize("size", [0.9, 1.1])
def test_eyes_lie_at_one_place_and_scale_is_the_same_for_everybody(yaw, size):
    template = load_template()
    head = size * template.vertices
    camera = portrait_camera(head, 300, 330, yaw)
    eyes = template.landmarks.on(head, template.topology)[36:48].mean(axis=0)
    raised = np.stack([eyes, eyes + [0.0, 0.01, 0.0]])
    pixels, _ = camera.project(raised)
    wanted = 330 * HEAD.above / (HEAD.above + HEAD.below)
    assert pixels[0, 1] == pytest.approx(wanted, abs=4)
    assert pixels[0, 1] - pixels[1, 1] == pytest.approx(330 * 0.01 / (HEAD.above + HEAD.below), rel=0.08)


def test_a_face_frame_holds_the_open_jaw(person):
    rest = person.whole.neutral.astype(np.float64)
    camera = portrait_camera(rest, 100, 120, 0.0, face_portrait_frame(rest))
    opened = person.pose(EXPRESSIONS["jawOpen"])
    template = load_template()
    chin = template.landmarks.on(opened, template.topology)[8:9]
    pixels, _ = camera.project(chin)
    assert 80 < pixels[0, 1] < 120


def test_both_eyes_turn_to_the_camera(person):
    for yaw in (-20.0, 18.0):
        weights = gaze_toward(yaw, 5.0)
        assert all(0 < weight <= 1 for weight in weights.values())
        turned, rest = person.pose(weights), person.whole.neutral
        template = load_template()
        for side in ("left", "right"):
            rows = template.part(f"cornea_{side}").vertices
            front = rest[rows, 2].argmax()
            moved = (turned - rest)[rows][front]
            assert np.sign(moved[0]) == np.sign(yaw)
            assert moved[1] > 0
    assert gaze_toward(2 * LOOK_DEGREES["eyeLookIn"])["eyeLookInRight"] == 1.0
    assert gaze_toward(0.0) == {}


def test_an_expression_changes_colour_and_folds_the_face(person):
    rest, smiling = show_person(person), show_person(person, EXPRESSIONS["smile"])
    still = show_person(person, EXPRESSIONS["smile"], dynamic=False)
    face = [m.name for m in rest.surface.materials].index("face")
    colours = [s.surface.materials[face].albedo.level(0) for s in (rest, smiling, still)]
    assert np.abs(colours[1] - colours[0]).max() > 0.02
    np.testing.assert_array_equal(colours[2], colours[0])
    bumps = [s.surface.materials[face].normal.level(0) for s in (rest, smiling, still)]
    assert np.abs(bumps[1] - bumps[0]).max() > 0.02
    np.testing.assert_array_equal(bumps[2], bumps[0])


def test_a_portrait_is_skin_on_an_even_ground_and_the_same_again(person):
    picture = portraits(person, (18.0,), (120, 132))[0]
    assert picture.shape == (132, 120, 3)
    ground = np.round(255 * np.array(GROUND))
    np.testing.assert_allclose(picture[3, 3], ground, atol=1)
    middle = picture[50:90, 40:80].reshape(-1, 3).mean(axis=0)
    assert middle[0] > middle[1] > middle[2] > ground[2]
    np.testing.assert_array_equal(picture, portraits(person, (18.0,), (120, 132))[0])


def test_labels_lie_beneath_their_tiles():
    tile = np.zeros((30, 40, 3), np.uint8)
    sheet = labelled([("one", tile), ("two", tile), ("three", tile)], 2)
    assert sheet.shape == (2 * 54, 80, 3)
    assert sheet[30:54, :40].max() > 120
    assert labelled([("", tile)] * 4, 2).shape == (60, 80, 3)
