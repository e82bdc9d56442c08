"""Pieces beside the skin on a person: eyes, what is in the mouth, what the skin carries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import cKDTree

from mien.anatomy.eyeball import SIDES
from mien.anatomy.mouth_placement import LOWER_PARTS, UPPER_PARTS
from mien.anatomy.parts import placed_eyeball
from mien.basemesh.attach import Attachment, attach, normals_of
from mien.basemesh.bind import BoundMesh
from mien.basemesh.fill_in import neighbour_mean
from mien.core.face import Template
from mien.geometry.align import Similarity, fit_similarity, nearest_rotations

_EYE_BACK = 0.6e-3  # metres that an eyeball is set back at most
_TOOTH_WIDTH = 0.02  # metres: narrower pieces in the mouth belong to one jaw
_PATCH = 12  # skin vertices that carry one vertex of a piece that follows the skin
_PATCH_SIZE = 2.0e-3


def carry_parts(
    template: Template, bound: BoundMesh, head: Float[np.ndarray, "V 3"], out: Float[np.ndarray, "W 3"]
) -> None:
    """Pieces that are parts of the template itself hang on them."""
    for name in np.unique(bound.pieces.part[bound.pieces.kind == "part"]):
        rows = np.flatnonzero((bound.pieces.part == name) & (bound.pieces.kind == "part"))
        hung = part_attachment(template, bound, str(name), rows)
        out[rows] = hung.moved(head, normals_of(head, template.topology.triangles), hung.offset)


def part_attachment(
    template: Template, bound: BoundMesh, name: str, rows: Int[np.ndarray, " N"]
) -> Attachment:
    """Places of these welded vertices on one part of the registered template."""
    quads = template.part(name).quads
    triangles = template.topology.triangles[2 * quads.start : 2 * quads.stop]
    normals = normals_of(bound.vertices, bound.base.triangles)[rows]
    return attach(bound.vertices[rows], normals, bound.registered, triangles)


def carry_eyes(
    template: Template, bound: BoundMesh, head: Float[np.ndarray, "V 3"], out: Float[np.ndarray, "W 3"]
) -> None:
    """Eyeballs and irises with the person's eyes, the mesh's own ball fitted to Mien's first."""
    for side in SIDES:
        rows = bound.pieces.kind == f"eye_{side}"
        if rows.any():
            motion = part_similarity(template, bound.registered, head, f"eye_{side}")
            out[rows] = motion.after(onto_eye(template, bound, side))(bound.vertices[rows])
            eye = placed_eyeball(template, head, side)
            beyond = float(eye.clearance(out[rows]).max())  # a cornea that bulges more than lids allow for
            out[rows] -= np.clip(beyond, 0.0, _EYE_BACK) * eye.gaze


def onto_eye(template: Template, bound: BoundMesh, side: str) -> Similarity:
    """The mesh's own eyeball onto the template's, by the spheres fitted to both: lids fit only that one."""
    eye = placed_eyeball(template, bound.registered, side)
    part = template.part(f"eye_{side}").vertices
    ours = _sphere(bound.registered[part], eye.centre, eye.gaze)
    theirs = _sphere(bound.vertices[_ball(bound, side)], eye.centre, eye.gaze)
    if ours is None or theirs is None:
        return Similarity(1.0, np.eye(3), np.zeros(3))
    scale = ours[1] / theirs[1]
    return Similarity(float(scale), np.eye(3), ours[0] - scale * theirs[0])


def _ball(bound: BoundMesh, side: str) -> Int[np.ndarray, " N"]:
    """The outermost of the eye's pieces that reach behind its middle."""
    rows = np.flatnonzero(bound.pieces.kind == f"eye_{side}")
    if not len(rows):
        return rows
    numbers = bound.pieces.number[rows]
    depth = {n: float(np.ptp(bound.vertices[rows[numbers == n], 2])) for n in np.unique(numbers)}
    return rows[numbers == max(depth, key=lambda n: depth[n])]


def _sphere(
    points: np.ndarray, centre: np.ndarray, gaze: np.ndarray
) -> tuple[Float[np.ndarray, "3"], float] | None:
    """Centre and radius of the sphere through an eyeball's white: the cornea's bulge is left out."""
    if not len(points):
        return None
    away = points - points.mean(axis=0)
    cosine = away @ gaze / np.maximum(np.linalg.norm(away, axis=1), 1e-12)
    white = points[np.abs(cosine) < 0.6]
    if len(white) < 8:
        return None
    shifted = white - centre
    system = np.concatenate([2 * shifted, np.ones((len(white), 1))], axis=1)
    solution = np.linalg.lstsq(system, (shifted**2).sum(axis=1), rcond=None)[0]
    return centre + solution[:3], float(np.sqrt(solution[3] + solution[:3] @ solution[:3]))


