"""Mien's networks and MediaPipe's on one face: what each is better at, and how far they agree."""

from __future__ import annotations

import numpy as np

from mien.scan.landmarks.fuse import FusedFace

DOUBT = 0.08  # face lengths (5.5 mm) apart: here the pictures' share has halved
DISAGREEMENT = 0.25  # of the distance between both, in the spread


def fused_by_both(shape: FusedFace, pictures: FusedFace, length: float, *, coloured: bool) -> FusedFace:
    """In colours MediaPipe sees brows, lids and lips that the shape only hints at: its points are taken, ours
    where it has none. On grey pictures both guess, in different ways: the mean, nearer to ours the farther
    they are apart, since a picture without colour can look like another face. Where they disagree the spread
    grows."""
    ours, theirs = (np.isfinite(face.points).all(axis=1) for face in (shape, pictures))
    apart = np.where(ours & theirs, np.linalg.norm(shape.points - pictures.points, axis=1), 0.0)
    share = np.ones(68) if coloured else 0.5 / (1.0 + (apart / (DOUBT * length)) ** 2)
    share = np.where(theirs, np.where(ours, share, 1.0), 0.0)

    def mixed(picture: np.ndarray, form: np.ndarray) -> np.ndarray:
        weight = share if picture.ndim == 1 else share[:, None]
        return np.where(weight > 0, weight * picture, 0.0) + np.where(weight < 1, (1 - weight) * form, 0.0)

    return FusedFace(
        mixed(pictures.points, shape.points),
        mixed(pictures.spread, shape.spread) + DISAGREEMENT * apart,
        mixed(pictures.seen, shape.seen),
        max(shape.presence, pictures.presence),
    )
