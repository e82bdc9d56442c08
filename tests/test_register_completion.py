"""Skin beside hair is completed smoothly, ears are laid on the scan's, what measures both measures right."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.conventions import SHAPE_INDEX, shape_weights
from mien.core.mesh import Scan
from mien.evaluate.correspondence import locate_on_template, measure_spread
from mien.evaluate.expression_removal import describe_weights, make_posed_scan
from mien.register.ears import placed_ears
from mien.register.fitted_skin import FittedSkin, template_skin
from mien.register.hair import ear_zone, outer_zone
from mien.register.repair import completed
from mien.register.scan_surface import ScanSurface, scan_surface
from mien.template.load import load_template


@pytest.fixture(scope="module")
def skin() -> FittedSkin:
    return template_skin(load_template())


def test_what_was_seen_stays_and_a_dent_in_what_was_not_is_filled(skin: FittedSkin) -> None:
    template = load_template()
    scalp = template.regions["scalp"][skin.index] > 0.99
    crown = skin.rest[np.flatnonzero(scalp)[skin.rest[scalp, 1].argmax()]]
    dent = np.exp(-((np.linalg.norm(skin.rest - crown, axis=1) / 0.008) ** 2))
    fitted = skin.rest - 0.004 * dent[:, None] * [0, 1, 0]
    zone = outer_zone(template, skin)
    np.testing.assert_allclose(completed(skin, fitted, skin.rest, np.ones(skin.n), zone), fitted, atol=2e-5)
    unseen = np.where(np.linalg.norm(skin.rest - crown, axis=1) < 0.03, 0.0, 1.0)
    filled = completed(skin, fitted, skin.rest, unseen, zone)
    assert np.abs(filled - skin.rest).max() < 2e-4
    on_the_face = completed(skin, fitted, skin.rest, unseen, np.zeros(skin.n))
    np.testing.assert_allclose(on_the_face, fitted, atol=2e-5)


def _surface(skin: FittedSkin, vertices: np.ndarray) -> ScanSurface:
    seen = skin.triangles[(skin.measured[skin.triangles] > 0.5).all(axis=1)]
    face = load_template().landmarks.on(load_template().vertices, load_template().topology)[27:].mean(axis=0)
    return scan_surface(Scan("ears", vertices, seen), vertices, 0.03, face)


def test_ears_are_laid_on_turned_and_larger_ears(skin: FittedSkin) -> None:
    template = load_template()
    ear = template.regions["ear_left"][skin.index] > 0.5
    root = skin.rest[ear].mean(axis=0)
    larger = skin.rest.copy()
    larger[ear] = root + (skin.rest[ear] - root) * [1.0, 1.12, 1.05] + [0.001, -0.003, 0.002]
    surface = _surface(skin, larger)
    placed = placed_ears(template, skin, surface, skin.rest, np.ones(skin.n), 1.0)
    before = np.linalg.norm(skin.rest - larger, axis=1)[ear]
    after = np.linalg.norm(placed - larger, axis=1)[ear]
    assert np.median(after) < 0.25 * np.median(before)
    far = np.linalg.norm(skin.rest - root, axis=1) > 0.07
    right = template.regions["ear_right"][skin.index] > 0
    assert np.abs(placed - skin.rest)[far & ~right].max() < 1e-4


def test_ears_under_hair_stay(skin: FittedSkin) -> None:
    template = load_template()
    hidden = 1.0 - ear_zone(template, skin)
    surface = _surface(skin, skin.rest + [0.0, 0.003, 0.0])
    np.testing.assert_array_equal(placed_ears(template, skin, surface, skin.rest, hidden, 1.0), skin.rest)


def test_a_posed_scan_knows_its_neutral() -> None:
    template = load_template()
    smile, frown = make_posed_scan(template, "smile", 3), make_posed_scan(template, "frown", 3)
    np.testing.assert_allclose(smile.neutral, frown.neutral, atol=1e-12)
    assert smile.expression[SHAPE_INDEX["mouthSmileLeft"]] == pytest.approx(0.9)
    moved = np.linalg.norm(smile.truth - smile.neutral, axis=1)
    assert moved.max() > 0.005


def test_weights_are_said_once_for_even_sides() -> None:
    words = describe_weights(shape_weights({"mouthSmileLeft": 0.5, "mouthSmileRight": 0.52, "jawOpen": 0.3}))
    assert words == "jawOpen 0.30, mouthSmile 0.51"
    assert describe_weights(shape_weights({"eyeBlinkRight": 0.4})) == "eyeBlinkRight 0.40"
    assert describe_weights(np.zeros(52)) == "none"


def test_spread_of_one_place_is_nought_and_of_two_is_theirs() -> None:
    template = load_template()
    skin = template_skin(template)
    points = skin.rest[(skin.measured > 0.99)][::50]
    places = locate_on_template(template, template.vertices, points)
    assert measure_spread(template, np.array([places, places]))["spread_median_mm"] == 0.0
    apart = np.array([places, places + [0.001, 0.0, 0.0]])
    assert measure_spread(template, apart)["spread_median_mm"] == pytest.approx(1.0 / np.sqrt(2.0), rel=1e-6)
    assert np.isnan(locate_on_template(template, template.vertices, points + 0.05)).any()
