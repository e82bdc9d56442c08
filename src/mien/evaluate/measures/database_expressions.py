"""The face database's expressions in numbers: what should touch, what folds, how much is one's own."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from mien.anatomy.contact.lips import LIP_GAP, SEALED
from mien.anatomy.eyeball import SIDES
from mien.anatomy.gaze import gaze_rotation
from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.core.face import Template
from mien.geometry.normals import triangle_cross
from mien.geometry.polyline import nearest_on
from mien.synth.expression.maker import BoundHead, ExpressionMaker
from mien.synth.expression.surface import FaceSurface

CORNERS = 6  # points of a lip's seam at either end that fold by nature
SKIPPED = 2  # points of a lid's margin at either end, where both lids are one
_LIDS = ("upper_lid_left", "upper_lid_right", "lower_lid_left", "lower_lid_right")


def lid_gap(posed: Float[np.ndarray, "S 3"], template: Template) -> float:
    """The largest distance (mm) of a point of one lid's front edge from the other lid's, either eye."""
    worst = 0.0
    for side in SIDES:
        upper, lower = (posed[template.loops[f"lid_{lid}_{side}"]] for lid in ("upper", "lower"))
        for one, other in ((upper, lower), (lower, upper)):
            points = one[SKIPPED:-SKIPPED].astype(np.float64)
            foot, _ = nearest_on(points, other.astype(np.float64))
            worst = max(worst, float(np.linalg.norm(points - foot, axis=1).max()))
    return worst * MILLIMETRES_PER_METRE


def depth_in_ball(
    posed: Float[np.ndarray, "S 3"], bound: BoundHead, weights: Float[np.ndarray, "52"], template: Template
) -> float:
    """How deep (mm) the lids' skin lies in the turned eyeballs at its worst; 0: nowhere."""
    deepest = 0.0
    strong = weights * bound.form.strength
    face = template.part("face").vertices
    for side in SIDES:
        ball = bound.head.eyes[side]
        lids = np.max([template.regions[f"{lid}_lid_{side}"][face] for lid in ("upper", "lower")], axis=0)
        points = posed[face][lids > 0.5].astype(np.float64)
        gaze = gaze_rotation(strong, side) @ ball.gaze
        deepest = max(deepest, -float(ball.clearance(points, gaze).min()))
    return deepest * MILLIMETRES_PER_METRE


def lips(
    maker: ExpressionMaker,
    posed: Float[np.ndarray, "S 3"],
    rest: Float[np.ndarray, "S 3"],
    weights: Float[np.ndarray, "52"],
) -> tuple[float, float]:
    """Largest crossing of the lips (mm); how much wider than at rest they gape where the template's meet."""
    inner = slice(CORNERS, -CORNERS)
    opening = maker.lips.opening(posed.astype(np.float64), rest)[inner]
    at_rest = np.maximum(maker.lips.opening(rest, rest)[inner], LIP_GAP)
    template = maker.template.vertices[: maker.count]
    generic = template + np.tensordot(weights, maker.template.shapes[:, : maker.count], axes=1)
    sealed = maker.lips.opening(generic, template)[inner] < SEALED
    crossed = max(0.0, -float(opening.min()))
    apart = float((opening - at_rest)[sealed].max(initial=0.0))
    return crossed * MILLIMETRES_PER_METRE, apart * MILLIMETRES_PER_METRE


def near_lids(template: Template, surface: FaceSurface) -> Bool[np.ndarray, " T"]:
    """Triangles of the lids, which roll over each other by nature."""
    lids = np.max([template.regions[name][surface.vertices] for name in _LIDS], axis=0) > 0.05
    return lids[surface.triangles].any(axis=1)


def folded_triangles(
    posed: Float[np.ndarray, "F 3"], rest: Float[np.ndarray, "F 3"], surface: FaceSurface
) -> Bool[np.ndarray, " T"]:
    """Triangles that look away from the mean of the skin two rings round them, and did not at rest."""
    return _turned(posed.astype(np.float64), surface) & ~_turned(rest.astype(np.float64), surface)


def swept_volume(
    offsets: Float[np.ndarray, "F 3"],
    rest: Float[np.ndarray, "F 3"],
    share: Float[np.ndarray, " F"],
    triangles: Int[np.ndarray, "T 3"],
) -> float:
    """Millilitres between the skin at rest and as it moved, where `share` of it counts; to first order."""
    cross = triangle_cross(rest.astype(np.float64), triangles)
    height = (share[:, None] * offsets)[triangles].mean(axis=1)
    return 1e6 * 0.5 * float((cross * height).sum())


def uneven_share(offsets: Float[np.ndarray, "F 3"], mirror: Int[np.ndarray, " F"]) -> float:
    """Share of a motion's energy that is not mirrored on the other side of the face."""
    other = offsets[mirror] * [-1.0, 1.0, 1.0]
    odd = 0.5 * (offsets - other)
    return float((odd**2).sum() / max(float((offsets**2).sum()), 1e-30))


def size(offsets: Float[np.ndarray, "F 3"]) -> float:
    """Root mean square over the vertices, mm."""
    return MILLIMETRES_PER_METRE * float(np.sqrt((offsets.astype(np.float64) ** 2).sum(axis=1).mean()))


def _turned(face: Float[np.ndarray, "F 3"], surface: FaceSurface) -> Bool[np.ndarray, " T"]:
    cross = triangle_cross(face, surface.triangles)
    return np.einsum("td,td->t", cross, surface.around(cross)) < 0
