"""A base mesh carried onto a person's head: skin on the person's surface, the rest after it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse

from mien.anatomy.contact.exact_lips import LipPatch
from mien.anatomy.contact.lips import LipMargins
from mien.anatomy.skin_mesh import skin_mesh
from mien.basemesh.attach import Attachment, normals_of
from mien.basemesh.bind import BoundMesh, kept_offset
from mien.basemesh.fill_in import Filler
from mien.basemesh.loops import Loops
from mien.basemesh.parts import carry_eyes, carry_followers, carry_mouth, carry_parts
from mien.core.face import Template
from mien.geometry.align import Similarity, fit_similarity, fit_similarity_robust
from mien.geometry.closest import ClosestPoint
from mien.geometry.normals import triangle_cross, vertex_normals
from mien.geometry.solve import SpdSolver

_REFINE_ROUNDS = 3
_REFINE_REACH = 1.5e-3  # metres: refinement closes gaps up to this size
_REFINE_DAMPING = 0.05


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
    carry_parts(template, bound, head, vertices)
    carry_eyes(template, bound, head, vertices)
    carry_mouth(template, bound, head, vertices)
    carry_followers(bound, vertices)
    return Carried(
        vertices, bound.attachment, trusted, len(turned_triangles(bound, vertices, bound.base.triangles))
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
    own = LipPatch(skin, bound.skin_triangles, loops)
    if LipMargins(template.loops, head).closed(head):
        return own.meet(np.zeros_like(skin))
    return own.settle()


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


def turned_triangles(
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
