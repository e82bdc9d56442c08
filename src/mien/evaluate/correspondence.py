"""Correspondence without Mien's own truth: people of ICT-FaceKit, whose vertices name the same places.

Each person is registered; a vertex of ICT's then lies somewhere on the template. Where registration finds
the same places on everybody, it is the same spot each time: its spread over people, in millimetres on the
template, is the error of correspondence (without what all people share).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.core.face import Template
from mien.evaluate.measures.aims import Aim
from mien.evaluate.measures.evaluation import Evaluation, Findings, Rows, Say
from mien.evaluate.measures.ict_facekit import IctPeople, read_ict_people
from mien.geometry.closest import ClosestPoint
from mien.register.fitted_skin import template_skin
from mien.register.run import register
from mien.template.load import load_template

PEOPLE = 8
NEAR = 0.002  # metres: a vertex farther from the registered head was not met
RADIUS = 0.090  # metres from the nose tip


@dataclass(frozen=True, kw_only=True)
class EvaluateCorrespondence(Evaluation):
    """Registers eight random people of ICT-FaceKit, whose vertices name the same place on everybody, and
    measures how far the same vertex of different people lies apart on Mien's template: after the linear fit
    and after the whole registration."""

    ict: Path
    """Your copy of ICT-FaceKit: its folder FaceXModel."""

    def measure(self, say: Say) -> Findings:
        """A row a fit."""
        rows = measure_people(load_template(), read_ict_people(self.ict), say)
        verdicts = tuple(
            Aim(f"spread of the same place, median, mm: {row['method']}").judge(
                float(str(row["spread_median_mm"])), str(row["scan"])
            )
            for row in rows
        )
        return Findings({"correspondence": rows}, verdicts)


def measure_people(template: Template, people: IctPeople, say: Say, count: int = PEOPLE) -> Rows:
    """How far ICT-FaceKit's vertices wander on the template, after each of the two fits (mm)."""
    linear, fitted = [], []
    for seed in range(count):
        say(f"person {seed + 1} of {count}")
        scan = people.person(seed)
        found = register(template, scan)
        fitted.append(locate_on_template(template, found.vertices, scan.scan.vertices))
        linear.append(locate_on_template(template, found.linear, scan.scan.vertices))
    name = f"{count} people of ICT-FaceKit"
    return [
        {"scan": name, "method": method, **measure_spread(template, np.array(places))}
        for method, places in (("linear fit", linear), ("registered", fitted))
    ]


def locate_on_template(
    template: Template, head: Float[np.ndarray, "V 3"], points: Float[np.ndarray, "N 3"]
) -> Float[np.ndarray, "N 3"]:
    """Where points of a scan lie on the template (metres), by the closest point of the registered `head`.

    NaN where that is farther than `NEAR`, or on skin that no scan shows.
    """
    skin = template_skin(template)
    hits = ClosestPoint(head[skin.index], skin.triangles).query(points)
    at = np.einsum("nk,nkd->nd", hits.barycentric, skin.rest[skin.triangles[hits.triangle]])
    seen = (skin.measured[skin.triangles[hits.triangle]] > 0.5).all(axis=1)
    at[(hits.distance > NEAR) | ~seen] = np.nan
    return at


def measure_spread(template: Template, places: Float[np.ndarray, "P N 3"]) -> dict[str, float]:
    """Distance of each place from its mean over P people, root mean square, in millimetres on the template.

    Median, 95th percentile and mean over ICT's vertices within 90 mm of the nose tip that were met on
    everybody; `vertices` is how many these are.
    """
    mean = places.mean(axis=0)
    tip = template.landmarks.on(template.vertices, template.topology)[30]
    used = ~np.isnan(mean).any(axis=1)
    used[used] &= np.linalg.norm(mean[used] - tip, axis=1) < RADIUS
    away = ((places[:, used] - mean[used]) ** 2).sum(axis=2)
    error = np.sqrt(away.sum(axis=0) / max(len(places) - 1, 1)) * MILLIMETRES_PER_METRE
    return {
        "spread_median_mm": float(np.median(error)),
        "spread_p95_mm": float(np.percentile(error, 95)),
        "spread_mean_mm": float(error.mean()),
        "vertices": float(len(error)),
    }
