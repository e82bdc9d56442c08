"""The 52 shapes of a person on a base mesh: through the adapter, lids and lips put right, parts in tow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

from mien.anatomy.contact.exact_lids import ExactLids
from mien.anatomy.contact.exact_lips import LipPatch
from mien.anatomy.eyeball import SIDES
from mien.anatomy.mouth_placement import LOWER_PARTS
from mien.anatomy.parts import placed_eyeball
from mien.anatomy.skin_mesh import skin_mesh
from mien.basemesh.attach import Attachment, normals_of
from mien.basemesh.bind import BoundMesh
from mien.basemesh.carry import Carried, is_template
from mien.basemesh.fill_in import Filler, neighbour_mean
from mien.basemesh.loops import Loops
from mien.basemesh.parts import follow, followers, lower_share, part_attachment, part_similarity
from mien.core.conventions import SHAPE_INDEX, SHAPE_NAMES, shape_weights
from mien.core.face import Template
from mien.rigging.personal import meet_lips
from mien.rigging.rig import Rig
from mien.rigging.sides import shape_share

_STILL = 1e-6  # metres
_TORN = (0.5e-3, 2.0)  # neighbours that part by more than this, plus so many edge lengths, hang on two lips
_TEARING = ("jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "mouthLowerDownLeft", "mouthLowerDownRight",
            "mouthUpperUpLeft", "mouthUpperUpRight")  # fmt: skip
_TONGUE_REACH = 6e-3


@dataclass(frozen=True)
class Margins:
    """Lids and lips of a carried mesh, in the skin's own numbers; empty where the mesh has none."""

    lids: dict[str, ExactLids]
    lips: LipPatch | None


def carried_shapes(
    template: Template, bound: BoundMesh, carried: Carried, rig: Rig, loops: Loops
) -> Float[np.ndarray, "52 W 3"]:
    """Offsets (metres) of the welded vertices for a person's rig on the template's topology."""
    shapes = np.zeros((len(SHAPE_NAMES), *carried.vertices.shape))
    skin = _skin_shapes(template, bound, carried, rig)
    _put_right(template, bound, carried, rig, loops, skin)
    shapes[:, bound.skin] = skin
    _move_parts(template, bound, carried, rig, shapes)
    _move_eyes(template, bound, carried, rig, shapes)
    _move_mouth(template, bound, carried, rig, shapes)
    _move_followers(bound, carried, shapes)
    shapes[np.linalg.norm(shapes, axis=2) < _STILL] = 0.0
    return shapes


def _skin_shapes(
    template: Template, bound: BoundMesh, carried: Carried, rig: Rig
) -> Float[np.ndarray, "52 S 3"]:
    count = skin_mesh(template).count
    own = carried.vertices[bound.skin]
    through = _through_adapter(template, bound, own, rig, count)
    trusted = carried.trusted & ~_torn(bound, own, through)
    filler = Filler(own, bound.skin_triangles, trusted)
    flat = through.transpose(1, 0, 2).reshape(len(own), -1)
    filled = filler.fill(flat).reshape(len(own), len(through), 3).transpose(1, 0, 2)
    x = bound.attachment.of(template.vertices[:count, 0])
    for k, name in enumerate(SHAPE_NAMES):
        share = np.clip(2.0 * np.asarray(shape_share(name, x)), 0.0, 1.0)
        filled[k, ~trusted] *= np.broadcast_to(share, x.shape)[~trusted, None]
    return np.ascontiguousarray(filled)


def _through_adapter(
    template: Template, bound: BoundMesh, own: Float[np.ndarray, "S 3"], rig: Rig, count: int
) -> Float[np.ndarray, "52 S 3"]:
    """Each vertex moved with the frame of the triangle that it hangs on."""
    triangles = skin_mesh(template).triangles
    head = rig.neutral[:count]
    rest = normals_of(head, triangles)
    offset = bound.attachment.offsets_of(head, rest, own)
    out = np.zeros((len(SHAPE_NAMES), *own.shape))
    for k, shape in enumerate(rig.shapes[:, :count]):
        rows = np.flatnonzero((shape[bound.attachment.corners] != 0).any(axis=(1, 2)))
        if len(rows):
            posed = head + shape
            some = bound.attachment.some(rows)
            moved = some.moved(posed, normals_of(posed, triangles), offset[rows])
            out[k, rows] = moved - some.moved(head, rest, offset[rows])
    return out


