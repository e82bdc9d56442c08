"""The face database's geometry in numbers: spread, unevenness, look-alikes."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from mien.core.face import Template
from mien.geometry.align import fit_similarity
from mien.synth.identity.basis import SynthBasis

REGIONS = ("forehead", "brow_left", "upper_lid_left", "lower_lid_left", "nose", "cheek_left", "upper_lip",
           "lower_lip", "chin", "ear_left", "scalp", "neck", "face")  # fmt: skip


def measure_region_spread(offsets: Float[np.ndarray, "B S 3"], template: Template) -> dict[str, float]:
    """Root mean square over each region of the vertices' standard deviation (all three axes), mm."""
    variance = offsets.var(axis=0).sum(axis=1)
    return {name: _over_region(variance, template, name) for name in REGIONS}


def measure_stage_spread(basis: SynthBasis, template: Template) -> dict[str, float]:
    """`measure_region_spread` of ICT-FaceKit's own statistics: its carried modes with unit variance"""
    variance = np.zeros(basis.n_skin)
    for mode in basis.stage:
        variance += ((basis.subdivision @ mode.reshape(-1, 3)) ** 2).sum(axis=1)
    return {name: _over_region(variance, template, name) for name in REGIONS}


def remove_rigid_motion(
    modes: Float[np.ndarray, "K N 3"], rest: Float[np.ndarray, "N 3"]
) -> Float[np.ndarray, "K N 3"]:
    """Offsets without the small turn and shift that fits each best."""
    arms = rest - rest.mean(axis=0)
    turns = np.stack([np.cross(axis, arms) for axis in np.eye(3)], axis=-1)
    motions = np.concatenate([turns, np.broadcast_to(np.eye(3), (len(rest), 3, 3))], axis=-1)
    found = np.linalg.lstsq(motions.reshape(-1, 6), modes.reshape(len(modes), -1).T, rcond=None)[0]
    return modes - np.einsum("ndm,mk->knd", motions, found)


def _over_region(variance: Float[np.ndarray, " S"], template: Template, name: str) -> float:
    weight = template.regions[name][: len(variance)]
    return float(1e3 * np.sqrt((weight * variance).sum() / weight.sum()))


def measure_unevenness(heads: Float[np.ndarray, "B S 3"], template: Template) -> Float[np.ndarray, " B"]:
    """Root mean square distance of each face from its mirror image's middle, mm: half their difference."""
    face = template.part("face").vertices
    mirror = template.mirror[face]
    out = []
    for head in heads:
        mirrored = head[mirror] * [-1, 1, 1]
        pose = fit_similarity(mirrored, head[face], with_scale=False)
        out.append(np.sqrt((((head[face] - pose(mirrored)) / 2) ** 2).sum(axis=1).mean()))
    return 1e3 * np.array(out)


def measure_nearest_neighbours(faces: Float[np.ndarray, "B N 3"]) -> Float[np.ndarray, " B"]:
    """Root mean square vertex distance of each face to the one most like it, mm."""
    flat = faces.reshape(len(faces), -1).astype(np.float64)
    squared = (flat**2).sum(axis=1)
    distance = squared[:, None] + squared[None] - 2 * flat @ flat.T
    np.fill_diagonal(distance, np.inf)
    return 1e3 * np.sqrt(np.maximum(distance.min(axis=1), 0) / faces.shape[1])


def measure_nearest_training(
    faces: Float[np.ndarray, "B N 3"], others: Float[np.ndarray, "M N 3"]
) -> Float[np.ndarray, " B"]:
    """Root mean square vertex distance of each face to the nearest of `others`, mm."""
    asked, known = (f.reshape(len(f), -1).astype(np.float64) for f in (faces, others))
    squared = (asked**2).sum(axis=1)[:, None] + (known**2).sum(axis=1) - 2 * asked @ known.T
    return 1e3 * np.sqrt(np.maximum(squared.min(axis=1), 0) / faces.shape[1])


def draw_stage_faces(basis: SynthBasis, face: slice, count: int, seed: int = 0) -> Float[np.ndarray, "B N 3"]:
    """Offsets of random faces of ICT-FaceKit's carried modes, metres."""
    rng = np.random.default_rng(seed)
    people = rng.standard_normal((count, len(basis.stage))).astype(np.float32) @ basis.stage
    return np.stack([(basis.subdivision @ p.reshape(-1, 3))[face] for p in people])
