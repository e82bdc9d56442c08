"""The expected error on a real scan: holes are torn into it; what fills them is held against the whole."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float

from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.core.face import PreparedScan, Template
from mien.register.error_features import FEATURES, SURELY, Evidence, evidence
from mien.register.error_model import ErrorModel, design, error_model
from mien.register.run import LinearFit, linear_fit, nonrigid_fit
from mien.scan.clean import select_faces

HOLES, SMALLEST, LARGEST = 9, 0.005, 0.018  # number, and radii in metres
AROUND = 0.085  # metres round the middle of the face
GAPS = (0.0, 2.0, 4.0, 6.0, 9.0, 13.0, 20.0)  # mm to the hole's border


def punched(
    template: Template, prepared: PreparedScan, seed: int = 3, model: ErrorModel | None = None
) -> list[dict[str, float]]:
    """Per distance to the hole's border (mm): vertices, and their mean error off the whole scan, true and
    expected, in millimetres at the template's size.
    """
    whole, fitted = _fitted(template, prepared)
    size = whole.head.pose.scale
    torn = replace(prepared, scan=select_faces(prepared.scan, _kept(whole, fitted, prepared, seed)))
    fit, bridged = _fitted(template, torn)
    before, after = _evidence(whole, fitted), _evidence(fit, bridged)
    hole = (before.raw > SURELY) & (after.raw < 0.05) & (whole.skin.measured > 0.5)
    true = whole.surface.closest.query(bridged).distance * MILLIMETRES_PER_METRE / size
    model = model or error_model()
    expected = model.expected(design(template, fit.skin, after.features), "off_surface")
    gap = after.features[:, FEATURES.index("gap")]
    return _binned(gap, hole, true, expected)


def _fitted(template: Template, prepared: PreparedScan) -> tuple[LinearFit, Float[np.ndarray, "S 3"]]:
    fit = linear_fit(template, prepared, lambda _: None)
    return fit, nonrigid_fit(template, fit, lambda _: None)


def _evidence(fit: LinearFit, fitted: Float[np.ndarray, "S 3"]) -> Evidence:
    return evidence(fit.skin, fitted, fit.start, fit.surface, fit.bare, fit.head.pose.scale)


def _kept(
    fit: LinearFit, fitted: Float[np.ndarray, "S 3"], prepared: PreparedScan, seed: int
) -> Bool[np.ndarray, " M"]:
    """The scan's triangles outside the holes."""
    rng, size = np.random.default_rng(seed), fit.head.pose.scale
    centres = prepared.scan.vertices[prepared.scan.triangles].mean(axis=1)
    middle = prepared.landmarks[27:].mean(axis=0)
    near = np.linalg.norm(fitted - middle, axis=1) < AROUND * size
    face = np.flatnonzero(near & (fit.skin.measured > 0.9))
    keep = np.ones(len(centres), bool)
    for _ in range(HOLES):
        ball = fitted[rng.choice(face)]
        keep &= np.linalg.norm(centres - ball, axis=1) > size * rng.uniform(SMALLEST, LARGEST)
    return keep


def _binned(
    gap: np.ndarray, hole: np.ndarray, true: np.ndarray, expected: np.ndarray
) -> list[dict[str, float]]:
    rows = []
    for low, high in pairwise(GAPS):
        here = hole & (gap > low) & (gap <= high)
        if here.any():
            rows.append(
                {
                    "gap_from_mm": low,
                    "gap_to_mm": high,
                    "vertices": float(here.sum()),
                    "true_mm": float(true[here].mean()),
                    "expected_mm": float(expected[here].mean()),
                }
            )
    return rows
