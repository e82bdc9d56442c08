"""What a subject's neutral head is made of: weights of the basis's modes, drawn from the subject's stream."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from mien.synth.identity.attribute_modes import attribute_weights, mean_attribute_weights
from mien.synth.identity.basis import Axis, SynthBasis
from mien.synth.identity.looks import looks
from mien.synth.identity.traits import Rule
from mien.synth.subject import Subject

# Standard deviation of a feature axis' weight (1 = the whole target), by folder. The light stage's modes
# already hold real people's faces: single features only add what 100 modes cut off. Ears, neck and skull
# are hardly in them and vary more.
FEATURE_SIGMA = {
    "head": 0.05, "nose": 0.065, "eyes": 0.065, "mouth": 0.072, "chin": 0.04, "cheek": 0.055, "ears": 0.15,
    "forehead": 0.13, "neck": 0.12, "eyebrows": 0.07, "asym": 0.045,
}  # fmt: skip
_YOUNG = 25.0  # years
UNEVEN = 0.3  # of a feature's deviation, drawn for either side on its own
DRIVEN_ALONE = ("head/head-fat-incr", "head/head-age-incr")
DRIVEN: dict[str, Rule] = {
    "head/head-fat-incr": Rule(weight=0.6),
    "head/head-age-incr": Rule(age=0.28),
    "head/head-square": Rule(male=0.12),
    "head/head-oval": Rule(male=-0.15),
    "neck/neck-double-incr": Rule(weight=0.22, age=0.12, base=-0.05),
    "neck/measure-neck-circ-incr": Rule(male=0.35, muscle=0.3, weight=0.24),
    "eyes/l-eye-epicanthus-out": Rule(asian=-0.45),
    "eyes/l-eye-eyefold-convex": Rule(asian=0.26),
    "eyes/l-eye-bag-incr": Rule(age=0.14),
    "eyes/l-eye-scale-incr": Rule(male=-0.13),
    "nose/nose-width3-incr": Rule(african=0.35, asian=0.1, european=-0.15),
    "nose/nose-hump-incr": Rule(european=0.1),
    "nose/nose-scale-vert-incr": Rule(male=0.07, age=0.04),
    "nose/nose-scale-depth-incr": Rule(base=-0.12, male=0.1),
    "nose/nose-volume-incr": Rule(base=-0.05, male=0.14),
    "mouth/mouth-upperlip-volume-incr": Rule(african=0.18, male=-0.12, age=-0.13),
    "mouth/mouth-lowerlip-volume-incr": Rule(african=0.15, male=-0.1, age=-0.1),
    "chin/chin-width-incr": Rule(male=0.3),
    "chin/chin-height-incr": Rule(male=0.12),
    "chin/chin-prominent-incr": Rule(male=0.15, african=-0.15),
    "cheek/l-cheek-bones-incr": Rule(asian=0.25),
    "cheek/l-cheek-volume-incr": Rule(weight=0.23),
    "eyebrows/eyebrows-trans-forward": Rule(male=0.15),
    "eyebrows/eyebrows-trans-up": Rule(base=0.08, male=-0.35, age=-0.2),
    "ears/l-ear-scale-incr": Rule(male=0.08, age=0.25),
    "ears/l-ear-lobe-incr": Rule(age=0.35),
    "head/head-back-scale-depth-incr": Rule(asian=-0.15, african=0.1),
    "forehead/forehead-nubian-incr": Rule(male=-0.2),
}
STAGE_SPREAD = 0.88  # of the light stage's own deviations: single features and traits add to them
REST_SHARE = 0.55  # of what attribute targets hold beyond the light stage: it looks like their mannequin
REST_AGEING = 0.7  # of the years, in that share: the mannequin's old skin is cut, not soft
WEIGHT_SHARE = 0.67  # of what weight does to the mannequin's face
SEX_EMPHASIS, ANCESTRY_EMPHASIS = 1.3, 1.0  # ridge regression shortens what the targets ask
_LIMIT = 2.4  # standard deviations
_EXTREME = 2.0  # standard deviations at which a single feature levels off
_TOGETHER = 1.1  # root mean square of one part's features at which they are drawn in: a face goes together


@dataclass(frozen=True)
class HeadWeights:
    """Weights of `SynthBasis.stage`, `SynthBasis.attributes` and `SynthBasis.features`."""

    stage: Float[np.ndarray, " K"]
    attributes: Float[np.ndarray, "24"]
    features: Float[np.ndarray, " F"]


def draw_weights(
    basis: SynthBasis, subject: Subject, rng: np.random.Generator, spread: float = 1.0
) -> HeadWeights:
    """One draw; `spread` scales how far this person strays from what the attributes suggest."""
    shown = looks(subject)
    given = suggested(shown)
    own = np.clip(rng.standard_normal(len(basis.stage)), -_LIMIT, _LIMIT)
    stage = given @ basis.attribute_stage + STAGE_SPREAD * spread * basis.spread @ own
    normal = _moderate(basis, rng.standard_normal((len(basis.axes), 3))) * spread
    features = np.zeros(len(basis.features))
    for axis, (common, *sides) in zip(basis.axes, normal.tolist(), strict=True):
        rule = DRIVEN.get(axis.name)
        driven = rule.mean(shown) if rule else 0.0
        _add_feature(features, axis, driven, common, sides)
    rest = suggested(replace(shown, age=_YOUNG + REST_AGEING * max(shown.age - _YOUNG, 0.0)))
    return HeadWeights(stage, REST_SHARE * rest, features)


def _moderate(basis: SynthBasis, normal: Float[np.ndarray, "A 3"]) -> Float[np.ndarray, "A 3"]:
    """Normal numbers levelled off at `_EXTREME`, and each part's (nose, ears...) together at `_TOGETHER`."""
    out = _EXTREME * np.tanh(normal / _EXTREME)
    parts = np.array([axis.name.split("/")[0] for axis in basis.axes])
    for part in np.unique(parts):
        size = float(np.sqrt((out[parts == part] ** 2).mean()))
        out[parts == part] *= min(1.0, _TOGETHER / size)
    return out


def suggested(subject: Subject) -> Float[np.ndarray, "24"]:
    """Attribute weights of this subject from the mean young adult's, differences emphasised."""
    third = 1.0 / 3.0
    ancestry = third + ANCESTRY_EMPHASIS * (np.array(subject.ancestry) - third)
    sex = 0.5 + SEX_EMPHASIS * (subject.sex - 0.5)
    weight = 0.5 + WEIGHT_SHARE * (subject.weight - 0.5)
    return attribute_weights(subject.age, sex, ancestry, weight) - mean_attribute_weights()


def _add_feature(features: np.ndarray, axis: Axis, driven: float, common: float, sides: list[float]) -> None:
    sigma = 0.0 if axis.name in DRIVEN_ALONE else FEATURE_SIGMA[axis.name.split("/")[0]]
    paired = max(len(axis.plus), len(axis.minus)) == 2
    for k in range(2 if paired else 1):
        own = common * (1 - UNEVEN**2) ** 0.5 + sides[k] * UNEVEN if paired else common
        value = driven + sigma * own
        ends = axis.plus if value > 0 else axis.minus
        if ends:
            features[ends[k]] += abs(value)
