"""The plain numbers of a registration."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.core.face import PreparedScan, Template
from mien.register.fitted_skin import FittedSkin
from mien.register.surface_distance import (
    crushed_triangles,
    edge_stretch,
    face_area,
    flipped_triangles,
    two_way_distance,
)


def surface_report(
    template: Template,
    skin: FittedSkin,
    prepared: PreparedScan,
    vertices: Float[np.ndarray, "V 3"],
    linear: Float[np.ndarray, "V 3"],
    distance_mm: Float[np.ndarray, " V"],
    samples: int,
) -> dict[str, float]:
    """Two-way distances within 90 mm of the nose tip, flips, stretch and landmark errors.

    `distance_mm` is NaN where nothing was measured. Lengths in millimetres; flips and stretch are
    against the linear fit.
    """
    fitted, start = vertices[skin.index], linear[skin.index]
    nose_tip = template.landmarks.on(vertices, template.topology)[30]
    area = face_area(skin, fitted, prepared.scan, nose_tip)
    flipped = flipped_triangles(skin, fitted, start)
    # Linings of mouth and sockets are placed after the fit, from what lies before them.
    lining = (skin.measured[skin.triangles[flipped]] <= 0).all(axis=1)
    measured = ~np.isnan(distance_mm[skin.index])
    return {
        **two_way_distance(skin, fitted, measured, prepared.scan, area, samples),
        "flipped_triangles": float((~lining).sum()),
        "flipped_in_linings": float(lining.sum()),
        "flipped_in_face": float(area.head[flipped].sum()),
        "crushed_triangles": float(len(crushed_triangles(skin, fitted))),
        "edge_stretch_p95": float(np.percentile(edge_stretch(skin, fitted, start), 95)),
        "landmark_mean_mm": inner_landmark_error(template, prepared, vertices),
        "landmark_linear_mean_mm": inner_landmark_error(template, prepared, linear),
    }


def inner_landmark_error(
    template: Template, prepared: PreparedScan, vertices: Float[np.ndarray, "V 3"]
) -> float:
    """Mean distance of the 51 inner landmarks that were seen, millimetres."""
    spots = template.landmarks.on(vertices, template.topology)
    inner = np.flatnonzero(prepared.landmark_confidence[17:] > 0) + 17
    offset = spots[inner] - prepared.landmarks[inner]
    return float(np.linalg.norm(offset, axis=1).mean() * MILLIMETRES_PER_METRE)
