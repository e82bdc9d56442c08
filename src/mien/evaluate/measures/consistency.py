"""Correspondence without Mien's own truth: people of ICT-FaceKit, whose vertices name the same places.

Each person is registered; a vertex of ICT's then lies somewhere on the template. Where registration finds
the same places on everybody, it is the same spot each time: its spread over people, in millimetres on the
template, is the error of correspondence (without what all people share).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from mien.basemesh.ict import LANDMARKS, ict_mesh_file
from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.core.errors import MienError
from mien.core.face import PreparedScan, Template
from mien.core.mesh import Scan, split_quads
from mien.geometry.closest import ClosestPoint
from mien.meshio.obj import read_obj
from mien.register.fitted_skin import template_skin

SKIN_END = 11248  # ICT's vertices of face, head and neck come first (its README)
METRES = 0.01  # ICT's unit is the centimetre
COMPACT = "ict_facekit.npz"  # the model in one file: vertices, faces, identity_deltas
FEWEST_MODES = 50  # of its 100: people of a few modes all look alike
NEAR = 0.002  # metres: a vertex farther from the registered head was not met
RADIUS = 0.090  # metres from the nose tip
ELSEWHERE = [*range(17, 27), 61, 63, 65, 67]  # landmarks that the template has at other places than ICT


@dataclass(frozen=True)
class IctPeople:
    """Mean (metres), triangles of the skin, and an offset a mode of one standard deviation."""

    mean: Float[np.ndarray, "N 3"]
    triangles: Int[np.ndarray, "M 3"]
    modes: Float[np.ndarray, "K N 3"]

    def person(self, seed: int) -> PreparedScan:
        """A random person within two standard deviations of each mode, as a clean scan with landmarks."""
        weights = np.clip(np.random.default_rng(seed).normal(size=len(self.modes)), -2, 2)
        vertices = self.mean + np.tensordot(weights, self.modes, axes=1)
        seen = np.ones(68)
        seen[ELSEWHERE] = 0.0
        return PreparedScan(
            Scan(f"ict-{seed}", vertices, self.triangles),
            np.eye(4),
            vertices[list(LANDMARKS)],
            seen,
            "ICT-FaceKit, in centimetres",
        )


def read_ict_people(folder: Path) -> IctPeople:
    """ICT-FaceKit's identities from the user's copy: the folder FaceXModel, or one with `ict_facekit.npz`."""
    if (folder / COMPACT).is_file():
        with np.load(folder / COMPACT, allow_pickle=False) as file:
            mean, quads = file["vertices"].astype(np.float64), file["faces"].astype(np.int64)
            modes = file["identity_deltas"].astype(np.float64)
        triangles = split_quads(quads[(quads >= 0).all(axis=1)])
    else:
        generic = ict_mesh_file(folder)
        if generic is None:
            raise MienError(
                f"{folder}: is a file, expected ICT-FaceKit's folder FaceXModel; give that folder"
            )
        raw = read_obj(generic, ignore_textures=True)
        mean, triangles = raw.vertices, raw.triangles
        files = sorted(generic.parent.glob("identity*.obj"))
        modes = np.array([read_obj(file, ignore_textures=True).vertices - mean for file in files])
    if len(modes) < FEWEST_MODES:
        raise MienError(
            f"{folder}: holds {len(modes)} identity*.obj, expected at least {FEWEST_MODES}; "
            "copy the whole of ICT-FaceKit's FaceXModel"
        )
    skin = triangles[(triangles < SKIN_END).all(axis=1)]
    return IctPeople(METRES * mean[:SKIN_END], skin, METRES * modes[:, :SKIN_END])


def places_on_template(
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


def spread(template: Template, places: Float[np.ndarray, "P N 3"]) -> dict[str, float]:
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
