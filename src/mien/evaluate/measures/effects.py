"""For each effect that a network is to learn, the share that its inputs can predict: the oracle.

The rest is drawn at random for each subject; so a network is judged between the baseline (0: the mean) and
these shares, not against 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from mien.core.conventions import EXPRESSIONS, shape_weights
from mien.evaluate.measures.predictability import measure_explained_share
from mien.synth.expression.maker import ExpressionMaker, expression_maker
from mien.synth.identity.basis import SynthBasis
from mien.synth.identity.heads import NeutralHead
from mien.synth.skin.dynamic import Strain, blood_factor, expression_blood
from mien.synth.skin.look import SkinLook
from mien.synth.subject import Subject

FORMED = ("smile", "surprise", "pucker", "funnel", "sneer", "squint", "browsDown", "frown")
_EVERY = 3  # of the face's vertices
_COMPONENTS = 60
_STRETCHED = 0.15  # of either sign: where blood leaves and where it gathers


def measure_shares(
    inputs: Mapping[str, Float[np.ndarray, "B _"]], values: Float[np.ndarray, "B T"], taught: int
) -> dict[str, float]:
    """The share of the values' variance that each input explains on unseen subjects; never below zero."""
    return {name: max(0.0, measure_explained_share(known, values, taught)) for name, known in inputs.items()}


def standardise(values: Float[np.ndarray, "B T"]) -> Float[np.ndarray, "B U"]:
    """Columns of unit variance; those that never change are left out."""
    spread = values.std(axis=0)
    return (values[:, spread > 1e-9] - values.mean(axis=0)[spread > 1e-9]) / spread[spread > 1e-9]


def describe_dynamics(look: SkinLook) -> Float[np.ndarray, " F"]:
    """How a subject's maps respond to a given strain: log colour where skin is stretched and compressed, and
    what decides how soon and how deep it folds. Where each fold runs cannot be predicted.
    """
    strain = np.array([_STRETCHED, -_STRETCHED])
    blood = expression_blood(Strain(strain, strain, 0.0 * strain), look)
    colour = np.log(blood_factor(blood, look)).ravel()
    return np.array([*colour, look.elasticity, look.wrinkles, look.old])


def measure_expression_form(
    basis: SynthBasis,
    subjects: Sequence[Subject],
    heads: Sequence[NeutralHead],
    inputs: Mapping[str, Float[np.ndarray, "B _"]],
    taught: int,
) -> dict[str, float]:
    """How expressions differ beyond scale and deformation transfer, and what can be predicted of it.

    `of_movement` is the size of the difference as a share of the whole movement's variance, `exact` the share
    that the generator makes of attributes and measures of the neutral; the rest is each subject's own.
    """
    maker = expression_maker(basis)
    whole, own, part = [], [], []
    for subject, head in zip(subjects, heads, strict=True):
        full, known, plain = _three(maker, subject, head)
        whole.append(full)
        own.append(full - plain)
        part.append(known - plain)
    moves, differs, known_part = np.array(whole), np.array(own), np.array(part)
    centred = differs - differs.mean(axis=0)
    left = differs - known_part
    total = float((centred**2).sum())
    out = {
        "of_movement": float((differs**2).sum() / (moves**2).sum()),
        "exact": 1.0 - float(((left - left.mean(axis=0)) ** 2).sum()) / total,
    }
    return out | measure_shares(inputs, _scores(centred, taught), taught)


def _three(
    maker: ExpressionMaker, subject: Subject, head: NeutralHead
) -> tuple[Float[np.ndarray, " N"], Float[np.ndarray, " N"], Float[np.ndarray, " N"]]:
    """Offsets (mm) of some of the face's vertices: as they are, as can be predicted, as transferred."""
    some = slice(0, maker.template.part("face").vertices.stop, _EVERY)
    forms = (maker.draw_form(subject, head), maker.draw_form(subject, head, residual=False), None)
    out = []
    for form in forms:
        bound = maker.bind(head, form)
        moved = [maker.expression(bound, shape_weights(EXPRESSIONS[name]))[some] for name in FORMED]
        out.append(1e3 * np.concatenate(moved).ravel())
    return out[0], out[1], out[2]


def _scores(centred: Float[np.ndarray, "B N"], taught: int) -> Float[np.ndarray, "B C"]:
    """Coordinates along the leading directions of the people trained on: nearly all of the variance."""
    count = min(_COMPONENTS, taught // 2)
    _, _, axes = np.linalg.svd(centred[:taught], full_matrices=False)
    return centred @ axes[:count].T
