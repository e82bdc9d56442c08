"""How well form and skin predict a person's attributes, and each other, on unseen people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mien.database.release import SEED, split_indices
from mien.evaluate.measures.effects import (
    describe_dynamics,
    measure_expression_form,
    measure_shares,
    standardise,
)
from mien.evaluate.measures.evaluation import Rows
from mien.evaluate.measures.predictability import (
    estimate_attribute_limits,
    flatten_numbers,
    measure_attribute_prediction,
    tabulate_features,
)
from mien.evaluate.measures.skin_features import measure_skin, select_mean_colours
from mien.synth.identity.basis import SynthBasis
from mien.synth.identity.heads import NeutralHead
from mien.synth.skin.fast import albedo_256
from mien.synth.skin.look import SkinLook, draw_look
from mien.synth.subject import Subject, draw_subject

_FEW = 60  # components of form that predict expressions: fewer people train


@dataclass(frozen=True)
class People:
    """Those who train the predictors, then those who test them: their form and skin in numbers."""

    subjects: list[Subject]
    heads: list[NeutralHead]
    looks: list[SkinLook]
    form: Float[np.ndarray, "B K"]
    deviations: Float[np.ndarray, " K"]
    skin: Float[np.ndarray, "B F"]
    known: Float[np.ndarray, "B A"]
    taught: int


def gather_people(
    heads: list[NeutralHead],
    form: Float[np.ndarray, "B K"],
    deviations: Float[np.ndarray, " K"],
    taught: int,
    asked: int,
) -> People:
    """The first `taught` people of the training split and the first `asked` of the test split, with their
    heads, their components of form, and a component's standard deviation (mm)."""
    indices = [*split_indices("train")[:taught], *split_indices("test")[:asked]]
    subjects = [draw_subject(SEED, index) for index in indices]
    looks = [draw_look(subject) for subject in subjects]
    skin = np.array([measure_skin(albedo_256(look)) for look in looks])
    return People(subjects, heads, looks, form, deviations, skin, tabulate_features(subjects), taught)


def tabulate_predictability(people: People) -> Rows:
    """How well form, skin, both, and the generator's own numbers predict attributes; then the limits."""
    looks = np.array([flatten_numbers(look) for look in people.looks])
    both = np.concatenate([people.form, people.skin], axis=1)
    sources = {"form": people.form, "skin": people.skin, "both": both, "skin's own parameters": looks}
    rows: Rows = [
        {"from": name, **measure_attribute_prediction(known, people.subjects, people.taught)}
        for name, known in sources.items()
    ]
    return rows + [{"from": f"knowing {name}", **row} for name, row in estimate_attribute_limits().items()]


def tabulate_effects(basis: SynthBasis, people: People, count: int) -> Rows:
    """The share of each effect that its inputs explain: 0 for the mean, 1 for all of it.

    `exact` is by the generator's own split; `attributes` are the person's, which no network sees.
    """
    form, skin, known = people.form, people.skin, people.known
    both = np.concatenate([form, skin], axis=1)
    inputs = {"form": form, "skin": skin, "form_and_skin": both, "attributes": known}
    dynamic = standardise(np.array([describe_dynamics(look) for look in people.looks]))
    colours = select_mean_colours(skin)
    rows: Rows = [
        {"effect": "skin from form: regions' mean log colour", **_but(inputs, colours, people, "skin")},
        {"effect": "skin from form: all skin features", **_but(inputs, standardise(skin), people, "skin")},
        {
            "effect": "form from skin: components in mm",
            **_but(inputs, form * people.deviations, people, "form"),
        },
        {
            "effect": "dynamic maps: answer to a given strain",
            **measure_shares(inputs, dynamic, people.taught),
        },
    ]
    few = {"form": form[:, :_FEW], "skin": skin, "attributes": known}
    last = {name: values[-count:] for name, values in few.items()}
    subjects, heads = people.subjects[-count:], people.heads[-count:]
    taught = people.taught - (len(people.subjects) - count)
    return [
        *rows,
        {"effect": "expression form", **measure_expression_form(basis, subjects, heads, last, taught)},
    ]


def _but(
    inputs: dict[str, np.ndarray], values: Float[np.ndarray, "B T"], people: People, left_out: str
) -> dict[str, float]:
    """The shares without the inputs that hold the answer."""
    asked = {name: known for name, known in inputs.items() if left_out not in name}
    return measure_shares(asked, values, people.taught)
