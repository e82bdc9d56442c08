"""The error map: colours mean what the bar says, grey means not measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mien.core.face import Registration
from mien.sheets.error_map import _GREY, TILE, Scale, _table, error_map
from mien.template.load import load_template


@pytest.fixture(scope="module")
def registration() -> Registration:
    template = load_template()
    n = len(template.vertices)
    skin = template.vertex_mask("face", "head")
    error = np.where(skin, 0.1, np.nan)
    return Registration(
        template.vertices,
        template.vertices,
        np.zeros(1),
        np.zeros(52),
        np.zeros(n),
        np.ones(n),
        {},
        None,
        error,
    )


def head_pixels(picture: np.ndarray, row: int = 0) -> np.ndarray:
    """The middle of the first tile of a row: cheeks and nose."""
    width, height = TILE
    top = 62 + row * (height + 62 + 24) + height // 2
    return picture[top : top + 20, 24 + width // 2 - 40 : 24 + width // 2 + 40].reshape(-1, 3).astype(float)


def test_far_is_darker_than_near_and_unmeasured_is_grey(registration: Registration) -> None:
    template = load_template()
    n = len(template.vertices)
    near, far, nothing = (
        head_pixels(error_map(template, replace(registration, distance_mm=np.full(n, d))))
        for d in (0.0, 0.9, np.nan)
    )
    assert near.mean() > far.mean() + 30
    assert np.ptp(nothing.mean(axis=0)) < 8
    assert np.ptp(near.mean(axis=0)) > 40


def test_confidence_has_its_own_row(registration: Registration) -> None:
    template = load_template()
    doubted = replace(registration, confidence=np.zeros(len(template.vertices)))
    sure, unsure = error_map(template, registration), error_map(template, doubted)
    np.testing.assert_array_equal(head_pixels(sure, 0), head_pixels(unsure, 0))
    assert head_pixels(sure, 1).mean() > head_pixels(unsure, 1).mean() + 40


def test_the_scale_runs_evenly_and_ends(registration: Registration) -> None:
    scale = Scale(_table(14, 0.97, 0.10), 0.0, 1.0, ())
    colours = scale(np.array([0.0, 0.5, 1.0, 7.0, np.nan]))
    np.testing.assert_array_equal(colours[2], colours[3])
    np.testing.assert_array_equal(colours[4], _GREY)
    lightness = scale(np.linspace(0, 1, 50)) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) <= 1e-6).all()
    again = error_map(load_template(), registration)
    np.testing.assert_array_equal(again, error_map(load_template(), registration))
