"""What tells of what: known shares are found, noise tells nothing, and limits follow from the distribution."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mien.evaluate.measures.effects import standardise
from mien.evaluate.measures.predictability import (
    estimate_attribute_limits,
    flatten_numbers,
    measure_attribute_prediction,
    measure_explained_share,
    predict_by_ridge,
    tabulate_features,
)
from mien.synth.distributions import distribution_rows
from mien.synth.subject import draw_subject


def test_a_known_share_is_found_and_noise_tells_nothing():
    rng = np.random.default_rng(0)
    known = rng.standard_normal((4000, 5))
    values = known @ rng.standard_normal((5, 3))
    values /= values.std(axis=0)
    mixed = 0.8 * values + 0.6 * rng.standard_normal(values.shape)
    assert measure_explained_share(known, mixed, 3000) == pytest.approx(0.64, abs=0.05)
    assert abs(measure_explained_share(rng.standard_normal((4000, 5)), mixed, 3000)) < 0.02
    np.testing.assert_allclose(predict_by_ridge(known, values, 3000), values[3000:], atol=0.05)


def test_more_numbers_than_people_do_not_hurt():
    rng = np.random.default_rng(1)
    known = rng.standard_normal((120, 300))
    assert measure_explained_share(known, rng.standard_normal((120, 2)), 80) > -0.15


def test_attributes_written_into_numbers_are_read_from_them():
    people = [draw_subject(2, i) for i in range(300)]
    rng = np.random.default_rng(1)
    told = 0.05 * rng.standard_normal((300, 4))
    told[:, 0] += [(p.age - 49) / 18 for p in people]
    told[:, 1] += [3 * (p.sex - 0.5) for p in people]
    read = measure_attribute_prediction(told, people, 200)
    assert read["age_share"] > 0.95
    assert read["sex_accuracy"] > 0.95
    assert read["tone_share"] < 0.2
    blind = measure_attribute_prediction(rng.standard_normal((300, 4)), people, 200)
    assert blind["age_share"] < 0.15
    assert blind["sex_accuracy"] < 0.65


def test_limits_follow_from_the_joint_distribution():
    limits = estimate_attribute_limits(4000)
    assert 0.3 < limits["nothing"]["ancestry_accuracy"] < 0.4
    assert 0.5 < limits["ancestry"]["tone_share"] < 0.85
    assert limits["tone"]["ancestry_accuracy"] > limits["nothing"]["ancestry_accuracy"] + 0.2
    assert limits["ancestry"]["tone_error_ita"] < limits["nothing"]["tone_error_ita"]


def test_drawn_people_keep_to_their_targets_and_others_are_noticed():
    people = [draw_subject(5, i) for i in range(1500)]
    for row in distribution_rows(people):
        assert row["off"] < row["by_chance"], row
    darker = [replace(p, tone=p.tone**1.4, age=18 + 0.9 * (p.age - 18)) for p in people]
    off = {row["attribute"] for row in distribution_rows(darker) if row["off"] > row["by_chance"]}
    assert {"age, years", "tone, ITA", "Monk tone"} <= off


def test_numbers_of_people():
    people = [draw_subject(5, i) for i in range(20)]
    known = tabulate_features(people)
    assert len(known) == 20
    assert np.isfinite(known).all()
    assert len(flatten_numbers({"a": 1.0, "b": 2.0})) == 2
    constant = np.stack([np.ones(20), np.arange(20.0)], axis=1)
    np.testing.assert_allclose(standardise(constant).std(axis=0), [1.0])
