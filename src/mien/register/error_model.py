"""From what is known about a vertex to the error that it is expected to have.

A generalised linear model with a logarithmic link: mean error = exp(b + sum_i w_i h_i), where the h_i are
ramps from 0 to 1 between neighbouring knots of a feature. Ramps have w_i >= 0, so that the error never falls
when a feature grows; regions of the head have a factor of their own. The weights are fitted to scans with
known truth by `mien.evaluate.measures.expected_error` and ship in `assets/expected_error.json`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mien.core.assets import asset_path
from mien.core.face import Template
from mien.register.error_features import FEATURES
from mien.register.fitted_skin import FittedSkin

ASSET = "expected_error.json"
TARGETS = ("off_surface", "slip")

# Where each feature's slope may change (mm, shares, log ratios), and what is added before the logarithm is
# taken (None: linear). "measured" counts down: it is a doubt. Chosen by eye; the weights are fitted.
KNOTS: dict[str, tuple[float | None, tuple[float, ...]]] = {
    "doubt": (None, (0.0, 0.1, 0.3, 0.6, 1.0)),
    "distance": (0.02, (0.02, 0.05, 0.1, 0.2, 0.5, 1.5, 6.0)),
    "gap": (2.0, (0.0, 2.0, 6.0, 15.0, 40.0, 100.0)),
    "spacing": (0.3, (0.7, 1.5, 3.0, 6.0, 12.0)),
    "noise": (0.02, (0.02, 0.06, 0.15, 0.4, 1.0)),
    "moved": (1.0, (0.0, 0.7, 1.5, 3.0, 8.0)),
    "stretch": (None, (0.0, 0.01, 0.02, 0.05, 0.12)),
    "uncovered": (None, (0.0, 0.2, 0.4, 0.7, 1.0)),
    "unlike": (None, (0.3, 0.6, 1.0, 1.6)),
}
# Regions that have a factor of their own; both sides where there are two.
REGIONS = (
    "ear",
    "scalp",
    "neck",
    "lips",
    "nose",
    "nostrils",
    "upper_lid",
    "lower_lid",
    "forehead",
    "cheek",
    "chin",
)
N_RAMPS = sum(len(knots) - 1 for _, knots in KNOTS.values())
N_COLUMNS = N_RAMPS + len(REGIONS) + 1


@dataclass(frozen=True)
class ErrorModel:
    """Weights of `design`'s columns by target (`TARGETS`), and where they come from."""

    weights: dict[str, Float[np.ndarray, " C"]]
    provenance: dict[str, object]

    def expected(self, columns: Float[np.ndarray, "N C"], target: str) -> Float[np.ndarray, " N"]:
        """Mean error in millimetres at the template's size."""
        return np.exp(np.clip(columns @ self.weights[target], -8.0, 5.0))


def design(
    template: Template, skin: FittedSkin, features: Float[np.ndarray, "S F"], chosen: np.ndarray | None = None
) -> Float[np.ndarray, "N C"]:
    """The model's columns for the skin's vertices (or the `chosen` ones): ramps, regions, one."""
    chosen = np.arange(skin.n) if chosen is None else chosen
    known = dict(zip(FEATURES, features[chosen].T, strict=True))
    known["doubt"] = 1.0 - known.pop("measured")
    known["unlike"] = np.full(len(chosen), unlikeness(skin, features))
    ramps = [ramp for name, (shift, knots) in KNOTS.items() for ramp in _ramps(known[name], shift, knots)]
    regions = [_region(template, name)[skin.index[chosen]] for name in REGIONS]
    return np.stack([*ramps, *regions, np.ones(len(chosen))], axis=1)


def unlikeness(skin: FittedSkin, features: Float[np.ndarray, "S F"]) -> float:
    """How far this person is from the linear model where measured: the median of "moved" there (mm)."""
    measured = (features[:, FEATURES.index("measured")] > 0.5) & (skin.measured > 0.5)
    moved = features[:, FEATURES.index("moved")]
    return float(np.median(moved[measured])) if measured.any() else np.inf


@lru_cache(maxsize=1)
def error_model() -> ErrorModel:
    """The model that ships."""
    return read_error_model(asset_path(ASSET))


def read_error_model(path: Path) -> ErrorModel:
    """A model from JSON; one made for other features or knots raises `ValueError`."""
    held = json.loads(path.read_text())
    if held["columns"] != column_names():
        raise ValueError(
            f"{path.name}: made for other columns; run python -m tools.build_assets expected_error"
        )
    weights = {target: np.array(held["weights"][target]) for target in TARGETS}
    return ErrorModel(weights, held["provenance"])


def write_error_model(path: Path, model: ErrorModel) -> None:
    """The model as JSON."""
    weights = {target: [round(float(w), 4) for w in model.weights[target]] for target in TARGETS}
    held = {"columns": column_names(), "weights": weights, "provenance": model.provenance}
    path.write_text(json.dumps(held, indent=1) + "\n")


def column_names() -> list[str]:
    """A name for each of `design`'s columns."""
    ramps = [f"{name} {a:g}-{b:g}" for name, (_, k) in KNOTS.items() for a, b in pairwise(k)]
    return [*ramps, *REGIONS, "one"]


def _ramps(values: np.ndarray, shift: float | None, knots: tuple[float, ...]) -> list[np.ndarray]:
    at = np.array(knots)
    if shift is not None:
        values, at = np.log(np.maximum(values, 0.0) + shift), np.log(at + shift)
    return [np.clip((values - a) / (b - a), 0.0, 1.0) for a, b in pairwise(at)]


def _region(template: Template, name: str) -> Float[np.ndarray, " V"]:
    """A region's weight, both sides together; zero where the template has none of that name."""
    sides = [template.regions[n] for n in (name, f"{name}_left", f"{name}_right") if n in template.regions]
    return np.max(sides, axis=0) if sides else np.zeros(template.topology.n_vertices)
