"""The expected error: monotone, determined by known cases, read strictly."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from mien.core.assets import asset_path
from mien.evaluate.measures.expected_error import (
    BINS,
    Sample,
    draw_recipe,
    fit_weights,
    measure_reliability,
    measure_true_errors,
)
from mien.register.confidence import confidence_of, error_at
from mien.register.error_features import FEATURES, scan_quality
from mien.register.error_model import (
    ASSET,
    KNOTS,
    N_COLUMNS,
    N_RAMPS,
    TARGETS,
    ErrorModel,
    column_names,
    design,
    error_model,
    read_error_model,
    write_error_model,
)
from mien.register.fitted_skin import template_skin
from mien.synth.scans.synthetic_scan import cropped
from mien.template.load import load_template

RNG = np.random.default_rng


def sheet(n: int = 60, spacing: float = 0.002) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(np.arange(n) * spacing, np.arange(n) * spacing)
    vertices = np.stack([x.ravel(), y.ravel(), 0.02 * np.sin(x.ravel() / 0.03)], axis=1)
    i = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)).ravel()
    return vertices, np.concatenate([np.stack([i, i + 1, i + n + 1], 1), np.stack([i, i + n + 1, i + n], 1)])


@pytest.mark.parametrize("noise", [0.0, 0.0002, 0.001])
def test_noise_is_told_from_form(noise: float) -> None:
    vertices, triangles = sheet()
    rough = vertices + noise * RNG(0).normal(size=(len(vertices), 1)) * [0.0, 0.0, 1.0]
    spacing, found = scan_quality(rough, triangles)
    inner = np.abs(vertices[:, :2] - 0.059).max(axis=1) < 0.05
    assert np.median(found[inner]) == pytest.approx(noise, rel=0.35, abs=0.00004)
    assert 0.0019 < np.median(spacing[inner]) < 0.0035


def test_the_model_that_ships_never_falls_when_a_feature_grows() -> None:
    template = load_template()
    skin = template_skin(template)
    model = error_model()
    calm = np.tile([1.0, 0.03, 0.0, 1.0, 0.03, 0.5, 0.005, 0.1], (skin.n, 1))
    for target in TARGETS:
        least = model.expected(design(template, skin, calm), target)
        for name in FEATURES:
            worse = calm.copy()
            worse[:, FEATURES.index(name)] = 0.0 if name == "measured" else 50.0
            assert (model.expected(design(template, skin, worse), target) >= least - 1e-12).all()
    assert least.shape == (skin.n,)


def test_columns_are_named_and_ramps_stay_within_bounds() -> None:
    template = load_template()
    skin = template_skin(template)
    wild = RNG(1).normal(size=(skin.n, len(FEATURES))) * 100
    chosen = np.arange(0, skin.n, 50)
    columns = design(template, skin, wild, chosen)
    assert columns.shape == (len(chosen), N_COLUMNS)
    assert columns[:, :N_RAMPS].min() >= 0.0
    assert columns[:, :N_RAMPS].max() <= 1.0
    assert len(column_names()) == N_COLUMNS == len(set(column_names()))
    assert sum(len(k) - 1 for _, k in KNOTS.values()) == N_RAMPS


def test_weights_of_a_known_model_are_found_again() -> None:
    rng = RNG(2)
    columns = np.concatenate([rng.random((20_000, N_COLUMNS - 1)), np.ones((20_000, 1))], axis=1)
    truth = np.zeros(N_COLUMNS)
    truth[[0, 5, N_RAMPS, -1]] = 1.0, 2.0, -1.0, -2.0
    mean = np.exp(columns @ truth)
    found = fit_weights(columns, mean * rng.gamma(2.0, 0.5, len(mean)))
    assert found[:N_RAMPS].min() >= 0.0
    np.testing.assert_allclose(np.exp(columns @ found).mean(), mean.mean(), rtol=0.03)
    assert np.abs(columns @ (found - truth)).mean() < 0.1


def test_reliability_of_a_perfect_and_of_a_wrong_model() -> None:
    rng = RNG(3)
    columns = np.concatenate([rng.random((6000, N_COLUMNS - 1)), np.ones((6000, 1))], axis=1)
    weights = np.zeros(N_COLUMNS)
    weights[0], weights[-1] = 3.0, -2.0
    true = np.exp(columns @ weights) * rng.gamma(4.0, 0.25, 6000)
    scan = Sample(0, draw_recipe(0), columns, dict.fromkeys(TARGETS, true))
    good = measure_reliability(ErrorModel(dict.fromkeys(TARGETS, weights), {}), [scan], "slip")
    np.testing.assert_allclose(good.true, good.predicted, rtol=0.1)
    assert len(good.true) == BINS
    assert (good.low < good.true).all()
    assert (good.true < good.high).all()
    doubled = weights.copy()
    doubled[-1] -= np.log(2)  # half of what is true
    bad = measure_reliability(ErrorModel(dict.fromkeys(TARGETS, doubled), {}), [scan], "slip")
    assert (bad.true > 1.7 * bad.predicted).all()
    assert bad.within_two < good.within_two


def test_true_errors_are_split_into_off_and_along() -> None:
    vertices, triangles = sheet()
    flat = vertices * [1.0, 1.0, 0.0]
    chosen = np.flatnonzero(np.abs(flat[:, :2] - 0.059).max(axis=1) < 0.05)
    true = measure_true_errors(flat + [0.0003, 0.0004, 0.001], flat, triangles, chosen)
    np.testing.assert_allclose(true["off_surface"], 0.001, atol=1e-12)
    np.testing.assert_allclose(true["slip"], 0.0005, atol=1e-12)


def test_confidence_is_undone() -> None:
    errors = np.linspace(0.01, 3.0, 50)
    confidence = confidence_of(errors)
    assert (np.diff(confidence) < 0).all()
    assert confidence_of(np.zeros(1))[0] == 1.0
    np.testing.assert_allclose([error_at(float(c)) for c in confidence], errors, rtol=1e-9)


def test_a_model_for_other_columns_is_refused(tmp_path) -> None:
    held = json.loads(asset_path(ASSET).read_text())
    held["columns"][0] = "something else"
    (tmp_path / "m.json").write_text(json.dumps(held))
    with pytest.raises(ValueError, match="build_assets expected_error"):
        read_error_model(tmp_path / "m.json")
    write_error_model(tmp_path / "n.json", error_model())
    again = read_error_model(tmp_path / "n.json")
    for target in TARGETS:
        np.testing.assert_allclose(again.weights[target], error_model().weights[target], atol=1e-4)


def test_recipes_differ_and_repeat() -> None:
    assert draw_recipe(1) == draw_recipe(1)
    assert len({draw_recipe(k).crop for k in range(40)}) == 4
    assert replace(draw_recipe(1), holes=0) != draw_recipe(2)


def test_crops_nest() -> None:
    template = load_template()
    landmarks = template.landmarks.on(template.vertices, template.topology)
    head = template.vertices[: template.part("face").vertices.stop]
    kept = [cropped(head, landmarks, crop).sum() for crop in ("whole", "head", "face", "mask")]
    assert kept[0] == len(head)
    assert kept == sorted(kept, reverse=True)
    assert kept[-1] > 1000
