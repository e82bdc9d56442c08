"""First alignment: the template's landmarks onto the scan's."""

from __future__ import annotations

import numpy as np

from mien.core.errors import MienError
from mien.core.face import PreparedScan, Template
from mien.geometry.align import Similarity, fit_similarity_robust
from mien.register.linear_fit import LANDMARK_SIGMA

# Chosen by eye; what heads have stands in docs/registration.md, "What is refused".
FEWEST_LANDMARKS = 6  # of the 51 inner ones; a similarity needs three
WORST_ALIGNMENT = 0.012  # metres at the template's size, median over the inner landmarks seen


def landmark_pose(template: Template, prepared: PreparedScan) -> Similarity:
    """Similarity of the template onto the scan, weighted by confidence and landmark kind, robust.

    Raises `MienError` where too few landmarks are seen or they do not form a face.
    """
    weights = prepared.landmark_confidence / LANDMARK_SIGMA**2
    inner = np.flatnonzero(prepared.landmark_confidence[17:] > 0) + 17
    if len(inner) < FEWEST_LANDMARKS:
        raise MienError(
            f"{prepared.scan.name}: {len(inner)} landmarks found on brows, eyes, nose and mouth, at least "
            f"{FEWEST_LANDMARKS} are needed; give them with --landmarks"
        )
    source = template.landmarks.on(template.vertices, template.topology)
    pose, _ = fit_similarity_robust(source, prepared.landmarks, weights)
    error = np.linalg.norm(pose(source) - prepared.landmarks, axis=1)[inner]
    worst = WORST_ALIGNMENT * pose.scale
    if not np.median(error) <= worst:
        raise MienError(
            f"{prepared.scan.name}: the landmarks do not form a face (they lie "
            f"{1000 * np.median(error):.0f} mm from a head's, at most {1000 * worst:.0f} mm are plausible); "
            "check the scan or give --landmarks"
        )
    return pose
