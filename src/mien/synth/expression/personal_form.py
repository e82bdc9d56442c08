"""How one subject makes each expression: strength, sides, form, thickness of what lies under the skin.

Every number is a standardised sum of what is known of the subject plus a residual of its own. Known are the
attributes and measures of the neutral head; `SHARE` of a number's variance can be predicted from them, the
rest can not. The residual is drawn from the subject's stream "expression".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mien.core.conventions import SHAPE_NAMES
from mien.core.face import Template
from mien.synth.expression.modes import FormMode, FormModes
from mien.synth.identity.apply_traits import trait_strengths
from mien.synth.subject import Subject

SHARE = 0.65  # of the variance of strengths and coefficients
WEAKEST, STRONGEST = 0.65, 1.2  # times the template's shape; above 1 it is approached, never reached
SIDED = 0.05  # standard deviation of a side's strength about both sides' mean, and of its coefficients: x 4
_LIMIT = 2.2

# Measures of the neutral: Multi-PIE landmarks (0-based) between which they are taken; mean and standard
# deviation over the database, millimetres.
MEASURES: dict[str, tuple[tuple[tuple[int, int], ...], float, float]] = {
    "mouth": (((48, 54),), 47.8, 3.8),
    "lips": (((51, 57),), 18.3, 4.7),
    "eyes": (((43, 47), (38, 40)), 9.0, 1.3),
    "brows": (((24, 44), (19, 37)), 19.5, 2.0),
    "nose": (((31, 35),), 26.2, 4.5),
    "chin": (((57, 8),), 34.1, 3.6),
    "philtrum": (((33, 51),), 12.5, 1.7),
    "jaw": (((4, 12),), 116.9, 8.5),
}

# How strongly each movement comes: spread of its logarithm, and what makes it stronger (+) or weaker (-).
STRENGTH: dict[str, tuple[float, dict[str, float]]] = {
    "brow": (0.16, {"age": -0.8, "brows": 0.4, "male": -0.3}),
    "eyeWide": (0.14, {"age": -0.5, "eyes": 0.5, "asian": -0.3}),
    "eyeSquint": (0.12, {"age": 0.2, "male": 0.3, "heavy": 0.3}),
    "cheekSquint": (0.14, {"heavy": 0.4, "age": -0.4, "asian": 0.3}),
    "cheekPuff": (0.14, {"age": 0.5, "heavy": -0.3}),
    "nose": (0.16, {"nose": 0.4, "age": -0.3, "male": 0.3}),
    "mouthSmile": (0.13, {"mouth": 0.5, "male": -0.5, "age": -0.4, "heavy": -0.2}),
    "mouthFrown": (0.14, {"age": 0.4, "mouth": 0.3}),
    "mouthPucker": (0.12, {"lips": 0.7, "age": -0.4}),
    "mouthFunnel": (0.12, {"lips": 0.7, "age": -0.3}),
    "mouth": (0.13, {"age": -0.5, "mouth": 0.4, "lips": 0.3}),
    "jaw": (0.10, {"chin": 0.5, "age": -0.4, "male": 0.2}),
}
FIXED = ("eyeBlink", "eyeLook", "tongueOut")  # these close, aim and reach; they are not more or less strong

# What drives a form mode, by stem or family; signs say what makes it stronger.
CAUSES: dict[str, dict[str, float]] = {
    "mouthSmile": {"mouth": -0.5, "lips": 0.4, "heavy": 0.4, "male": -0.3, "jaw": 0.3},
    "mouthPucker": {"lips": 0.6, "age": -0.4, "african": 0.3},
    "mouthFunnel": {"lips": 0.6, "mouth": -0.3},
    "mouth": {"lips": 0.5, "mouth": 0.4, "philtrum": -0.4, "age": -0.3},
    "cheek": {"heavy": 0.6, "asian": 0.3, "age": -0.3},
    "eye": {"eyes": 0.5, "brows": -0.4, "asian": -0.3, "age": 0.3},
    "brow": {"brows": 0.5, "age": -0.4, "male": 0.4},
    "nose": {"nose": 0.5, "male": 0.3, "philtrum": -0.3},
    "jaw": {"chin": 0.5, "jaw": 0.4, "male": 0.2},
}
SPREAD = {"ancestry": 0.35, "style": 0.22, "turned": 0.20, "companion": 0.13, "formed": 0.22, "pressed": 0.5}
FOLD_ALWAYS, FOLD_TRAIT, FOLD_JITTER = 0.30, 0.55, 0.35

# Millimetres by which the layer under the skin is thicker than the average person's, and what makes it so.
THICKNESS: dict[str, tuple[float, dict[str, float]]] = {
    "cheek_left": (2.4, {"heavy": 1.0, "age": -0.3, "male": -0.2}),
    "cheek_right": (2.4, {"heavy": 1.0, "age": -0.3, "male": -0.2}),
    "chin": (1.2, {"heavy": 0.8, "age": 0.3}),
    "lower_lid_left": (0.8, {"age": 0.8, "asian": 0.4}),
    "lower_lid_right": (0.8, {"age": 0.8, "asian": 0.4}),
    "forehead": (0.8, {"age": 0.5, "male": 0.5}),
    "nose": (0.5, {"nose": 0.8, "african": 0.3}),
}


@dataclass(frozen=True)
class ExpressionForm:
    """What `ExpressionMaker` needs to know of a subject; see `draw_form`.

    `strength` multiplies the 52 weights; `left` and `right` are the form modes' coefficients of either side;
    `thickness` (mm, by region) is that of the soft layer, beyond the average person's.
    """

    strength: Float[np.ndarray, "52"]
    left: Float[np.ndarray, " M"]
    right: Float[np.ndarray, " M"]
    thickness: dict[str, float]


def plain_form(count: int) -> ExpressionForm:
    """The average person: the template's shapes as they are."""
    zero = np.zeros(count)
    return ExpressionForm(np.ones(52), zero, zero, {})