def part_similarity(
    template: Template, before: Float[np.ndarray, "V 3"], after: Float[np.ndarray, "V 3"], *parts: str
) -> Similarity:
    """The similarity that takes these parts from one head, or pose, to another."""
    rows = template.vertex_mask(*parts)
    return fit_similarity(before[rows], after[rows])


def carry_mouth(
    template: Template, bound: BoundMesh, head: Float[np.ndarray, "V 3"], out: Float[np.ndarray, "W 3"]
) -> None:
    """Teeth, gums and tongue with the person's jaws."""
    rows = np.flatnonzero(bound.pieces.kind == "mouth")
    if not len(rows):
        return
    upper, lower = (
        part_similarity(template, bound.registered, head, *parts) for parts in (UPPER_PARTS, LOWER_PARTS)
    )
    share = lower_share(template, bound)[rows, None]
    points = bound.vertices[rows]
    out[rows] = share * lower(points) + (1 - share) * upper(points)


def lower_share(template: Template, bound: BoundMesh) -> Float[np.ndarray, " W"]:
    """How much each mouth vertex belongs to the lower jaw: pieces that lie on one side are of that side."""
    share = np.zeros(len(bound.vertices))
    rows = np.flatnonzero(bound.pieces.kind == "mouth")
    if not len(rows):
        return share
    points = bound.vertices[rows]
    up, low = (
        cKDTree(bound.registered[template.vertex_mask(*parts)]).query(points)[0]
        for parts in (UPPER_PARTS, LOWER_PARTS)
    )
    share[rows] = up**2 / np.maximum(up**2 + low**2, 1e-12)
    for number in np.unique(bound.pieces.number[rows]):
        own = rows[bound.pieces.number[rows] == number]
        if np.ptp(bound.vertices[own, 0]) < _TOOTH_WIDTH:
            share[own] = float(share[own].mean() > 0.5)
    return neighbour_mean(share[:, None], bound.base.edges, 6)[:, 0]


@dataclass(frozen=True)
class Followers:
    """Welded vertices that the skin carries: each hangs on a patch of skin vertices."""

    rows: Int[np.ndarray, " N"]
    patch: Int[np.ndarray, "N K"]
    weights: Float[np.ndarray, "N K"]


def followers(bound: BoundMesh) -> Followers | None:
    """The vertices of kind "follow" with the skin nearest to them; None where there are none."""
    rows = np.flatnonzero(bound.pieces.kind == "follow")
    if not len(rows):
        return None
    used = np.unique(bound.base.triangles)
    candidates = np.intersect1d(bound.skin, used)
    distance, index = cKDTree(bound.vertices[candidates]).query(bound.vertices[rows], k=_PATCH)
    spread = np.maximum(_PATCH_SIZE, distance[:, 3:4] - distance[:, :1])
    weights = np.exp(-0.5 * ((distance - distance[:, :1]) / spread) ** 2)
    return Followers(rows, candidates[index], weights / weights.sum(axis=1, keepdims=True))


def follow(
    hung: Followers, before: Float[np.ndarray, "W 3"], after: Float[np.ndarray, "W 3"]
) -> Float[np.ndarray, "N 3"]:
    """Followers carried by the rotation and shift of their patch of skin."""
    weights = hung.weights[..., None]
    x, y = before[hung.patch], after[hung.patch]
    middle, moved = (weights * x).sum(axis=1), (weights * y).sum(axis=1)
    covariance = np.einsum("nk,nki,nkj->nij", hung.weights, y - moved[:, None], x - middle[:, None])
    return moved + np.einsum("nij,nj->ni", nearest_rotations(covariance), before[hung.rows] - middle)


def carry_followers(bound: BoundMesh, out: Float[np.ndarray, "W 3"]) -> None:
    """Lashes, strips and the like after the skin beneath them."""
    hung = followers(bound)
    if hung is not None:
        scale = fit_similarity(bound.vertices[bound.skin], out[bound.skin]).scale
        out[hung.rows] = follow(hung, bound.vertices * scale, out)
