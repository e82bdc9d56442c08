import numpy as np

from mien.data.biophysics import Skin, colour, lightness_ab
from mien.data.skin_table import BLOOD, MELANIN, made_of, table_colour

RNG = np.random.default_rng(0)
MADE = np.exp(RNG.uniform(np.log(MELANIN[0]), np.log(MELANIN[1]), 500))
BLED = np.exp(RNG.uniform(np.log(BLOOD[0]), np.log(BLOOD[1]), 500))


def test_the_table_is_the_formula():
    oxygen = RNG.uniform(0.4, 0.95, 500)
    exact = colour(Skin(MADE, BLED, oxygen))
    np.testing.assert_allclose(table_colour(MADE, BLED, oxygen), exact, atol=2e-3)


def test_beyond_its_ends_the_table_stays():
    ends = table_colour(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    inside = table_colour(np.array(MELANIN), np.array(BLOOD))
    np.testing.assert_allclose(ends, inside, atol=1e-6)


def test_colour_tells_what_skin_is_made_of():
    melanin = np.exp(RNG.uniform(np.log(0.005), np.log(0.25), 300))
    blood = np.exp(RNG.uniform(np.log(0.004), np.log(0.06), 300))
    found = made_of(colour(Skin(melanin, blood)))
    again = colour(Skin(*found))
    away = np.linalg.norm(lightness_ab(again) - lightness_ab(colour(Skin(melanin, blood))), axis=1)
    assert away.max() < 1.0  # a difference of 1 is hardly seen
    np.testing.assert_allclose(np.log(found[0]), np.log(melanin), atol=0.25)
