import numpy as np
import pytest

from mien.synth.skin.dynamic import (
    blood_factor,
    expression_blood,
    expression_relief,
    face_and_head_triangles,
    shape_strain,
    strain_of,
    wrinkle_patterns,
)
from mien.synth.skin.expressed import dynamic_skin, strain_in
from mien.synth.skin.fast import albedo_256
from mien.synth.skin.layout import layout
from mien.synth.skin.look import draw_look
from mien.synth.subject import draw_subject


@pytest.fixture(scope="module")
def face():
    return layout("face")


def test_strain_of_a_known_stretch_is_exact(face):
    points, triangles = face.template.vertices, face_and_head_triangles(face)
    used = np.unique(triangles)
    still = strain_of(points, points, triangles, face.tension)
    for values in (still.area, still.along, still.across):
        np.testing.assert_allclose(values[used], 0, atol=1e-7)
    grown = strain_of(points, 1.2 * points, triangles, face.tension)
    np.testing.assert_allclose(grown.area[used], 2 * np.log(1.2), atol=1e-6)
    np.testing.assert_allclose(grown.across[used], np.log(1.2), atol=1e-6)


def test_a_flat_sheet_stretched_one_way_is_stretched_that_way():
    points = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0.0]])
    triangles = np.array([[0, 1, 2], [0, 2, 3]])
    tension = np.tile([1.0, 0, 0], (4, 1))
    strain = strain_of(points, points * [1.5, 0.8, 1], triangles, tension)
    np.testing.assert_allclose(strain.along, np.log(1.5))
    np.testing.assert_allclose(strain.across, np.log(0.8))
    np.testing.assert_allclose(strain.area, np.log(1.2))


def test_blood_leaves_stretched_skin_and_gathers_in_what_is_pushed_together(face):
    look = draw_look(draw_subject(1, 18))
    points, triangles = face.template.vertices, face_and_head_triangles(face)
    used = np.unique(triangles)
    tight = expression_blood(strain_of(points, 1.15 * points, triangles, face.tension), look)[used]
    slack = expression_blood(strain_of(points, 0.9 * points, triangles, face.tension), look)[used]
    assert (tight < -0.05).all()
    assert np.median(tight) < -0.15
    assert (slack > 0.02).all()
    assert np.median(slack) > 0.1
    redder = blood_factor(np.array([0.4]), look)[0]
    assert redder[1] < redder[0] < 1.0  # more blood takes green first


def test_raised_brows_wrinkle_the_forehead_and_only_it(face):
    old, young = draw_look(draw_subject(1, 12)), draw_look(draw_subject(1, 26))
    strain = shape_strain(face, {"browInnerUp": 1.0, "browOuterUpLeft": 1.0, "browOuterUpRight": 1.0})
    at = face.grid.at_texels(face.grid.points)
    rows, columns = face.grid.cells
    heights = {}
    for name, look in (("old", old), ("young", young)):
        change = expression_relief(face, look, strain, wrinkle_patterns(face, look, 512))
        assert (change <= 0).all()
        heights[name] = change[2 * rows, 2 * columns]
    forehead = (at[:, 1] > 28) & (at[:, 1] < 60) & (np.abs(at[:, 0]) < 35) & (at[:, 2] > 0)
    chin = at[:, 1] < -85
    assert heights["old"][forehead].min() < -0.05  # millimetres
    assert np.abs(heights["old"][chin]).max() < 0.01
    assert heights["old"][forehead].mean() < 1.5 * heights["young"][forehead].mean()


def test_rest_changes_nothing(face):
    look = draw_look(draw_subject(1, 12))
    strain = shape_strain(face, {"jawOpen": 0.0})
    assert not expression_relief(face, look, strain, wrinkle_patterns(face, look, 256)).any()
    np.testing.assert_allclose(expression_blood(strain, look), 0, atol=1e-6)


def test_maps_at_rest_are_the_neutrals_and_an_expression_changes_them(face):
    look = draw_look(draw_subject(1, 12))
    skin = dynamic_skin(look, albedo_256(look), displacement=True)
    rest = shape_strain(face, {"jawOpen": 0.0})
    np.testing.assert_array_equal(skin.albedo_in(rest), skin.albedo)
    np.testing.assert_array_equal(skin.displacement_in(rest), skin.displacement)
    raised = shape_strain(face, {"browInnerUp": 1.0, "browOuterUpLeft": 1.0, "browOuterUpRight": 1.0})
    deeper = skin.displacement - skin.displacement_in(raised)
    assert deeper.min() > -1e-6  # millimetres
    plain = -expression_relief(face, look, raised, skin.patterns)  # over a finer square
    covered = face.grid.covered
    assert np.corrcoef(deeper[covered], plain[covered])[0, 1] > 0.97
    assert deeper[covered].mean() == pytest.approx(plain[covered].mean(), rel=0.1)
    assert np.abs(skin.albedo_in(raised).astype(int) - skin.albedo).max() > 4


def test_a_skin_alone_is_strained_as_with_the_rest_of_the_head(face):
    points = face.template.vertices
    offset = 1e-3 * np.random.default_rng(0).standard_normal(points.shape)
    skin = int(face_and_head_triangles(face).max()) + 1
    whole, alone = strain_in(points, offset), strain_in(points[:skin], offset[:skin])
    np.testing.assert_array_equal(whole.area, alone.area)
    assert np.abs(whole.area).max() > 0.01
