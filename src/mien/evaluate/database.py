"""`mien evaluate database`: the face database in numbers, beside its targets and ICT-FaceKit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float

from mien.core.errors import MienError
from mien.core.face import Template
from mien.database.release import SEED, split_indices
from mien.evaluate.measures.anthropometry import ageing_rows, anthropometry_rows
from mien.evaluate.measures.consistency import read_ict_people
from mien.evaluate.measures.effects import dynamic_numbers, expression_form, shares, standardised
from mien.evaluate.measures.geometry_image_heads import NARROW_FACE
from mien.evaluate.measures.linear_model import COMPONENTS, reconstruction_errors
from mien.evaluate.measures.predictability import (
    attribute_features,
    attribute_limits,
    attributes_told,
    numbers_of,
)
from mien.evaluate.measures.skin_features import mean_colours, skin_features
from mien.evaluate.measures.spread import (
    nearest_neighbours,
    nearest_taught,
    region_spread,
    stage_faces,
    stage_spread,
    unevenness,
    without_rigid,
)
from mien.model.linear import PcaHeadModel, aligned_skins, fit_pca, importance
from mien.sheets.database_plots import component_picture, distribution_picture, spread_picture
from mien.synth.distributions import distribution_rows, marginals
from mien.synth.identity.basis import SynthBasis, load_basis
from mien.synth.identity.calipers import Calipers
from mien.synth.identity.heads import NeutralHead, head_maker
from mien.synth.skin.fast import albedo_256
from mien.synth.skin.look import SkinLook, draw_look
from mien.synth.subject import Subject, draw_subject
from mien.template.load import load_template

Rows = list[dict[str, object]]
Sections = dict[str, Rows]
Say = Callable[[str], None]
_FEW = 60  # components of form from which expressions are told: fewer people teach


@dataclass(frozen=True)
class Sizes:
    """How many people: drawn for distributions, that make the model, that teach, that are asked or unseen,
    whose expressions are made, and who are shown at several ages.
    """

    drawn: int = 20_000
    fitted: int = 2_000
    taught: int = 1_000
    asked: int = 200
    faces: int = 600
    expressive: int = 500
    ageing: int = 60


@dataclass(frozen=True)
class _People:
    """Those that teach, then those that are asked: their form and skin in numbers."""

    subjects: list[Subject]
    heads: list[NeutralHead]
    looks: list[SkinLook]
    form: Float[np.ndarray, "B K"]
    deviations: Float[np.ndarray, " K"]
    skin: Float[np.ndarray, "B F"]
    known: Float[np.ndarray, "B A"]
    taught: int


def evaluate_database(ict: Path | None, plots: Path | None, say: Say, sizes: Sizes | None = None) -> Sections:
    """All sections by name; pictures into `plots`. Minutes: about 80 ms a person that makes the model."""
    sizes = sizes or Sizes()
    basis, template = load_basis(), load_template()
    say(f"{sizes.fitted} heads of the training split, {sizes.asked} of the test split")
    fitted, unseen = _heads(basis, "train", sizes.fitted), _heads(basis, "test", sizes.asked)
    goal = basis.mean.astype(np.float64)
    train, test = (aligned_skins([h.skin for h in heads], goal, template) for heads in (fitted, unseen))
    say("principal components")
    model = fit_pca(train, importance(template, goal), max(COMPONENTS))
    errors = reconstruction_errors(model, test, template)
    drawn = [draw_subject(SEED, index) for index in range(sizes.drawn)]
    spread = _spread_rows(basis, template, train[: sizes.faces], ict)
    sections: Sections = {
        "distributions": distribution_rows(drawn),
        "anthropometry": _anthropometry_rows(basis, template, fitted),
        "ageing": ageing_rows(
            head_maker(basis), [draw_subject(SEED, i) for i in split_indices("test")[: sizes.ageing]]
        ),
        "spread": spread,
        "likeness": _likeness_rows(basis, template, train, test, sizes.faces),
        "drawing": _drawing_rows(unseen),
        "components": _component_rows(model, errors),
    }
    say(f"skin of {sizes.taught + sizes.asked} people")
    form = np.concatenate([model.coefficients(train[: sizes.taught]), model.coefficients(test)])
    people = _people(fitted[: sizes.taught] + unseen, form, 1e3 * np.sqrt(model.variances), sizes)
    sections["told"] = _told_rows(people)
    say(f"expressions of {sizes.expressive} people")
    sections["effects"] = _effect_rows(basis, people, sizes.expressive)
    if plots is not None:
        _draw(plots, drawn, model, errors, spread)
    return sections


def _heads(basis: SynthBasis, split: str, count: int) -> list[NeutralHead]:
    maker, indices = head_maker(basis), split_indices(split)
    if count > len(indices):
        raise MienError(f"{count} people of the {split} split, which has {len(indices)}; ask for fewer")
    return [maker.head(draw_subject(SEED, index)) for index in indices[:count]]


def _anthropometry_rows(basis: SynthBasis, template: Template, fitted: list[NeutralHead]) -> Rows:
    subjects = [draw_subject(SEED, index) for index in split_indices("train")[: len(fitted)]]
    return anthropometry_rows(Calipers(template, basis.mean), subjects, fitted)


def _people(
    heads: list[NeutralHead],
    form: Float[np.ndarray, "B K"],
    deviations: Float[np.ndarray, " K"],
    sizes: Sizes,
) -> _People:
    indices = [*split_indices("train")[: sizes.taught], *split_indices("test")[: sizes.asked]]
    subjects = [draw_subject(SEED, index) for index in indices]
    looks = [draw_look(subject) for subject in subjects]
    skin = np.array([skin_features(albedo_256(look)) for look in looks])
    return _People(subjects, heads, looks, form, deviations, skin, attribute_features(subjects), sizes.taught)


def _spread_rows(
    basis: SynthBasis, template: Template, heads: Float[np.ndarray, "B S 3"], ict: Path | None
) -> Rows:
    own, stage = region_spread(heads.astype(np.float64), template), stage_spread(basis, template)
    rows: Rows = [
        {
            "region": name,
            "database_mm": own[name],
            "ict_carried_mm": stage[name],
            "ratio": own[name] / stage[name],
        }
        for name in own
    ]
    if ict is not None:
        people = read_ict_people(ict)
        modes = without_rigid(people.modes[:, :NARROW_FACE], people.mean[:NARROW_FACE])
        spread = 1e3 * float(np.sqrt((modes**2).sum(axis=(0, 2)).mean()))
        rows.append({"region": "ICT-FaceKit's narrow face, its own mesh", "ict_carried_mm": spread})
    return rows


def _likeness_rows(
    basis: SynthBasis,
    template: Template,
    train: Float[np.ndarray, "B S 3"],
    test: Float[np.ndarray, "M S 3"],
    count: int,
) -> Rows:
    face = template.part("face").vertices
    own, theirs = nearest_neighbours(train[:count, face]), nearest_neighbours(stage_faces(basis, face, count))
    found = {
        f"nearest of {count} faces, mm": own,
        f"nearest of {count} faces of ICT-FaceKit, mm": theirs,
        f"nearest of {len(train)} training faces to a test face, mm": nearest_taught(
            test[:, face], train[:, face]
        ),
        "half the difference to the mirror image, mm": unevenness(train[:200].astype(np.float64), template),
    }
    return [
        {
            "what": name,
            "least": float(v.min()),
            "median": float(np.median(v)),
            "p95": float(np.percentile(v, 95)),
        }
        for name, v in found.items()
    ]


def _drawing_rows(heads: list[NeutralHead]) -> Rows:
    radii = 2e3 * np.array([eye.radius for head in heads for eye in head.eyes.values()])
    return [
        {"what": "plausible at first draw", "value": float(np.mean([head.attempts == 1 for head in heads]))},
        {"what": "eyeball diameter, least, mm", "value": float(radii.min())},
        {"what": "eyeball diameter, largest, mm", "value": float(radii.max())},
    ]


def _component_rows(model: PcaHeadModel, errors: list[dict[str, float]]) -> Rows:
    explained = model.explained
    return [{"training_share": float(explained[int(row["components"]) - 1]), **row} for row in errors]


def _told_rows(people: _People) -> Rows:
    """What form, skin, both, and the generator's own numbers tell of a person; then the limits."""
    looks = np.array([numbers_of(look) for look in people.looks])
    both = np.concatenate([people.form, people.skin], axis=1)
    sources = {"form": people.form, "skin": people.skin, "both": both, "skin's own parameters": looks}
    rows: Rows = [
        {"from": name, **attributes_told(known, people.subjects, people.taught)}
        for name, known in sources.items()
    ]
    return rows + [{"from": f"knowing {name}", **row} for name, row in attribute_limits().items()]


