"""The database's 26 expressions: what should touch, what folds, what bulges, how much is a person's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from mien.anatomy.contact.lips import LIP_GAP, SEALED
from mien.anatomy.eyeball import SIDES
from mien.anatomy.gaze import gaze_rotation
from mien.core.conventions import EXPRESSIONS, MILLIMETRES_PER_METRE, shape_weights
from mien.core.errors import MienError
from mien.core.face import Template
from mien.database.release import SEED, split_indices
from mien.evaluate.measures.aims import DESIGN, Aim, Verdict
from mien.evaluate.measures.evaluation import Evaluation, Findings, Say
from mien.geometry.normals import triangle_cross
from mien.geometry.polyline import nearest_on
from mien.synth.expression.maker import BoundHead, ExpressionMaker, expression_maker
from mien.synth.expression.surface import FaceSurface
from mien.synth.identity.basis import load_basis
from mien.synth.person import SyntheticPerson
from mien.synth.subject import draw_subject

SUBJECTS = 24
CORNERS = 6  # points of a lip's seam at either end that fold by nature
SKIPPED = 2  # points of a lid's margin at either end, where both lids are one
_LIDS = ("upper_lid_left", "upper_lid_right", "lower_lid_left", "lower_lid_right")
_CHEEKS = ("cheek_left", "cheek_right")

_DATA = "docs/synthetic_people.md"  # where the aims of the generator stand, beside what it reached
LIDS_APART = Aim("lids apart in a blink, mm", at_most=0.3, source=DESIGN)
LIDS_IN_BALL = Aim("lids inside the eyeball, mm", at_most=0.1, source=_DATA)
LIPS_CROSSED = Aim("lips crossed, mm", at_most=0.2, source=_DATA)
LIPS_APART = Aim("lips apart where the template's meet, mm", at_most=0.8, source=_DATA)
FOLDED_WORST = Aim("triangles folded outside the lids, worst", at_most=30.0, source=_DATA)
FOLDED_MEDIAN = Aim("triangles folded outside the lids, median", at_most=3.0, source=_DATA)


@dataclass(frozen=True, kw_only=True)
class EvaluateDatabaseExpressions(Evaluation):
    """Makes all 26 expressions of subjects of the database's test split and judges each: lids and lips that
    should touch, triangles that fold, cheeks that bulge, and how much is this person's own. Takes about a
    minute."""

    subjects: int = SUBJECTS
    """How many of the test split's subjects."""

    def measure(self, say: Say) -> Findings:
        """A row an expression."""
        held = len(split_indices("test"))
        if not 1 <= self.subjects <= held:
            raise MienError(
                f"{self.subjects} subjects: the test split has {held}, expected 1 to {held}; give --subjects"
            )
        found = measure_expressions(split_indices("test")[: self.subjects], say)
        rows = [_row(name, numbers) for name, numbers in found.items()]
        return Findings({"expressions": rows}, _judge(found))


def measure_expressions(indices: Sequence[int], say: Say) -> dict[str, FoundExpression]:
    """By expression, what was measured on each of these subjects."""
    maker = expression_maker(load_basis())
    found = {name: FoundExpression() for name in EXPRESSIONS if EXPRESSIONS[name]}
    for number, index in enumerate(indices):
        if number % 8 == 0:
            last = min(number + 8, len(indices))
            say(f"expressions of subjects {number + 1} to {last} of {len(indices)}")
        person = SyntheticPerson(draw_subject(SEED, index), maker=maker)
        for name, numbers in found.items():
            _measure(maker, person.bound, person.transferred, name, numbers)
    return found


@dataclass
class FoundExpression:
    """What was measured of one expression: by name, a number a subject."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, **numbers: float) -> None:
        """One more subject."""
        for name, value in numbers.items():
            self.values.setdefault(name, []).append(value)

    def median(self, name: str) -> float:
        """Over the subjects."""
        return float(np.median(self.values[name]))

    def worst(self, name: str) -> float:
        """The largest of the subjects'."""
        return float(np.max(self.values[name]))


def _measure(
    maker: ExpressionMaker, bound: BoundHead, plain: BoundHead, name: str, numbers: FoundExpression
) -> None:
    weights, template, surface = shape_weights(EXPRESSIONS[name]), maker.template, maker.surface
    face, rest = surface.vertices, bound.head.skin
    offsets = maker.expression(bound, weights)
    posed, transferred = rest + offsets, maker.expression(plain, weights)
    own = (offsets - transferred)[face]
    folds = find_folded_triangles(posed[face], rest[face], surface)
    lids = find_lid_triangles(template, surface)
    crossed, apart = measure_lips(maker, posed, rest.astype(np.float64), weights)
    cheeks = np.max([template.regions[region][face] for region in _CHEEKS], axis=0)
    numbers.add(
        motion=measure_size(offsets[face]),
        own=measure_size(own),
        uneven=measure_uneven_share(offsets[face], template.mirror[face]),
        uneven_plain=measure_uneven_share(transferred[face], template.mirror[face]),
        cheeks=measure_swept_volume(offsets[face], rest[face], cheeks, surface.triangles),
        cheeks_more=measure_swept_volume(own, rest[face], cheeks, surface.triangles),
        folded=float((folds & ~lids).sum()),
        folded_lids=float((folds & lids).sum()),
        in_ball=max(0.0, measure_depth_in_ball(posed, bound, weights, template)),
        crossed=crossed,
        apart=apart,
    )
    if name == "blink":
        numbers.add(lids_apart=measure_lid_gap(posed, template))


