"""A registered person's rig: shapes by deformation transfer, parts in place, joints of this head."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int

from mien.anatomy.gaze import look_rotation
from mien.anatomy.lids import Eye, Lids
from mien.anatomy.lips import Lips
from mien.anatomy.parts import follow_shape, place_parts
from mien.anatomy.skin_mesh import SkinMesh, skin_mesh
from mien.core.conventions import SHAPE_INDEX, SHAPE_NAMES
from mien.core.face import Joint, Template
from mien.geometry.align import IDENTITY, Similarity, fit_similarity, fit_similarity_robust
from mien.rigging.deformation_transfer import Transfer
from mien.rigging.rig import Rig
from mien.rigging.sides import shape_share

_EYE_PARTS = {side: (f"eye_{side}", f"cornea_{side}") for side in ("left", "right")}
_UPPER_JAW = ("teeth_upper", "gums_upper")
_LOWER_JAW = ("teeth_lower", "gums_lower", "tongue")
_FOLLOWED = 1e-6  # metres: lashes and strips ride along where the lids move by more
_SHUT = 0.3e-3  # metres: lips nowhere farther apart are closed
_MARGIN_MOVES = 2e-5  # metres: a shape that moves a lid's margin by less leaves it on the ball


def build_rig(template: Template, neutral_vertices: Float[np.ndarray, "V 3"]) -> Rig:
    """The rig of a person whose neutral skin is given (metres; the parts' rows are placed anew).

    The lids are seated on the eyeballs at rest (a few tenths of a millimetre), so `Rig.neutral` may differ
    from the given skin there. On the template's own vertices this gives the template's shapes.
    """
    skin = skin_mesh(template)
    head = place_parts(template, neutral_vertices)
    head, eyes = seated(template, skin, head)
    shapes = np.zeros((len(SHAPE_NAMES), *head.shape))
    shapes[:, : skin.count] = skin_shapes(template, skin, head, eyes, np.arange(len(SHAPE_NAMES)))
    _move_parts(template, head, shapes)
    joints = personal_joints(template, head)
    shapes = _ride_lids(template, head, joints, shapes)
    return Rig.on(template, head, shapes, joints)


def personal_joints(template: Template, head: Float[np.ndarray, "V 3"]) -> tuple[Joint, ...]:
    """The template's joints carried to this head: eyes to the eyeballs' centres, the rest with the skull."""
    skull = part_motion(template, head, *_UPPER_JAW)
    face = skin_mesh(template).frame
    turned = fit_similarity_robust(template.vertices[face], head[face])[0]
    motions = {f"eye_{side}": part_motion(template, head, *parts) for side, parts in _EYE_PARTS.items()}
    motions["jaw"] = skull
    return tuple(
        Joint(joint.name, joint.parent, motions.get(joint.name, turned)(joint.position))
        for joint in template.joints
    )


def part_motion(template: Template, head: Float[np.ndarray, "V 3"], *parts: str) -> Similarity:
    """The similarity by which parts were placed; the identity where the template has none of them."""
    rows = _rows(template, *parts)
    if not rows.any():
        return IDENTITY
    return fit_similarity(template.vertices[rows], head[rows])


def person_eye(template: Template, head: Float[np.ndarray, "V 3"], side: str) -> Eye:
    """The placed eyeball."""
    joint = next(j for j in template.joints if j.name == f"eye_{side}")
    rows = template.vertex_mask(f"eye_{side}")
    radius = float(np.linalg.norm(template.vertices[rows] - joint.position, axis=1).max())
    placed = part_motion(template, head, *_EYE_PARTS[side])
    return Eye(placed(joint.position), radius * placed.scale, placed.rotation)


def _rows(template: Template, *parts: str) -> Bool[np.ndarray, " V"]:
    present = {part.name for part in template.parts}
    return template.vertex_mask(*[name for name in parts if name in present])


def seated(
    template: Template, skin: SkinMesh, head: Float[np.ndarray, "V 3"]
) -> tuple[Float[np.ndarray, "V 3"], dict[str, Eye]]:
    """The head with lids on the eyeballs, strips and lashes after them, and lips that do not cross."""
    eyes = {side: person_eye(template, head, side) for side in _EYE_PARTS}
    own = template.vertices[: skin.count]
    if np.abs(head[: skin.count] - own).max() < 1e-9:
        return head, eyes
    seat = np.zeros((skin.count, 3))
    for side, eye in eyes.items():
        seat += Lids(head[: skin.count], skin.triangles, template.loops, side, eye, skin.outer).seat()
    seat += Lips(head[: skin.count], skin.triangles, template.loops).uncross()
    seated = head.copy()
    seated[: skin.count] += seat
    placed = place_parts(template, seated)
    for parts in _EYE_PARTS.values():  # the balls stay where the lids were seated on them
        rows = _rows(template, *parts)
        placed[rows] = head[rows]
    return placed, eyes


def skin_shapes(
    template: Template,
    skin: SkinMesh,
    head: Float[np.ndarray, "V 3"],
    eyes: dict[str, Eye],
    which: Int[np.ndarray, " K"],
) -> Float[np.ndarray, "K S 3"]:
    """The skin's offsets on this head of the shapes `which`: transferred, then lids and lips put right.

    mouthClose is sealed against jawOpen where both are asked for.
    """
    source, neutral = template.vertices[: skin.count], head[: skin.count]
    own = template.shapes[which, : skin.count]
    moving = (own != 0).any(axis=(0, 2))
    shapes = Transfer(source, neutral, skin.triangles, skin.frame, moving).apply(own)
    if np.array_equal(neutral, source):
        return shapes
    names = [SHAPE_NAMES[k] for k in which]
    for side, eye in eyes.items():
        lids = Lids(neutral, skin.triangles, template.loops, side, eye, skin.outer)
        for k, name in enumerate(names):
            shapes[k] = on_eye(lids, name, shapes[k])
    meet_lips(template, Lips(neutral, skin.triangles, template.loops), source[:, 0], names, shapes)
    return shapes


def meet_lips(
    template: Template,
    lips: Lips,
    x: Float[np.ndarray, " S"],
    names: list[str],
    shapes: Float[np.ndarray, "K S 3"],
) -> None:
    """Lips that touch where the template's do, cross nowhere, and are sealed by mouthClose over the jaw.

    `shapes` (changed in place) and `lips` belong to one mesh, of any topology; `x` says how far left of the
    midline its vertices lie on the template. A half's correction keeps to its side of the midline.
    """
    skin = skin_mesh(template)
    source = template.vertices[: skin.count]
    generic = Lips(source, skin.triangles, template.loops)
    shut = np.abs(lips.opening(lips.vertices)).max() < _SHUT
    for k, name in enumerate(names):
        own = template.shapes[SHAPE_INDEX[name], : skin.count]
        if name == "mouthClose" or not own[generic.held].any():
            continue
        closed = shut and np.abs(generic.opening(source + own)).max() < _SHUT
        change = (
            lips.meet(shapes[k], in_depth="Roll" not in name) if closed else lips.part(shapes[k])
        ) - shapes[k]
        shapes[k] += np.multiply(shape_share(name, x), change.T).T
    if "jawOpen" in names and "mouthClose" in names:
        jaw, close = names.index("jawOpen"), names.index("mouthClose")
        shapes[close] = lips.seal(shapes[jaw], shapes[close])


def on_eye(lids: Lids, name: str, offsets: Float[np.ndarray, "S 3"]) -> Float[np.ndarray, "S 3"]:
    """A shape with one eye's lids put right."""
    if np.abs(offsets[lids.held]).max() < _MARGIN_MOVES:
        return offsets
    own = name.endswith(lids.side.capitalize())
    if own and name.startswith("eyeBlink"):
        return lids.close(offsets)
    if own and name.startswith("eyeLook"):
        return lids.slide(offsets, look_rotation(name) @ lids.eye.gaze)
    return lids.slide(offsets)


def _move_parts(
    template: Template, head: Float[np.ndarray, "V 3"], shapes: Float[np.ndarray, "52 V 3"]
) -> None:
    """Rigid parts take the template's motion, turned and scaled as they were placed."""
    for parts in (*_EYE_PARTS.values(), _LOWER_JAW, _UPPER_JAW):
        rows = _rows(template, *parts)
        if rows.any():
            placed = part_motion(template, head, *parts)
            shapes[:, rows] = placed.scale * template.shapes[:, rows] @ placed.rotation.T


def _ride_lids(
    template: Template,
    head: Float[np.ndarray, "V 3"],
    joints: tuple[Joint, ...],
    shapes: Float[np.ndarray, "52 V 3"],
) -> Float[np.ndarray, "52 V 3"]:
    """Lashes and lid strips follow this person's lids."""
    if np.abs(head - template.vertices).max() < 1e-9:
        own = template
    else:
        own = replace(template, vertices=head, joints=joints)
    out = shapes.copy()
    near_eyes = template.vertex_mask("eye_socket_left", "eye_socket_right")
    for loop in (name for name in template.loops if name.startswith("lid")):
        near_eyes[template.loops[loop]] = True
    for k in np.flatnonzero(np.abs(shapes[:, near_eyes]).max(axis=(1, 2)) > _FOLLOWED):
        out[k] = follow_shape(own, shapes[k])
    return out
