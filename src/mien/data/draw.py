"""What a subject's neutral head is made of: weights of the basis's modes, drawn from the subject's stream."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mien.data.attributes import attribute_weights, mean_attribute_weights
from mien.data.basis import Axis, Basis
from mien.data.looks import looks
from mien.data.subject import Subject
from mien.data.traits import Rule

# Standard deviation of a feature axis' weight (1 = the whole target), by folder. The light stage's modes
# already hold real people's faces: single features only add what 100 modes cut off. Ears, neck and skull
# are hardly in them and vary more.
FEATURE_SIGMA = {
    "head": 0.05, "nose": 0.10, "eyes": 0.08, "mouth": 0.09, "chin": 0.09, "cheek": 0.09, "ears": 0.19,
    "forehead": 0.08, "neck": 0.14, "eyebrows": 0.08, "asym": 0.05,
}  # fmt: skip
UNEVEN = 0.3  # of a feature's deviation, drawn for either side on its own
DRIVEN_ALONE = ("head/head-fat-incr", "head/head-age-incr")
DRIVEN: dict[str, Rule] = {
    "head/head-fat-incr": Rule(weight=0.9),
    "head/head-age-incr": Rule(age=0.35),
    "head/head-square": Rule(male=0.12),
    "head/head-oval": Rule(male=-0.15),
    "neck/neck-double-incr": Rule(weight=0.45, age=0.3, base=-0.05),
    "neck/measure-neck-circ-incr": Rule(male=0.35, muscle=0.3, weight=0.35),
    "eyes/l-eye-epicanthus-out": Rule(asian=-0.65),
    "eyes/l-eye-eyefold-convex": Rule(asian=0.4),
    "eyes/l-eye-bag-incr": Rule(age=0.35),
    "eyes/l-eye-scale-incr": Rule(male=-0.13),
    "nose/nose-width3-incr": Rule(african=0.35, asian=0.1, european=-0.15),
    "nose/nose-hump-incr": Rule(european=0.1),
    "nose/nose-scale-vert-incr": Rule(male=0.1, age=0.06),
    "nose/nose-scale-depth-incr": Rule(male=0.15),
    "nose/nose-volume-incr": Rule(male=0.2),
    "mouth/mouth-upperlip-volume-incr": Rule(african=0.35, male=-0.15, age=-0.3),
    "mouth/mouth-lowerlip-volume-incr": Rule(african=0.3, male=-0.12, age=-0.25),
    "chin/chin-width-incr": Rule(male=0.38),
    "chin/chin-height-incr": Rule(male=0.12),
    "chin/chin-prominent-incr": Rule(male=0.15, african=-0.15),
    "cheek/l-cheek-bones-incr": Rule(asian=0.25),
    "cheek/l-cheek-volume-incr": Rule(weight=0.35),
    "eyebrows/eyebrows-trans-forward": Rule(male=0.15),
    "eyebrows/eyebrows-trans-up": Rule(base=0.08, male=-0.35, age=-0.2),
    "ears/l-ear-scale-incr": Rule(male=0.08, age=0.25),
    "ears/l-ear-lobe-incr": Rule(age=0.35),
    "head/head-back-scale-depth-incr": Rule(asian=-0.15, african=0.1),
    "forehead/forehead-nubian-incr": Rule(male=-0.2),
}
STAGE_SPREAD = 0.88  # of the light stage's own deviations: single features and traits add to them
REST_SHARE = 0.55  # of what attribute targets hold beyond the light stage: it looks like their mannequin
SEX_EMPHASIS, ANCESTRY_EMPHASIS = 1.3, 1.15  # ridge regression shortens what the targets ask
_LIMIT = 2.4  # standard deviations


@dataclass(frozen=True)
class HeadWeights:
    """Weights of `Basis.stage`, `Basis.attributes` and `Basis.features`."""

    stage: Float[np.ndarray, " K"]
    attributes: Float[np.ndarray, "24"]
    features: Float[np.ndarray, " F"]


def draw_weights(
    basis: Basis, subject: Subject, rng: np.random.Generator, spread: float = 1.0
) -> HeadWeights:
    """One draw; `spread` scales how far this person strays from what the attributes suggest."""
    shown = looks(subject)
    given = suggested(shown)
    own = np.clip(rng.standard_normal(len(basis.stage)), -_LIMIT, _LIMIT)
    stage = given @ basis.attribute_stage + STAGE_SPREAD * spread * basis.spread @ own
    normal = np.clip(rng.standard_normal((len(basis.axes), 3)), -_LIMIT, _LIMIT) * spread
    features = np.zeros(len(basis.features))
    for axis, (common, *sides) in zip(basis.axes, normal.tolist(), strict=True):
        rule = DRIVEN.get(axis.name)
        driven = rule.mean(shown) if rule else 0.0
        _add_feature(features, axis, driven, common, sides)
    return HeadWeights(stage, REST_SHARE * given, features)


def suggested(subject: Subject) -> Float[np.ndarray, "24"]:
    """Attribute weights of this subject from the mean young adult's, differences emphasised."""
    third = 1.0 / 3.0
    ancestry = third + ANCESTRY_EMPHASIS * (np.array(subject.ancestry) - third)
    sex = 0.5 + SEX_EMPHASIS * (subject.sex - 0.5)
    return attribute_weights(subject.age, sex, ancestry, subject.weight) - mean_attribute_weights()


def _add_feature(features: np.ndarray, axis: Axis, driven: float, common: float, sides: list[float]) -> None:
    sigma = 0.0 if axis.name in DRIVEN_ALONE else FEATURE_SIGMA[axis.name.split("/")[0]]
    paired = max(len(axis.plus), len(axis.minus)) == 2
    for k in range(2 if paired else 1):
        own = common * (1 - UNEVEN**2) ** 0.5 + sides[k] * UNEVEN if paired else common
        value = driven + sigma * own
        ends = axis.plus if value > 0 else axis.minus
        if ends:
            features[ends[k]] += abs(value)
