"""MakeHuman's attribute and feature targets as offsets of the skin's cage."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mien.synth.identity.attribute_modes import AGES, ANCESTRIES, BUILDS, SEXES
from tools.build_data_basis.rigid import without_rigid
from tools.build_template.random_heads import HeadGenerator
from tools.build_template.source import Source
from tools.build_template.types import Skin

# Targets that follow body weight and age and are never drawn on their own: (minus, plus).
_DRIVEN_ALONE = (
    (("head/head-fat-decr",), ("head/head-fat-incr",)),
    (("head/head-age-decr",), ("head/head-age-incr",)),
)


@dataclass(frozen=True)
class Axis:
    """A feature: rows of `FeatureTargets.modes` at its minus and its plus end, one a side (or one)."""

    name: str
    minus: tuple[int, ...]
    plus: tuple[int, ...]


@dataclass(frozen=True)
class FeatureTargets:
    """Modes (K, V, 3) at full weight and the axes that use them."""

    modes: Float[np.ndarray, "K V 3"]
    axes: tuple[Axis, ...]


def attribute_targets(skin: Skin, source: Source) -> Float[np.ndarray, "24 V 3"]:
    """The macro targets in the order of `attribute_weights`, rigid motion removed."""
    paths = [f"macrodetails/{a}-{s}-{y}" for a, s, y in itertools.product(ANCESTRIES, SEXES, AGES)]
    paths += [
        f"macrodetails/universal-{s}-{y}-averagemuscle-{b}"
        for s, y, b in itertools.product(SEXES, AGES, BUILDS)
    ]
    return without_rigid(np.stack([skin.from_source(source.target(path)) for path in paths]), skin)


def feature_targets(skin: Skin, source: Source) -> FeatureTargets:
    """All feature axes; left and right targets apart, so that a face may be a little uneven."""
    names: dict[str, int] = {}
    axes = []
    for minus, plus in [ends[1:] for ends in HeadGenerator(source).features] + list(_DRIVEN_ALONE):
        ends = [tuple(names.setdefault(path, len(names)) for path in end) for end in (minus, plus)]
        axes.append(Axis((plus or minus)[0], *ends))
    modes = np.stack([skin.from_source(source.target(path)) for path in names])
    return FeatureTargets(modes, tuple(axes))
