"""The face database in numbers, beside its targets, surveys of real people, and ICT-FaceKit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mien.core.errors import MienError
from mien.core.face import Template
from mien.database.release import SEED, split_indices
from mien.evaluate.measures.aims import Aim, Verdict
from mien.evaluate.measures.anthropometry import compare_with_surveys, measure_ageing
from mien.evaluate.measures.evaluation import Evaluation, Findings, Rows, Say
from mien.evaluate.measures.form_and_skin import gather_people, tabulate_effects, tabulate_predictability
from mien.evaluate.measures.form_spread import (
    draw_stage_faces,
    measure_nearest_neighbours,
    measure_nearest_training,
    measure_region_spread,
    measure_stage_spread,
    measure_unevenness,
    remove_rigid_motion,
)
from mien.evaluate.measures.ict_facekit import NARROW_FACE, read_ict_people
from mien.evaluate.measures.linear_model import COMPONENTS, measure_reconstruction
from mien.evaluate.measures.pictures import make_folder, write_plot
from mien.model.pca import PcaHeadModel, aligned_skins, fit_pca, importance
from mien.sheets.database_plots import component_picture, distribution_picture, spread_picture
from mien.synth.distributions import distribution_rows, marginals
from mien.synth.identity.basis import SynthBasis, load_basis
from mien.synth.identity.calipers import Calipers
from mien.synth.identity.heads import NeutralHead, head_maker
from mien.synth.subject import Subject, draw_subject
from mien.template.load import load_template


@dataclass(frozen=True)
class Sizes:
    """How many people are drawn for the distributions, make the linear model, train the predictors, test them
    (and the model), are compared for likeness, show their expressions, and are shown at several ages."""

    drawn: int = 20_000
    fitted: int = 2_000
    taught: int = 1_000
    asked: int = 200
    faces: int = 600
    expressive: int = 500
    ageing: int = 60


@dataclass(frozen=True, kw_only=True)
class EvaluateDatabase(Evaluation):
    """Draws people of the face database and measures their distributions beside the targets, what calipers
    find beside surveys, ageing, spread and look-alikes beside ICT-FaceKit's statistics, the error of a linear
    model on unseen heads, and how well form and skin predict a person's attributes and each other. Takes
    minutes."""

    ict: Path | None = None
    """Your copy of ICT-FaceKit, its folder FaceXModel: the spread of its own mesh stands beside."""
    plots: Path | None = None
    """Folder for pictures of distributions, components and spread."""

    def measure(self, say: Say) -> Findings:
        """A table a question."""
        folder = None if self.plots is None else make_folder(self.plots)
        tables = measure_database(self.ict, folder, say)
        return Findings(tables, _report(tables))


def measure_database(
    ict: Path | None, plots: Path | None, say: Say, sizes: Sizes | None = None
) -> dict[str, Rows]:
    """All tables by name; pictures into `plots`. About 80 ms a person that makes the model."""
    sizes = sizes or Sizes()
    basis, template = load_basis(), load_template()
    say(f"{sizes.fitted} heads of the training split, {sizes.asked} of the test split")
    fitted, unseen = _heads(basis, "train", sizes.fitted), _heads(basis, "test", sizes.asked)
    goal = basis.mean.astype(np.float64)
    train, test = (aligned_skins([h.skin for h in heads], goal, template) for heads in (fitted, unseen))
    say("principal components")
    model = fit_pca(train, importance(template, goal), max(COMPONENTS))
    errors = measure_reconstruction(model, test, template)
    drawn = [draw_subject(SEED, index) for index in range(sizes.drawn)]
    spread = _spread_rows(basis, template, train[: sizes.faces], ict)
    tables: dict[str, Rows] = {
        "distributions": distribution_rows(drawn),
        "anthropometry": _anthropometry_rows(basis, template, fitted),
        "ageing": measure_ageing(
            head_maker(basis), [draw_subject(SEED, i) for i in split_indices("test")[: sizes.ageing]]
        ),
        "spread": spread,
        "likeness": _likeness_rows(basis, template, train, test, sizes.faces),
        "drawing": _drawing_rows(unseen),
        "components": _component_rows(model, errors),
    }
    say(f"skin of {sizes.taught + sizes.asked} people")
    form = np.concatenate([model.coefficients(train[: sizes.taught]), model.coefficients(test)])
    deviations = 1e3 * np.sqrt(model.variances)
    people = gather_people(fitted[: sizes.taught] + unseen, form, deviations, sizes.taught, sizes.asked)
    tables["predictability"] = tabulate_predictability(people)
    say(f"expressions of {sizes.expressive} people")
    tables["effects"] = tabulate_effects(basis, people, sizes.expressive)
    if plots is not None:
        _draw(plots, drawn, model, errors, spread)
    return tables


def _heads(basis: SynthBasis, split: str, count: int) -> list[NeutralHead]:
    maker, indices = head_maker(basis), split_indices(split)
    if count > len(indices):
        raise MienError(f"{count} people of the {split} split, which has {len(indices)}; ask for fewer")
    return [maker.head(draw_subject(SEED, index)) for index in indices[:count]]


def _anthropometry_rows(basis: SynthBasis, template: Template, fitted: list[NeutralHead]) -> Rows:
    subjects = [draw_subject(SEED, index) for index in split_indices("train")[: len(fitted)]]
    return compare_with_surveys(Calipers(template, basis.mean), subjects, fitted)


def _spread_rows(
    basis: SynthBasis, template: Template, heads: Float[np.ndarray, "B S 3"], ict: Path | None
) -> Rows:
    own, stage = (
        measure_region_spread(heads.astype(np.float64), template),
        measure_stage_spread(basis, template),
    )
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
        modes = remove_rigid_motion(people.modes[:, :NARROW_FACE], people.mean[:NARROW_FACE])
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
    own, theirs = (
        measure_nearest_neighbours(train[:count, face]),
        measure_nearest_neighbours(draw_stage_faces(basis, face, count)),
    )
    found = {
        f"nearest of {count} faces, mm": own,
        f"nearest of {count} faces of ICT-FaceKit, mm": theirs,
        f"nearest of {len(train)} training faces to a test face, mm": measure_nearest_training(
            test[:, face], train[:, face]
        ),
        "half the difference to the mirror image, mm": measure_unevenness(
            train[:200].astype(np.float64), template
        ),
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


def _draw(
    plots: Path, drawn: list[Subject], model: PcaHeadModel, errors: list[dict[str, float]], spread: Rows
) -> None:
    regions = [row for row in spread if "database_mm" in row]
    own, theirs = (
        {str(r["region"]): float(str(r[key])) for r in regions} for key in ("database_mm", "ict_carried_mm")
    )
    pictures = {
        "distributions": distribution_picture(marginals(drawn)),
        "pca": component_picture(model.explained, errors),
        "spread": spread_picture(own, theirs),
    }
    for name, picture in pictures.items():
        write_plot(plots / f"{name}.png", picture)


def _report(tables: dict[str, Rows]) -> tuple[Verdict, ...]:
    """A few of the numbers; nothing is aimed at."""
    last = tables["components"][-1]
    nearest = tables["likeness"][0]
    off = max(tables["distributions"], key=lambda row: float(str(row["off"])) / float(str(row["by_chance"])))
    return (
        Aim(f"unseen heads from {last['components']:.0f} components, vertices, mean, mm").judge(
            float(str(last["vertex_mean_mm"]))
        ),
        Aim("face most like another, RMS of vertices, mm").judge(
            float(str(nearest["least"])), str(nearest["what"])
        ),
        Aim("distribution farthest from its target, over what chance allows").judge(
            float(str(off["off"])) / float(str(off["by_chance"])), str(off["attribute"])
        ),
    )
