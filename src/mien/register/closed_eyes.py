"""Whether the scanned eyes are closed: landmark detectors draw open lids on sleeping faces."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from mien.core.face import PreparedScan
from mien.geometry.weights import smoothstep
from mien.register.scan_surface import ScanSurface

# Multi-PIE: outer or inner corner, two upper, other corner, two lower; the subject's right eye first.
RIGHT, LEFT = np.arange(36, 42), np.arange(42, 48)
# Chosen by eye:
IRIS_SHARE = 20  # per cent of an open eye that surely is no skin: a pale sclera may pass for it, an iris not
NARROW = 0.12  # opening over width, from landmarks: below this an eye is closed whatever its colour


def closed_eyes(
    surface: ScanSurface, prepared: PreparedScan, sockets: Collection[str] = ()
) -> tuple[float, float]:
    """How surely the (left, right) eye is closed, 0..1: skin colour between the lids, or no opening.

    An eye whose landmarks were not seen counts as open, and so does an empty one, of a side among `sockets`.
    """
    left, right = (
        0.0 if side in sockets else _closed(surface, prepared, eye)
        for side, eye in (("left", LEFT), ("right", RIGHT))
    )
    return left, right


def without_lids(prepared: PreparedScan, closed: tuple[float, float]) -> PreparedScan:
    """The scan with the lid landmarks of closed eyes unseen; corners stay."""
    confidence = prepared.landmark_confidence.copy()
    for share, eye in zip(closed, (LEFT, RIGHT), strict=True):
        confidence[eye[[1, 2, 4, 5]]] *= 1.0 - share
    return replace(prepared, landmark_confidence=confidence)


def _closed(surface: ScanSurface, prepared: PreparedScan, eye: np.ndarray) -> float:
    if (prepared.landmark_confidence[eye] <= 0).any():
        return 0.0
    points = prepared.landmarks[eye]
    height = 0.5 * (np.linalg.norm(points[1] - points[5]) + np.linalg.norm(points[2] - points[4]))
    opening = height / np.linalg.norm(points[0] - points[3])
    if opening < NARROW:
        return 1.0
    if surface.skinlike is None:
        return 0.0
    hits = surface.closest.query(_between(points))
    like = surface.closest.interpolate(hits, surface.skinlike)
    return float(smoothstep(np.percentile(like, IRIS_SHARE, keepdims=True), 0.5, 0.75)[0])


def _between(points: Float[np.ndarray, "6 3"]) -> Float[np.ndarray, "P 3"]:
    """A grid of points between upper and lower lid."""
    down = np.linspace(0.25, 0.75, 4)[:, None, None]
    across = np.linspace(0.0, 1.0, 4)[None, :, None]
    upper = points[1] + across * (points[2] - points[1])
    lower = points[5] + across * (points[4] - points[5])
    return ((1 - down) * upper + down * lower).reshape(-1, 3)
