"""Ears before the non-rigid fit: each is laid on the scan's by an affine motion of its own.

The linear model's ears stand millimetres off a person's, in place, turn and size; the non-rigid fit, which
goes to the nearest surface, would then press folds onto the wrong folds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse
from scipy.spatial import cKDTree

from mien.anatomy.eyeball import SIDES
from mien.core.face import Template
from mien.geometry.closest import ClosestPoint
from mien.geometry.normals import vertex_normals
from mien.geometry.solve import SpdSolver
from mien.geometry.weights import smoothstep, tukey
from mien.register.fitted_skin import FittedSkin
from mien.register.repair import bending
from mien.register.scan_surface import ScanSurface

# Chosen by eye, lengths at the template's size:
FEWEST_BARE = 0.5  # mean bareness of an ear that is fitted: below, hair hides it
MET = 0.0014  # metres: median distance of a fitted ear to the scan; farther off, hair was fitted to
FACING = 0.90  # share of its vertices that face as the scan does
ROUNDS = 10  # of closest points and affine motion
FEWEST_PAIRS = 12  # a scan's border that an ear meets in a point or two tells nothing of how it lies
REACH = (0.015, 0.008)  # metres at which a pair counts nothing, first and last round
STIFFNESS = (3.0, 0.3)  # pull of the affine motion toward the last one, against the ear's own spread
ROOT = (0.004, 0.015)  # metres from the ear: skin that follows it smoothly ... skin that stays
BRIDGE = 0.012  # metres: length of that smoothness
HELD = 100.0  # weight of that motion against bending
AROUND, SEARCH = 0.03, 0.045  # metres from the ear to the patch's edge, from its middle to the scan looked at
Points = Float[np.ndarray, "_ 3"]


@dataclass(frozen=True)
class EarPatch:
    """An ear and the skin round it, in numbers of their own.

    `index` are the skin's vertices; `ear` and `seen` (the part of it that a scan shows) are among them.
    """

    index: Int[np.ndarray, " P"]
    triangles: Int[np.ndarray, "T 3"]
    ear: Bool[np.ndarray, " P"]
    seen: Bool[np.ndarray, " P"]


def placed_ears(
    template: Template,
    skin: FittedSkin,
    surface: ScanSurface,
    start: Float[np.ndarray, "S 3"],
    bare: Float[np.ndarray, " S"],
    size: float,
) -> Float[np.ndarray, "S 3"]:
    """The linear fit with its ears moved onto the scan's; an ear that the scan does not show stays.

    `bare` is 1 where the scan shows skin; `size` scales lengths with the head. Metres.
    """
    out = start.copy()
    for name in (f"ear_{side}" for side in SIDES):
        ear = skin.of(template.regions[name]) > 0.5 if name in template.regions else np.zeros(skin.n, bool)
        if not ear.any() or bare[ear].mean() < FEWEST_BARE:
            continue
        patch = _patch(skin, start, ear, size)
        fitted = _fitted(patch, surface, start[patch.index], size)
        out[patch.index] += _bridged_motion(skin, patch, fitted - start[patch.index], start, size)
    return out


def _patch(skin: FittedSkin, head: np.ndarray, ear: Bool[np.ndarray, " S"], size: float) -> EarPatch:
    near = cKDTree(head[ear]).query(head, distance_upper_bound=AROUND * size)[0] < AROUND * size
    index = np.flatnonzero(near)
    local = np.full(skin.n, -1)
    local[index] = np.arange(len(index))
    triangles = local[skin.triangles[near[skin.triangles].all(axis=1)]]
    return EarPatch(index, triangles, ear[index], (ear & (skin.measured > 0.5))[index])


def _fitted(patch: EarPatch, surface: ScanSurface, start: Points, size: float) -> Points:
    """The patch with its ear on the scan's, or as it was where they do not meet."""
    centre = start[patch.ear].mean(axis=0)
    nearby = surface.vertices[np.linalg.norm(surface.vertices - centre, axis=1) < SEARCH * size]
    current = start.copy()
    for k in range(ROUNDS):
        share = k / (ROUNDS - 1)
        reach = size * REACH[0] ** (1 - share) * REACH[1] ** share
        source, target, weight = _pairs_both_ways(patch, surface, current, nearby, reach)
        if (weight > 0).sum() < FEWEST_PAIRS:
            return start
        stiffness = STIFFNESS[0] ** (1 - share) * STIFFNESS[1] ** share
        current[patch.ear] = _affine(source, target, weight, stiffness, current[patch.ear])
    return current if _met(patch, surface, current, size) else start


def _met(patch: EarPatch, surface: ScanSurface, current: Points, size: float) -> bool:
    """Whether the scan has an ear there: hair may lie as near, but faces anywhere."""
    hits = surface.closest.query(current[patch.seen])
    normals = vertex_normals(current, patch.triangles)[patch.seen]
    facing = np.einsum("pd,pd->p", normals, surface.closest.normals_at(hits)) > 0.0
    return bool(np.median(hits.distance) < MET * size and facing.mean() > FACING)


def _pairs_both_ways(
    patch: EarPatch, surface: ScanSurface, current: Points, nearby: Points, reach: float
) -> tuple[Points, Points, Float[np.ndarray, " Q"]]:
    """Points of the ear, where they should be, weights: to the scan, and from the scan's ear back."""
    mesh = ClosestPoint(current, patch.triangles)
    points = current[patch.seen]
    hits = surface.closest.query(points)
    facing = np.einsum("pd,pd->p", mesh.normals[patch.seen], surface.closest.normals_at(hits))
    forward = tukey(hits.distance, reach) * smoothstep(facing, 0.2, 0.6)
    forward[surface.closest.on_border(hits)] = 0.0
    back = mesh.query(nearby)
    # Only the scan's ear: what lies on the head behind it has its nearest point there.
    backward = tukey(back.distance, reach) * (mesh.interpolate(back, patch.ear.astype(np.float64)) > 0.99)
    backward *= len(points) / max(len(nearby), 1)
    return (
        np.concatenate([points, back.points]),
        np.concatenate([hits.points, nearby]),
        np.concatenate([forward, backward]),
    )


def _affine(source: Points, target: Points, weight: np.ndarray, stiffness: float, points: Points) -> Points:
    """`points` moved by x -> x + A (x - c) + t, least squares with A held small."""
    centre = weight @ source / weight.sum()
    local = np.c_[source - centre, np.ones(len(source))]
    spread = float(weight @ ((source - centre) ** 2).sum(axis=1)) / 3.0
    normal = local.T @ (weight[:, None] * local) + stiffness * spread * np.diag([1.0, 1.0, 1.0, 0.0])
    motion = np.linalg.solve(normal, local.T @ (weight[:, None] * (target - source)))
    return points + np.c_[points - centre, np.ones(len(points))] @ motion


def _bridged_motion(
    skin: FittedSkin, patch: EarPatch, motion: Points, head: np.ndarray, size: float
) -> Float[np.ndarray, "P 3"]:
    """The ear's motion on the ear, none far from it, the smoothest in between."""
    away = cKDTree(head[patch.index][patch.ear]).query(head[patch.index])[0]
    still = smoothstep(away, ROOT[0] * size, ROOT[1] * size)
    weight = HELD * skin.mass[patch.index] * np.where(patch.ear, 1.0, still)
    block = bending(skin)[patch.index][:, patch.index]
    weak = sparse.diags(weight + 1e-6 * skin.mass[patch.index])
    return SpdSolver((BRIDGE * size) ** 4 * block + weak).solve(weight[:, None] * motion)
