"""The linear fit: pose, identity and expression of the closest head inside the model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.linalg import cho_factor, cho_solve

from mien.core.face import PreparedScan, Template
from mien.geometry.normals import vertex_normals
from mien.geometry.weights import smoothstep, tukey
from mien.register.fitted_skin import FittedSkin
from mien.register.hair import BEARD, beard_zone, hairlike, outer_zone
from mien.register.morphable_model import (
    FITTED_SHAPES,
    LinearHead,
    MorphableBasis,
    basis_at_landmarks,
    basis_at_vertices,
    coefficients,
    stepped,
)
from mien.register.scan_surface import Pairs, ScanSurface, pair

# How far a detected landmark is trusted, as a standard deviation in metres: the jaw line slides along
# the contour, brows are hair, the rest is a millimetre or three off. Lips need it most: their border shows
# in colour and hardly in shape. Chosen by eye, as all below.
LANDMARK_SIGMA = np.repeat([0.015, 0.006, 0.003, 0.002, 0.0015], [17, 10, 9, 12, 20])
GROSS = 0.012  # metres: a landmark this far off counts half
# Shapes that people often wear when they are scanned: a weaker prior holds them.
EASY_SHAPES = ("eyeBlinkLeft", "eyeBlinkRight", "jawOpen", "mouthSmileLeft", "mouthSmileRight")


@dataclass(frozen=True)
class FitLevel:
    """One level of the fit, coarse to fine. Lengths in metres.

    `reach` is where a pair counts nothing; `sigma` the deviation at which a pair is one standard
    deviation off; `use_expression` whether the 52 shapes may move.
    """

    iterations: int
    reach: float
    min_cosine: float
    sigma: float
    landmark_trust: float
    use_identity: bool
    use_expression: bool


LEVELS: tuple[FitLevel, ...] = (
    FitLevel(6, 0.030, 0.3, 0.008, 1.0, use_identity=False, use_expression=False),
    FitLevel(6, 0.020, 0.4, 0.004, 1.0, use_identity=True, use_expression=True),
    FitLevel(6, 0.012, 0.5, 0.002, 0.7, use_identity=True, use_expression=True),
    FitLevel(6, 0.008, 0.5, 0.0015, 0.5, use_identity=True, use_expression=True),
)
EFFECTIVE_PAIRS = 150.0  # surface pairs are correlated: thousands of them count as this many
MAX_POINTS = 4000  # vertices that are fitted, thinned evenly: for speed
HAIR_DOUBT = 0.93  # where hair may be, of a colour that is not the skin's
ROUGH_DOUBT = 0.995  # where the surface is as rough as hair too
CLOSED_SIGMA = 0.03  # of the blink weight of an eye that is surely closed


def fit_linear(
    template: Template,
    skin: FittedSkin,
    surface: ScanSurface,
    prepared: PreparedScan,
    start: LinearHead,
    *,
    scale_sigma: float,
    closed: tuple[float, float] = (0.0, 0.0),
) -> LinearHead:
    """Gauss-Newton on point-to-plane distances, landmarks and priors, coarse to fine.

    Identity has a unit Gaussian prior, expressions a sparse one within 0..1, the size a Gaussian in its
    logarithm (`scale_sigma`) about the size of the template. `closed` says how surely the (left, right)
    eye is closed: its blink is then drawn to one.
    """
    chosen = _spread_out(skin)
    on_skin = basis_at_vertices(template, skin.index)
    at_vertices = on_skin.at(chosen)
    at_landmarks = basis_at_landmarks(template)
    outer = outer_zone(template, skin)[chosen]
    hairy, hairiness = np.maximum(outer, beard_zone(template, skin)[chosen]), hairlike(surface)
    head = start
    for level in LEVELS:
        for _ in range(level.iterations):
            points = on_skin.points(head)
            normals = vertex_normals(points, skin.triangles)[chosen]
            pairs = pair(
                surface, points[chosen], normals, reach=level.reach, min_cosine=level.min_cosine, masked=False
            )
            weight = pairs.weight * (skin.measured * skin.mass)[chosen]
            # Hair, beards and cloth lie outside the head: such pairs hardly count where they may be.
            rough = smoothstep(surface.closest.interpolate(pairs.hits, hairiness), *BEARD)
            doubt = np.maximum(_hair_doubt(surface, pairs) * outer, ROUGH_DOUBT * rough * hairy)
            # What the mask hides bounds the head from outside; smooth skin that it hides, near the head,
            # still tells of its proportions: else a mask on the forehead would move ears and jaw.
            told = _told(surface, pairs, outer, 0.5 * level.reach) * (1.0 - rough)
            hidden = HAIR_DOUBT * (1.0 - surface.followed(pairs.hits)) * (1.0 - told)
            doubt = np.maximum(doubt * (1.0 - surface.asked_for(pairs.hits)), hidden)
            weight *= 1.0 - np.where(pairs.offset < 0, doubt, 0.0)
            hessian, gradient = _surface_terms(at_vertices, head, pairs.normals, pairs.offset, weight, level)
            for extra in (
                _landmark_terms(at_landmarks, head, prepared, level.landmark_trust),
                _prior_terms(head, scale_sigma, closed),
            ):
                hessian, gradient = hessian + extra[0], gradient + extra[1]
            head = stepped(head, _bounded_step(hessian, gradient, head, level))
    return head


def landmark_error(template: Template, head: LinearHead, prepared: PreparedScan) -> Float[np.ndarray, "68"]:
    """Distance of each landmark of the head to the scan's, metres; NaN where not seen."""
    points = basis_at_landmarks(template).points(head)
    error = np.linalg.norm(points - prepared.landmarks, axis=1)
    error[prepared.landmark_confidence <= 0] = np.nan
    return error


