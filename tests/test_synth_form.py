"""Folds as soft valleys, features that go together, and lips that meet."""

from __future__ import annotations

import numpy as np
import pytest

from mien.anatomy.contact.linear_lips import _AT_EASE, _LEFT_OPEN
from mien.synth.identity import apply_traits as form
from mien.synth.identity.basis import load_basis
from mien.synth.identity.fields import LineField
from mien.synth.identity.heads import head_maker
from mien.synth.identity.mode_weights import _EXTREME, _TOGETHER, _moderate
from mien.synth.identity.traits import LINES, LineTrait, Rule, Wave


def _profile(strength: float, along: float, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Height (mm) of a plain groove, 1 mm deep and 4.6 mm wide, over the way across it (mm)."""
    across = np.linspace(-20.0, 20.0, 801)
    out = np.zeros((len(across), 3), np.float32)
    normal = np.tile(np.array([0, 0, 1], np.float32), (len(across), 1))
    where = np.full(len(across), along, np.float32)
    field = LineField(
        np.arange(len(across)), where, (1e-3 * across).astype(np.float32), normal, np.roll(normal, 1, axis=1)
    )
    trait = LineTrait("groove", ((0.0, 0.0),), (1.0, 0.0), (Wave(0.0, 4.6, out=-1.0),), Rule())
    form._lay_line(out, trait, field, strength, numbers)
    return across, 1e3 * out[:, 2]


def _width(strength: float, along: float, share: float = 0.5) -> float:
    across, height = _profile(strength, along, np.zeros(14))
    inside = across[height < share * height.min()]
    return float(np.ptp(inside))


def test_a_deeper_valley_is_wider_and_dissolves_at_its_ends():
    assert _width(1.8, 0.5) > 1.2 * _width(0.4, 0.5)
    assert _width(1.0, 0.1) > 1.2 * _width(1.0, 0.5)
    depth = [-_profile(1.0, along, np.zeros(14))[1].min() for along in (0.0, 0.1, 0.25, 0.5, 0.8, 0.9, 1.0)]
    assert depth[3] == pytest.approx(1.0, abs=1e-3)
    assert depth[0] == depth[-1] == 0.0
    assert depth[1] < depth[2] < depth[3] > depth[4] > depth[5]


def test_no_two_stretches_of_a_line_are_equally_deep():
    numbers = np.random.default_rng(3).standard_normal((40, 14))
    middle, later = (np.array([-_profile(1.0, along, n)[1].min() for n in numbers]) for along in (0.38, 0.62))
    assert np.abs(np.log(later / middle)).mean() > 0.1


def test_the_deep_folds_are_nowhere_knife_cuts():
    """At full strength the grooves of folds are at least 4 mm wide where they are half a millimetre deep."""
    deep = ("nasolabial fold", "marionette line", "tear trough", "cheek crease", "neck ring 1")
    for trait in LINES:
        groove = min(trait.waves, key=lambda wave: wave.out)
        if trait.name in deep:
            strength = 1.9
            half = groove.width * np.sqrt(np.log(-groove.out * strength / 0.5))
            assert 2 * half > 4.0, trait.name
            assert min(trait.fade) >= 0.3


def test_single_features_level_off_and_a_part_stays_together():
    basis = load_basis()
    normal = 2.5 * np.random.default_rng(1).standard_normal((len(basis.axes), 3))
    calm = _moderate(basis, normal)
    assert np.abs(calm).max() < _EXTREME
    parts = np.array([axis.name.split("/")[0] for axis in basis.axes])
    for part in set(parts):
        assert np.sqrt((calm[parts == part] ** 2).mean()) <= _TOGETHER + 1e-9
    small = 0.05 * normal
    np.testing.assert_allclose(_moderate(basis, small), small, rtol=0.05)


def test_lips_at_rest_close_most_of_a_wide_opening():
    maker = head_maker(load_basis())
    lips = maker.seat.lips
    skin = maker.basis.mean.astype(np.float64)
    wide = np.full(len(lips.seam_upper), 2e-3)
    lips.move(skin, wide)
    before = lips.opening(skin)[10:-10]
    lips.close(skin)
    after = lips.opening(skin)[10:-10]
    expected = _AT_EASE + _LEFT_OPEN * (before - _AT_EASE)
    np.testing.assert_allclose(after, expected, atol=0.25e-3)
