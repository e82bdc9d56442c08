"""The whole registration, stage after stage."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from mien.anatomy.parts import place_parts
from mien.core.errors import MienError
from mien.core.face import PreparedScan, Registration, Template
from mien.geometry.normals import vertex_normals
from mien.geometry.solve import SpdSolver
from mien.geometry.weights import smoothstep
from mien.register.acceptance import face_vertices, plausibility, refuse_implausible, refuse_untrusted
from mien.register.closed_eyes import closed_eyes, without_lids
from mien.register.confidence import Trust, trust_in
from mien.register.ears import placed_ears
from mien.register.error_features import evidence
from mien.register.fitted_skin import FittedSkin, template_skin
from mien.register.hair import bareness, ear_zone, outer_zone
from mien.register.linear_fit import LANDMARK_SIGMA, fit_linear
from mien.register.morphable_model import LinearHead, posed_template
from mien.register.nonrigid import LandmarkPull, factor_stages, fit_nonrigid
from mien.register.placed_landmarks import led_to, misses_mm, placed_points, with_placed
from mien.register.pose import landmark_pose
from mien.register.repair import completed, in_order, mouth_shut, unfolded
from mien.register.report import surface_report
from mien.register.scan_surface import ScanSurface, pair, scan_surface
from mien.register.sockets import empty_sockets, trusted_to_the_edge, with_margins
from mien.scan.decimate import light_scan

# Chosen by eye, lengths at the template's size:
CROP_MARGIN = 0.03  # metres round the aligned head
SCALE_SIGMA = 0.15  # of the natural logarithm of the head's size against the template's
REPORT_SAMPLES = 20_000  # points on each surface: fewer than where registrations are measured, and quicker
HAIR_MARGIN = 0.3  # of `outer_zone`: from here on unseen skin is completed smoothly
SEEN_REACH = 0.004  # metres between the fitted skin and the scan that shows it

Progress = Callable[[str], None]


@dataclass
class Clock:
    """Seconds per stage."""

    seconds: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)

    def lap(self, name: str) -> None:
        """Ends the stage `name`."""
        now = time.perf_counter()
        self.seconds[f"seconds_{name}"] = now - self.started
        self.started = now


@dataclass(frozen=True)
class LinearFit:
    """What the non-rigid fit starts from: the skin, the scan near it, the fitted head.

    `vertices` are the whole head's; `bare` is 1 at skin vertices where the scan shows skin and 0 where
    hair or cloth hides it; `pull` draws the landmarks; `shut` says whether mouth,
    left eye and right eye are closed.
    """

    skin: FittedSkin
    surface: ScanSurface
    head: LinearHead
    vertices: Float[np.ndarray, "V 3"]
    bare: Float[np.ndarray, " S"]
    pull: LandmarkPull
    shut: tuple[bool, bool, bool]
    solvers: Sequence[SpdSolver]

    @property
    def start(self) -> Float[np.ndarray, "S 3"]:
        """The skin of the linear fit."""
        return self.vertices[self.skin.index]


def register(template: Template, prepared: PreparedScan, progress: Progress | None = None) -> Registration:
    """Carries the template onto a scan: landmarks, linear fit, Laplacian non-rigid fit, confidence.

    Everything is in the prepared scan's space (metres). The head's own size against the template's is
    `report["scale"]`. `progress` gets one line a stage. Raises `MienError` where the scan is no face:
    see `mien.register.acceptance` for the rules.
    """
    say = progress or (lambda _: None)
    clock = Clock()
    prepared = replace(prepared, scan=light_scan(prepared.scan))
    fit = linear_fit(template, prepared, say, clock)
    clock.lap("linear")
    fitted = nonrigid_fit(template, fit, say)
    clock.lap("nonrigid")
    registration = judged(template, prepared, fit, fitted)
    refuse_untrusted(prepared, registration.report)
    clock.lap("report")
    registration.report.update(clock.seconds)
    return registration


def nonrigid_fit(template: Template, fit: LinearFit, say: Progress = print) -> Float[np.ndarray, "S 3"]:
    """The skin on the scan: deformed, completed beside hair, unfolded, lips and lids in order."""
    fitted = fit_nonrigid(
        fit.skin, fit.start, fit.surface, fit.bare, fit.pull, progress=say, solvers=fit.solvers
    )
    zone = smoothstep(outer_zone(template, fit.skin, neck=True), 0.0, HAIR_MARGIN)
    fitted = completed(fit.skin, fitted, fit.start, _seen(template, fit, fitted), zone)
    for _ in range(2):
        fitted = in_order(template, fit.skin, fitted, fit.start, fit.shut)
        fitted = unfolded(fit.skin, fitted, fit.start)
    return fitted


def _seen(template: Template, fit: LinearFit, fitted: Float[np.ndarray, "S 3"]) -> Float[np.ndarray, " S"]:
    """How surely the scan showed each vertex: bare, near, facing the same way.

    In the folds of a bare ear the nearest surface faces any way: there bareness alone decides.
    """
    normals = vertex_normals(fitted, fit.skin.triangles)
    pairs = pair(fit.surface, fitted, normals, reach=SEEN_REACH * fit.head.pose.scale, min_cosine=0.5)
    near = smoothstep(pairs.weight, 0.0, 0.3)
    return fit.bare * np.maximum(near, ear_zone(template, fit.skin))


def linear_fit(
    template: Template, prepared: PreparedScan, say: Progress = print, clock: Clock | None = None
) -> LinearFit:
    """Everything up to the linear fit. Raises `MienError` where that is no face."""
    clock = clock or Clock()
    skin = template_skin(template)
    say("aligning")
    pose = landmark_pose(template, prepared)
    head = posed_template(template, pose)
    try:
        centre = template.landmarks.on(head.vertices(template), template.topology)[27:].mean(axis=0)
        around = head.vertices(template)[skin.index]
        surface = scan_surface(prepared.scan, around, CROP_MARGIN * pose.scale, centre)
    except ValueError as error:
        raise MienError(f"{prepared.scan.name}: {error}; check its landmarks") from error
    clock.lap("align")
    say("linear fit")
    sockets = empty_sockets(surface, prepared)
    surface = trusted_to_the_edge(surface, sockets)
    closed = closed_eyes(surface, prepared, sockets)
    seen = without_lids(prepared, closed)
    pull = landmark_pull(template, skin, seen)
    with ThreadPoolExecutor(1) as beside:  # factoring needs no surface: it goes on while the model is fitted
        factored = beside.submit(factor_stages, skin, pull)
        head = fit_linear(template, skin, surface, seen, head, scale_sigma=SCALE_SIGMA, closed=closed)
        solvers = factored.result()
    refuse_implausible(prepared, plausibility(template, skin, surface, prepared, head))
    shut = (
        mouth_shut(prepared.landmarks, prepared.landmark_confidence),
        closed[0] > 0.5,
        closed[1] > 0.5,
    )
    vertices = head.vertices(template)
    start = vertices[skin.index]
    vertices[skin.index] = in_order(template, skin, start, start, shut)
    bare = bareness(template, skin, surface, vertices[skin.index], head.pose.scale)
    vertices[skin.index] = placed_ears(template, skin, surface, vertices[skin.index], bare, head.pose.scale)
    placed = placed_points(surface, prepared, head.pose.scale)
    if placed is not None:
        pull = with_placed(pull, placed)
        solvers = factor_stages(skin, pull)
        vertices[skin.index] = led_to(skin, vertices[skin.index], pull, placed, head.pose.scale)
    led = with_margins(template, skin, pull, sockets)
    if led is not pull:
        pull, solvers = led, factor_stages(skin, led)
    return LinearFit(skin, surface, head, vertices, bare, pull, shut, solvers)


def judged(
    template: Template, prepared: PreparedScan, fit: LinearFit, fitted: Float[np.ndarray, "S 3"]
) -> Registration:
    """A fitted skin with its distance, confidence and report; other parts follow."""
    size = fit.head.pose.scale
    found = evidence(fit.skin, fitted, fit.start, fit.surface, fit.bare, size)
    trust = trust_in(template, fit.skin, found, size)
    distance = _scattered(template, fit.skin, trust.distance_mm, np.nan)
    vertices = fit.vertices.copy()
    vertices[fit.skin.index] = fitted
    vertices = place_parts(template, vertices)
    linear = place_parts(template, fit.vertices)
    report = surface_report(template, fit.skin, prepared, vertices, linear, distance, REPORT_SAMPLES)
    return Registration(
        vertices=vertices,
        linear=linear,
        identity=fit.head.identity,
        expression=fit.head.expression,
        distance_mm=distance,
        confidence=_scattered(template, fit.skin, trust.confidence, 0.0),
        expected_error_mm=_scattered(template, fit.skin, trust.error_mm, np.nan),
        expected_slip_mm=_scattered(template, fit.skin, trust.slip_mm, np.nan),
        report=report
        | _expectations(template, fit.skin, trust)
        | misses_mm(fit.skin, fitted, fit.pull, prepared)
        | {"scale": float(size)},
        bare=_scattered(template, fit.skin, fit.bare, 0.0),
    )


def _expectations(template: Template, skin: FittedSkin, trust: Trust) -> dict[str, float]:
    """What the fit expects of itself over the middle of the face, millimetres."""
    face = face_vertices(template, skin)
    error, slip = trust.error_mm[face], trust.slip_mm[face]
    return {
        "expected_error_median_mm": float(np.median(error)),
        "expected_error_p95_mm": float(np.percentile(error, 95)),
        "expected_slip_median_mm": float(np.median(slip)),
    }


def landmark_pull(template: Template, skin: FittedSkin, prepared: PreparedScan) -> LandmarkPull:
    """The inner landmarks as soft pulls on the skin (the jaw line slides and is left out)."""
    local = np.full(template.topology.n_vertices, -1)
    local[skin.index] = np.arange(skin.n)
    corners = local[template.topology.triangles[template.landmarks.triangle]]
    number = {tuple(triangle): i for i, triangle in enumerate(skin.triangles.tolist())}
    triangle = np.array([number[tuple(c)] for c in corners.tolist()])
    weight = prepared.landmark_confidence * (0.003 / LANDMARK_SIGMA) ** 2 * 2e-5
    weight[:17] = 0.0
    return LandmarkPull(triangle, template.landmarks.barycentric, prepared.landmarks, weight)


def _scattered(template: Template, skin: FittedSkin, values: np.ndarray, rest: float) -> np.ndarray:
    out = np.full(template.topology.n_vertices, rest)
    out[skin.index] = values
    return out