def _hair_doubt(surface: ScanSurface, pairs: Pairs) -> np.ndarray | float:
    """How little to believe a surface outside the head where hair may be: less where it looks like skin."""
    if surface.skinlike is None:
        return HAIR_DOUBT
    return HAIR_DOUBT * (1.0 - surface.closest.interpolate(pairs.hits, surface.skinlike))


def _told(surface: ScanSurface, pairs: Pairs, outer: np.ndarray, reach: float) -> np.ndarray:
    """How far a near surface may be skin by its colour; without colour, by where on the head it lies."""
    like = 1.0 - outer
    if surface.skinlike is not None:
        like = surface.closest.interpolate(pairs.hits, surface.skinlike)
    return like * tukey(pairs.hits.distance, reach)


def _spread_out(skin: FittedSkin) -> np.ndarray:
    """Measured vertices, thinned evenly to at most `MAX_POINTS`."""
    measured = np.flatnonzero(skin.measured > 0.05)
    return measured[:: max(1, -(-len(measured) // MAX_POINTS))]


def _surface_terms(
    basis: MorphableBasis,
    head: LinearHead,
    normals: np.ndarray,
    offset: np.ndarray,
    weight: np.ndarray,
    level: FitLevel,
) -> tuple[np.ndarray, np.ndarray]:
    jacobian = basis.jacobian(head, normals)
    weight = weight * (EFFECTIVE_PAIRS / max(weight.sum(), 1e-12) / level.sigma**2)
    weighted = jacobian * weight[:, None]
    return weighted.T @ jacobian, weighted.T @ offset


def _landmark_terms(
    basis: MorphableBasis, head: LinearHead, prepared: PreparedScan, trust: float
) -> tuple[np.ndarray, np.ndarray]:
    offset = basis.points(head) - prepared.landmarks
    seen = prepared.landmark_confidence > 0
    distance = np.linalg.norm(np.where(seen[:, None], offset, 0.0), axis=1)
    robust = 1.0 / (1.0 + (distance / np.maximum(2.0 * LANDMARK_SIGMA, GROSS)) ** 2)
    weight = np.where(seen, prepared.landmark_confidence * robust * trust / LANDMARK_SIGMA**2, 0.0)
    hessian: np.ndarray | float = 0.0
    gradient: np.ndarray | float = 0.0
    for axis in np.eye(3):
        jacobian = basis.jacobian(head, np.tile(axis, (len(offset), 1)))
        weighted = jacobian * weight[:, None]
        hessian = hessian + weighted.T @ jacobian
        gradient = gradient + weighted.T @ np.where(seen, offset @ axis, 0.0)
    return np.asarray(hessian), np.asarray(gradient)


def _prior_terms(
    head: LinearHead, scale_sigma: float, closed: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian on identity and log scale; on a shape's weight w: (w / s)^2 / 2 + w / s, s its usual size."""
    current = np.concatenate([[np.log(head.pose.scale)], coefficients(head)])
    usual = np.array([1.0 if name in EASY_SHAPES else 0.12 for name in FITTED_SHAPES])
    stiffness = np.concatenate([[scale_sigma**-2], np.ones(len(head.identity)), usual**-2])
    push = np.concatenate([[0.0], np.zeros(len(head.identity)), 1.0 / usual])
    target = np.zeros(len(current))
    for side, share in zip(("Left", "Right"), closed, strict=True):
        blink = 1 + len(head.identity) + FITTED_SHAPES.index(f"eyeBlink{side}")
        stiffness[blink] += share / CLOSED_SIGMA**2
        target[blink] = share / CLOSED_SIGMA**2 / stiffness[blink]
    n = 6 + len(stiffness)
    hessian, gradient = np.zeros((n, n)), np.zeros(n)
    hessian[range(6, n), range(6, n)] = stiffness
    gradient[6:] = stiffness * (current - target) + push
    return hessian, gradient


def _bounded_step(
    hessian: np.ndarray, gradient: np.ndarray, head: LinearHead, level: FitLevel
) -> Float[np.ndarray, " D"]:
    """Minimiser of the quadratic with the shape weights kept in 0..1 (active set, then fixed)."""
    n_identity, n = len(head.identity), len(gradient)
    weights = np.concatenate([np.zeros(7 + n_identity), coefficients(head)[n_identity:]])
    low, high = np.full(n, -np.inf), np.full(n, np.inf)
    low[7 + n_identity :], high[7 + n_identity :] = -weights[7 + n_identity :], 1 - weights[7 + n_identity :]
    if not level.use_identity:
        low[7 : 7 + n_identity] = high[7 : 7 + n_identity] = 0.0
    if not level.use_expression:
        low[7 + n_identity :] = high[7 + n_identity :] = 0.0
    return bounded_quadratic(hessian, gradient, low, high)


def bounded_quadratic(
    hessian: Float[np.ndarray, "D D"],
    gradient: Float[np.ndarray, " D"],
    low: Float[np.ndarray, " D"],
    high: Float[np.ndarray, " D"],
) -> Float[np.ndarray, " D"]:
    """argmin x'Hx/2 + g'x within bounds that contain 0, H positive definite.

    Unknowns without bounds are eliminated first (a Schur complement, factored once), so that the active set
    runs over the few that have them. `bounded_quadratic_plain` is the specification.
    """
    loose = np.isneginf(low) & np.isposinf(high)
    bounded = np.flatnonzero(~loose & (low < high))
    free = np.flatnonzero(loose)
    x = np.zeros(len(gradient))
    factor = cho_factor(hessian[np.ix_(free, free)], check_finite=False)
    coupling = hessian[np.ix_(free, bounded)]
    solved = cho_solve(factor, np.column_stack([coupling, gradient[free]]), check_finite=False)
    schur = hessian[np.ix_(bounded, bounded)] - coupling.T @ solved[:, :-1]
    reduced = gradient[bounded] - coupling.T @ solved[:, -1]
    x[bounded] = bounded_quadratic_plain(schur, reduced, low[bounded], high[bounded])
    x[free] = -(solved[:, :-1] @ x[bounded] + solved[:, -1])
    return x


def bounded_quadratic_plain(
    hessian: Float[np.ndarray, "D D"],
    gradient: Float[np.ndarray, " D"],
    low: Float[np.ndarray, " D"],
    high: Float[np.ndarray, " D"],
) -> Float[np.ndarray, " D"]:
    """The same by a primal active set over all unknowns, dense and one solve a step."""
    x = np.zeros(len(gradient))
    fixed = low >= high
    for _ in range(3 * len(gradient)):
        free = np.flatnonzero(~fixed)
        slope = hessian @ x + gradient
        move = np.zeros_like(x)
        move[free] = np.linalg.solve(hessian[np.ix_(free, free)], -slope[free])
        with np.errstate(divide="ignore", invalid="ignore"):
            room = np.where(move > 0, (high - x) / move, np.where(move < 0, (low - x) / move, np.inf))
        share = min(1.0, float(room[free].min(initial=np.inf)))
        x = x + share * move
        if share < 1.0:
            hit = free[np.argmin(room[free])]
            x[hit] = high[hit] if move[hit] > 0 else low[hit]
            fixed[hit] = True
            continue
        slope = hessian @ x + gradient
        tolerance = 1e-9 * (1.0 + np.abs(gradient).max())
        inward = np.where(x <= low, -slope, np.where(x >= high, slope, 0.0))
        inward[~fixed | (low >= high)] = 0.0
        if inward.max(initial=0.0) <= tolerance:
            return x
        fixed[np.argmax(inward)] = False
    return x
