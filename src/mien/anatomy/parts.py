"""The parts beside the skin, set into a new head: eyeballs, lid strips, lashes, teeth, gums, tongue.

`place_parts` sets them into a new head, `follow_shape` carries lashes and strips along with a shape. What
binds them to the skin is worked out once from the template.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from mien.anatomy.eye_placement import EyeBinding, bind_eye, template_eyeball
from mien.anatomy.eye_sockets import SocketBinding, bind_socket
from mien.anatomy.eyeball import SIDES, Eyeball
from mien.anatomy.lid_riders import LidRiders, bind_riders, ride
from mien.anatomy.mouth_placement import MouthBinding, bind_mouth, place_mouth
from mien.anatomy.mouth_walls import WallBinding, bind_walls
from mien.anatomy.skin_mesh import skin_rows, skull_rows
from mien.core.face import Template
from mien.geometry.align import IDENTITY, Similarity, fit_similarity

_SETTLE_ROUNDS, _LAY_ROUNDS = 2, 12  # balls refit to the lids; lids laid on a ball


@dataclass(frozen=True)
class _Bindings:
    skin: Int[np.ndarray, " S"]
    skull: Int[np.ndarray, " U"]
    eyes: dict[str, EyeBinding]
    lids: dict[str, LidRiders]
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
        rest = ride(template, lids, template.vertices, eye.ball)
        out[lids.rows] = ride(template, lids, moved, eye.ball) - rest
    return out


def ride_lids(
    template: Template, vertices: Float[np.ndarray, "V 3"], balls: dict[str, Eyeball]
) -> dict[str, tuple[Int[np.ndarray, " M"], Float[np.ndarray, "M 3"]]]:
    """Rows and places (metres) of each eye's lashes and lid strips on the lids of `vertices`, by side.

    Only the skin's rows are read; `balls` are that head's eyeballs.
    """
    bound = _bindings(template)
    return {
        side: (bound.lids[side].rows, ride(template, bound.lids[side], vertices, balls[side]))
        for side in SIDES
    }


def settle_lids(template: Template, skin_vertices: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "V 3"]:
    """The head with its lid margins laid onto the eyeballs as in the template (0.1 to 0.3 mm); metres.

    For skins whose lids were not fitted to a ball: identities, registrations. Moves only skin within 9 mm
    of the margins, along rays from the eyes' centres. Call it before `place_parts`.
    """
    bound = _bindings(template)
    out = np.array(skin_vertices, dtype=np.float64)
    head = fit_similarity(template.vertices[bound.skull], out[bound.skull])
    for side in SIDES:
        eye = bound.eyes[side]
        for _ in range(_SETTLE_ROUNDS):  # the ball gives way a little to the lids it was fitted to
            ball = eye.place(out, head, sink=False)
            for _ in range(_LAY_ROUNDS):
                eye.lay_margin(out, ball, eye.spread)
    return out


def part_motion(template: Template, head: Float[np.ndarray, "V 3"], *parts: str) -> Similarity:
    """The similarity by which parts were placed; the identity where the template has none of them."""
    rows = part_rows(template, *parts)
    if not rows.any():
        return IDENTITY
    return fit_similarity(template.vertices[rows], head[rows])


def part_rows(template: Template, *parts: str) -> Bool[np.ndarray, " V"]:
    """True at the vertices of those of the parts that the template has."""
    present = {part.name for part in template.parts}
    return template.vertex_mask(*[name for name in parts if name in present])


def placed_eyeball(template: Template, head: Float[np.ndarray, "V 3"], side: str) -> Eyeball:
    """The eyeball of one side ("left", "right") in a head whose parts are in place (metres)."""
    ball, placed = template_eyeball(template, side), part_motion(template, head, *eye_parts(side))
    return Eyeball(placed(ball.centre), ball.radius * placed.scale, placed.rotation)


def eye_parts(side: str) -> tuple[str, str]:
    """The parts that turn with one eye."""
    return f"eye_{side}", f"cornea_{side}"


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
    skull = skull_rows(template)
    eyes = {side: bind_eye(template, side, skin) for side in SIDES}
    lids = {side: bind_riders(template, side, eyes[side].ball) for side in SIDES}
    sockets = {side: bind_socket(template, side) for side in SIDES}
    mouth = bind_mouth(template, skin)
    walls = bind_walls(template)
    rough = _Bindings(skin, skull, eyes, lids, sockets, mouth, walls, np.zeros_like(template.vertices))
    # Fits leave nanometres on the template itself: its own skin must give it back exactly.
    correction = template.vertices - _place(template, rough, template.vertices)
    return replace(rough, correction=correction)


def _place(
    template: Template, bound: _Bindings, skin_vertices: Float[np.ndarray, "V 3"]
) -> Float[np.ndarray, "V 3"]:
    out = np.array(skin_vertices, dtype=np.float64)
    head = fit_similarity(template.vertices[bound.skull], out[bound.skull])
    for side in SIDES:
        eye, lids = bound.eyes[side], bound.lids[side]
        placed = eye.place(out, head)
        out[eye.rows] = eye.carried(template.vertices[eye.rows], placed)
        socket = bound.sockets[side]
        out[socket.rows] = socket.placed(
            out[socket.rows], eye.carried(template.vertices[socket.rows], placed)
        )
        out[lids.rows] = ride(template, lids, out, placed)
    out[bound.walls.rows] = bound.walls.placed(out, head(template.vertices))
    place_mouth(template, bound.mouth, head, out)
    return out
