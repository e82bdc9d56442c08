"""The face database in numbers: spread, unevenness, look-alikes, what form tells of a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mien.core.face import Template
from mien.data.basis import Basis
from mien.data.geometry import neutral_heads
from mien.data.subject import Subject
from mien.geometry.align import fit_similarity
from mien.template.load import load_template

REGIONS = ("forehead", "brow_left", "upper_lid_left", "lower_lid_left", "nose", "cheek_left", "upper_lip",
           "lower_lip", "chin", "ear_left", "scalp", "neck", "face")  # fmt: skip
COMPONENTS, _RIDGE = 60, 1e-2


def aligned_heads(
    heads: Float[np.ndarray, "B S 3"], goal: Float[np.ndarray, "S 3"], rows: slice
) -> Float[np.ndarray, "B S 3"]:
    """Heads turned and shifted, not scaled, onto `goal` by these rows."""
    return np.stack([fit_similarity(h[rows], goal[rows], with_scale=False)(h) for h in heads])


def region_spread(offsets: Float[np.ndarray, "B S 3"], template: Template) -> dict[str, float]:
    """Root mean square over each region of the vertices' standard deviation (all three axes), mm."""
    variance = offsets.var(axis=0).sum(axis=1)
    return {name: _over_region(variance, template, name) for name in REGIONS}


def stage_spread(basis: Basis, template: Template) -> dict[str, float]:
    """`region_spread` of ICT-FaceKit's own statistics: its carried modes with unit variance."""
    variance = np.zeros(basis.n_skin)
    for mode in basis.stage:
        variance += ((basis.subdivision @ mode.reshape(-1, 3)) ** 2).sum(axis=1)
    return {name: _over_region(variance, template, name) for name in REGIONS}


def _over_region(variance: Float[np.ndarray, " S"], template: Template, name: str) -> float:
    weight = template.regions[name][: len(variance)]
    return float(1e3 * np.sqrt((weight * variance).sum() / weight.sum()))


def unevenness(heads: Float[np.ndarray, "B S 3"], template: Template) -> Float[np.ndarray, " B"]:
    """Root mean square distance of each face from its mirror image's middle, mm: half their difference."""
    face = template.part("face").vertices
    mirror = template.mirror[face]
    out = []
    for head in heads:
        mirrored = head[mirror] * [-1, 1, 1]
        pose = fit_similarity(mirrored, head[face], with_scale=False)
        out.append(np.sqrt((((head[face] - pose(mirrored)) / 2) ** 2).sum(axis=1).mean()))
    return 1e3 * np.array(out)


def nearest_neighbours(faces: Float[np.ndarray, "B N 3"]) -> Float[np.ndarray, " B"]:
    """Root mean square vertex distance of each face to the one most like it, mm."""
    flat = faces.reshape(len(faces), -1).astype(np.float64)
    squared = (flat**2).sum(axis=1)
    distance = squared[:, None] + squared[None] - 2 * flat @ flat.T
    np.fill_diagonal(distance, np.inf)
    return 1e3 * np.sqrt(np.maximum(distance.min(axis=1), 0) / faces.shape[1])


@dataclass(frozen=True)
class Predictability:
    """What a linear model tells from form alone, on subjects it has not seen."""

    age_error_years: float
    age_r2: float
    sex_accuracy: float
    tone_r2: float
    ancestry_accuracy: float


def predictability(
    faces: Float[np.ndarray, "B N 3"], subjects: Sequence[Subject], components: int = COMPONENTS
) -> Predictability:
    """Ridge regression on principal components; the first two thirds teach, the last third is asked."""
    cut = 2 * len(subjects) // 3
    components = min(components, cut // 4)
    flat = faces.reshape(len(faces), -1).astype(np.float64)
    flat = flat - flat[:cut].mean(axis=0)
    _, sizes, axes = np.linalg.svd(flat[:cut], full_matrices=False)
    scores = flat @ axes[:components].T / (sizes[:components] / np.sqrt(cut))
    truth = np.array([[s.age, s.sex, s.tone, *s.ancestry] for s in subjects])
    guess = _ridge(scores[:cut], truth[:cut], scores[cut:])
    asked = truth[cut:]
    r2 = 1 - ((guess - asked) ** 2).mean(axis=0) / asked.var(axis=0)
    return Predictability(
        age_error_years=float(np.abs(guess[:, 0] - asked[:, 0]).mean()),
        age_r2=float(r2[0]),
        sex_accuracy=float(((guess[:, 1] > 0.5) == (asked[:, 1] > 0.5)).mean()),
        tone_r2=float(r2[2]),
        ancestry_accuracy=float((guess[:, 3:].argmax(axis=1) == asked[:, 3:].argmax(axis=1)).mean()),
    )


def _ridge(
    known: Float[np.ndarray, "K C"], values: Float[np.ndarray, "K T"], asked: Float[np.ndarray, "M C"]
) -> Float[np.ndarray, "M T"]:
    middle = values.mean(axis=0)
    normal = known.T @ known + _RIDGE * len(known) * np.eye(known.shape[1])
    return asked @ np.linalg.solve(normal, known.T @ (values - middle)) + middle


def database_report(basis: Basis, subjects: Sequence[Subject]) -> dict[str, object]:
    """All of the above for these subjects, as plain numbers."""
    template = load_template()
    face = template.part("face").vertices
    skins = neutral_heads(basis, subjects)[:, : basis.n_skin].astype(np.float64)
    heads = aligned_heads(skins, basis.mean.astype(np.float64), face)
    spread, stage = region_spread(heads, template), stage_spread(basis, template)
    near = nearest_neighbours(heads[:, face])
    rng = np.random.default_rng(0)
    people = rng.standard_normal((len(subjects), len(basis.stage))).astype(np.float32) @ basis.stage
    own = np.stack([(basis.subdivision @ p.reshape(-1, 3))[face] for p in people])
    own_near = nearest_neighbours(own)
    uneven = unevenness(heads, template)
    return {
        "subjects": len(subjects),
        "spread_mm": spread,
        "light_stage_spread_mm": stage,
        "unevenness_mm": {"median": float(np.median(uneven)), "p95": float(np.percentile(uneven, 95))},
        "nearest_mm": {"least": float(near.min()), "median": float(np.median(near))},
        "light_stage_nearest_mm": {"least": float(own_near.min()), "median": float(np.median(own_near))},
        "predictability": vars(predictability(heads[:, face], subjects)),
    }
