"""How well an expression in the scan is found and taken out: synthetic scans whose neutral is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from mien.core.conventions import EXPRESSIONS, MILLIMETRES_PER_METRE, SHAPE_NAMES, shape_weights
from mien.core.face import Registration, Template
from mien.evaluate.measures.aims import Aim, Verdict
from mien.evaluate.measures.evaluation import Evaluation, Findings, Rows, Say
from mien.evaluate.measures.registration_accuracy import find_near_nose
from mien.register.fitted_skin import template_skin
from mien.register.run import register
from mien.rigging.neutralise import remove_expression
from mien.synth.scans.synthetic_scan import SyntheticScan, synthetic
from mien.template.load import load_template

HEADS = 2
STRONG: dict[str, float] = {
    "neutral": 0.0, "smile": 0.9, "smileOpen": 0.9, "jawOpen": 0.8, "browsUp": 0.9, "browsDown": 0.9,
    "blink": 1.0, "frown": 0.9,
}  # fmt: skip
MOVED = 0.001  # metres: skin that the expression moves by more is judged apart


@dataclass(frozen=True, kw_only=True)
class EvaluateExpressionRemoval(Evaluation):
    """Puts strong expressions into synthetic heads, registers their scans, takes the expressions out again,
    and measures the error of the neutral before and after, and the weights found beside the true ones."""

    def measure(self, say: Say) -> Findings:
        """A row an expression: means over the heads."""
        template = load_template()
        rows = [measure_expression(template, name, say) for name in STRONG]
        return Findings({"expression-removal": rows}, tuple(_report(rows)))


def measure_expression(template: Template, name: str, say: Say, heads: int = HEADS) -> dict[str, object]:
    """One of the expressions of `STRONG`: weights in words, errors in millimetres."""
    found = []
    for seed in range(heads):
        say(f"{name}, head {seed + 1} of {heads}")
        made = make_posed_scan(template, name, seed)
        fitted = register(template, made.prepared)
        found.append((measure_removal(template, fitted, made), fitted.expression))
    numbers = {key: float(np.mean([row[key] for row, _ in found])) for key in found[0][0]}
    words = describe_weights(np.mean([weights for _, weights in found], axis=0))
    return {"scan": name, "true": describe_weights(made.expression), "found (mean)": words, **numbers}


def _report(rows: Rows) -> list[Verdict]:
    """The mean over the expressions, the neutral left out; nothing is aimed at."""
    verdicts = []
    for when in ("before", "after"):
        key = f"neutral_moved_{when}_median_mm"
        found = [float(str(row[key])) for row in rows if key in row]
        aim = Aim(f"error of the neutral {when} removal, where the expression moves it, median, mm")
        verdicts.append(aim.judge(float(np.mean(found)), f"mean of {len(found)} expressions"))
    return verdicts


def make_posed_scan(template: Template, name: str, seed: int) -> SyntheticScan:
    """A random head, the same for each name, with one of the 26 expressions at its weight in `STRONG`."""
    return synthetic(template, seed, weights=STRONG[name] * shape_weights(EXPRESSIONS[name]))


def measure_removal(template: Template, registration: Registration, made: SyntheticScan) -> dict[str, float]:
    """Error of the neutral, millimetres, before (the head as scanned) and after the expression is taken out.

    Over the seen skin within 90 mm of the nose tip, `moved` where the expression moves it by more than a
    millimetre. `weight_error` is the largest error of a weight that is in the scan, `weight_spurious` the
    largest weight found of shapes that are not.
    """
    after = remove_expression(template, registration.vertices, registration.expression)
    skin = template_skin(template)
    near = find_near_nose(template, made)
    moved = near & (np.linalg.norm(made.truth - made.neutral, axis=1)[skin.index] > MOVED)
    out: dict[str, float] = {}
    for when, head in (("before", registration.vertices), ("after", after)):
        error = np.linalg.norm(head - made.neutral, axis=1)[skin.index] * MILLIMETRES_PER_METRE
        out |= _numbers(f"neutral_{when}", error, near) | _numbers(f"neutral_moved_{when}", error, moved)
    there = made.expression > 0
    wrong = np.abs(registration.expression - made.expression)
    out["weight_error"] = float(wrong[there].max(initial=0.0))
    out["weight_spurious"] = float(wrong[~there].max(initial=0.0))
    return out


def describe_weights(weights: Float[np.ndarray, "52"]) -> str:
    """The weights above 0.05, both sides of a pair as one where they are even."""
    found = {name: float(w) for name, w in zip(SHAPE_NAMES, weights, strict=True) if w > 0.05}
    words = []
    for name, weight in found.items():
        stem = name.removesuffix("Left")
        twin = found.get(f"{stem}Right")
        if stem != name and twin is not None and abs(twin - weight) < 0.1:
            words.append(f"{stem} {(weight + twin) / 2:.2f}")
        elif name.endswith("Right") and abs(found.get(name[:-5] + "Left", 9.0) - weight) < 0.1:
            continue
        else:
            words.append(f"{name} {weight:.2f}")
    return ", ".join(words) or "none"


def _numbers(key: str, error: Float[np.ndarray, " S"], mask: Bool[np.ndarray, " S"]) -> dict[str, float]:
    if not mask.any():
        return {}
    return {
        f"{key}_median_mm": float(np.median(error[mask])),
        f"{key}_p95_mm": float(np.percentile(error[mask], 95)),
    }
