"""Lashes and the strips along the lids: they ride on the lids, and strips lie on the eyeball."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int
from scipy.spatial import cKDTree

from mien.anatomy.eyeball import SCLERA_RADIUS, Eyeball, surface_radius
from mien.core.face import Template
from mien.geometry.align import nearest_rotations

HAIR_VERTICES = 8  # a lash: four levels of two vertices, root first; its hairs follow one another
STRIP_PARTS = ("eye_occlusion", "eye_blend", "lacrimal")
LASH_PART = "lashes"

# Chosen by eye, metres where nothing else is said:
_NEIGHBOURS = 24  # nearest vertices among which that patch is sought
_NEIGHBOURHOOD = 1.3e-3  # the patch of lid whose motion a lash or a strip's column takes
_ON_BALL = 0.5e-3  # strip vertices closer to the eye than this keep their distance from it
_NEAR = 2.2  # times the ball's radius, from its centre: skin that may carry a lash
_SAME_LID = 5  # rings of edges round the nearest vertex that are no other lid
_STRETCH = (0.9, 1.1)  # of hairs and strips against the usual: a patch may be stretched or folded by a blink


@dataclass(frozen=True)
class LidRiders:
    """One eye's lashes and strips: rows of the vertex array, each with the patch of skin it hangs on.

    `wet` marks the rows (strips only) that lie on the eyeball, `clearance` their distance from it.
    """

    rows: Int[np.ndarray, " M"]
    patch: Int[np.ndarray, "M K"]
    weights: Float[np.ndarray, "M K"]
    wet: Int[np.ndarray, " W"]
    clearance: Float[np.ndarray, " W"]


def bind_riders(template: Template, side: str, ball: Eyeball) -> LidRiders:
    """Each strip vertex hangs on the skin nearest to it, each hair on the skin nearest to its root."""
    strips = [template.part(f"{name}_{side}").vertices for name in STRIP_PARTS]
    lashes = template.part(f"{LASH_PART}_{side}").vertices
    strip_rows = np.concatenate([np.arange(s.start, s.stop) for s in strips])
    lash_rows = np.arange(lashes.start, lashes.stop)
    roots = template.vertices[lash_rows].reshape(-1, HAIR_VERTICES, 3)[:, :2].mean(axis=1)
    anchors = np.concatenate([template.vertices[strip_rows], np.repeat(roots, HAIR_VERTICES, axis=0)])

    names = ("face", f"eye_socket_{side}")
    candidates = np.flatnonzero(template.vertex_mask(*names))
    near = np.linalg.norm(template.vertices[candidates] - ball.centre, axis=1) < _NEAR * ball.radius
    candidates = candidates[near]
    distance, index = cKDTree(template.vertices[candidates]).query(anchors, k=_NEIGHBOURS)
    spread = np.maximum(_NEIGHBOURHOOD, distance[:, 5:6])  # at least a handful of vertices count
    weights = np.exp(-0.5 * ((distance - distance[:, :1]) / spread) ** 2)
    weights *= _same_lid(template, candidates, index)
    weights /= weights.sum(axis=1, keepdims=True)

    clearance = ball.clearance(template.vertices[strip_rows])
    wet = np.flatnonzero(clearance < _ON_BALL)
    rows = np.concatenate([strip_rows, lash_rows])
    return LidRiders(rows, candidates[index], weights, wet, clearance[wet])


def ride(
    template: Template,
    lids: LidRiders,
    moved: Float[np.ndarray, "V 3"],
    eye: Eyeball,
) -> Float[np.ndarray, "M 3"]:
    """Lash and strip vertices carried by the similarity of their patch of skin, then laid on the ball."""
    before, after = template.vertices[lids.patch], moved[lids.patch]
    weights = lids.weights[..., None]
    middle, new_middle = (weights * before).sum(axis=1), (weights * after).sum(axis=1)
    x, y = before - middle[:, None], after - new_middle[:, None]
    rotation = nearest_rotations(np.einsum("mk,mki,mkj->mij", lids.weights, y, x))
    scale = np.sqrt((weights * y**2).sum((1, 2)) / (weights * x**2).sum((1, 2)))
    usual = np.median(scale)
    scale = usual * np.clip(scale / usual, *_STRETCH)
    offset = template.vertices[lids.rows] - middle
    out = new_middle + scale[:, None] * np.einsum("mij,mj->mi", rotation, offset)
    out[lids.wet] = _on_ball(out[lids.wet], eye, lids.clearance)
    return out


def _same_lid(
    template: Template, candidates: Int[np.ndarray, " C"], index: Int[np.ndarray, "M K"]
) -> Float[np.ndarray, "M K"]:
    """1 for neighbours within six edges of the nearest one, 0 for those across the opening."""
    local = np.full(template.topology.n_vertices, -1)
    local[candidates] = np.arange(len(candidates))
    edges = local[template.topology.edges]
    edges = edges[(edges >= 0).all(axis=1)]
    ones = np.ones(len(edges))
    graph = sp.coo_matrix((ones, (edges[:, 0], edges[:, 1])), shape=(len(candidates),) * 2).tocsr()
    graph = graph + graph.T + sp.eye(len(candidates), format="csr")
    reach = graph
    for _ in range(_SAME_LID):
        reach = (reach @ graph).astype(bool).astype(float)
    return np.asarray(reach[index[:, :1], index].todense()).reshape(index.shape).astype(float)


def _on_ball(
    points: Float[np.ndarray, "W 3"], eye: Eyeball, clearance: Float[np.ndarray, " W"]
) -> Float[np.ndarray, "W 3"]:
    """The points moved along the ray from the eye's centre to a given distance off its surface."""
    ray = points - eye.centre
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    scale = eye.radius / SCLERA_RADIUS
    angle = np.arccos(np.clip(ray @ eye.gaze, -1, 1))
    return eye.centre + ray * (surface_radius(angle, eye.radius) + clearance * scale)[:, None]
