import numpy as np
import pytest

from mien.core.conventions import linear_to_lab, linear_to_srgb
from mien.synth.skin import biophysics
from mien.synth.skin.biophysics import SkinComposition, colour, linear_srgb, reflectance, typology_angle


def test_a_white_reflectance_is_white_and_black_black():
    np.testing.assert_allclose(linear_srgb(np.ones(31)), 1.0, atol=1e-9)
    np.testing.assert_allclose(linear_srgb(np.zeros(31)), 0.0, atol=1e-12)
    np.testing.assert_allclose(linear_to_lab(np.ones(3)), [100.0, 0.0, 0.0], atol=1e-6)


def test_the_observer_and_the_light_give_the_whitepoint_of_srgb():
    weights = biophysics._observer() * biophysics._D65[:, None]
    xyz = weights.sum(axis=0) / weights[:, 1].sum()
    np.testing.assert_allclose(xyz, [0.9505, 1.0, 1.0891], atol=0.02)


def test_melanin_darkens_and_blood_reddens():
    melanin = np.geomspace(0.003, 0.45, 20)
    lab = linear_to_lab(colour(SkinComposition(melanin, 0.02)))
    assert (np.diff(lab[:, 0]) < 0).all()
    blood = np.linspace(0.002, 0.08, 20)
    lab = linear_to_lab(colour(SkinComposition(0.02, blood)))
    assert (np.diff(lab[:, 1]) > 0).all()


def test_the_range_of_tones_is_that_of_people():
    lightest, darkest = typology_angle(colour(SkinComposition(np.array([0.003, 0.40]), 0.02)))
    assert lightest > 55
    assert darkest < -60


def test_haemoglobin_shows_its_bands():
    light = reflectance(SkinComposition(0.01, 0.03, oxygenation=1.0))
    at = {int(w): r for w, r in zip(biophysics.WAVELENGTHS, light, strict=True)}
    assert at[540] < at[560] > at[580]  # the two bands of oxyhaemoglobin, and the gap between them
    blue = reflectance(SkinComposition(0.01, 0.03, oxygenation=0.2))
    assert blue[24] < light[24]  # at 640 nm blood without oxygen is darker: bluish


def test_layers_are_energy_preserving_and_compose():
    absorb, scatter = np.array([0.0, 0.5, 20.0]), np.array([40.0, 40.0, 40.0])
    with np.errstate(invalid="ignore", divide="ignore"):
        back, through = biophysics._layer(absorb[1:], scatter[1:], np.array(0.01))
    assert (back + through < 1).all()
    twice = biophysics._layer(absorb[1:], scatter[1:], np.array(0.02))
    np.testing.assert_allclose(twice[1], through**2 / (1 - back**2), rtol=1e-9)
    thick = biophysics._layer(absorb[1:], scatter[1:], np.array(5.0))[0]
    np.testing.assert_allclose(thick, biophysics._endless(absorb[1:], scatter[1:]), rtol=1e-6)


def test_places_broadcast():
    grid = colour(SkinComposition(np.full((4, 5), 0.02), 0.02))
    assert grid.shape == (4, 5, 3)
    np.testing.assert_allclose(grid[2, 3], colour(SkinComposition(0.02, 0.02)))
    red, green, blue = linear_to_srgb(grid[0, 0])
    assert red > green > blue


def test_reddish_melanin_is_warmer():
    black, red = (linear_to_lab(colour(SkinComposition(0.03, 0.02, pheomelanin=p))) for p in (0.0, 1.0))
    hue = [np.degrees(np.arctan2(lab[2], lab[1])) for lab in (black, red)]
    assert red[2] != pytest.approx(black[2])
    assert hue[1] != pytest.approx(hue[0])
