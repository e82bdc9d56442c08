"""The joint distribution of subjects, judged by its moments; and that subjects are functions of (seed, index)."""

from __future__ import annotations

import numpy as np
import pytest

from mien.synth.subject import AGE_RANGE, ancestry_means, draw_subject

COUNT = 4000


@pytest.fixture(scope="module")
def people():
    return [draw_subject(3, i) for i in range(COUNT)]


def _largest_gap_to_uniform(values: np.ndarray) -> float:
    """Kolmogorov and Smirnov's statistic against the even distribution on 0..1."""
    ordered = np.sort(values)
    steps = np.arange(1, len(ordered) + 1) / len(ordered)
    return float(max(np.abs(steps - ordered).max(), np.abs(steps - 1 / len(ordered) - ordered).max()))


def test_a_subject_is_a_function_of_seed_and_index():
    assert draw_subject(7, 41) == draw_subject(7, 41)
    assert draw_subject(7, 41) != draw_subject(7, 42)
    assert draw_subject(7, 41) != draw_subject(8, 41)


def test_streams_repeat_and_differ_by_facet_and_person():
    subject = draw_subject(1, 2)
    first = subject.stream("iris").random(4)
    np.testing.assert_array_equal(first, subject.stream("iris").random(4))
    assert not np.array_equal(first, subject.stream("brows").random(4))
    assert not np.array_equal(first, draw_subject(1, 3).stream("iris").random(4))


def test_tone_is_even_in_ita_and_on_the_monk_scale(people):
    low, high = -65.0, 68.0
    share = (np.array([p.ita for p in people]) - low) / (high - low)
    assert _largest_gap_to_uniform(share) < 1.63 / np.sqrt(COUNT)  # the 1 % point
    counts = np.bincount([p.monk for p in people], minlength=11)[1:]
    expected = COUNT / 10
    assert ((counts - expected) ** 2 / expected).sum() < 27.9  # chi squared, 9 degrees, 0.1 %


def test_age_is_even(people):
    share = (np.array([p.age for p in people]) - AGE_RANGE[0]) / (AGE_RANGE[1] - AGE_RANGE[0])
    assert _largest_gap_to_uniform(share) < 1.63 / np.sqrt(COUNT)


def test_ancestries_are_equally_represented_and_go_with_tone(people):
    shares = np.array([p.ancestry for p in people])
    tone = np.array([p.tone for p in people])
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, atol=1e-9)
    np.testing.assert_allclose(shares.mean(axis=0), 1 / 3, atol=0.03)
    african, asian, european = (np.corrcoef(tone, shares[:, k])[0, 1] for k in range(3))
    assert african > 0.5
    assert european < -0.5
    assert abs(asian) < 0.1
    middle = np.abs(tone - 0.5) < 0.1
    assert shares[middle, 1].mean() > shares[~middle, 1].mean()


def test_the_ancestry_weights_integrate_to_a_third():
    tones = np.linspace(0, 1, 20001)
    mean = np.mean([ancestry_means(t) for t in tones], axis=0)
    np.testing.assert_allclose(mean, 1 / 3, atol=1e-4)


def test_sex_has_two_equal_poles_and_depends_on_nothing(people):
    sex, age, tone = (np.array([getattr(p, name) for p in people]) for name in ("sex", "age", "tone"))
    assert abs((sex > 0.5).mean() - 0.5) < 0.03
    assert np.mean(np.abs(sex - 0.5) > 0.2) > 0.8
    for other in (age, tone):
        assert abs(np.corrcoef(sex, other)[0, 1]) < 0.05
    assert abs(np.corrcoef(age, tone)[0, 1]) < 0.05


def test_weight_peaks_in_the_fifties_and_muscle_goes_with_sex(people):
    age = np.array([p.age for p in people])
    weight, muscle = (np.array([getattr(p, name) for p in people]) for name in ("weight", "muscle"))
    fifties = (age > 50) & (age < 60)
    assert weight[fifties].mean() > weight[age < 25].mean() + 0.1
    assert weight[fifties].mean() > weight[age > 75].mean()
    assert np.corrcoef(muscle, [p.sex for p in people])[0, 1] > 0.3
    assert 0 < weight.min() < 0.2
    assert 0.8 < weight.max() < 1
