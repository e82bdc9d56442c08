"""Where the measurement ends at hair."""

from dataclasses import replace

import igl
import numpy as np
import pytest

from mien.bake.colour import bake_colour, tile_of
from mien.bake.colour_confidence import colour_trust, hairy_zone, skin_index, skin_triangles, sure_form
from mien.bake.hairline import beyond_face, hair_line
from mien.bake.lid_texels import lid_skin
from mien.bake.skin_prior import tone_colour
from mien.core.conventions import linear_to_srgb, srgb_to_linear
from mien.core.face import PreparedScan
from mien.core.mesh import Scan
from mien.template.load import load_template

TEMPLATE = load_template()
SURE = np.where(TEMPLATE.vertex_mask("face", "head"), 1.0, 0.0)
NONE = np.zeros(len(TEMPLATE.vertices))
HAIR_LINE = 0.075  # metres of height on the template: where the shade begins


def line(light: np.ndarray, spread: np.ndarray = NONE) -> np.ndarray:
    return hair_line(TEMPLATE, TEMPLATE.vertices, light, spread, SURE, hairy_zone(TEMPLATE))


def test_even_skin_is_all_skin_whatever_its_tone():
    for light in (-3.0, -0.5):
        np.testing.assert_allclose(line(np.full(len(NONE), light)), 1.0, atol=1e-9)


def test_the_same_light_at_another_exposure_gives_the_same():
    light = np.random.default_rng(0).normal(-1, 0.3, len(NONE))
    np.testing.assert_allclose(line(light), line(light - 1.0), atol=1e-6)


def test_dark_hair_goes_and_brows_stay():
    light = np.full(len(NONE), -1.0)
    scalp, brow = TEMPLATE.regions["scalp"] > 0.9, TEMPLATE.regions["brow_left"] > 0.9
    light[scalp | brow] = -2.5
    found = line(light)
    assert found[scalp].max() < 0.01
    assert found[brow].min() > 0.9
    assert found[beyond_face(TEMPLATE) == 0].min() == pytest.approx(1.0)


def test_strands_over_skin_go_where_hair_grows():
    spread = np.where(TEMPLATE.regions["scalp"] > 0.9, 0.5, 0.03)
    found = line(np.full(len(NONE), -1.0), spread)
    assert found[TEMPLATE.regions["scalp"] > 0.9].max() < 0.01
    assert found[TEMPLATE.regions["nose"] > 0.9].min() > 0.99


def test_shade_on_sure_form_is_kept_and_hair_is_not():
    light = np.full(len(NONE), -1.0)
    top = TEMPLATE.vertices[:, 1] > HAIR_LINE - 0.01
    light[top] = -1.45
    shaded = hair_line(TEMPLATE, TEMPLATE.vertices, light, NONE, SURE, hairy_zone(TEMPLATE), SURE)
    beyond = top & (beyond_face(TEMPLATE) > 0.99) & (SURE > 0)
    assert np.median(line(light)[beyond]) < 0.2
    assert np.median(shaded[beyond]) > 0.9
    light[top] = -2.5
    hair = hair_line(TEMPLATE, TEMPLATE.vertices, light, NONE, SURE, hairy_zone(TEMPLATE), SURE)
    assert np.median(hair[beyond]) < 0.01


def test_form_is_sure_where_bare_and_followed_but_not_on_the_scalp():
    form = sure_form(TEMPLATE, SURE, SURE)
    assert form is not None
    assert form[TEMPLATE.regions["neck"] > 0.9].min() == 1.0
    assert form[TEMPLATE.regions["scalp"] > 0.9].max() == 0.0
    assert sure_form(TEMPLATE, SURE, 0.2 * SURE).max() == 0.0
    assert sure_form(TEMPLATE, None, SURE) is None


def test_shaded_neck_stays_where_the_form_is_sure_and_a_green_collar_does_not():
    linear = np.tile(tone_colour(0.25), (len(NONE), 1))
    neck = TEMPLATE.regions["neck"] > 0.95
    linear[neck] *= 0.45
    known = SURE > 0
    assert colour_trust(TEMPLATE, linear, known, SURE)[neck].max() < 0.5
    assert colour_trust(TEMPLATE, linear, known, SURE, SURE)[neck].min() > 0.9
    linear[neck] = srgb_to_linear(np.array([0.6, 0.9, 0.7]))
    assert colour_trust(TEMPLATE, linear, known, SURE, SURE)[neck].max() < 0.01


@pytest.mark.parametrize("tone", [0.1, 0.8])
def test_eyeball_on_a_lid_is_refused_and_shaded_lids_are_kept(tone):
    skin = tone_colour(tone)
    linear = np.tile(skin, (len(NONE), 1))
    assert lid_skin(TEMPLATE, TEMPLATE.vertices, linear, NONE, SURE).min() > 0.99
    rim = TEMPLATE.vertices[TEMPLATE.regions["eye_rim_left"] > 0.5]
    away = np.linalg.norm(TEMPLATE.vertices[:, None] - rim[None], axis=2).min(axis=1)
    near = (away < 0.003) & (SURE > 0)
    linear[near] = 0.7 * skin
    assert lid_skin(TEMPLATE, TEMPLATE.vertices, linear, NONE, SURE)[near].min() > 0.8
    linear[near] = 0.55  # white of the eye
    found = lid_skin(TEMPLATE, TEMPLATE.vertices, linear, NONE, SURE)
    assert found[near].max() < 0.05
    assert found[away > 0.01].min() == 1.0


def test_no_dark_rim_is_left_at_hair_that_begins_gradually():
    """Skin that darkens to hair over 25 mm: nothing baked is much darker than skin and scalp themselves."""
    vertices, triangles = igl.loop(
        TEMPLATE.vertices[skin_index(TEMPLATE)], skin_triangles(TEMPLATE).astype(np.int64), 1
    )
    dark = np.clip((vertices[:, 1] - HAIR_LINE) / 0.025, 0, 1)
    linear = tone_colour(0.25) * np.exp(-3.0 * dark)[:, None]
    scan = Scan("hair", vertices, triangles.astype(np.int64), vertex_colours=linear_to_srgb(linear))
    landmarks = TEMPLATE.landmarks.on(TEMPLATE.vertices, TEMPLATE.topology)
    shaded = PreparedScan(scan, np.eye(4), landmarks, np.ones(68), "metres")
    bald = replace(shaded, scan=replace(scan, vertex_colours=linear_to_srgb(linear * 0 + tone_colour(0.25))))
    tile = tile_of(TEMPLATE, "face", 128)
    height = tile.at_texels(TEMPLATE.vertices)[:, 1]
    around = np.abs(height - HAIR_LINE) < 0.03
    found = bake_colour(TEMPLATE, TEMPLATE.vertices, shaded, 128).face_albedo.pixels[tile.covered][around]
    truth = bake_colour(TEMPLATE, TEMPLATE.vertices, bald, 128).face_albedo.pixels[tile.covered][around]
    ratio = np.log(srgb_to_linear(found)).mean(axis=1) - np.log(srgb_to_linear(truth)).mean(axis=1)
    assert np.quantile(ratio, 0.01) > -0.4
    assert np.abs(np.median(ratio)) < 0.1
