"""Which expressions a subject makes: the 26 of the stage, or random combinations of the 52 units.

Random codes are a stated mixture: a fifth *unit* (one movement), three tenths *pair* (two movements of
different muscles), a half *dense* (4 to 10 movements with weights that mostly are small). A movement takes
both sides alike in seven of ten draws and each side by itself otherwise; eyes look together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mien.core.conventions import EXPRESSIONS, SHAPE_INDEX, shape_weights
from mien.core.errors import MienError
from mien.synth.subject import facet_stream

KINDS = {"unit": 0.2, "pair": 0.3, "dense": 0.5}
DENSE = (4, 10)  # movements
EVEN_SIDES = 0.7  # share of the draws in which both sides move alike
STRONGEST_SUM = 5.0  # of a dense code's movements: more no face makes at once

PAIRED = ("browDown", "browOuterUp", "cheekSquint", "eyeBlink", "eyeSquint", "eyeWide", "mouthDimple",
          "mouthFrown", "mouthLowerDown", "mouthPress", "mouthSmile", "mouthStretch", "mouthUpperUp",
          "noseSneer")  # fmt: skip
SINGLE = ("browInnerUp", "cheekPuff", "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose",
          "mouthFunnel", "mouthLeft", "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper",
          "mouthShrugLower", "mouthShrugUpper")  # fmt: skip
LOOKS = ("lookUp", "lookDown", "lookLeft", "lookRight")
MOVEMENTS = (*PAIRED, *SINGLE, *LOOKS)
# Movements that undo each other, or that no mouth makes together: the weaker one gives way.
AGAINST = (
    ("eyeBlink", "eyeWide"), ("eyeSquint", "eyeWide"), ("browDown", "browOuterUp"),
    ("browDown", "browInnerUp"),
    ("mouthSmile", "mouthFrown"), ("mouthSmile", "mouthPucker"), ("mouthSmile", "mouthFunnel"),
    ("mouthStretch", "mouthPucker"), ("mouthStretch", "mouthFunnel"), ("mouthPucker", "mouthFunnel"),
    ("mouthPress", "mouthFunnel"), ("mouthPress", "jawOpen"), ("mouthPress", "mouthUpperUp"),
    ("mouthPress", "mouthLowerDown"), ("mouthRollLower", "mouthLowerDown"),
    ("mouthRollUpper", "mouthUpperUp"),
    ("mouthRollLower", "mouthFunnel"), ("mouthRollUpper", "mouthFunnel"), ("mouthRollLower", "mouthPucker"),
    ("mouthRollUpper", "mouthPucker"), ("cheekPuff", "jawOpen"), ("cheekPuff", "mouthFunnel"),
    ("cheekPuff", "mouthUpperUp"), ("cheekPuff", "mouthLowerDown"), ("cheekPuff", "mouthSmile"),
    ("jawLeft", "jawRight"), ("mouthLeft", "mouthRight"), ("lookUp", "lookDown"), ("lookLeft", "lookRight"),
    ("mouthDimple", "mouthPucker"), ("jawOpen", "mouthRollLower"), ("jawOpen", "mouthRollUpper"),
    ("mouthFrown", "mouthFunnel"), ("mouthShrugLower", "jawOpen"), ("mouthShrugUpper", "mouthUpperUp"),
)  # fmt: skip
_GAZE = {
    "lookUp": ("eyeLookUpLeft", "eyeLookUpRight"),
    "lookDown": ("eyeLookDownLeft", "eyeLookDownRight"),
    "lookLeft": ("eyeLookOutLeft", "eyeLookInRight"),
    "lookRight": ("eyeLookInLeft", "eyeLookOutRight"),
}


@dataclass(frozen=True)
class ExpressionPlan:
    """The expressions that every subject makes: "26", "none" or "random:K" of its own."""

    text: str = "26"

    def __post_init__(self) -> None:
        head, _, count = self.text.partition(":")
        good = self.text in ("26", "none") or (head == "random" and count.isdecimal() and int(count) > 0)
        if not good:
            raise MienError(
                f"expressions {self.text!r}: expected 26, none or random:K, for instance random:40"
            )

    @property
    def names(self) -> list[str]:
        """The names of each subject's expressions, in order."""
        if self.text == "none":
            return ["neutral"]
        if self.text == "26":
            return list(EXPRESSIONS)
        return [f"random{k:03d}" for k in range(int(self.text.partition(":")[2]))]

    def weights(self, seed: int, subject: int, place: int) -> Float[np.ndarray, "52"]:
        """The weights of a subject's expression at this place of `names`."""
        name = self.names[place]
        if name in EXPRESSIONS:
            return shape_weights(EXPRESSIONS[name])
        return draw_code(facet_stream(seed, subject, f"code {place}"))


def draw_code(rng: np.random.Generator) -> Float[np.ndarray, "52"]:
    """One random code, plausible by `AGAINST` and `STRONGEST_SUM`; mouthClose at most jawOpen."""
    kind = rng.choice(list(KINDS), p=list(KINDS.values()))
    count = {"unit": 1, "pair": 2}.get(str(kind)) or int(rng.integers(DENSE[0], DENSE[1] + 1))
    chosen = rng.choice(len(MOVEMENTS), size=count, replace=False)
    strong = rng.uniform(0.3, 1.0, count) if kind != "dense" else rng.beta(1.1, 2.0, count)
    weight = {MOVEMENTS[k]: float(w) for k, w in zip(chosen, strong, strict=True)}
    if "mouthClose" in weight:
        weight.setdefault("jawOpen", float(rng.uniform(0.2, 0.7)))
    for one, other in AGAINST:
        if one in weight and other in weight:
            del weight[min(one, other, key=lambda name: weight[name])]
    if "mouthClose" in weight:
        weight["mouthClose"] = min(weight["mouthClose"], weight.get("jawOpen", 0.0))
    total = sum(weight.values())
    scale = min(1.0, STRONGEST_SUM / total) if total else 1.0
    out = np.zeros(len(SHAPE_INDEX))
    for name in sorted(weight):
        for shape, value in _shapes_of(name, weight[name] * scale, rng).items():
            out[SHAPE_INDEX[shape]] = value
    return out


def _shapes_of(movement: str, weight: float, rng: np.random.Generator) -> dict[str, float]:
    if movement in _GAZE:
        return dict.fromkeys(_GAZE[movement], weight)
    if movement in SINGLE:
        return {movement: weight}
    sides = np.ones(2) if rng.random() < EVEN_SIDES else rng.permutation([1.0, rng.uniform(0.0, 0.8)])
    return {f"{movement}Left": weight * sides[0], f"{movement}Right": weight * sides[1]}
