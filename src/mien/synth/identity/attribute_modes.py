"""Attributes as weights of the basis's attribute modes (MakeHuman's macro targets)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

ANCESTRIES = ("african", "asian", "caucasian")
SEXES = ("female", "male")
AGES = ("young", "old")
BUILDS = ("averageweight", "maxweight", "minweight")
_YOUNG, _OLD = 25.0, 90.0  # years at which the source's targets stand


def attribute_weights(
    age: float, sex: float, ancestry: Float[np.ndarray, "3"], weight: float
) -> Float[np.ndarray, "24"]:
    """Weights of the 12 ancestry x sex x age targets, then of the 12 sex x age x build targets.

    Multilinear: each group of 12 sums to 1. `age` in years, `sex` 0 female to 1 male, `weight` 0 lean to 1.
    """
    old = float(np.clip((age - _YOUNG) / (_OLD - _YOUNG), 0.0, 1.0))
    sexes, ages = np.array([1 - sex, sex]), np.array([1 - old, old])
    heavy, lean = max(0.0, 2 * weight - 1), max(0.0, 1 - 2 * weight)
    builds = np.array([1 - heavy - lean, heavy, lean])
    people = np.einsum("a,s,y->asy", ancestry, sexes, ages)
    bodies = np.einsum("s,y,b->syb", sexes, ages, builds)
    return np.concatenate([people.ravel(), bodies.ravel()])


def mean_attribute_weights() -> Float[np.ndarray, "24"]:
    """The weights of the mean young adult, from which offsets are counted."""
    return attribute_weights(_YOUNG, 0.5, np.full(3, 1 / 3), 0.5)
