"""Landmarks that somebody moved by hand: the head is led to meet them along the surface."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.core.face import PreparedScan
from mien.geometry.solve import SpdSolver
from mien.register.fitted_skin import FittedSkin
from mien.register.nonrigid import LandmarkPull
from mien.register.repair import bending
from mien.register.scan_surface import ScanSurface
from mien.register.surface_distance import flipped_triangles

# Chosen by eye, and by what then moves beside the point (docs/registration.md, "Landmarks moved by hand"):
NEAR = 0.012  # metres: a point this near the scan is meant to lie on it
REACH = 0.005  # metres: a small move has died off at three times this
STEEP = 1.2  # a move of this many reaches folds nothing yet: larger ones reach farther
TRIES = 3  # each with 1.5 times the last one's reach, while triangles flip
STRENGTH = 1e-3  # square metres: in the fit, a pull that outweighs a square centimetre of scan
TIE = 1e4  # of a point against keeping a vertex where it is, while leading


@dataclass(frozen=True)
class PlacedPoints:
    """Which of the 68 were moved, and where on the scan they are to lie (metres)."""

    number: Int[np.ndarray, " P"]
    target: Float[np.ndarray, "P 3"]


def placed_points(surface: ScanSurface, prepared: PreparedScan, size: float) -> PlacedPoints | None:
    """The moved landmarks on the scan's surface, or as they were given where none is near; None without any.

    `size` is the head's against the template's.
    """
    if prepared.placed is None or not prepared.placed.any():
        return None
    number = np.flatnonzero(prepared.placed)
    given = prepared.landmarks[number]
    hits = surface.closest.query(given)
    near = (hits.distance < NEAR * size) & ~surface.closest.on_border(hits)
    return PlacedPoints(number, np.where(near[:, None], hits.points, given))


def with_placed(pull: LandmarkPull, placed: PlacedPoints) -> LandmarkPull:
    """The pull of the landmarks with the placed ones held fast through all stages."""
    target, lasting = pull.target.copy(), np.zeros(len(pull.target))
    target[placed.number], lasting[placed.number] = placed.target, STRENGTH
    return replace(pull, target=target, lasting=lasting)


def led_to(
    skin: FittedSkin,
    vertices: Float[np.ndarray, "S 3"],
    pull: LandmarkPull,
    placed: PlacedPoints,
    size: float,
) -> Float[np.ndarray, "S 3"]:
    """The skin moved so that its landmarks lie at the placed points: smoothly, near them, without a flip.

    The displacement is argmin r^4 |M^-1/2 L d|^2 + |d|^2_M with the points tied; the reach r grows with the
    largest move, and further while a triangle flips.
    """
    select = _rows(skin, pull)[placed.number]
    move = placed.target - select @ vertices
    largest = float(np.linalg.norm(move, axis=1).max())
    reach = max(REACH * size, STEEP * largest) / size
    out = vertices
    for _ in range(TRIES):
        strength = TIE * reach**2
        tie = strength * select.T @ select
        system = reach**4 * bending(skin) + sparse.diags(skin.mass) + tie
        out = vertices + SpdSolver(system).solve(strength * (select.T @ move))
        flipped = skin.triangles[flipped_triangles(skin, out, vertices)]
        if not (skin.measured[flipped] > 0).any():  # linings are placed after the fit
            break
        reach *= 1.5
    return out


def misses_mm(
    skin: FittedSkin, vertices: Float[np.ndarray, "S 3"], pull: LandmarkPull, prepared: PreparedScan
) -> dict[str, float]:
    """How many landmarks were moved by hand and how far the head's lie from them at most (millimetres)."""
    if prepared.placed is None or not prepared.placed.any():
        return {}
    number = np.flatnonzero(prepared.placed)
    off = np.linalg.norm(_rows(skin, pull)[number] @ vertices - pull.target[number], axis=1)
    return {
        "placed_landmarks": float(len(number)),
        "placed_landmarks_max_mm": float(off.max() * MILLIMETRES_PER_METRE),
    }


def _rows(skin: FittedSkin, pull: LandmarkPull) -> sparse.csr_matrix:
    rows = np.repeat(np.arange(len(pull.triangle)), 3)
    columns = skin.triangles[pull.triangle].ravel()
    return sparse.csr_matrix((pull.barycentric.ravel(), (rows, columns)), shape=(len(pull.triangle), skin.n))
