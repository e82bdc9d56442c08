"""How well a head was registered: on real scans by distance, on synthetic ones by correspondence."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.core.face import PreparedScan, Registration, Template
from mien.geometry.geodesic import geodesic_distance
from mien.register.fitted_skin import template_skin
from mien.register.report import surface_report
from mien.register.surface_distance import RADIUS, SAMPLES
from mien.synth.scans.synthetic_scan import SyntheticScan


def measure_registration(
    template: Template, registration: Registration, prepared: PreparedScan, samples: int = SAMPLES
) -> dict[str, float]:
    """Distances in both directions, area-weighted, within 90 mm of the nose tip, in millimetres.

    `samples` points are spread on each side. Also the measured share of that area, flipped triangles,
    the 95th percentile of edge stretch against the linear fit, and the inner landmarks' mean error.
    """
    return surface_report(
        template,
        template_skin(template),
        prepared,
        registration.vertices,
        registration.linear,
        registration.distance_mm,
        samples,
    )


def measure_correspondence(
    template: Template, registration: Registration, made: SyntheticScan
) -> dict[str, float]:
    """Distance of each vertex from where it belongs, millimetres: median, 95th percentile, mean.

    Over the seen skin within 90 mm of the nose tip; `_measured` only where the scan had surface.
    """
    skin = template_skin(template)
    truth, near = made.truth[skin.index], find_near_nose(template, made)
    error = np.linalg.norm(registration.vertices[skin.index] - truth, axis=1) * MILLIMETRES_PER_METRE
    out: dict[str, float] = {}
    for suffix, mask in (("", near), ("_measured", near & ~np.isnan(registration.distance_mm[skin.index]))):
        out[f"correspondence_median_mm{suffix}"] = float(np.median(error[mask]))
        out[f"correspondence_p95_mm{suffix}"] = float(np.percentile(error[mask], 95))
        out[f"correspondence_mean_mm{suffix}"] = float(error[mask].mean())
    return out


def find_near_nose(template: Template, made: SyntheticScan) -> Bool[np.ndarray, " S"]:
    """True at those of the skin's vertices that a scan can see within 90 mm of the true nose tip, along the
    surface."""
    skin = template_skin(template)
    truth = made.truth[skin.index]
    tip = template.landmarks.on(made.truth, template.topology)[30]
    used = np.unique(skin.triangles)
    source = int(used[np.argmin(((truth[used] - tip) ** 2).sum(axis=1))])
    near = geodesic_distance(truth, skin.triangles, source) <= RADIUS
    return near & (skin.measured > 0.5)
