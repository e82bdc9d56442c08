"""Whole heads of the face database: skin, eyeballs, lashes, teeth and tongue, at rest and in expressions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from mien.anatomy.eyeball import SIDES
from mien.anatomy.gaze import gaze_rotation
from mien.anatomy.mouth_placement import LOWER_PARTS, UPPER_PARTS
from mien.anatomy.parts import part_motion, place_parts, ride_lids
from mien.core.face import Template
from mien.synth.expression.maker import BoundHead, ExpressionMaker
from mien.synth.identity.basis import SynthBasis
from mien.synth.identity.teeth import shape_teeth
from mien.synth.subject import Subject

_RIDDEN = 1e-6  # metres: lashes and strips ride along where the lids move by more


@dataclass(frozen=True)
class WholeHead:
    """A bound head with all its parts at rest: `neutral` (V 3) metres.

    `lids` are rows and places of lashes and strips as they ride on the lids at rest, by side; `gums` how far
    behind the skin the gums are.
    """

    bound: BoundHead
    neutral: Float[np.ndarray, "V 3"]
    lids: dict[str, tuple[np.ndarray, np.ndarray]]
    gums: Float[np.ndarray, "G K"]


def mean_head(basis: SynthBasis, template: Template) -> Float[np.ndarray, "V 3"]:
    """The head from which the database counts neutrals: the mean skin, the template's own parts."""
    out = template.vertices.astype(np.float32)
    out[: basis.n_skin] = basis.mean
    return out


def whole_head(maker: ExpressionMaker, bound: BoundHead, subject: Subject | None = None) -> WholeHead:
    """Sets teeth (with `subject` its own), gums, tongue, lashes and lid strips into a head (needs libigl)."""
    skin = bound.head.skin
    rough = maker.template.vertices.copy()
    rough[: len(skin)] = skin
    placed = place_parts(maker.template, rough)
    placed[: len(skin)] = skin
    if subject is not None:
        placed = shape_teeth(maker.template, subject, placed)
    maker.heads.seat.set_balls(placed, bound.head.eyes)
    neutral = placed.astype(np.float32)
    lids = ride_lids(maker.template, neutral.astype(np.float64), bound.head.eyes)
    return WholeHead(bound, neutral, lids, maker.gums.depth(neutral, bound.normals))


def whole_expression(
    maker: ExpressionMaker, whole: WholeHead, weights: Float[np.ndarray, "52"]
) -> Float[np.ndarray, "V 3"]:
    """Offsets of all vertices from the neutral, metres; zero weights give exactly zero.

    Eyeballs turn about their centres; the lower teeth, gums and tongue move with the jaw as the template's
    do, turned and scaled as they were placed; gums give way to skin; lashes and strips ride on the lids.
    """
    template, bound = maker.template, whole.bound
    out = np.zeros(whole.neutral.shape)
    out[: maker.count] = maker.expression(bound, weights)
    if not weights.any():
        return out.astype(np.float32)
    strong = weights * bound.form.strength
    for parts in (LOWER_PARTS, UPPER_PARTS):
        rows = template.vertex_mask(*parts)
        placed = part_motion(template, whole.neutral, *parts)
        moved = np.tensordot(strong, template.shapes[:, rows], axes=1)
        out[rows] = placed.scale * moved @ placed.rotation.T
    _tuck_gums(maker, whole, out)
    for side in SIDES:
        ball, rows = bound.head.eyes[side], maker.heads.seat.eye(side).rows
        arm = whole.neutral[rows] - ball.centre
        out[rows] = arm @ (gaze_rotation(strong, side) - np.eye(3)).T
    if np.abs(out[_near_lids(template)]).max() > _RIDDEN:
        for side, (rows, after) in ride_lids(template, whole.neutral + out, bound.head.eyes).items():
            out[rows] = after - whole.lids[side][1]
    return out.astype(np.float32)


def _tuck_gums(maker: ExpressionMaker, whole: WholeHead, out: Float[np.ndarray, "V 3"]) -> None:
    """Gums give way where lips and chin are drawn tight over them, in place."""
    moved = whole.neutral + out
    face = maker.template.part("face").vertices
    normals, _ = maker.surface.normals(moved[face].astype(np.float32))
    maker.gums.keep(moved, normals, whole.gums)
    rows = maker.gums.rows
    out[rows] = moved[rows] - whole.neutral[rows]


def _near_lids(template: Template) -> Bool[np.ndarray, " V"]:
    names = ("upper_lid_left", "upper_lid_right", "lower_lid_left", "lower_lid_right")
    return np.max([template.regions[name] for name in names], axis=0) > 0.05
