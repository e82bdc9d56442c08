"""How well one thing about a person predicts another: ridge regression, tested on unseen people.

A share is 1 - (squared error) / (variance): 0 for predicting the mean, 1 for predicting exactly. The ceiling
is what the person's attributes and trait strengths themselves would predict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass

import numpy as np
from jaxtyping import Float

from mien.synth.identity.apply_traits import trait_strengths
from mien.synth.identity.looks import looks
from mien.synth.subject import AGE_RANGE, DARKEST_ITA, LIGHTEST_ITA, Subject, draw_subject

_PENALTIES = np.geomspace(1e-5, 10.0, 13)  # times the largest squared singular value
_BINS = 60  # of tone, for how well tone predicts ancestry


def tabulate_attributes(subjects: Sequence[Subject]) -> Float[np.ndarray, "B 8"]:
    """Age, sex, tone, shares of ancestry (African, Asian, European), weight, muscle."""
    return np.array([[s.age, s.sex, s.tone, *s.ancestry, s.weight, s.muscle] for s in subjects])


def tabulate_features(subjects: Sequence[Subject]) -> Float[np.ndarray, "B F"]:
    """All that the generator's parts share about a person: attributes, their products, what of them
    shows in the face, trait strengths."""
    table = tabulate_attributes(subjects)
    unit = (table - table.mean(axis=0)) / np.maximum(table.std(axis=0), 1e-9)
    first, second = np.triu_indices(unit.shape[1])
    shown = tabulate_attributes([looks(s) for s in subjects])
    traits = np.array([list(trait_strengths(s).values()) for s in subjects])
    return np.concatenate([unit, unit[:, first] * unit[:, second], unit**3, shown, traits], axis=1)


def flatten_numbers(value: object) -> Float[np.ndarray, " F"]:
    """Every number of a dataclass, in the order of its fields; nested ones and dictionaries too."""
    if is_dataclass(value):
        parts = [flatten_numbers(getattr(value, f.name)) for f in fields(value) if f.name != "seed"]
        return np.concatenate(parts)
    if isinstance(value, dict):
        return np.array(list(value.values()), np.float64)
    return np.array([value], np.float64)


def predict_by_ridge(
    known: Float[np.ndarray, "B F"], values: Float[np.ndarray, "B T"], taught: int
) -> Float[np.ndarray, "M T"]:
    """Values of the people after the first `taught`, by ridge regression on what is known of them.

    The penalty is the one with the least leave-one-out error on the people trained on (in closed form, Hastie
    et al. 2009, eq. 7.64), chosen for each value on its own.
    """
    spread = known[:taught].std(axis=0)
    used = spread > 1e-9
    unit = (known[:, used] - known[:taught, used].mean(axis=0)) / spread[used]
    middle = values[:taught].mean(axis=0)
    u, s, vt = np.linalg.svd(unit[:taught], full_matrices=False)
    wanted = values[:taught] - middle
    along = u.T @ wanted
    best = np.full(values.shape[1], np.inf)
    weights = np.zeros((len(s), values.shape[1]))
    for penalty in _PENALTIES * s[0] ** 2:
        kept = s**2 / (s**2 + penalty)
        leverage = (u**2) @ kept + 1.0 / taught
        left_out = (wanted - u @ (kept[:, None] * along)) / np.maximum(1.0 - leverage, 1e-3)[:, None]
        error = (left_out**2).mean(axis=0)
        better = error < best
        best[better] = error[better]
        weights[:, better] = (kept / np.maximum(s, 1e-12))[:, None] * along[:, better]
    return unit[taught:] @ vt.T @ weights + middle


def measure_explained_share(
    known: Float[np.ndarray, "B F"], values: Float[np.ndarray, "B T"], taught: int
) -> float:
    """The share of all values' variance explained on unseen people; below 0 where worse than the mean."""
    asked = values[taught:]
    error = ((predict_by_ridge(known, values, taught) - asked) ** 2).sum()
    return float(1.0 - error / ((asked - values[:taught].mean(axis=0)) ** 2).sum())


def measure_attribute_prediction(
    known: Float[np.ndarray, "B F"], subjects: Sequence[Subject], taught: int
) -> dict[str, float]:
    """Age, sex, tone and main ancestry of unseen people: mean error or accuracy, and explained shares."""
    truth = tabulate_attributes(subjects)[:, :6]
    guess, asked = predict_by_ridge(known, truth, taught), truth[taught:]
    shares = 1.0 - ((guess - asked) ** 2).mean(axis=0) / asked.var(axis=0)
    return {
        "age_error_years": float(np.abs(guess[:, 0] - asked[:, 0]).mean()),
        "age_share": float(shares[0]),
        "sex_accuracy": float(((guess[:, 1] > 0.5) == (asked[:, 1] > 0.5)).mean()),
        "tone_error_ita": float(np.abs(guess[:, 2] - asked[:, 2]).mean() * (LIGHTEST_ITA - DARKEST_ITA)),
        "tone_share": float(shares[2]),
        "ancestry_accuracy": float((guess[:, 3:].argmax(axis=1) == asked[:, 3:].argmax(axis=1)).mean()),
    }


def estimate_attribute_limits(count: int = 40_000, seed: int = 0) -> dict[str, dict[str, float]]:
    """The best that the attributes' joint distribution allows when ancestry, or tone, or nothing is known.

    Form depends on age, sex, ancestry, weight and muscle, so it predicts tone as well as ancestry does;
    pigment depends on tone, so it predicts ancestry at least as well as tone does. With nothing known the
    guess is the mean.
    """
    table = tabulate_attributes([draw_subject(seed, index) for index in range(count)])
    tone, main = table[:, 2], table[:, 3:6].argmax(axis=1)
    error = tone - _local_mean(table[:, 3:5], tone)
    by_tone = np.minimum((tone * _BINS).astype(int), _BINS - 1)
    counts = np.zeros((_BINS, 3))
    np.add.at(counts, (by_tone, main), 1.0)
    range_of = LIGHTEST_ITA - DARKEST_ITA
    return {
        "nothing": {
            "age_error_years": (AGE_RANGE[1] - AGE_RANGE[0]) / 4,
            "sex_accuracy": float(max((table[:, 1] > 0.5).mean(), (table[:, 1] < 0.5).mean())),
            "tone_error_ita": range_of / 4,
            "ancestry_accuracy": float(np.bincount(main).max() / len(main)),
        },
        "ancestry": {
            "tone_error_ita": float(np.abs(error).mean() * range_of),
            "tone_share": float(1.0 - (error**2).mean() / tone.var()),
        },
        "tone": {"ancestry_accuracy": float(counts.max(axis=1).sum() / counts.sum())},
    }


def _local_mean(
    places: Float[np.ndarray, "B D"], values: Float[np.ndarray, " B"], nearest: int = 150
) -> Float[np.ndarray, " B"]:
    """The mean over each point's nearest others, itself left out: an estimate of the conditional mean."""
    from scipy.spatial import cKDTree

    _, index = cKDTree(places).query(places, k=nearest + 1)
    return values[index[:, 1:]].mean(axis=1)
