"""`mien evaluate database --expressions`: every expression of some subjects, judged; aims beside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from mien.core.conventions import EXPRESSIONS, shape_weights
from mien.core.errors import MienError
from mien.database.release import SEED, split_indices
from mien.evaluate.measures import database_expressions as judge
from mien.synth.expression.maker import BoundHead, ExpressionMaker, expression_maker
from mien.synth.identity.basis import load_basis
from mien.synth.person import SyntheticPerson
from mien.synth.subject import draw_subject

SUBJECTS = 24
AIMS = {
    "lids apart in a blink, mm": 0.3,
    "lids inside the eyeball, mm": 0.1,
    "lips crossed, mm": 0.2,
    "lips apart where the template's meet, mm": 0.8,
    "triangles folded outside the lids, worst": 30,
    "triangles folded outside the lids, median": 3,
}
_CHEEKS = ("cheek_left", "cheek_right")

Rows = list[dict[str, object]]


@dataclass
class _Found:
    """What was measured of one expression, a number a subject."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, **numbers: float) -> None:
        for name, value in numbers.items():
            self.values.setdefault(name, []).append(value)

    def median(self, name: str) -> float:
        return float(np.median(self.values[name]))

    def worst(self, name: str) -> float:
        return float(np.max(self.values[name]))


def evaluate_database_expressions(say: Callable[[str], None], subjects: int = SUBJECTS) -> dict[str, Rows]:
    """Sections "expressions" (a row each) and "aims" (worst found beside what is asked) of test subjects."""
    indices = split_indices("test")[:subjects]
    if not 1 <= subjects <= len(split_indices("test")):
        raise MienError(f"{subjects} subjects: expected 1 to {len(split_indices('test'))} of the test split")
    maker = expression_maker(load_basis())
    found = {name: _Found() for name in EXPRESSIONS if EXPRESSIONS[name]}
    for number, index in enumerate(indices):
        if number % 8 == 0:
            say(f"expressions of subjects {number + 1} to {min(number + 8, subjects)} of {subjects}")
        person = SyntheticPerson(draw_subject(SEED, index), maker=maker)
        for name, numbers in found.items():
            _measure(maker, person.bound, person.transferred, name, numbers)
    return {"expressions": [_row(name, numbers) for name, numbers in found.items()], "aims": _aims(found)}


def missed(aims: Rows) -> list[str]:
    """Names of the aims that were not met."""
    return [str(row["what"]) for row in aims if not row["met"]]


def _measure(maker: ExpressionMaker, bound: BoundHead, plain: BoundHead, name: str, numbers: _Found) -> None:
    weights, template, surface = shape_weights(EXPRESSIONS[name]), maker.template, maker.surface
    face, rest = surface.vertices, bound.head.skin
    offsets = maker.expression(bound, weights)
    posed, transferred = rest + offsets, maker.expression(plain, weights)
    own = (offsets - transferred)[face]
    folds = judge.folded_triangles(posed[face], rest[face], surface)
    lids = judge.near_lids(template, surface)
    crossed, apart = judge.lips(maker, posed, rest.astype(np.float64), weights)
    cheeks = np.max([template.regions[region][face] for region in _CHEEKS], axis=0)
    numbers.add(
        motion=judge.size(offsets[face]),
        own=judge.size(own),
        uneven=judge.uneven_share(offsets[face], template.mirror[face]),
        uneven_plain=judge.uneven_share(transferred[face], template.mirror[face]),
        cheeks=judge.swept_volume(offsets[face], rest[face], cheeks, surface.triangles),
        cheeks_more=judge.swept_volume(own, rest[face], cheeks, surface.triangles),
        folded=float((folds & ~lids).sum()),
        folded_lids=float((folds & lids).sum()),
        in_ball=max(0.0, judge.depth_in_ball(posed, bound, weights, template)),
        crossed=crossed,
        apart=apart,
    )
    if name == "blink":
        numbers.add(lids_apart=judge.lid_gap(posed, template))


def _row(name: str, numbers: _Found) -> dict[str, object]:
    """Medians over the subjects, and the worst of what must not be."""
    more = numbers.values["cheeks_more"]
    return {
        "expression": name,
        "motion_mm": numbers.median("motion"),
        "own_mm": numbers.median("own"),
        "uneven_%": 100 * numbers.median("uneven"),
        "transferred_%": 100 * numbers.median("uneven_plain"),
        "cheeks_mL": numbers.median("cheeks"),
        "own_mL": float(np.mean(more)),
        "+-": float(np.std(more)),
        "folded": numbers.median("folded"),
        "worst": numbers.worst("folded"),
        "in_lids": numbers.median("folded_lids"),
        "worst_in_lids": numbers.worst("folded_lids"),
        "in_ball_mm": numbers.worst("in_ball"),
        "crossed_mm": numbers.worst("crossed"),
        "apart_mm": numbers.worst("apart"),
    }


def _aims(found: dict[str, _Found]) -> Rows:
    def worst(key: str) -> tuple[float, str]:
        return max((numbers.worst(key), name) for name, numbers in found.items())

    medians = max((numbers.median("folded"), name) for name, numbers in found.items())
    reached = dict(
        zip(
            AIMS,
            (
                (found["blink"].worst("lids_apart"), "blink"),
                worst("in_ball"),
                worst("crossed"),
                worst("apart"),
                worst("folded"),
                medians,
            ),
            strict=True,
        )
    )
    return [
        {"what": what, "found": value, "at_most": AIMS[what], "met": value <= AIMS[what], "in": name}
        for what, (value, name) in reached.items()
    ]