def _effect_rows(basis: SynthBasis, people: _People, count: int) -> Rows:
    """Baseline 0; `exact` by the generator's own split; `attributes` are the person's, which nobody sees."""
    form, skin, known = people.form, people.skin, people.known
    both = np.concatenate([form, skin], axis=1)
    inputs = {"form": form, "skin": skin, "form_and_skin": both, "attributes": known}
    dynamic = standardised(np.array([dynamic_numbers(look) for look in people.looks]))
    colours = mean_colours(skin)
    rows: Rows = [
        {"effect": "skin from form: regions' mean log colour", **_but(inputs, colours, people, "skin")},
        {"effect": "skin from form: all skin features", **_but(inputs, standardised(skin), people, "skin")},
        {
            "effect": "form from skin: components in mm",
            **_but(inputs, form * people.deviations, people, "form"),
        },
        {"effect": "dynamic maps: answer to a given strain", **shares(inputs, dynamic, people.taught)},
    ]
    few = {"form": form[:, :_FEW], "skin": skin, "attributes": known}
    last = {name: values[-count:] for name, values in few.items()}
    subjects, heads = people.subjects[-count:], people.heads[-count:]
    taught = people.taught - (len(people.subjects) - count)
    return [*rows, {"effect": "expression form", **expression_form(basis, subjects, heads, last, taught)}]


def _but(
    inputs: dict[str, np.ndarray], values: Float[np.ndarray, "B T"], people: _People, left_out: str
) -> dict[str, float]:
    """The shares without the inputs that hold the answer."""
    asked = {name: known for name, known in inputs.items() if left_out not in name}
    return shares(asked, values, people.taught)


def _draw(
    plots: Path, drawn: list[Subject], model: PcaHeadModel, errors: list[dict[str, float]], spread: Rows
) -> None:
    regions = [row for row in spread if "database_mm" in row]
    own, theirs = (
        {str(r["region"]): float(str(r[key])) for r in regions} for key in ("database_mm", "ict_carried_mm")
    )
    plots.mkdir(parents=True, exist_ok=True)
    pictures = {
        "distributions": distribution_picture(marginals(drawn)),
        "pca": component_picture(model.explained, errors),
        "spread": spread_picture(own, theirs),
    }
    for name, picture in pictures.items():
        path = plots / f"{name}.png"
        if not cv2.imwrite(str(path), picture[..., ::-1]):
            raise MienError(f"{path}: cannot be written; give --plots a folder that can")
