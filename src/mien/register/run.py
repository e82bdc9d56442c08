"""The whole registration, stage after stage."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.core.errors import MienError
from mien.core.face import PreparedScan, Registration, Template
from mien.register.confidence import measured_distance
from mien.register.hair import bareness
from mien.register.linear import LANDMARK_SIGMA, fit_linear, landmark_error
from mien.register.linear_model import LinearHead, neutral_head
from mien.register.measure import edge_stretch, face_area, flipped_triangles, two_way_distance
from mien.register.nonrigid import LandmarkPull, fit_nonrigid
from mien.register.pose import landmark_pose
from mien.register.skin import Skin, template_skin
from mien.register.surface import ScanSurface, scan_surface
from mien.register.trust import plausibility, refuse_implausible

CROP_MARGIN = 0.03  # metres round the aligned head
SCALE_SIGMA = 0.15  # of the logarithm of the head's size

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


def register(template: Template, prepared: PreparedScan, progress: Progress | None = None) -> Registration:
    """Carries the template onto a scan: landmarks, linear fit, Laplacian non-rigid fit, confidence.

    Everything is in the prepared scan's space (metres). The head's own size against the template's is
    `report["scale"]`. `progress` gets one line a stage. Raises `MienError` where the scan is no face:
    see `mien.register.trust` for the rules.
    """
    say = progress or (lambda _: None)
    clock = Clock()
    skin = template_skin(template)
    say("aligning")
    pose = landmark_pose(template, prepared)
    head = neutral_head(template, pose)
    try:
        surface = scan_surface(prepared.scan, head.vertices(template)[skin.index], CROP_MARGIN * pose.scale)
    except ValueError as error:
        raise MienError(f"{prepared.scan.name}: {error}; check its landmarks") from error
    clock.lap("align")
    say("linear fit")
    head = fit_linear(template, skin, surface, prepared, head, scale_sigma=SCALE_SIGMA)
    found = plausibility(template, skin, surface, prepared, head)
    refuse_implausible(prepared, found)
    clock.lap("linear")
    return _finish(template, skin, surface, prepared, head, clock, say)


def _finish(
    template: Template,
    skin: Skin,
    surface: ScanSurface,
    prepared: PreparedScan,
    head: LinearHead,
    clock: Clock,
    say: Progress,
) -> Registration:
    linear = head.vertices(template)
    start = linear[skin.index]
    bare = bareness(template, skin, surface, start, head.pose.scale)
    fitted = fit_nonrigid(skin, start, surface, bare, _landmark_pull(template, skin, prepared), progress=say)
    clock.lap("nonrigid")
    distance, confidence = measured_distance(skin, fitted, surface, bare)
    vertices = _with_followers(template, skin, linear, fitted)
    clock.lap("confidence")
    report = _report(template, skin, prepared, head, fitted, start, distance, vertices) | clock.seconds
    return Registration(
        vertices=vertices,
        linear=linear,
        identity=head.identity,
        expression=head.expression,
        distance_mm=_scattered(template, skin, distance, np.nan),
        confidence=_scattered(template, skin, confidence, 0.0),
        report=report,
    )


def _landmark_pull(template: Template, skin: Skin, prepared: PreparedScan) -> LandmarkPull:
    local = np.full(template.topology.n_vertices, -1)
    local[skin.index] = np.arange(skin.n)
    kept = np.isin(np.arange(template.topology.n_vertices), skin.index)
    spots = template.landmarks
    corners = template.topology.triangles[spots.triangle]
    on_skin = kept[corners].all(axis=1)
    lookup = {tuple(t): i for i, t in enumerate(skin.triangles.tolist())}
    triangle = np.array(
        [lookup[tuple(local[c])] if ok else 0 for c, ok in zip(corners, on_skin, strict=True)]
    )
    weight = prepared.landmark_confidence * on_skin * (0.003 / LANDMARK_SIGMA) ** 2 * 2e-5
    weight[:17] = 0.0
    return LandmarkPull(triangle, spots.barycentric, prepared.landmarks, weight)


def _with_followers(
    template: Template, skin: Skin, linear: np.ndarray, fitted: np.ndarray
) -> Float[np.ndarray, "V 3"]:
    vertices = linear.copy()
    vertices[skin.index] = fitted
    return vertices


def _report(
    template: Template,
    skin: Skin,
    prepared: PreparedScan,
    head: LinearHead,
    fitted: np.ndarray,
    start: np.ndarray,
    distance: np.ndarray,
    vertices: np.ndarray,
) -> dict[str, float]:
    spots = template.landmarks.on(vertices, template.topology)
    inner = np.flatnonzero(prepared.landmark_confidence[17:] > 0) + 17
    off = np.linalg.norm(spots - prepared.landmarks, axis=1)[inner] * MILLIMETRES_PER_METRE
    linear_off = landmark_error(template, head, prepared)[inner] * MILLIMETRES_PER_METRE
    area = face_area(skin, fitted, prepared.scan, spots[30])
    near = area.head[:, None] & (skin.measured[skin.triangles] > 0.5)
    return {
        **two_way_distance(skin, fitted, ~np.isnan(distance), prepared.scan, area, 20_000),
        "flipped_triangles": float(len(flipped_triangles(skin, fitted, start))),
        "flipped_in_face": float(area.head[flipped_triangles(skin, fitted, start)].sum()),
        "edge_stretch_p95": float(np.percentile(edge_stretch(skin, fitted, start), 95)),
        "landmark_mean_mm": float(off.mean()),
        "landmark_linear_mean_mm": float(linear_off.mean()),
        "scale": float(head.pose.scale),
        "face_vertices": float(near.any(axis=1).sum()),
    }


def _scattered(template: Template, skin: Skin, values: np.ndarray, rest: float) -> np.ndarray:
    out = np.full(template.topology.n_vertices, rest)
    out[skin.index] = values
    return out