def standardised_attributes(
    subject: Subject, skin: Float[np.ndarray, "S 3"], template: Template
) -> dict[str, float]:
    """Standardised attributes and measures: about zero mean and unit variance over the database."""
    african, asian, european = subject.ancestry
    known = {
        "age": (subject.age - 49.0) / 17.9,
        "male": (subject.sex - 0.5) / 0.38,
        "heavy": (subject.weight - 0.52) / 0.16,
        "strong": (subject.muscle - 0.5) / 0.2,
        "african": (african - 1 / 3) / 0.37,
        "asian": (asian - 1 / 3) / 0.37,
        "european": (european - 1 / 3) / 0.37,
    }
    points = template.landmarks
    corners = template.topology.triangles[points.triangle]
    marks = 1e3 * np.einsum("lk,lkd->ld", points.barycentric, skin[corners])
    for name, (pairs, mean, deviation) in MEASURES.items():
        size = np.mean([np.linalg.norm(marks[a] - marks[b]) for a, b in pairs])
        known[name] = float((size - mean) / deviation)
    return {name: float(np.clip(value, -2.5, 2.5)) for name, value in known.items()}


def draw_form(
    subject: Subject,
    skin: Float[np.ndarray, "S 3"],
    modes: FormModes,
    template: Template,
    *,
    residual: bool = True,
) -> ExpressionForm:
    """This subject's form on its neutral skin. Without `residual` only what can be predicted."""
    known = standardised_attributes(subject, skin, template)
    rng = subject.stream("expression")
    own = np.sqrt(1 - SHARE) if residual else 0.0
    strength = _strengths(known, rng, own, residual)
    folds = trait_strengths(subject)
    left, right = np.zeros(len(modes.modes)), np.zeros(len(modes.modes))
    for k, mode in enumerate(modes.modes):
        normal = np.clip(rng.standard_normal(3), -_LIMIT, _LIMIT)
        value = _coefficient(mode, known, folds, normal[0] * own, subject)
        uneven = 4 * SIDED * normal[1] * residual * (mode.kind != "stiff")
        left[k], right[k] = value * (1 + uneven), value * (1 - uneven)
    thickness = {}
    for name, (size, causes) in THICKNESS.items():
        thickness[name] = size * _standard(known, causes)
    return ExpressionForm(strength, left, right, thickness)


