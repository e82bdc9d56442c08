"""Predicted against true error: the prediction fitted on synthetic scans, and tested on others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize
from scipy.stats import spearmanr

from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.core.errors import MienError
from mien.core.face import Template
from mien.geometry.closest import ClosestPoint
from mien.register.error_features import evidence
from mien.register.error_model import N_COLUMNS, N_RAMPS, TARGETS, ErrorModel, design
from mien.register.run import LinearFit, linear_fit, nonrigid_fit
from mien.synth.scans.synthetic_scan import Crop, Recipe, synthetic

CROPS: tuple[Crop, ...] = ("whole", "head", "face", "mask")
FITTED_SEED, HELD_OUT_SEED = 1000, 5000  # first of each; held-out scans are never fitted on
THINNED = 3  # every third vertex is taken: neighbours tell the same
RIDGE = 1e-3
BINS = 12


@dataclass(frozen=True)
class Sample:
    """One registered synthetic scan: the model's columns and the true errors (mm) at its seen vertices."""

    seed: int
    recipe: Recipe
    columns: Float[np.ndarray, "N C"]
    true: dict[str, Float[np.ndarray, " N"]]


@dataclass(frozen=True)
class Reliability:
    """Bins of equal count by predicted error (mm): means of both, 10th and 90th percentile of the true one.

    `correlation` is Spearman's over all vertices, `within_two` the share whose true error is less than twice
    what was predicted.
    """

    target: str
    predicted: Float[np.ndarray, " B"]
    true: Float[np.ndarray, " B"]
    low: Float[np.ndarray, " B"]
    high: Float[np.ndarray, " B"]
    correlation: float
    within_two: float


def draw_recipe(seed: int) -> Recipe:
    """What scan `seed` of the calibration suffers: from a clean scan to a bad one."""
    rng = np.random.default_rng([seed, 404])
    rough = rng.random()
    return Recipe(
        triangles=int(10 ** rng.uniform(3.6, 4.8)),
        identity=rng.uniform(0.6, 1.2),
        outside_model=rng.uniform(0.0005, 0.002),
        detail=rng.uniform(0.0003, 0.0012),
        expression=rng.uniform(0.0, 0.8),
        noise=0.001 * rng.random() ** 2 if rough > 0.3 else 0.00005,
        bumps=0.0004 * rng.random() if rough > 0.5 else 0.0,
        holes=int(rng.integers(0, 16)),
        hole=rng.uniform(0.008, 0.03),
        clutter=int(rng.integers(0, 5)),
        hair=rng.uniform(0.003, 0.02) if rng.random() < 0.5 else 0.0,
        crop=CROPS[rng.choice(4, p=[0.4, 0.2, 0.2, 0.2])],
        eyes=bool(rng.random() < 0.7),
        landmark_noise=rng.uniform(0.0005, 0.003),
    )


def register_samples(
    template: Template, seeds: Iterable[int], progress: Callable[[str], None] = lambda _: None
) -> Iterator[Sample]:
    """Registers the synthetic scans of these seeds; one that is refused is left out."""
    for seed in seeds:
        progress(f"calibration scan {seed}")
        made = synthetic(template, seed, draw_recipe(seed))
        try:
            fit = linear_fit(template, made.prepared, lambda _: None)
        except MienError:
            continue
        fitted = nonrigid_fit(template, fit, lambda _: None)
        yield make_sample(template, fit, fitted, made.truth, seed)


def make_sample(
    template: Template,
    fit: LinearFit,
    fitted: Float[np.ndarray, "S 3"],
    truth: Float[np.ndarray, "V 3"],
    seed: int,
) -> Sample:
    """The columns and true errors of a fit, at the template's size, over the skin that a scanner sees."""
    skin, size = fit.skin, fit.head.pose.scale
    found = evidence(skin, fitted, fit.start, fit.surface, fit.bare, size)
    chosen = np.flatnonzero(skin.measured > 0.5)[::THINNED]
    true = measure_true_errors(fitted, truth[skin.index], skin.triangles, chosen)
    scaled = {name: MILLIMETRES_PER_METRE / size * error for name, error in true.items()}
    return Sample(seed, draw_recipe(seed), design(template, skin, found.features, chosen), scaled)


def measure_true_errors(
    fitted: Float[np.ndarray, "S 3"],
    truth: Float[np.ndarray, "S 3"],
    triangles: Int[np.ndarray, "G 3"],
    chosen: Int[np.ndarray, " N"],
) -> dict[str, Float[np.ndarray, " N"]]:
    """Distance off the true surface, and along it from where each vertex belongs (the vertices' unit)."""
    off = ClosestPoint(truth, triangles).query(fitted[chosen]).distance
    whole = np.linalg.norm(fitted[chosen] - truth[chosen], axis=1)
    return {"off_surface": off, "slip": np.sqrt(np.maximum(whole**2 - off**2, 0.0))}


def fit_error_model(training: list[Sample], held_out: list[Sample]) -> ErrorModel:
    """Fits every target's weights, and notes how well they hold on the other scans."""
    columns = np.concatenate([s.columns for s in training])
    weights = {t: fit_weights(columns, np.concatenate([s.true[t] for s in training])) for t in TARGETS}
    model = ErrorModel(weights, {})
    provenance: dict[str, object] = {
        "fitted_on": f"{len(training)} synthetic scans, seeds {training[0].seed} to {training[-1].seed}",
        "tested_on": f"{len(held_out)} others, seeds {held_out[0].seed} to {held_out[-1].seed}",
    }
    for target in TARGETS:
        found = measure_reliability(model, held_out, target)
        provenance[target] = {
            "spearman": round(found.correlation, 3),
            "within_twice": round(found.within_two, 3),
            "predicted_mm": [round(float(v), 3) for v in found.predicted],
            "true_mm": [round(float(v), 3) for v in found.true],
        }
    return ErrorModel(weights, provenance)


def fit_weights(columns: Float[np.ndarray, "N C"], true: Float[np.ndarray, " N"]) -> Float[np.ndarray, " C"]:
    """Maximum likelihood of a gamma distribution with mean exp(columns @ w), ramps' weights not negative.

    McCullagh and Nelder, Generalized Linear Models (1989), chapter 8; with a small ridge.
    """

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        eta = np.clip(columns @ w, -8.0, 5.0)
        ratio = true * np.exp(-eta)
        gradient = columns.T @ (1.0 - ratio) / len(true) + 2 * RIDGE * w
        return float(np.mean(ratio + eta) + RIDGE * w @ w), gradient

    bounds = [(0.0, None)] * N_RAMPS + [(None, None)] * (N_COLUMNS - N_RAMPS)
    start = np.zeros(columns.shape[1])
    start[-1] = np.log(true.mean())
    return minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B", options={"maxiter": 600}).x


def measure_reliability(model: ErrorModel, scans: list[Sample], target: str, bins: int = BINS) -> Reliability:
    """How the predictions hold on these scans."""
    predicted = np.concatenate([model.expected(s.columns, target) for s in scans])
    true = np.concatenate([s.true[target] for s in scans])
    groups = np.array_split(np.argsort(predicted, kind="stable"), bins)
    return Reliability(
        target,
        np.array([predicted[g].mean() for g in groups]),
        np.array([true[g].mean() for g in groups]),
        np.array([np.percentile(true[g], 10) for g in groups]),
        np.array([np.percentile(true[g], 90) for g in groups]),
        float(spearmanr(predicted, true)[0]),
        float((true < 2.0 * predicted).mean()),
    )
