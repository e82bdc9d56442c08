"""What can be measured on a rig: lids, lips, sides and folds; millimetres, worst along the margin, signed.

Lids and lips are measured by the constraints that a rig's shapes were made to keep (`mien.anatomy.contact`).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from mien.anatomy.contact import worst
from mien.anatomy.contact.lids import LidMargins
from mien.anatomy.contact.lips import LipMargins
from mien.anatomy.eyeball import SIDES
from mien.anatomy.gaze import gaze_rotation
from mien.anatomy.parts import placed_eyeball
from mien.core.conventions import MILLIMETRES_PER_METRE, SHAPE_INDEX, SHAPE_NAMES, shape_weights
from mien.core.face import Template
from mien.geometry.normals import triangle_cross
from mien.rigging.rig import Rig

MIDLINE_BAND = 10e-3  # metres: what lies farther on the wrong side is leakage; chosen by eye


def rig_quality(template: Template, rig: Rig) -> dict[str, float]:
    """The numbers of the asset's quality report, in millimetres (flips are counts)."""
    out: dict[str, float] = {}
    for side in SIDES:
        suffix = side.capitalize()
        gap = blink_gap(template, rig, side)
        out[f"blink_gap_max_{side}"], out[f"blink_gap_min_{side}"] = worst(gap)
        for name in (f"eyeBlink{suffix}", f"eyeWide{suffix}", f"eyeSquint{suffix}"):
            distance = lid_to_ball(template, rig, {name: 1.0}, side)
            out[f"lid_to_ball_max_{name}"], out[f"lid_to_ball_min_{name}"] = worst(distance)
        half = lid_to_ball(template, rig, {f"eyeBlink{suffix}": 0.5}, side)
        out[f"lid_to_ball_min_half_blink_{side}"] = worst(half)[1]
    out["lip_seal_max"], out["lip_seal_min"] = worst(lip_seal(template, rig))
    crossing = lip_crossing(template, rig)
    out["lip_crossing_max"] = max(crossing.values())
    out["leakage_max"] = max(leakage(template, rig).values())
    out["left_plus_right_max"] = max(halves_residual(template, rig).values())
    out["flips_max"] = float(max(flips(template, rig).values()))
    return out


def blink_gap(template: Template, rig: Rig, side: str) -> Float[np.ndarray, " L"]:
    """Metres from lower to upper lid margin (front edge) at full blink; positive open, negative crossed."""
    posed = rig.pose(shape_weights({f"eyeBlink{side.capitalize()}": 1.0}))
    ball = placed_eyeball(template, rig.neutral, side)
    return LidMargins(template.loops, side, rig.neutral).gap(posed, ball)


def lid_to_ball(
    template: Template, rig: Rig, weights: dict[str, float], side: str
) -> Float[np.ndarray, " L"]:
    """Metres from the turned eyeball to the lids' back edges in a pose; negative is inside."""
    dense = shape_weights(weights)
    ball = placed_eyeball(template, rig.neutral, side)
    margins = LidMargins(template.loops, side, rig.neutral)
    return margins.over_ball(rig.pose(dense), ball, gaze_rotation(dense, side) @ ball.gaze)


def lip_seal(template: Template, rig: Rig) -> Float[np.ndarray, " L"]:
    """Metres between the lips at jawOpen = mouthClose = 1: positive open, negative crossed."""
    posed = rig.pose(shape_weights({"jawOpen": 1.0, "mouthClose": 1.0}))
    return LipMargins(template.loops, rig.neutral).opening(posed)


def lip_crossing(template: Template, rig: Rig) -> dict[str, float]:
    """Millimetres by which each shape alone drives the lips through each other (mouthClose needs the jaw)."""
    lips = LipMargins(template.loops, rig.neutral)
    return {
        name: max(0.0, -worst(lips.opening(rig.neutral + shape))[1])
        for name, shape in zip(SHAPE_NAMES, rig.shapes, strict=True)
        if name != "mouthClose"
    }


def leakage(template: Template, rig: Rig) -> dict[str, float]:
    """Largest motion (mm) of each sided shape beyond 10 mm of the template's midline on the wrong side."""
    return leakage_of(rig.shapes, template.vertices[:, 0])


def leakage_of(shapes: Float[np.ndarray, "52 V 3"], x: Float[np.ndarray, " V"]) -> dict[str, float]:
    """`leakage` of shapes on any mesh; `x` says how far left of the midline its vertices lie (metres)."""
    out = {}
    for _, left, right in _pairs():
        for name, wrong in ((left, x < -MIDLINE_BAND), (right, x > MIDLINE_BAND)):
            moved = np.linalg.norm(shapes[SHAPE_INDEX[name], wrong], axis=1)
            out[name] = float(moved.max(initial=0.0)) * MILLIMETRES_PER_METRE
    return out


def halves_residual(template: Template, rig: Rig) -> dict[str, float]:
    """How far (mm) Left + Right is from being mirror-symmetric: zero on the template, where they add up to
    the symmetric shape; on a person what the head's own asymmetry adds.
    """
    out = {}
    for stem, left, right in _pairs():
        both = rig.shapes[SHAPE_INDEX[left]] + rig.shapes[SHAPE_INDEX[right]]
        flipped = both[template.mirror] * [-1.0, 1.0, 1.0]
        out[stem] = float(np.linalg.norm(both - flipped, axis=1).max()) / 2 * MILLIMETRES_PER_METRE
    return out


def flips(template: Template, rig: Rig) -> dict[str, int]:
    """Triangles of the face that each shape at full weight turns by more than 120 degrees."""
    return flips_of(rig.neutral, _face_triangles(template), rig.shapes)


def flips_of(
    rest: Float[np.ndarray, "V 3"], triangles: Int[np.ndarray, "T 3"], shapes: Float[np.ndarray, "52 V 3"]
) -> dict[str, int]:
    """`flips` of shapes on any mesh, of these triangles. mouthClose is looked at over the open jaw."""
    cross = triangle_cross(rest, triangles)
    size = np.linalg.norm(cross, axis=1)
    out = {}
    for name, shape in zip(SHAPE_NAMES, shapes, strict=True):
        extra = shapes[SHAPE_INDEX["jawOpen"]] if name == "mouthClose" else 0.0
        moved = triangle_cross(rest + shape + extra, triangles)
        cosine = np.einsum("td,td->t", cross, moved)
        cosine /= np.maximum(size * np.linalg.norm(moved, axis=1), 1e-30)
        out[name] = int((cosine < -0.5).sum())
    return out


def _face_triangles(template: Template) -> Int[np.ndarray, "T 3"]:
    quads = template.part("face").quads
    return template.topology.triangles[2 * quads.start : 2 * quads.stop]


def _pairs() -> list[tuple[str, str, str]]:
    """(stem, left, right) of the shapes that are halves of one; jawLeft and mouthLeft are not."""
    stems = [n.removesuffix("Left") for n in SHAPE_NAMES if n.endswith("Left")]
    return [(s, f"{s}Left", f"{s}Right") for s in stems if s not in ("jaw", "mouth")]
