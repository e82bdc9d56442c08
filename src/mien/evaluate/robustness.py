"""What still works and what is refused: scans turned, scaled, cropped, thinned, roughened; and no faces.

The whole way is taken, detection included, from each disturbed scan. A result that is wrong and was not
refused is the worst fault: it is counted as "silently wrong".
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from mien.anatomy.parts import place_parts
from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.core.errors import MienError
from mien.core.face import PreparedScan, Registration, Template
from mien.core.mesh import Scan
from mien.evaluate.measures.aims import DESIGN, Aim
from mien.evaluate.measures.disturbances import Disturbance, list_disturbances
from mien.evaluate.measures.evaluation import Findings, Rows, Say
from mien.evaluate.measures.given_scans import ScanEvaluation, pair_scans, register_and_settle
from mien.geometry.align import transformed
from mien.meshio.load import load_scan
from mien.scan.clean import clean_scan
from mien.scan.prepare import prepare_scan
from mien.synth.scans.no_faces import no_faces
from mien.synth.scans.synthetic_scan import Recipe, synthetic
from mien.template.load import load_template

WRONG_MM = 3.0  # a median error above this is wrong
FACE_RADIUS = 0.070  # metres round the middle of the face: what is compared
RECIPE = Recipe(triangles=80_000, holes=0, clutter=0, eyes=True, noise=0.00005)
SEED = 2000
SILENTLY_WRONG = Aim("wrong by over 3 mm and not refused", at_most=0.0, source=DESIGN)


@dataclass(frozen=True, kw_only=True)
class EvaluateRobustness(ScanEvaluation):
    """Disturbs a synthetic head, and your scans, in 23 ways: turned, scaled, moved, mirrored, cropped,
    thinned, made noisy; then tries things that are no face. Each goes the whole way, detection included,
    which takes about half a minute. What is wrong by more than 3 mm and was not refused counts as silently
    wrong."""

    def measure(self, say: Say) -> Findings:
        """One row a trial; for people a table with a column a head."""
        scans = pair_scans(self.scans, self.albedo)
        template = load_template()
        subjects = [make_synthetic_subject(template, SEED)]
        subjects += [make_real_subject(template, load_scan(scan.path, scan.albedo)) for scan in scans]
        outcomes = list(try_everything(template, subjects, say))
        wrong = sum(outcome.verdict == "silently wrong" for outcome in outcomes)
        verdict = SILENTLY_WRONG.judge(float(wrong), f"{len(outcomes)} trials")
        return Findings({"robustness": to_rows(outcomes)}, (verdict,), format_outcomes(outcomes))


@dataclass(frozen=True)
class UndisturbedScan:
    """An undisturbed scan (metres, upright), its landmarks, and where the template's vertices lie on it."""

    name: str
    scan: Scan
    landmarks: Float[np.ndarray, "68 3"]
    reference: Float[np.ndarray, "V 3"]


@dataclass(frozen=True)
class Outcome:
    """What became of a trial; errors in millimetres (NaN where refused), `said` the refusal or the notes."""

    subject: str
    trial: str
    verdict: str  # "works", "refused" or "silently wrong"
    median_mm: float
    p95_mm: float
    expected_mm: float  # what the registration itself expected off its surface, median
    seconds: float
    said: str


def make_synthetic_subject(template: Template, seed: int) -> UndisturbedScan:
    """A random head with eyeballs, nearly clean, and its truth."""
    made = synthetic(template, seed, RECIPE)
    landmarks = template.landmarks.on(made.truth, template.topology)
    return UndisturbedScan(
        f"synthetic {seed}", made.prepared.scan, landmarks, place_parts(template, made.truth)
    )


def make_real_subject(template: Template, scan: Scan) -> UndisturbedScan:
    """A real scan, whose undisturbed registration serves as the truth."""
    prepared, registration = _whole_way(template, scan)
    landmarks = template.landmarks.on(registration.vertices, template.topology)
    plain = replace(prepared.scan, unit_metres=None)
    return UndisturbedScan(prepared.scan.name, plain, landmarks, registration.vertices)


def try_everything(template: Template, subjects: list[UndisturbedScan], say: Say) -> Iterator[Outcome]:
    """Every disturbance on every subject, then what is no face."""
    for subject in subjects:
        for disturbance in list_disturbances():
            say(f"{subject.name}: {disturbance.name}")
            yield try_disturbance(template, subject, disturbance)
    for scan in no_faces(subjects[0].scan, subjects[0].landmarks):
        say(f"no face: {scan.name}")
        yield try_no_face(template, scan)


