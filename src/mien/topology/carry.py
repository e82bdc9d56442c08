"""A base mesh carried onto a person's head: skin on the person's surface, the rest after it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse
from scipy.spatial import cKDTree

from mien.core.face import Template
from mien.geometry.align import Similarity, fit_similarity, fit_similarity_robust
from mien.geometry.closest import ClosestPoint
from mien.geometry.normals import triangle_cross, vertex_normals
from mien.geometry.solve import SpdSolver
from mien.rig.lips import Lips
from mien.rig.personal import person_eye
from mien.rig.skin import skin_mesh
from mien.template.mouth_placement import LOWER_PARTS, UPPER_PARTS
from mien.topology.attach import Attachment, attach, normals_of
from mien.topology.bind import BoundMesh, kept_offset
from mien.topology.loops import Loops
from mien.topology.pieces import SIDES
from mien.topology.smooth import Filler, neighbour_mean

_REFINE_ROUNDS = 3
_REFINE_REACH = 1.5e-3  # metres: refinement closes gaps up to this size
_REFINE_DAMPING = 0.05
_SHUT = 0.3e-3  # metres: lips nowhere farther apart are closed
_EYE_BACK = 0.6e-3  # metres that an eyeball is set back at most
_TOOTH_WIDTH = 0.02  # metres: narrower pieces in the mouth belong to one jaw
_PATCH = 12  # skin vertices that carry one vertex of a piece that follows the skin
_PATCH_SIZE = 2.0e-3


@dataclass(frozen=True)
class Carried:
    """A base mesh on one person. `vertices` are welded (metres); `trusted` and `attachment` are its skin's
    on this person, `flipped` counts its turned-over triangles."""

    vertices: Float[np.ndarray, "W 3"]
    attachment: Attachment
    trusted: Bool[np.ndarray, " S"]
    flipped: int


def carry(
    template: Template, bound: BoundMesh, head: Float[np.ndarray, "V 3"], loops: Loops | None = None
) -> Carried:
    """The base mesh on a person's head, given on the template's topology (metres, parts in place).

    With the mesh's `loops`, lips that are closed on the person are closed on the mesh.
    """
    count = skin_mesh(template).count
    skin, trusted = _carried_skin(template, bound, head[:count])
    if loops is not None and "lips_inner_upper" in loops and not is_template(bound):
        move = _lips_at_rest(template, bound, head[:count], skin, loops)
        turn = fit_similarity_robust(bound.vertices[bound.skin], skin)[0].rotation
        rest = triangle_cross(bound.vertices[bound.skin], bound.skin_triangles) @ turn.T
        skin += _without_folds(skin, move, bound.skin_triangles, rest)
    vertices = fit_similarity(bound.registered[:count], head[:count])(bound.vertices)
    vertices[bound.skin] = skin
    _carry_parts(template, bound, head, vertices)
    _carry_eyes(template, bound, head, vertices)
    _carry_mouth(template, bound, head, vertices)
    _carry_followers(bound, vertices)
    return Carried(
        vertices, bound.attachment, trusted, len(flipped_triangles(bound, vertices, bound.base.triangles))
    )


def _carried_skin(
    template: Template, bound: BoundMesh, head: Float[np.ndarray, "S 3"]
) -> tuple[Float[np.ndarray, "N 3"], Bool[np.ndarray, " N"]]:
    """Through the adapter, the rest filled in, then settled on the surface; folded spots are filled too."""
    attachment, triangles = bound.attachment, bound.skin_triangles
    own = bound.vertices[bound.skin]
    goal = attachment.moved(
        head, normals_of(head, skin_mesh(template).triangles), _scaled(bound, head, kept_offset(attachment))
    )
    move = fit_similarity_robust(own[bound.trusted], goal[bound.trusted])[0]
    base = move(own)
    trusted = bound.trusted
    for _ in range(3):
        filler = Filler(own, triangles, trusted, _hint(bound))
        out = base + filler.fill(goal - base, goal - base)
        folded = _turned(move, own, out, triangles)
        if not len(folded):
            break
        spoiled = np.zeros(len(own), bool)
        spoiled[triangles[folded].ravel()] = True
        trusted = trusted & ~_grown(spoiled, triangles)
    return _settled(template, bound, head, out, trusted), trusted


def _lips_at_rest(
    template: Template,
    bound: BoundMesh,
    head: Float[np.ndarray, "S 3"],
    skin: Float[np.ndarray, "N 3"],
    loops: Loops,
) -> Float[np.ndarray, "N 3"]:
    """Offsets that close lips which are closed on the person, and part those that cross."""
    person = Lips(head, skin_mesh(template).triangles, template.loops)
    own = Lips(skin, bound.skin_triangles, loops)
    if np.abs(person.opening(head)).max() < _SHUT:
        return own.meet(np.zeros_like(skin))
    return own.uncross()


def _without_folds(
    skin: Float[np.ndarray, "N 3"],
    move: Float[np.ndarray, "N 3"],
    triangles: Int[np.ndarray, "T 3"],
    rest: Float[np.ndarray, "T 3"],
) -> Float[np.ndarray, "N 3"]:
    """The move, less of it at triangles that it would turn over (slivers in the mouth's corners).

    `rest` are the triangles' normals as they should point.
    """
    out = move.copy()
    for keep in (0.5, 0.5, 0.5, 0.0):
        over = np.einsum("td,td->t", rest, triangle_cross(skin + out, triangles)) < 0
        if not over.any():
            break
        out[np.unique(triangles[over])] *= keep
    return out


def is_template(bound: BoundMesh) -> bool:
    """Whether the base mesh is the template itself: then everything is right as it is."""
    return float(bound.attachment.distance.max()) < 1e-9 and not (bound.pieces.kind == "follow").any()


def _hint(bound: BoundMesh) -> Float[np.ndarray, " S"]:
    """How strongly vertices without a trusted place are drawn to their doubtful one."""
    attachment = bound.attachment
    near = np.exp(-((attachment.distance / 4e-3) ** 2))
    return 20.0 * near * (attachment.agreement > 0.3) * ~attachment.border


def _scaled(
    bound: BoundMesh, head: Float[np.ndarray, "S 3"], offset: Float[np.ndarray, "N 3"]
) -> Float[np.ndarray, "N 3"]:
    """Offsets grown with the head."""
    scale = fit_similarity(bound.registered[: len(head)], head).scale
    return offset * scale


def _turned(
    move: Similarity, before: np.ndarray, after: np.ndarray, triangles: np.ndarray
) -> Int[np.ndarray, " F"]:
    """Triangles whose normal turned by more than a right angle."""
    rest = triangle_cross(before, triangles) @ move.rotation.T
    return np.flatnonzero(np.einsum("td,td->t", rest, triangle_cross(after, triangles)) < 0)


def flipped_triangles(
    bound: BoundMesh, vertices: Float[np.ndarray, "W 3"], triangles: Int[np.ndarray, "T 3"]
) -> Int[np.ndarray, " F"]:
    """Triangles turned over against the base mesh, the turn of the whole head taken out."""
    move = fit_similarity_robust(bound.vertices[bound.skin], vertices[bound.skin])[0]
    return _turned(move, bound.vertices, vertices, triangles)


def _grown(mask: np.ndarray, triangles: np.ndarray) -> Bool[np.ndarray, " N"]:
    out = mask.copy()
    out[triangles[mask[triangles].any(axis=1)].ravel()] = True
    return out


def _settled(
    template: Template,
    bound: BoundMesh,
    head: Float[np.ndarray, "S 3"],
    skin: Float[np.ndarray, "N 3"],
    trusted: Bool[np.ndarray, " N"],
) -> Float[np.ndarray, "N 3"]:
    """Vertices shifted along their normals so that mesh and person agree, between the vertices too.

    Least squares of the signed distances at vertices and at the middles of triangles: where edges are
    long, vertices come to lie a little outside a round surface and faces a little inside.
    """
    attachment, triangles = bound.attachment, bound.skin_triangles
    surface = ClosestPoint(head, skin_mesh(template).triangles)
    free = trusted & (np.linalg.norm(kept_offset(attachment), axis=1) < 1e-9)
    free &= attachment.of(template.regions["measured"][: len(head)]) > 0.5
    full = free[triangles].all(axis=1)
    used = triangles[full]
    select = _corner_means(used, len(skin))
    weight = np.concatenate([np.ones(len(skin)), np.ones(len(used))]) * 1.0
    rows = sparse.vstack([sparse.identity(len(skin)), select]).tocsr()
    weight[: len(skin)][~free] = 0.0
    system = rows.T @ sparse.diags(weight) @ rows + sparse.diags(np.where(free, _REFINE_DAMPING, 1e3))
    solver = SpdSolver(system)
    out = skin.copy()
    for _ in range(_REFINE_ROUNDS):
        normals = vertex_normals(out, triangles)
        points = np.concatenate([out, out[used].mean(axis=1)])
        along = np.concatenate([normals, select @ normals])
        gap = _signed_gap(surface, points, along)
        out += solver.solve(rows.T @ (weight * gap))[:, None] * normals
    return out


def _corner_means(triangles: np.ndarray, n: int) -> sparse.csr_matrix:
    rows = np.repeat(np.arange(len(triangles)), 3)
    shape = (len(triangles), n)
    return sparse.csr_matrix((np.full(triangles.size, 1 / 3), (rows, triangles.ravel())), shape)


def _signed_gap(surface: ClosestPoint, points: np.ndarray, normals: np.ndarray) -> Float[np.ndarray, " N"]:
    """How far along the normals the surface lies; 0 where it is too far or faces another way."""
    hits = surface.query(points)
    facing = np.einsum("nd,nd->n", surface.normals_at(hits), normals) > 0.5
    gap = np.einsum("nd,nd->n", hits.points - points, normals)
    return np.where(facing & (hits.distance < _REFINE_REACH), gap, 0.0)


def _carry_parts(
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


def _carry_eyes(
    template: Template, bound: BoundMesh, head: Float[np.ndarray, "V 3"], out: Float[np.ndarray, "W 3"]
) -> None:
    for side in SIDES:
        rows = bound.pieces.kind == f"eye_{side}"
        if rows.any():
            motion = part_similarity(template, bound.registered, head, f"eye_{side}")
            out[rows] = motion.after(onto_eye(template, bound, side))(bound.vertices[rows])
            eye = person_eye(template, head, side)
            beyond = float(eye.clearance(out[rows]).max())  # a cornea that bulges more than lids allow for
            out[rows] -= np.clip(beyond, 0.0, _EYE_BACK) * eye.gaze


def onto_eye(template: Template, bound: BoundMesh, side: str) -> Similarity:
    """The mesh's own eyeball onto the template's, by the spheres fitted to both: lids fit only that one."""
    eye = person_eye(template, bound.registered, side)
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


def _carry_mouth(
    template: Template, bound: BoundMesh, head: Float[np.ndarray, "V 3"], out: Float[np.ndarray, "W 3"]
) -> None:
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
    u, _, vt = np.linalg.svd(covariance)
    sign = np.ones((len(u), 3))
    sign[:, 2] = np.sign(np.linalg.det(u) * np.linalg.det(vt))
    turn = (u * sign[:, None]) @ vt
    return moved + np.einsum("nij,nj->ni", turn, before[hung.rows] - middle)


def _carry_followers(bound: BoundMesh, out: Float[np.ndarray, "W 3"]) -> None:
    hung = followers(bound)
    if hung is not None:
        scale = fit_similarity(bound.vertices[bound.skin], out[bound.skin]).scale
        out[hung.rows] = follow(hung, bound.vertices * scale, out)
