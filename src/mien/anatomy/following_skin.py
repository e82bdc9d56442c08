"""Skin that cannot be drawn but follows: mouth corners, nostrils' linings, the mouth's walls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse
from scipy.spatial import cKDTree

from mien.anatomy.eyeball import SIDES
from mien.anatomy.mouth_walls import bind_walls
from mien.core.face import Template
from mien.core.mesh import split_quads
from mien.geometry.laplacian import cotangent_laplacian, lumped_mass
from mien.geometry.weights import smoothstep

# Chosen by eye:
_CORNER = 7.0e-3  # metres round the mouth's corners that are healed
_RIM_SHARE = 0.4  # of the way: the rest of their own form is kept
_LINING_RIDGE = 0.15  # beside a fit in units of 5 mm: how stiff a nostril's lining is
_NOSTRIL_DEPTH = 9.0e-3  # metres added to the template's 3 mm


@dataclass(frozen=True)
class Zone:
    """Rows whose offsets from the template (`rest`) are a fixed linear function of those of `known` rows."""

    rows: Int[np.ndarray, " R"]
    known: Int[np.ndarray, " K"]
    weights: Float[np.ndarray, "R K"] | sparse.csr_matrix
    share: Float[np.ndarray, " R"]
    rest: Float[np.ndarray, "V 3"]

    def heal(self, out: Float[np.ndarray, "S 3"]) -> None:
        """Lets the rows of a skin follow, in place."""
        goal = self.rest[self.rows] + self.weights @ (out[self.known] - self.rest[self.known])
        out[self.rows] += self.share[:, None] * (goal - out[self.rows])

    def heal_offsets(self, offsets: Float[np.ndarray, "S 3"], generic: Float[np.ndarray, "S 3"]) -> None:
        """The same for an expression's offsets; what `generic`, the template's own, does there is kept."""
        goal = generic[self.rows] + self.weights @ (offsets[self.known] - generic[self.known])
        offsets[self.rows] += self.share[:, None] * (goal - offsets[self.rows])


def bind_corners(template: Template, n_skin: int) -> list[Zone]:
    """The mouth's corners: thin plates through the skin round them, free of crossings.

    The mouth's wall is free too: were it held, corners would be drawn in where a face and its wall differ.
    """
    wall = np.zeros(n_skin, bool)
    wall[template.part("mouth_socket").vertices] = True
    quads = template.topology.quads
    triangles = split_quads(quads[(quads < n_skin).all(axis=1)])
    rest = template.vertices[:n_skin]
    zones = []
    for end in (0, -1):
        corner = rest[template.loops["lips_inner_upper"][end]]
        distance = np.linalg.norm(rest - corner, axis=1)
        zone = np.flatnonzero(distance < _CORNER)
        near = (distance < 2.5 * _CORNER)[triangles].any(axis=1)
        ids, local = np.unique(triangles[near], return_inverse=True)
        corners = local.reshape(-1, 3)
        laplacian = cotangent_laplacian(rest[ids], corners, max_cotangent=3.0)
        mass = np.maximum(lumped_mass(rest[ids], corners), 1e-8)
        bending = (laplacian.T @ sparse.diags(1 / mass) @ laplacian).toarray()
        free = np.isin(ids, zone) | wall[ids]
        couple = bending[np.ix_(free, ~free)]
        used = np.abs(couple).max(axis=0) > 0
        weights = -np.linalg.solve(bending[np.ix_(free, free)], couple[:, used])
        kept = np.isin(ids[free], zone)
        zones.append(Zone(ids[free][kept], ids[~free][used], weights[kept], np.ones(kept.sum()), rest))
    return zones


def bind_lid_rims(template: Template, n_skin: int) -> list[Zone]:
    """The lids' rims go with their front edges: harmonic inward, free at the eyeball's side.

    They are two millimetres of skin seen edge-on, which statistics of faces tell little about and fold.
    """
    quads = template.topology.quads
    triangles = split_quads(quads[(quads < n_skin).all(axis=1)])
    rest = template.vertices[:n_skin]
    zones = []
    for side in SIDES:
        rim = template.regions[f"eye_rim_{side}"][:n_skin] > 0.5
        ids, local = np.unique(triangles[rim[triangles].all(axis=1)], return_inverse=True)
        laplacian = cotangent_laplacian(rest[ids], local.reshape(-1, 3), max_cotangent=3.0)
        front = np.concatenate([template.loops[f"lid_upper_{side}"], template.loops[f"lid_lower_{side}"]])
        held = np.isin(ids, front)
        weights = -np.linalg.solve(laplacian[~held][:, ~held].toarray(), laplacian[~held][:, held].toarray())
        zones.append(Zone(ids[~held], ids[held], weights, np.full((~held).sum(), _RIM_SHARE), rest))
    return zones


def bind_nostrils(template: Template) -> list[Zone]:
    """The nostrils' lining goes with their rims: an affine motion of the rim, no more."""
    zones = []
    for side, flip in (("left", 1), ("right", -1)):
        rim = template.loops[f"nostril_{side}"]
        inside = template.regions["nostrils"] * (flip * template.vertices[:, 0] > 0)
        rows = np.setdiff1d(np.flatnonzero(inside > 0.05), rim)
        known = _with_neighbours(template, rim, rows)
        middle = template.vertices[rim].mean(axis=0)
        design = np.concatenate(
            [np.ones((len(known), 1)), (template.vertices[known] - middle) / 5e-3], axis=1
        )
        ridge = np.diag([0.0, 1.0, 1.0, 1.0]) * _LINING_RIDGE * len(known)
        fit = np.linalg.solve(design.T @ design + ridge, design.T)
        lining = np.concatenate([np.ones((len(rows), 1)), (template.vertices[rows] - middle) / 5e-3], axis=1)
        share = smoothstep(inside[rows], 0.3, 0.9)
        rest = template.vertices.copy()
        rest[rows] += _deeper(rest[rows], rest[rim])
        zones.append(Zone(rows, known, lining @ fit, share, rest))
    return zones


def _deeper(lining: Float[np.ndarray, "R 3"], rim: Float[np.ndarray, "L 3"]) -> Float[np.ndarray, "R 3"]:
    """Offsets that make a real passage of the template's shallow nostril: up, back and a little narrower."""
    share = smoothstep(cKDTree(rim).query(lining)[0], 0.3e-3, 3.0e-3)[:, None]
    return share * (
        np.array([0.0, _NOSTRIL_DEPTH, -0.45 * _NOSTRIL_DEPTH]) - 0.25 * (lining - rim.mean(axis=0))
    )


def bind_mouth_zone(template: Template) -> Zone:
    """The mouth's walls go with the skin before them, so that cheeks and lips keep their thickness."""
    walls = bind_walls(template)
    known = np.flatnonzero(walls.weights.getnnz(axis=0))
    return Zone(walls.rows, known, walls.weights[:, known].tocsr(), walls.share, template.vertices)


def _with_neighbours(
    template: Template, rim: Int[np.ndarray, " A"], inside: Int[np.ndarray, " B"]
) -> Int[np.ndarray, " K"]:
    """The rim and the next ring of skin outside it."""
    edges = template.topology.edges
    touching = edges[np.isin(edges, rim).any(axis=1)]
    return np.setdiff1d(np.union1d(rim, touching.ravel()), inside)
