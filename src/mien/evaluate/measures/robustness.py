"""What still works and what is refused: scans turned, scaled, cropped, thinned, roughened; and no faces.

The whole way is taken, detection included, from each disturbed scan. A result that is wrong and was not
refused is the worst fault: it is counted as "silently wrong".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from mien.anatomy.parts import place_parts
from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.core.errors import MienError
from mien.core.face import PreparedScan, Registration, Template
from mien.core.mesh import Scan
from mien.geometry.align import transformed
from mien.geometry.normals import vertex_normals
from mien.register.run import register
from mien.register.unit import settle_unit
from mien.scan.clean import clean_scan, select_faces
from mien.scan.landmarks.detect import simplify
from mien.scan.prepare import prepare_scan
from mien.synth.scans.no_faces import no_faces
from mien.synth.scans.synthetic_scan import Recipe, cropped, synthetic

WRONG_MM = 3.0  # a median error above this is wrong
FACE_RADIUS = 0.070  # metres round the middle of the face: what is compared
RECIPE = Recipe(triangles=80_000, holes=0, clutter=0, eyes=True, noise=0.00005)

Change = Callable[[Scan, Float[np.ndarray, "68 3"], np.random.Generator], Scan]


@dataclass(frozen=True)
class UndisturbedScan:
    """An undisturbed scan (metres, upright), its landmarks, and where the template's vertices lie on it."""

    name: str
    scan: Scan
    landmarks: Float[np.ndarray, "68 3"]
    reference: Float[np.ndarray, "V 3"]


@dataclass(frozen=True)
class Trial:
    """A disturbance: a change of the mesh, then a linear map of space. `face`: whether a face is left."""

    name: str
    change: Change | None = None
    turn: Float[np.ndarray, "4 4"] = field(default_factory=lambda: np.eye(4))
    face: bool = True


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


def synthetic_subject(template: Template, seed: int) -> UndisturbedScan:
    """A random head with eyeballs, nearly clean, and its truth."""
    made = synthetic(template, seed, RECIPE)
    landmarks = template.landmarks.on(made.truth, template.topology)
    return UndisturbedScan(
        f"synthetic {seed}", made.prepared.scan, landmarks, place_parts(template, made.truth)
    )


def real_subject(template: Template, scan: Scan) -> UndisturbedScan:
    """A real scan, whose undisturbed registration serves as the truth."""
    prepared = prepare_scan(clean_scan(scan))
    prepared, registration = settle_unit(template, prepared, register(template, prepared))
    landmarks = template.landmarks.on(registration.vertices, template.topology)
    plain = replace(prepared.scan, unit_metres=None)
    return UndisturbedScan(prepared.scan.name, plain, landmarks, registration.vertices)


def robustness(
    template: Template,
    subjects: list[UndisturbedScan],
    progress: Callable[[str], None] = lambda _: None,
) -> Iterator[Outcome]:
    """Every trial on every subject, then what is no face."""
    for subject in subjects:
        for trial in trials():
            progress(f"{subject.name}: {trial.name}")
            yield attempt(template, subject, trial)
    for scan in no_faces(subjects[0].scan, subjects[0].landmarks):
        progress(f"no face: {scan.name}")
        yield attempt_no_face(template, scan)


def attempt(template: Template, subject: UndisturbedScan, trial: Trial) -> Outcome:
    """Disturbs the scan, registers it from scratch and compares."""
    rng = np.random.default_rng([7, *trial.name.encode()])
    scan = subject.scan
    if trial.change is not None:
        scan = trial.change(scan, subject.landmarks, rng)
    scan = replace(scan, vertices=transformed(trial.turn, scan.vertices))
    started = time.perf_counter()
    try:
        prepared, found = _whole_way(template, scan)
    except MienError as error:
        seconds = time.perf_counter() - started
        return _refused(subject.name, trial.name, error, seconds)
    seconds = time.perf_counter() - started
    median, p95 = _error(template, subject, trial, prepared, found)
    verdict = "works" if median <= WRONG_MM else "silently wrong"
    said = "; ".join((prepared.unit_note, *prepared.notes))
    return Outcome(subject.name, trial.name, verdict, median, p95, _expected(template, found), seconds, said)


def attempt_no_face(template: Template, scan: Scan) -> Outcome:
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