def _torn(
    bound: BoundMesh, own: Float[np.ndarray, "S 3"], through: Float[np.ndarray, "52 S 3"]
) -> Bool[np.ndarray, " S"]:
    """Vertices that most of their neighbours part from: they hang on the wrong lip or lid."""
    t = bound.skin_triangles
    pairs = np.unique(np.sort(t[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)
    a, b = pairs.T
    length = np.linalg.norm(own[a] - own[b], axis=1)
    trusted = bound.trusted[a] & bound.trusted[b]
    out = np.zeros(len(own), bool)
    degree = np.bincount(pairs[trusted].ravel(), minlength=len(own))
    for name in _TEARING:
        offsets = through[SHAPE_INDEX[name]]
        parted = np.linalg.norm(offsets[a] - offsets[b], axis=1) > _TORN[0] + _TORN[1] * length
        votes = np.bincount(pairs[parted & trusted].ravel(), minlength=len(own))
        out |= votes > 0.34 * np.maximum(degree, 1)
    return out & (bound.attachment.distance > _STILL)  # on the template itself nothing is torn


def margins_of(
    template: Template, bound: BoundMesh, carried: Carried, neutral: Float[np.ndarray, "V 3"], loops: Loops
) -> Margins:
    """Lids and lips of the carried mesh; `neutral` is the person on the template's topology."""
    own, triangles = carried.vertices[bound.skin], bound.skin_triangles
    outer = bound.attachment.of(template.vertex_mask("face", "head").astype(float)) > 0.5
    lids = {
        side: ExactLids(own, triangles, loops, side, placed_eyeball(template, neutral, side), outer)
        for side in SIDES
        if f"lid_upper_{side}" in loops
    }
    return Margins(lids, LipPatch(own, triangles, loops) if "lips_inner_upper" in loops else None)


def _put_right(
    template: Template,
    bound: BoundMesh,
    carried: Carried,
    rig: Rig,
    loops: Loops,
    shapes: Float[np.ndarray, "52 S 3"],
) -> None:
    """Lids that close on the eyeball and lips that seal, along the mesh's own margins."""
    if is_template(bound):
        return
    count = skin_mesh(template).count
    margins = margins_of(template, bound, carried, rig.neutral, loops)
    for k, name in enumerate(SHAPE_NAMES):
        for lids in margins.lids.values():
            shapes[k] = lids.enforce(shapes[k], shape_weights({name: 1.0}))
    if margins.lips is not None:
        x = bound.attachment.of(template.vertices[:count, 0])
        meet_lips(template, margins.lips, x, list(SHAPE_NAMES), shapes)


def _move_parts(
    template: Template, bound: BoundMesh, carried: Carried, rig: Rig, shapes: Float[np.ndarray, "52 W 3"]
) -> None:
    triangles = template.topology.triangles
    rest = normals_of(rig.neutral, triangles)
    for name in np.unique(bound.pieces.part[bound.pieces.kind == "part"]):
        rows = np.flatnonzero((bound.pieces.part == name) & (bound.pieces.kind == "part"))
        hung = part_attachment(template, bound, str(name), rows)
        offset = hung.offsets_of(rig.neutral, rest, carried.vertices[rows])
        for k, shape in enumerate(rig.shapes):
            if (shape[hung.corners] != 0).any():
                posed = rig.neutral + shape
                moved = hung.moved(posed, normals_of(posed, triangles), offset)
                shapes[k, rows] = moved - hung.moved(rig.neutral, rest, offset)


def _move_eyes(
    template: Template, bound: BoundMesh, carried: Carried, rig: Rig, shapes: Float[np.ndarray, "52 W 3"]
) -> None:
    for side in SIDES:
        rows = np.flatnonzero(bound.pieces.kind == f"eye_{side}")
        own = template.vertex_mask(f"eye_{side}")
        for k, shape in enumerate(rig.shapes):
            if len(rows) and np.abs(shape[own]).max() > _STILL:
                turn = part_similarity(template, rig.neutral, rig.neutral + shape, f"eye_{side}")
                shapes[k, rows] = turn(carried.vertices[rows]) - carried.vertices[rows]


def _move_mouth(
    template: Template, bound: BoundMesh, carried: Carried, rig: Rig, shapes: Float[np.ndarray, "52 W 3"]
) -> None:
    """The lower jaw's share moves with the lower teeth; what lies by the tongue goes with it."""
    rows = np.flatnonzero(bound.pieces.kind == "mouth")
    if not len(rows):
        return
    share = lower_share(template, bound)[rows, None]
    points = carried.vertices[rows]
    tongue, near = _tongue(template, bound, rows)
    triangles = template.topology.triangles
    teeth = template.vertex_mask(*LOWER_PARTS[:1])
    for k, shape in enumerate(rig.shapes):
        jaw = np.zeros_like(points)
        if np.abs(shape[teeth]).max() > _STILL:
            jaw = part_similarity(template, rig.neutral, rig.neutral + shape, LOWER_PARTS[0])(points) - points
        moved = share * jaw
        if np.abs(shape[tongue.corners]).max() > _STILL and near.any():
            posed = rig.neutral + shape
            rest = normals_of(rig.neutral, triangles)
            offset = tongue.offsets_of(rig.neutral, rest, points)
            with_tongue = tongue.moved(posed, normals_of(posed, triangles), offset) - points
            moved += near * (with_tongue - moved)
        shapes[k, rows] = moved


def _tongue(
    template: Template, bound: BoundMesh, rows: Int[np.ndarray, " N"]
) -> tuple[Attachment, Float[np.ndarray, "N 1"]]:
    """Places on the template's tongue, and how far each vertex goes with it: 1 at the tongue, soft beyond."""
    hung = part_attachment(template, bound, "tongue", rows)
    others = template.vertex_mask("gums_lower", "gums_upper", "teeth_lower", "teeth_upper")
    away = cKDTree(bound.registered[others]).query(bound.vertices[rows])[0]
    nearer = (hung.distance < away) & (hung.distance < _TONGUE_REACH)
    share = np.zeros(len(bound.vertices))
    share[rows] = nearer
    for number in np.unique(bound.pieces.number[rows]):
        own = rows[bound.pieces.number[rows] == number]
        if share[own].mean() < 0.1:  # a tooth, or gums alone
            share[own] = 0.0
    return hung, neighbour_mean(share[:, None], bound.base.edges, 4)[rows]


def _move_followers(bound: BoundMesh, carried: Carried, shapes: Float[np.ndarray, "52 W 3"]) -> None:
    hung = followers(bound)
    if hung is None:
        return
    for shape in shapes:
        moving = (np.abs(shape[hung.patch]) > _STILL).any(axis=(1, 2))
        if moving.any():
            some = type(hung)(hung.rows[moving], hung.patch[moving], hung.weights[moving])
            moved = follow(some, carried.vertices, carried.vertices + shape)
            shape[some.rows] = moved - carried.vertices[some.rows]
