"""Lids on their eyeballs and lips that meet: cheap corrections of a new skin, precomputed once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from mien.core.face import Template
from mien.core.mesh import split_quads
from mien.geometry.align import Similarity, fit_similarity
from mien.geometry.laplacian import cotangent_laplacian, lumped_mass
from mien.geometry.polyline import chord_share
from mien.geometry.weights import smoothstep
from mien.template.eye_placement import EyeBinding, PlacedEye, bind_eye
from mien.template.eyeball import signed_clearance
from mien.template.lid_spread import spread_weights

SIDES = ("left", "right")
LID_THICKNESS = 0.6e-3  # metres of skin kept before the ball, where the mean has as much
LEAST_GAP = 0.05e-3  # of a margin before the ball
LIP_GAP = 0.05e-3
_LIP_REACH = (2.0e-3, 12.0e-3)
_STABLE_ABOVE = -0.03  # metres: the skull's part of the face, which says how the head stands
_LIP_ROUNDS = 4
_LID_ROUNDS = 3
_CORNER = 4.0e-3  # metres round the mouth's corners that are healed
_LINING_RIDGE = 0.15
_NOSTRIL_DEPTH = 9.0e-3  # metres added to the template's 3 mm
_WALL_NEIGHBOURS, _WALL_SIGMA = 24, 4.0e-3  # skin before the mouth's walls
_SMOOTHING = 0.01  # of the margin's offsets, against ripples


@dataclass(frozen=True)
class _Lids:
    """One eye: `fit` takes the gaps that a margin lacks to offsets of `eye.around`.

    `cover` rows keep `floor` metres off the ball, `socket` rows stay within `bag` metres of it.
    """

    eye: EyeBinding
    fit: Float[np.ndarray, "R C"]
    cover: Int[np.ndarray, " K"]
    floor: Float[np.ndarray, " K"]
    socket: Int[np.ndarray, " B"]
    bag: Float[np.ndarray, " B"]


@dataclass(frozen=True)
class _Lips:
    """The lips' seams, right corner to left; `rows` near them take `upper` / `lower` seam offsets."""

    seam_upper: Int[np.ndarray, " U"]
    seam_lower: Int[np.ndarray, " L"]
    rows: Int[np.ndarray, " R"]
    weights: Float[np.ndarray, "R U"]
    sign: Float[np.ndarray, " R"]


@dataclass(frozen=True)
class _Zone:
    """Rows whose offsets from the template (`rest`) are a fixed linear function of those of `known` rows."""

    rows: Int[np.ndarray, " R"]
    known: Int[np.ndarray, " K"]
    weights: Float[np.ndarray, "R K"] | sparse.csr_matrix
    share: Float[np.ndarray, " R"]
    rest: Float[np.ndarray, "V 3"]

    def heal(self, out: np.ndarray) -> None:
        """In place."""
        goal = self.rest[self.rows] + self.weights @ (out[self.known] - self.rest[self.known])
        out[self.rows] += self.share[:, None] * (goal - out[self.rows])