def trials() -> list[Trial]:
    """All disturbances."""
    rng = np.random.default_rng(20)
    turned = [Trial(f"turned at random {k + 1}", turn=_random_turn(rng)) for k in range(3)]
    scales = [Trial(f"scaled by {s:g}", turn=np.diag([s, s, s, 1.0])) for s in (0.001, 1000.0, 37.0)]
    far = np.eye(4)
    far[:3, 3] = 100.0, -250.0, 40.0
    return [
        Trial("undisturbed"),
        *turned,
        Trial("upside down", turn=np.diag([-1.0, -1.0, 1.0, 1.0])),
        *scales,
        Trial("moved 270 m away", turn=far),
        Trial("mirrored", turn=np.diag([-1.0, 1.0, 1.0, 1.0])),
        Trial("crop: head", _crop("head")),
        Trial("crop: face with ears", _crop("face")),
        Trial("crop: bare mask", _crop("mask")),
        Trial("crop: left half", _half),
        Trial("crop: without the mouth", _without_mouth),
        *(Trial(f"{n:,} triangles", _thinned(n)) for n in (20_000, 5000, 2000)),
        *(Trial(f"noise {mm:g} mm", _noisy(mm / 1000)) for mm in (0.2, 0.5, 1.0)),
        Trial("2,000 triangles, mask, turned", _chain(_crop("mask"), _thinned(2000)), _random_turn(rng)),
        Trial(
            "noise 1 mm, 5,000 triangles, turned", _chain(_thinned(5000), _noisy(0.001)), _random_turn(rng)
        ),
    ]


def _whole_way(template: Template, scan: Scan) -> tuple[PreparedScan, Registration]:
    prepared = prepare_scan(clean_scan(scan))
    return settle_unit(template, prepared, register(template, prepared))


def _error(
    template: Template, subject: UndisturbedScan, trial: Trial, prepared: PreparedScan, found: Registration
) -> tuple[float, float]:
    """Median and 95th percentile over the middle of the face, in the undisturbed scan's space."""
    back = np.linalg.inv(prepared.transform @ trial.turn)
    vertices = transformed(back, found.vertices)
    if np.linalg.det(trial.turn[:3, :3]) < 0:  # a mirrored face has its left side on the right
        vertices = vertices[template.mirror]
    chosen = _compared(template, subject.reference)
    error = np.linalg.norm(vertices - subject.reference, axis=1)[chosen] * MILLIMETRES_PER_METRE
    return float(np.median(error)), float(np.percentile(error, 95))


def _compared(template: Template, reference: np.ndarray) -> np.ndarray:
    middle = template.landmarks.on(reference, template.topology)[27:].mean(axis=0)
    near = np.linalg.norm(reference - middle, axis=1) < FACE_RADIUS
    return near & (template.regions["measured"] > 0.5) & template.vertex_mask("face")


def _expected(template: Template, found: Registration) -> float:
    if found.expected_error_mm is None:
        return np.nan
    return float(np.nanmedian(found.expected_error_mm[_compared(template, found.vertices)]))


def _refused(subject: str, trial: str, error: MienError, seconds: float) -> Outcome:
    return Outcome(subject, trial, "refused", np.nan, np.nan, np.nan, seconds, str(error))


def _crop(crop: str) -> Change:
    def change(scan: Scan, landmarks: np.ndarray, _rng: np.random.Generator) -> Scan:
        return select_faces(scan, cropped(_centres(scan), landmarks, crop))  # type: ignore[arg-type]

    return change


def _half(scan: Scan, landmarks: np.ndarray, _rng: np.random.Generator) -> Scan:
    return select_faces(scan, _centres(scan)[:, 0] > landmarks[27:31, 0].mean())


def _without_mouth(scan: Scan, landmarks: np.ndarray, _rng: np.random.Generator) -> Scan:
    return select_faces(scan, _centres(scan)[:, 1] > landmarks[33, 1])


def _thinned(count: int) -> Change:
    return lambda scan, _landmarks, _rng: simplify(scan, count)


def _noisy(metres: float) -> Change:
    def change(scan: Scan, _landmarks: np.ndarray, rng: np.random.Generator) -> Scan:
        normals = vertex_normals(scan.vertices, scan.triangles)
        return replace(scan, vertices=scan.vertices + metres * rng.normal(size=(len(normals), 1)) * normals)

    return change


def _chain(*changes: Change) -> Change:
    def change(scan: Scan, landmarks: np.ndarray, rng: np.random.Generator) -> Scan:
        for one in changes:
            scan = one(scan, landmarks, rng)
        return scan

    return change


def _centres(scan: Scan) -> Float[np.ndarray, "M 3"]:
    return scan.vertices[scan.triangles].mean(axis=1)


def _random_turn(rng: np.random.Generator) -> Float[np.ndarray, "4 4"]:
    """Uniform over all rotations (the QR of a Gaussian matrix)."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    out = np.eye(4)
    out[:3, :3] = q * np.linalg.det(q)
    return out
