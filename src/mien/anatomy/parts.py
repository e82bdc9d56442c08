"""The parts beside the skin, made to follow it: eyeballs, lid strips, lashes, teeth, gums, tongue.

`place_parts` sets them into a new head, `follow_shape` carries lashes and strips along with a shape. What
binds them to the skin is worked out once from the template.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import cKDTree

from mien.anatomy.eye_placement import EyeBinding, PlacedEye, bind_eye
from mien.anatomy.eye_sockets import SocketBinding, bind_socket
from mien.anatomy.eyeball import SCLERA_RADIUS, surface_radius
from mien.anatomy.mouth_placement import MouthBinding, bind_mouth, place_mouth
from mien.anatomy.mouth_walls import WallBinding, bind_walls
from mien.core.face import Template
from mien.geometry.align import fit_similarity, nearest_rotations

HAIR_VERTICES = 8  # a lash: four levels of two vertices, root first; its hairs follow one another
SKIN_PARTS = ("face", "head", "mouth_socket", "eye_socket_left", "eye_socket_right")
STRIP_PARTS = ("eye_occlusion", "eye_blend", "lacrimal")
LASH_PART = "lashes"
SIDES = ("left", "right")

_NEIGHBOURS = 24
_NEIGHBOURHOOD = 1.3e-3  # metres; the patch of lid whose motion a lash or a strip's column takes
_ON_BALL = 0.5e-3  # strip vertices closer to the eye than this keep their distance from it
_STABLE_ABOVE = -0.03  # metres under the eyes' line: the skull's part of the face


@dataclass(frozen=True)
class _LidBinding:
    """One eye's lashes and strips: rows of the vertex array, each with the patch of skin it hangs on.

    `wet` marks the rows (strips only) that lie on the eyeball, `clearance` their distance from it.
    """

    rows: Int[np.ndarray, " M"]
    patch: Int[np.ndarray, "M K"]
    weights: Float[np.ndarray, "M K"]
    wet: Int[np.ndarray, " W"]
    clearance: Float[np.ndarray, " W"]


@dataclass(frozen=True)
class _Bindings:
    skin: Int[np.ndarray, " S"]
    stable: Int[np.ndarray, " U"]
    eyes: dict[str, EyeBinding]
    lids: dict[str, _LidBinding]
    sockets: dict[str, SocketBinding]
    mouth: MouthBinding
    walls: WallBinding
    correction: Float[np.ndarray, "V 3"]


_CACHE: dict[int, tuple[weakref.ref[Template], _Bindings]] = {}


def place_parts(template: Template, skin_vertices: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "V 3"]:
    """The head with every secondary part set into it; metres. Skin rows are returned as they came, but for
    what no scan shows: the depth of the eye sockets goes with the balls, the mouth's walls with the cheeks.

    Only the skin's rows of `skin_vertices` are read. Eyeballs keep a diameter of 24 +- 1 mm, look the way
    the head looks and sink rather than poke through a lid; lashes and strips ride on the lids; teeth, gums
    and tongue are moved by one similarity (the lower jaw's turned open with the lips) and kept behind the
    lips. The template's own skin gives the template; a rigidly moved skin the moved template.
    """
    bound = _bindings(template)
    return _place(template, bound, skin_vertices) + bound.correction


def follow_shape(template: Template, skin_delta: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "V 3"]:
    """A shape's offsets (metres) with the rows of lashes and lid strips filled in from the skin's.

    They turn with their patch of lid, and strips stay on the eyeball. Rows of eyes, teeth, gums and tongue
    are left as they came.
    """
    bound = _bindings(template)
    moved = template.vertices + skin_delta
    out = skin_delta.copy()
    for side in SIDES:
        lids, eye = bound.lids[side], bound.eyes[side]
        at_rest = PlacedEye(eye.centre, eye.radius, np.eye(3))
        rest = _ride(template, lids, template.vertices, at_rest)
        out[lids.rows] = _ride(template, lids, moved, at_rest) - rest
    return out


def ride_lids(
    template: Template, vertices: Float[np.ndarray, "V 3"], balls: dict[str, PlacedEye]
) -> dict[str, tuple[Int[np.ndarray, " M"], Float[np.ndarray, "M 3"]]]:
    """Rows and places (metres) of each eye's lashes and lid strips on the lids of `vertices`, by side.

    Only the skin's rows are read; `balls` are that head's eyeballs.
    """
    bound = _bindings(template)
    return {
        side: (bound.lids[side].rows, _ride(template, bound.lids[side], vertices, balls[side]))
        for side in SIDES
    }


def settle_lids(template: Template, skin_vertices: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "V 3"]:
    """The head with its lid margins laid onto the eyeballs as in the template (0.1 to 0.3 mm); metres.

    For skins whose lids were not fitted to a ball: identities, registrations. Moves only skin within 9 mm
    of the margins, along rays from the eyes' centres. Call it before `place_parts`.
    """
    bound = _bindings(template)
    out = np.array(skin_vertices, dtype=np.float64)
    head = fit_similarity(template.vertices[bound.stable], out[bound.stable])
    for side in SIDES:
        eye = bound.eyes[side]
        for _ in range(2):  # the ball gives way a little to the lids it was fitted to
            out[eye.around] += eye.settled(out, eye.place(out, head, sink=False))
    return out


def skin_rows(template: Template) -> Int[np.ndarray, " S"]:
    """Indices of the vertices that belong to the skin."""
    return np.flatnonzero(template.vertex_mask(*SKIN_PARTS))


def _bindings(template: Template) -> _Bindings:
    known = _CACHE.get(id(template))
    if known is not None and known[0]() is template:
        return known[1]
    bound = _bind(template)
    key = id(template)
    _CACHE[key] = (weakref.ref(template, lambda _: _CACHE.pop(key, None)), bound)
    return bound


def _bind(template: Template) -> _Bindings:
    skin = skin_rows(template)
    face = template.part("face").vertices
    stable = np.arange(face.start, face.stop)
    stable = stable[template.vertices[stable, 1] > _STABLE_ABOVE]
    eyes = {side: bind_eye(template, side, skin) for side in SIDES}
    lids = {side: _bind_lids(template, side, eyes[side]) for side in SIDES}
    sockets = {side: bind_socket(template, side) for side in SIDES}
    mouth = bind_mouth(template, skin)
    walls = bind_walls(template)
    rough = _Bindings(skin, stable, eyes, lids, sockets, mouth, walls, np.zeros_like(template.vertices))
    # Fits leave nanometres on the template itself: its own skin must give it back exactly.
    correction = template.vertices - _place(template, rough, template.vertices)
    return replace(rough, correction=correction)


def _place(
    template: Template, bound: _Bindings, skin_vertices: Float[np.ndarray, "V 3"]
) -> Float[np.ndarray, "V 3"]:
    out = np.array(skin_vertices, dtype=np.float64)
    head = fit_similarity(template.vertices[bound.stable], out[bound.stable])
    for side in SIDES:
        eye, lids = bound.eyes[side], bound.lids[side]
        placed = eye.place(out, head)
        out[eye.rows] = placed.carry(template.vertices[eye.rows], eye)
        socket = bound.sockets[side]
        out[socket.rows] = socket.placed(out[socket.rows], placed.carry(template.vertices[socket.rows], eye))
        out[lids.rows] = _ride(template, lids, out, placed)
    out[bound.walls.rows] = bound.walls.placed(out, head(template.vertices))
    place_mouth(template, bound.mouth, head, out)
    return out


def _bind_lids(template: Template, side: str, eye: EyeBinding) -> _LidBinding:
    """Each strip vertex hangs on the skin nearest to it, each hair on the skin nearest to its root."""
    strips = [template.part(f"{name}_{side}").vertices for name in STRIP_PARTS]
    lashes = template.part(f"{LASH_PART}_{side}").vertices
    strip_rows = np.concatenate([np.arange(s.start, s.stop) for s in strips])
    lash_rows = np.arange(lashes.start, lashes.stop)
    roots = template.vertices[lash_rows].reshape(-1, HAIR_VERTICES, 3)[:, :2].mean(axis=1)
    anchors = np.concatenate([template.vertices[strip_rows], np.repeat(roots, HAIR_VERTICES, axis=0)])

    names = ("face", f"eye_socket_{side}")
    candidates = np.flatnonzero(template.vertex_mask(*names))
    near = np.linalg.norm(template.vertices[candidates] - eye.centre, axis=1) < 2.2 * eye.radius
    candidates = candidates[near]
    distance, index = cKDTree(template.vertices[candidates]).query(anchors, k=_NEIGHBOURS)
    spread = np.maximum(_NEIGHBOURHOOD, distance[:, 5:6])  # at least a handful of vertices count
    weights = np.exp(-0.5 * ((distance - distance[:, :1]) / spread) ** 2)
    weights *= _same_lid(template, candidates, index)
    weights /= weights.sum(axis=1, keepdims=True)

    clearance = eye.clearance(template.vertices[strip_rows])
    wet = np.flatnonzero(clearance < _ON_BALL)
    rows = np.concatenate([strip_rows, lash_rows])
    return _LidBinding(rows, candidates[index], weights, wet, clearance[wet])


def _same_lid(
    template: Template, candidates: Int[np.ndarray, " C"], index: Int[np.ndarray, "M K"]
) -> Float[np.ndarray, "M K"]:
    """1 for neighbours within six edges of the nearest one, 0 for those across the opening."""
    import scipy.sparse as sp

    local = np.full(template.topology.n_vertices, -1)
    local[candidates] = np.arange(len(candidates))
    edges = local[template.topology.edges]
    edges = edges[(edges >= 0).all(axis=1)]
    ones = np.ones(len(edges))
    graph = sp.coo_matrix((ones, (edges[:, 0], edges[:, 1])), shape=(len(candidates),) * 2).tocsr()
    graph = graph + graph.T + sp.eye(len(candidates), format="csr")
    reach = graph
    for _ in range(5):
        reach = (reach @ graph).astype(bool).astype(float)
    return np.asarray(reach[index[:, :1], index].todense()).reshape(index.shape).astype(float)


def _ride(
    template: Template,
    lids: _LidBinding,
    moved: Float[np.ndarray, "V 3"],
    eye: PlacedEye,
) -> Float[np.ndarray, "M 3"]:
    """Lash and strip vertices carried by the similarity of their patch of skin, then laid on the ball."""
    before, after = template.vertices[lids.patch], moved[lids.patch]
    weights = lids.weights[..., None]
    middle, new_middle = (weights * before).sum(axis=1), (weights * after).sum(axis=1)
    x, y = before - middle[:, None], after - new_middle[:, None]
    rotation = nearest_rotations(np.einsum("mk,mki,mkj->mij", lids.weights, y, x))
    scale = np.sqrt((weights * y**2).sum((1, 2)) / (weights * x**2).sum((1, 2)))
    # A patch may be stretched or folded by a blink; hairs and strips keep their size within a tenth.
    usual = np.median(scale)
    scale = usual * np.clip(scale / usual, 0.9, 1.1)
    offset = template.vertices[lids.rows] - middle
    out = new_middle + scale[:, None] * np.einsum("mij,mj->mi", rotation, offset)
    out[lids.wet] = _on_ball(out[lids.wet], eye, lids.clearance)
    return out


def _on_ball(
    points: Float[np.ndarray, "W 3"], eye: PlacedEye, clearance: Float[np.ndarray, " W"]
) -> Float[np.ndarray, "W 3"]:
    """The points moved along the ray from the eye's centre to a given distance off its surface."""
    ray = points - eye.centre
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    scale = eye.radius / SCLERA_RADIUS
    angle = np.arccos(np.clip(ray @ eye.rotation[:, 2], -1, 1))
    return eye.centre + ray * (surface_radius(angle, eye.radius) + clearance * scale)[:, None]


__all__ = ["HAIR_VERTICES", "follow_shape", "place_parts", "ride_lids", "settle_lids", "skin_rows"]