class Seat:
    """What lids, lips and linings need, bound to one template whose skin are the first `n_skin` rows."""

    def __init__(self, template: Template, n_skin: int) -> None:
        n = n_skin
        self.template = template
        face = template.part("face").vertices
        rows = np.arange(face.start, face.stop)
        self._stable = rows[template.vertices[rows, 1] > _STABLE_ABOVE]
        self._lids = {side: _bind_lids(template, side, n) for side in SIDES}
        self._lips = _bind_lips(template, n)
        self._healed = [*_bind_corners(template, n), *_bind_nostrils(template), _bind_mouth(template)]

    def __call__(
        self, skin: Float[np.ndarray, "S 3"]
    ) -> tuple[Float[np.ndarray, "S 3"], dict[str, PlacedEye]]:
        """The skin with lids laid on the balls and lips parted, and the balls. A few hundred rows move."""
        out = np.array(skin, np.float64)
        for zone in self._healed:
            zone.heal(out)
        self._part_lips(out)
        head = fit_similarity(self.template.vertices[self._stable], out[self._stable])
        return out, {side: _settle(self._lids[side], out, head) for side in SIDES}

    def set_balls(self, head: Float[np.ndarray, "V 3"], balls: dict[str, PlacedEye]) -> None:
        """Writes the eyeballs' rows of a whole head, in place."""
        for side, ball in balls.items():
            eye = self._lids[side].eye
            head[eye.rows] = ball.carry(self.template.vertices[eye.rows], eye)

    def eye(self, side: str) -> EyeBinding:
        """How lids and ball of one side ("left", "right") belong together."""
        return self._lids[side].eye

    def lip_opening(self, skin: Float[np.ndarray, "S 3"]) -> Float[np.ndarray, " U"]:
        """Signed metres between the lips' seams at the upper one's vertices; negative: crossed."""
        upper, lower = skin[self._lips.seam_upper], skin[self._lips.seam_lower]
        share_upper, share_lower = chord_share(upper), chord_share(lower)
        below = np.interp(share_upper, share_lower, lower[:, 1])
        return upper[:, 1] - below

    @property
    def lips(self) -> _Lips:
        """The lips' seams and how the skin round them follows."""
        return self._lips

    def heal_offsets(self, offsets: Float[np.ndarray, "S 3"], generic: Float[np.ndarray, "S 3"]) -> None:
        """Makes an expression's offsets at corners, nostrils and mouth walls follow the skin round them.

        In place; what `generic` (the template's own expression) does there is kept.
        """
        for zone in self._healed:
            goal = generic[zone.rows] + zone.weights @ (offsets[zone.known] - generic[zone.known])
            offsets[zone.rows] += zone.share[:, None] * (goal - offsets[zone.rows])

    def keep_off(
        self, out: Float[np.ndarray, "S 3"], side: str, ball: PlacedEye, gaze: Float[np.ndarray, "3"]
    ) -> None:
        """Skin that moved onto a ball that looks along `gaze` kept off it, its socket behind the lids."""
        lids = self._lids[side]
        _keep_off(lids, out, ball, gaze)
        _tuck(lids, out, ball, gaze)

    def _part_lips(self, out: np.ndarray) -> None:
        lips = self._lips
        for _ in range(_LIP_ROUNDS):
            lack = np.maximum(LIP_GAP - self.lip_opening(out), 0.0)
            lack[[0, -1]] = 0.0
            if lack.max() <= 1e-6:
                return
            wide = np.maximum.reduce([lack, np.roll(lack, 1), np.roll(lack, -1)])
            out[lips.rows, 1] += 0.5 * lips.sign * (lips.weights @ wide)


def _settle(lids: _Lids, out: np.ndarray, head: Similarity) -> PlacedEye:
    eye = lids.eye
    for sink in (False, True):
        ball = eye.place(out, head, sink=sink)
        for _ in range(_LID_ROUNDS):
            _lay(lids, out, ball)
    _keep_off(lids, out, ball, ball.rotation[:, 2])
    _tuck(lids, out, ball, ball.rotation[:, 2])
    return ball


def _keep_off(lids: _Lids, out: np.ndarray, ball: PlacedEye, gaze: Float[np.ndarray, "3"]) -> None:
    """The lids' skin at least so far off the ball as in the template."""
    cover = out[lids.cover]
    lack = lids.floor - signed_clearance(cover, ball.centre, ball.radius, gaze)
    ray = cover - ball.centre
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    out[lids.cover] = cover + np.maximum(lack, 0.0)[:, None] * ray


def _tuck(lids: _Lids, out: np.ndarray, ball: PlacedEye, gaze: Float[np.ndarray, "3"]) -> None:
    """The socket's bag no farther from the ball than in the template: it must not come through thin lids."""
    ray = out[lids.socket] - ball.centre
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    over = signed_clearance(out[lids.socket], ball.centre, ball.radius, gaze) - lids.bag
    out[lids.socket] -= np.maximum(over, 0.0)[:, None] * ray


def _lay(lids: _Lids, out: np.ndarray, ball: PlacedEye) -> None:
    """Margins to the distance from the ball that they have in the template."""
    eye = lids.eye
    margin = out[eye.contact]
    ray = margin - ball.centre
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    gap = eye.gap * (ball.radius / eye.radius)
    away = gap - signed_clearance(margin, ball.centre, ball.radius, ball.rotation[:, 2])
    out[eye.around] += lids.fit @ (ray * away[:, None])


def _bind_lids(template: Template, side: str, n_skin: int) -> _Lids:
    eye = bind_eye(template, side, np.arange(n_skin))
    on_margin = eye.spread[np.searchsorted(eye.around, eye.contact)]
    count = on_margin.shape[1]
    inverse = np.linalg.solve(
        on_margin.T @ on_margin + _SMOOTHING * np.eye(count), on_margin.T
    )  # regularised: the margin's wishes are met but for ripples
    clearance = eye.clearance(template.vertices[eye.around])
    outer = np.isin(eye.around, np.flatnonzero(template.vertex_mask("face")))
    held = np.isin(eye.around, eye.contact)
    seen = (outer & (clearance > 0.3e-3)) | held
    floor = np.minimum(clearance, np.where(held, LEAST_GAP, LID_THICKNESS))[seen]
    part = template.part(f"eye_socket_{side}").vertices
    socket = np.arange(part.start, part.stop)
    bag = np.maximum(eye.clearance(template.vertices[socket]), LEAST_GAP)
    return _Lids(eye, eye.spread @ inverse, eye.around[seen], floor, socket, bag)


