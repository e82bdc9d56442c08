"""Beards and hair with known truth beneath: how far the surface under them is from where it truly lies."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.spatial import cKDTree

from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.core.face import PreparedScan, Registration, Template
from mien.geometry.normals import vertex_normals
from mien.geometry.weights import smoothstep
from mien.register.fitted_skin import template_skin
from mien.synth.scans.synthetic_scan import SyntheticScan

SKIN, HAIR = (0.80, 0.62, 0.52), (0.16, 0.11, 0.08)  # sRGB


@dataclass(frozen=True)
class Bearded:
    """A scan with a beard and hair; `hairy` is 1 at scan vertices that are hair, `under` at template vertices
    beneath a full beard."""

    made: SyntheticScan
    hairy: Float[np.ndarray, " N"]
    under: Float[np.ndarray, " V"]

    @property
    def masked(self) -> PreparedScan:
        """The scan with the true mask."""
        scan = replace(self.made.prepared.scan, vertex_mask=1.0 - self.hairy)
        return replace(self.made.prepared, scan=scan)


def bearded(
    template: Template,
    made: SyntheticScan,
    seed: int,
    *,
    length: float = 0.008,
    colour: bool = True,
    beard: bool = True,
    hair: bool = True,
) -> Bearded:
    """Lumps of about `length` (metres) that stand off cheeks, jaw, chin and upper lip, and off the scalp.

    With `colour` hair is dark and skin is not, both with a little noise.
    """
    rng = np.random.default_rng([seed, 7])
    skin = template_skin(template)
    grown = np.zeros(len(template.vertices))
    if beard:
        lips = template.regions["lips"]
        grown = smoothstep(template.regions["beard"] * (1.0 - lips), 0.3, 0.7)
    if hair:
        grown = np.maximum(grown, smoothstep(template.regions["scalp"], 0.4, 0.8))
    scan = made.prepared.scan
    nearest = skin.index[cKDTree(made.truth[skin.index]).query(scan.vertices)[1]]
    at = grown[nearest]
    lumps = _lumps(scan.vertices, rng)
    normals = vertex_normals(scan.vertices, scan.triangles)
    height = at * length * (0.6 + 0.4 * lumps + 0.25 * rng.random(len(at)))
    colours = None
    if colour:
        mix = smoothstep(at, 0.2, 0.6)[:, None]
        colours = np.array(SKIN) * (1 - mix) + np.array(HAIR) * mix
        colours = np.clip(colours + 0.02 * rng.normal(size=colours.shape), 0.0, 1.0)
    scan = replace(scan, vertices=scan.vertices + height[:, None] * normals, vertex_colours=colours)
    made = replace(made, prepared=replace(made.prepared, scan=scan))
    return Bearded(made, np.where(at > 0.15, 1.0, 0.0), np.where(grown > 0.5, 1.0, 0.0))


def error_under(template: Template, found: Registration, case: Bearded) -> dict[str, float]:
    """Distance along the true normal under the beard (mm): median and 95 % of its size, and its median."""
    at = (case.under > 0.5) & (template.regions["measured"] > 0.5) & (template.regions["scalp"] < 0.1)
    normals = vertex_normals(case.made.truth, template.topology.triangles)[at]
    offset = np.einsum("vd,vd->v", (found.vertices - case.made.truth)[at], normals) * MILLIMETRES_PER_METRE
    return {
        "under_beard_median_mm": float(np.median(np.abs(offset))),
        "under_beard_p95_mm": float(np.percentile(np.abs(offset), 95)),
        "under_beard_outward_mm": float(np.median(offset)),
    }


def _lumps(points: Float[np.ndarray, "N 3"], rng: np.random.Generator) -> Float[np.ndarray, " N"]:
    """Waves of 4 to 12 mm, in -1..1 or a little more."""
    waves = 32
    directions = rng.normal(size=(waves, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    frequency = 2 * np.pi / rng.uniform(0.004, 0.012, waves)
    phase = points @ (directions * frequency[:, None]).T + rng.uniform(0, 2 * np.pi, waves)
    return np.sin(phase).mean(axis=1) * np.sqrt(waves)
