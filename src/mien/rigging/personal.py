"""A registered person's rig: shapes by deformation transfer, parts in place, joints of this head."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int

from mien.anatomy.contact.exact_lids import ExactLids
from mien.anatomy.contact.exact_lips import ExactLips, LipPatch
from mien.anatomy.contact.lips import TemplateLips
from mien.anatomy.eyeball import SIDES, Eyeball
from mien.anatomy.mouth_placement import LOWER_PARTS, UPPER_PARTS
from mien.anatomy.parts import eye_parts, follow_shape, part_motion, part_rows, place_parts, placed_eyeball
from mien.anatomy.skin_mesh import SkinMesh, skin_mesh
from mien.core.conventions import SHAPE_NAMES, shape_weights
from mien.core.face import Joint, Template
from mien.geometry.align import fit_similarity_robust
from mien.rigging.deformation_transfer import Transfer
from mien.rigging.rig import Rig
from mien.rigging.sides import shape_share

_FOLLOWED = 1e-6  # metres: lashes and strips ride along where the lids move by more


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
    skull = part_motion(template, head, *UPPER_PARTS)
    face = skin_mesh(template).frame
    turned = fit_similarity_robust(template.vertices[face], head[face])[0]
    motions = {f"eye_{side}": part_motion(template, head, *eye_parts(side)) for side in SIDES}
    motions["jaw"] = skull
    return tuple(
        Joint(joint.name, joint.parent, motions.get(joint.name, turned)(joint.position))
        for joint in template.joints
    )


def seated(
    template: Template, skin: SkinMesh, head: Float[np.ndarray, "V 3"]
) -> tuple[Float[np.ndarray, "V 3"], dict[str, Eyeball]]:
    """The head with lids on the eyeballs, strips and lashes after them, and lips that do not cross."""
    eyes = {side: placed_eyeball(template, head, side) for side in SIDES}
    own = template.vertices[: skin.count]
    if np.abs(head[: skin.count] - own).max() < 1e-9:
        return head, eyes
    settled = np.zeros((skin.count, 3))
    for side, ball in eyes.items():
        lids = ExactLids(head[: skin.count], skin.triangles, template.loops, side, ball, skin.outer)
        settled += lids.settle()
    settled += LipPatch(head[: skin.count], skin.triangles, template.loops).settle()
    seated = head.copy()
    seated[: skin.count] += settled
    placed = place_parts(template, seated)
    for side in SIDES:  # the balls stay where the lids were seated on them
        rows = part_rows(template, *eye_parts(side))
        placed[rows] = head[rows]
    return placed, eyes


def skin_shapes(
    template: Template,
    skin: SkinMesh,
    head: Float[np.ndarray, "V 3"],
    eyes: dict[str, Eyeball],
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
    for side, ball in eyes.items():
        lids = ExactLids(neutral, skin.triangles, template.loops, side, ball, skin.outer)
        for k, name in enumerate(names):
            shapes[k] = lids.enforce(shapes[k], shape_weights({name: 1.0}))
    meet_lips(template, LipPatch(neutral, skin.triangles, template.loops), source[:, 0], names, shapes)
    return shapes


def meet_lips(
    template: Template,
    lips: LipPatch,
    x: Float[np.ndarray, " S"],
    names: list[str],
    shapes: Float[np.ndarray, "K S 3"],
) -> None:
    """Lips that touch where the template's do, cross nowhere, and are sealed by mouthClose over the jaw.

    `shapes` (changed in place) and `lips` belong to one mesh, of any topology; `x` says how far left of the
    midline its vertices lie on the template. A half's correction keeps to its side of the midline.
    """
    contact = ExactLips(lips, TemplateLips(template))
    for k, name in enumerate(names):
        weights = shape_weights({name: 1.0})
        if name != "mouthClose" and contact.asked.concern(weights):
            change = contact.enforce(shapes[k], weights) - shapes[k]
            shapes[k] += np.multiply(shape_share(name, x), change.T).T
    if "jawOpen" in names and "mouthClose" in names:
        jaw, close = names.index("jawOpen"), names.index("mouthClose")
        sealed = shape_weights({"jawOpen": 1.0, "mouthClose": 1.0})
        shapes[close] = contact.enforce(shapes[close], sealed, base=shapes[jaw])


def _move_parts(
    template: Template, head: Float[np.ndarray, "V 3"], shapes: Float[np.ndarray, "52 V 3"]
) -> None:
    """Rigid parts take the template's motion, turned and scaled as they were placed."""
    for parts in (*map(eye_parts, SIDES), LOWER_PARTS, UPPER_PARTS):
        rows = part_rows(template, *parts)
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