def _bind_lips(template: Template, n_skin: int) -> _Lips:
    upper, lower = template.loops["lips_inner_upper"], template.loops["lips_inner_lower"]
    seam = template.vertices[upper]
    rows, weights = spread_weights(template.vertices[:n_skin], seam, _LIP_REACH)
    above = _nearer(template, n_skin, upper[1:-1], lower[1:-1])[rows]
    x = np.abs(template.vertices[rows, 0])
    inside = 1 - smoothstep(x, 0.93 * seam[:, 0].max(), seam[:, 0].max())  # corners belong to both lips
    return _Lips(upper, lower, rows, weights, np.where(above, 1.0, -1.0) * inside)


def _bind_corners(template: Template, n_skin: int) -> list[_Zone]:
    """The mouth's corners: thin plates through the skin round them, free of crossings."""
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
        free = np.isin(ids, zone)
        couple = bending[np.ix_(free, ~free)]
        used = np.abs(couple).max(axis=0) > 0
        weights = -np.linalg.solve(bending[np.ix_(free, free)], couple[:, used])
        zones.append(_Zone(ids[free], ids[~free][used], weights, np.ones(free.sum()), rest))
    return zones


def _bind_nostrils(template: Template) -> list[_Zone]:
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
        zones.append(_Zone(rows, known, lining @ fit, share, rest))
    return zones


def _deeper(lining: Float[np.ndarray, "R 3"], rim: Float[np.ndarray, "L 3"]) -> Float[np.ndarray, "R 3"]:
    """Offsets that make a real passage of the template's shallow nostril: up, back and a little narrower."""
    share = smoothstep(cKDTree(rim).query(lining)[0], 0.3e-3, 3.0e-3)[:, None]
    return share * (
        np.array([0.0, _NOSTRIL_DEPTH, -0.45 * _NOSTRIL_DEPTH]) - 0.25 * (lining - rim.mean(axis=0))
    )


def _bind_mouth(template: Template) -> _Zone:
    """The mouth's walls go with the skin before them, so that cheeks and lips keep their thickness."""
    face, wall = template.part("face").vertices, template.part("mouth_socket").vertices
    rows = np.arange(wall.start, wall.stop)
    skin = np.flatnonzero(template.regions["measured"][face.start : face.stop] > 0.5) + face.start
    seam = np.concatenate([template.loops["lips_inner_upper"], template.loops["lips_inner_lower"]])
    distance, near = cKDTree(template.vertices[skin]).query(template.vertices[rows], k=_WALL_NEIGHBOURS)
    weight = np.exp(-0.5 * ((distance - distance[:, :1]) / _WALL_SIGMA) ** 2)
    weight /= weight.sum(axis=1, keepdims=True)
    known, local = np.unique(near, return_inverse=True)
    index = (np.repeat(np.arange(len(rows)), _WALL_NEIGHBOURS), local.ravel())
    matrix = sparse.csr_matrix((weight.ravel(), index), (len(rows), len(known)))
    from_seam = cKDTree(template.vertices[seam]).query(template.vertices[rows])[0]
    return _Zone(rows, skin[known], matrix, smoothstep(from_seam, 1e-3, 6e-3), template.vertices)


def _with_neighbours(
    template: Template, rim: Int[np.ndarray, " A"], inside: Int[np.ndarray, " B"]
) -> Int[np.ndarray, " K"]:
    """The rim and the next ring of skin outside it."""
    edges = template.topology.edges
    touching = edges[np.isin(edges, rim).any(axis=1)]
    return np.setdiff1d(np.union1d(rim, touching.ravel()), inside)


def _nearer(
    template: Template, n_skin: int, one: Int[np.ndarray, " A"], other: Int[np.ndarray, " B"]
) -> Bool[np.ndarray, " S"]:
    """True where the way along the skin to `one` is shorter than that to `other`."""
    edges = template.topology.edges
    edges = edges[(edges < n_skin).all(axis=1)]
    length = np.linalg.norm(template.vertices[edges[:, 0]] - template.vertices[edges[:, 1]], axis=1)
    graph = sparse.coo_matrix((length, (edges[:, 0], edges[:, 1])), (n_skin, n_skin)).tocsr()
    ways = [dijkstra(graph, directed=False, indices=ids, min_only=True, limit=0.05) for ids in (one, other)]
    return ways[0] <= ways[1]