def try_disturbance(template: Template, subject: UndisturbedScan, disturbance: Disturbance) -> Outcome:
    """Disturbs the scan, registers it from scratch and compares."""
    rng = np.random.default_rng([7, *disturbance.name.encode()])
    scan = subject.scan
    if disturbance.change is not None:
        scan = disturbance.change(scan, subject.landmarks, rng)
    scan = replace(scan, vertices=transformed(disturbance.turn, scan.vertices))
    started = time.perf_counter()
    try:
        prepared, found = _whole_way(template, scan)
    except MienError as error:
        seconds = time.perf_counter() - started
        return _refused(subject.name, disturbance.name, error, seconds)
    seconds = time.perf_counter() - started
    median, p95 = _error(template, subject, disturbance, prepared, found)
    verdict = "works" if median <= WRONG_MM else "silently wrong"
    said = "; ".join((prepared.unit_note, *prepared.notes))
    return Outcome(
        subject.name, disturbance.name, verdict, median, p95, _expected(template, found), seconds, said
    )


def try_no_face(template: Template, scan: Scan) -> Outcome:
    """Tries to register what is no face: only a refusal is right."""
    started = time.perf_counter()
    try:
        found = _whole_way(template, scan)[1]
    except MienError as error:
        return _refused("no face", scan.name, error, time.perf_counter() - started)
    seconds = time.perf_counter() - started
    expected = _expected(template, found)
    return Outcome(
        "no face", scan.name, "silently wrong", np.nan, np.nan, expected, seconds, "taken for a face"
    )


def _whole_way(template: Template, scan: Scan) -> tuple[PreparedScan, Registration]:
    return register_and_settle(template, prepare_scan(clean_scan(scan)))


def _error(
    template: Template,
    subject: UndisturbedScan,
    disturbance: Disturbance,
    prepared: PreparedScan,
    found: Registration,
) -> tuple[float, float]:
    """Median and 95th percentile over the middle of the face, in the undisturbed scan's space."""
    back = np.linalg.inv(prepared.transform @ disturbance.turn)
    vertices = transformed(back, found.vertices)
    if np.linalg.det(disturbance.turn[:3, :3]) < 0:  # a mirrored face has its left side on the right
        vertices = vertices[template.mirror]
    chosen = _compared(template, subject.reference)
    error = np.linalg.norm(vertices - subject.reference, axis=1)[chosen] * MILLIMETRES_PER_METRE
    return float(np.median(error)), float(np.percentile(error, 95))


def _compared(template: Template, reference: Float[np.ndarray, "V 3"]) -> Bool[np.ndarray, " V"]:
    middle = template.landmarks.on(reference, template.topology)[27:].mean(axis=0)
    near = np.linalg.norm(reference - middle, axis=1) < FACE_RADIUS
    return near & (template.regions["measured"] > 0.5) & template.vertex_mask("face")


def _expected(template: Template, found: Registration) -> float:
    if found.expected_error_mm is None:
        return np.nan
    return float(np.nanmedian(found.expected_error_mm[_compared(template, found.vertices)]))


def _refused(subject: str, trial: str, error: MienError, seconds: float) -> Outcome:
    return Outcome(subject, trial, "refused", np.nan, np.nan, np.nan, seconds, str(error))


def format_outcomes(outcomes: list[Outcome]) -> str:
    """Markdown: a row a disturbance and a column a head; then what is no face."""
    names = list(dict.fromkeys(o.subject for o in outcomes if o.subject != "no face"))
    found = {(o.subject, o.trial): o for o in outcomes}
    trials = list(dict.fromkeys(o.trial for o in outcomes if o.subject != "no face"))
    lines = [f"| disturbance | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for trial in trials:
        cells = [_cell(found[name, trial]) if (name, trial) in found else "" for name in names]
        lines.append(f"| {trial} | {' | '.join(cells)} |")
    lines += ["", "| no face | |", "|---|---|"]
    lines += [f"| {o.trial} | {_cell(o)} |" for o in outcomes if o.subject == "no face"]
    return "\n".join(lines)


def _cell(outcome: Outcome) -> str:
    if outcome.verdict == "refused":
        return f"refused: {_reason(outcome.said)}"
    numbers = f"{outcome.median_mm:.2f} / {outcome.p95_mm:.2f}"
    return numbers if outcome.verdict == "works" else f"**silently wrong** {numbers}"


def _reason(message: str) -> str:
    """The middle of a refusal: not the file's name, not the advice."""
    said = message.split(": ", 1)[-1]
    return said.split(", expected")[0].split("; ")[0]


def to_rows(outcomes: list[Outcome]) -> Rows:
    """For JSON: numbers that do not exist are left out."""
    return [{k: v for k, v in asdict(o).items() if v == v} for o in outcomes]