def _row(name: str, numbers: FoundExpression) -> dict[str, object]:
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


def _judge(found: dict[str, FoundExpression]) -> tuple[Verdict, ...]:
    def worst(key: str) -> list[tuple[str, float]]:
        return [(name, numbers.worst(key)) for name, numbers in found.items()]

    return (
        LIDS_APART.judge(found["blink"].worst("lids_apart"), "blink"),
        LIDS_IN_BALL.judge_worst(worst("in_ball")),
        LIPS_CROSSED.judge_worst(worst("crossed")),
        LIPS_APART.judge_worst(worst("apart")),
        FOLDED_WORST.judge_worst(worst("folded")),
        FOLDED_MEDIAN.judge_worst((name, numbers.median("folded")) for name, numbers in found.items()),
    )


def measure_lid_gap(posed: Float[np.ndarray, "S 3"], template: Template) -> float:
    """The largest distance (mm) of a point of one lid's front edge from the other lid's, either eye."""
    worst = 0.0
    for side in SIDES:
        upper, lower = (posed[template.loops[f"lid_{lid}_{side}"]] for lid in ("upper", "lower"))
        for one, other in ((upper, lower), (lower, upper)):
            points = one[SKIPPED:-SKIPPED].astype(np.float64)
            foot, _ = nearest_on(points, other.astype(np.float64))
            worst = max(worst, float(np.linalg.norm(points - foot, axis=1).max()))
    return worst * MILLIMETRES_PER_METRE


def measure_depth_in_ball(
    posed: Float[np.ndarray, "S 3"], bound: BoundHead, weights: Float[np.ndarray, "52"], template: Template
) -> float:
    """How deep (mm) the lids' skin lies in the turned eyeballs at its worst; 0: nowhere."""
    deepest = 0.0
    strong = weights * bound.form.strength
    face = template.part("face").vertices
    for side in SIDES:
        ball = bound.head.eyes[side]
        lids = np.max([template.regions[f"{lid}_lid_{side}"][face] for lid in ("upper", "lower")], axis=0)
        points = posed[face][lids > 0.5].astype(np.float64)
        gaze = gaze_rotation(strong, side) @ ball.gaze
        deepest = max(deepest, -float(ball.clearance(points, gaze).min()))
    return deepest * MILLIMETRES_PER_METRE


def measure_lips(
    maker: ExpressionMaker,
    posed: Float[np.ndarray, "S 3"],
    rest: Float[np.ndarray, "S 3"],
    weights: Float[np.ndarray, "52"],
) -> tuple[float, float]:
    """Largest crossing of the lips (mm); how much wider than at rest they gape where the template's meet."""
    inner = slice(CORNERS, -CORNERS)
    opening = maker.lips.opening(posed.astype(np.float64), rest)[inner]
    at_rest = np.maximum(maker.lips.opening(rest, rest)[inner], LIP_GAP)
    template = maker.template.vertices[: maker.count]
    generic = template + np.tensordot(weights, maker.template.shapes[:, : maker.count], axes=1)
    sealed = maker.lips.opening(generic, template)[inner] < SEALED
    crossed = max(0.0, -float(opening.min()))
    apart = float((opening - at_rest)[sealed].max(initial=0.0))
    return crossed * MILLIMETRES_PER_METRE, apart * MILLIMETRES_PER_METRE


def find_lid_triangles(template: Template, surface: FaceSurface) -> Bool[np.ndarray, " T"]:
    """Triangles of the lids, which roll over each other by nature."""
    lids = np.max([template.regions[name][surface.vertices] for name in _LIDS], axis=0) > 0.05
    return lids[surface.triangles].any(axis=1)


def find_folded_triangles(
    posed: Float[np.ndarray, "F 3"], rest: Float[np.ndarray, "F 3"], surface: FaceSurface
) -> Bool[np.ndarray, " T"]:
    """Triangles that look away from the mean of the skin two rings round them, and did not at rest."""
    return _turned(posed.astype(np.float64), surface) & ~_turned(rest.astype(np.float64), surface)


def measure_swept_volume(
    offsets: Float[np.ndarray, "F 3"],
    rest: Float[np.ndarray, "F 3"],
    share: Float[np.ndarray, " F"],
    triangles: Int[np.ndarray, "T 3"],
) -> float:
    """Millilitres between the skin at rest and as it moved, where `share` of it counts; to first order."""
    cross = triangle_cross(rest.astype(np.float64), triangles)
    height = (share[:, None] * offsets)[triangles].mean(axis=1)
    return 1e6 * 0.5 * float((cross * height).sum())


def measure_uneven_share(offsets: Float[np.ndarray, "F 3"], mirror: Int[np.ndarray, " F"]) -> float:
    """Share of a motion's energy that is not mirrored on the other side of the face."""
    other = offsets[mirror] * [-1.0, 1.0, 1.0]
    odd = 0.5 * (offsets - other)
    return float((odd**2).sum() / max(float((offsets**2).sum()), 1e-30))


def measure_size(offsets: Float[np.ndarray, "F 3"]) -> float:
    """Root mean square over the vertices, mm."""
    return MILLIMETRES_PER_METRE * float(np.sqrt((offsets.astype(np.float64) ** 2).sum(axis=1).mean()))


def _turned(face: Float[np.ndarray, "F 3"], surface: FaceSurface) -> Bool[np.ndarray, " T"]:
    cross = triangle_cross(face, surface.triangles)
    return np.einsum("td,td->t", cross, surface.around(cross)) < 0