def _standard(known: dict[str, float], causes: dict[str, float]) -> float:
    """The weighted sum of what is known, of about unit variance."""
    norm = np.sqrt(sum(weight**2 for weight in causes.values()))
    return float(sum(weight * known[name] for name, weight in causes.items()) / norm)


def _strengths(
    known: dict[str, float], rng: np.random.Generator, own: float, sided: bool
) -> Float[np.ndarray, "52"]:
    """One number a stem, then a small difference of its sides."""
    out = np.ones(len(SHAPE_NAMES))
    drawn: dict[str, float] = {}
    weaker_side = 0.6 * SIDED * np.clip(rng.standard_normal(), -_LIMIT, _LIMIT) * sided
    for k, name in enumerate(SHAPE_NAMES):
        stem = name.removesuffix("Left").removesuffix("Right")
        normal = np.clip(rng.standard_normal(2), -_LIMIT, _LIMIT)
        if name.startswith(FIXED):
            continue
        family = _best(STRENGTH, "jaw" if name == "mouthClose" else name)
        spread, causes = STRENGTH[family]
        key = "jaw" if family == "jaw" else stem  # mouthClose belongs to the jaw it closes over
        if key not in drawn:
            drawn[key] = spread * (np.sqrt(SHARE) * _standard(known, causes) + own * normal[0])
        side = (name != stem) * sided * SIDED * normal[1]
        side += weaker_side * (name.endswith("Left") - 1.0 * name.endswith("Right"))
        out[k] = _strength(drawn[key] + (0.0 if name == "mouthClose" else side))
    for middle in ("jawOpen", "mouthClose"):
        out[SHAPE_NAMES.index(middle)] = _strength(drawn["jaw"])
    return out


def _strength(logarithm: float) -> float:
    """Skin that is drawn on beyond the template's shape gives less and less."""
    if logarithm <= 0:
        return float(max(np.exp(logarithm), WEAKEST))
    return float(1 + (STRONGEST - 1) * np.tanh(logarithm / (STRONGEST - 1)))


def _coefficient(
    mode: FormMode, known: dict[str, float], folds: dict[str, float], normal: float, subject: Subject
) -> float:
    if mode.kind == "stiff":
        return mode.size
    if mode.kind == "folded":
        depth = FOLD_ALWAYS + FOLD_TRAIT * max(folds[mode.name], 0.0)
        return float(mode.size * depth * np.exp(FOLD_JITTER * normal) * (0.75 + 0.5 * subject.old))
    if mode.name == "dimple":
        return float(max(0.0, 0.6 * (0.8 * normal / np.sqrt(1 - SHARE) + 0.4 * known["heavy"] - 0.8)))
    causes = CAUSES[_best(CAUSES, mode.stem)]
    value = np.sqrt(SHARE) * _standard(known, causes) + normal
    if mode.kind == "ancestry":
        share = dict(zip(("african", "asian"), subject.ancestry[:2], strict=True))[mode.name]
        rest = subject.ancestry[2]  # the three contrasts sum to zero
        return float(1.1 * (share - rest) + SPREAD["ancestry"] * normal)
    # Every mode leans its own way on the causes: otherwise all of a stem's modes would rise together.
    sign = 1.0 if (len(mode.name) + len(mode.stem)) % 2 else -1.0
    return float(mode.size * SPREAD[mode.kind] * np.clip(sign * value, -_LIMIT, _LIMIT))


def _best(table: dict, name: str) -> str:
    """The longest key that the name begins with."""
    return max((key for key in table if name.startswith(key)), key=len)
