"""Strips along the lid margins: occlusion shell, eye-blend (wet line), lacrimal fluid.

As in the eyes of ICT-FaceKit and of Unreal's digital humans: thin ribbons, closed round the fissure, that
lie on the eyeball and soften the line where lid and ball meet.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mien.anatomy.eyeball import surface_radius
from tools.build_template.parts_grid import Sheet, closed_grid_quads, side_pair, smoothstep
from tools.build_template.types import EyeField, PartMesh, Skin

_SPANS = 24  # along one lid
_MM = 1e-3


@dataclass(frozen=True)
class Fissure:
    """The left eye's opening as a closed ring of columns: the upper lid outward, the lower lid back.

    `front` and `back` are the margin's edges, `target` the point inside the opening that a column looks
    at, `along` runs 0 to 1 from the inner to the outer corner.
    """

    field: EyeField
    front: Float[np.ndarray, "C 3"]
    back: Float[np.ndarray, "C 3"]
    target: Float[np.ndarray, "C 3"]
    along: Float[np.ndarray, " C"]

    def on_ball(
        self,
        inward: Float[np.ndarray, "*C"] | float,
        clearance: Float[np.ndarray, "*C"] | float,
    ) -> Float[np.ndarray, "C 3"]:
        """The back edge moved `inward` (metres) toward the opening, `clearance` off the eye's surface.

        Never more than 60 % of the way to the middle of the opening.
        """
        toward = self.target - self.back
        length = np.linalg.norm(toward, axis=1)
        share = np.minimum(np.asarray(inward) / length, 0.6)
        direction = self.back + toward * share[:, None] - self.field.centre
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        angle = np.arccos(np.clip(direction[:, 2], -1, 1))
        radius = surface_radius(angle, self.field.radius) + clearance
        return self.field.centre + direction * radius[:, None]


def fissure(skin: Skin) -> Fissure:
    """Resampled evenly along the margins of the left eye."""
    lids = {}
    for name in ("lid", "lid_inner"):
        for lid in ("upper", "lower"):
            lids[name, lid] = _resampled(skin.vertices[skin.loops[f"{name}_{lid}_left"]])
    along = np.linspace(0, 1, _SPANS + 1)
    middle = 0.5 * (lids["lid_inner", "upper"] + lids["lid_inner", "lower"])
    reach = 0.14 + 0.72 * along  # the corners look a little way into the opening
    target = np.stack([np.interp(reach, along, middle[:, k]) for k in range(3)], axis=-1)

    def ring(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
        return np.concatenate([upper, lower[-2:0:-1]])

    return Fissure(
        skin.eyes["left"],
        ring(lids["lid", "upper"], lids["lid", "lower"]),
        ring(lids["lid_inner", "upper"], lids["lid_inner", "lower"]),
        ring(target, target),
        ring(along, along),
    )


def _resampled(line: Float[np.ndarray, "L 3"]) -> Float[np.ndarray, "S 3"]:
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    at = np.linspace(0, length[-1], _SPANS + 1)
    return np.stack([np.interp(at, length, line[:, k]) for k in range(3)], axis=-1)


def build_margin_strips(skin: Skin) -> list[PartMesh]:
    """The parts eye_occlusion, eye_blend and lacrimal of both sides; they move with the head."""
    opening = fissure(skin)
    parts = []
    for name, rows in (
        ("eye_occlusion", _occlusion(opening)),
        ("eye_blend", _blend(opening)),
        ("lacrimal", _lacrimal(opening)),
    ):
        sheet = _strip(rows)
        parts += side_pair(name, name, sheet, {"head": np.ones(len(sheet.vertices))})
    return parts


def _occlusion(opening: Fissure) -> Float[np.ndarray, "R C 3"]:
    """The lid's shadow: from just beneath the margin 2.2 mm onto the ball; dark at v = 1."""
    offsets = (-0.5 * _MM, 0.15 * _MM, 0.9 * _MM, 2.2 * _MM)
    return np.stack([opening.on_ball(inward, 0.08 * _MM) for inward in offsets])


def _blend(opening: Fissure) -> Float[np.ndarray, "R C 3"]:
    """The wet line: from the margin's flat over its back edge a little way onto the ball."""
    flat = 0.68 * opening.back + 0.32 * opening.front
    lift = flat - opening.field.centre
    flat = flat + 0.04 * _MM * lift / np.linalg.norm(lift, axis=1, keepdims=True)
    edge = 0.5 * (opening.on_ball(0.05 * _MM, 0.22 * _MM) + opening.back)
    return np.stack([flat, edge, opening.on_ball(0.45 * _MM, 0.06 * _MM)])


def _lacrimal(opening: Fissure) -> Float[np.ndarray, "R C 3"]:
    """The tear meniscus: a wedge between margin and ball, widening to the lake at the inner corner."""
    lake = 1 - smoothstep(0.02, 0.22, opening.along)
    lift = opening.back - opening.field.centre
    lift /= np.linalg.norm(lift, axis=1, keepdims=True)
    top = 0.9 * opening.back + 0.1 * opening.front + 0.03 * _MM * lift
    lip = opening.on_ball((0.30 + 0.5 * lake) * _MM, (0.12 + 0.25 * lake) * _MM)
    foot = opening.on_ball((0.60 + 1.6 * lake) * _MM, 0.045 * _MM)
    return np.stack([top, lip, foot])


def _strip(rows: Float[np.ndarray, "R C 3"]) -> Sheet:
    """A closed ribbon; u runs round the opening from the inner corner, v from 1 at the lid to 0."""
    count, columns = rows.shape[:2]
    ids = np.arange(count * columns).reshape(count, columns)
    # The ring runs clockwise seen from the front (left eye, upper lid outward first) and rows go inward.
    quads = closed_grid_quads(ids)
    wide = np.arange(count * (columns + 1)).reshape(count, columns + 1)
    inner = np.stack([wide[:-1, :-1], wide[1:, :-1], wide[1:, 1:], wide[:-1, 1:]], axis=-1)
    u, v = np.meshgrid(np.linspace(0, 1, columns + 1), np.linspace(1, 0, count))
    uvs = np.column_stack([u.ravel(), v.ravel()])
    return Sheet(rows.reshape(-1, 3), quads, uvs, inner.reshape(-1, 4))
