"""What can be measured on a rig: lids, lips, sides and folds; millimetres, worst along the margin, signed."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from mien.anatomy.gaze import look_rotation
from mien.anatomy.lids import Eye
from mien.anatomy.lips import Lips
from mien.anatomy.skin_mesh import skin_mesh
from mien.core.conventions import MILLIMETRES_PER_METRE, SHAPE_INDEX, SHAPE_NAMES, shape_weights
from mien.core.face import Template
from mien.geometry.normals import triangle_cross
from mien.rigging.personal import person_eye
from mien.rigging.rig import Rig

MIDLINE_BAND = 10e-3  # metres: what lies farther on the wrong side is leakage
_SIDES = {"left": "Left", "right": "Right"}
_CANTHUS_SHARE = 0.2  # the margin near its corners stands off the ball: no lid-to-ball distance there


def rig_quality(template: Template, rig: Rig) -> dict[str, float]:
    """The numbers of the asset's quality report, in millimetres (flips are counts)."""
    out: dict[str, float] = {}
    for side, suffix in _SIDES.items():
        gap = blink_gap(template, rig, side)
        out[f"blink_gap_max_{side}"], out[f"blink_gap_min_{side}"] = _extremes(gap)
        for name in (f"eyeBlink{suffix}", f"eyeWide{suffix}", f"eyeSquint{suffix}"):
            distance = lid_to_ball(template, rig, {name: 1.0}, side)
            out[f"lid_to_ball_max_{name}"], out[f"lid_to_ball_min_{name}"] = _extremes(distance)
        half = lid_to_ball(template, rig, {f"eyeBlink{suffix}": 0.5}, side)
        out[f"lid_to_ball_min_half_blink_{side}"] = _extremes(half)[1]
    out["lip_seal_max"], out["lip_seal_min"] = _extremes(lip_seal(template, rig))
    crossing = lip_crossing(template, rig)
    out["lip_crossing_max"] = max(crossing.values())
    out["leakage_max"] = max(leakage(template, rig).values())
    out["left_plus_right_max"] = max(halves_residual(template, rig).values())
    out["flips_max"] = float(max(flips(template, rig).values()))
    return out


def blink_gap(template: Template, rig: Rig, side: str) -> Float[np.ndarray, " L"]:
    """Metres from lower to upper lid margin (front edge) at full blink; positive open, negative crossed."""
    posed = rig.pose(shape_weights({f"eyeBlink{_SIDES[side]}": 1.0}))
    upper, lower = template.loops[f"lid_upper_{side}"], template.loops[f"lid_lower_{side}"]
    eye = person_eye(template, rig.neutral, side)
    above = signed_gap(posed[upper], posed[lower], eye)[1:-1]
    below = signed_gap(posed[lower], posed[upper], eye)[1:-1]
    return np.concatenate([above, -below])


def lid_to_ball(
    template: Template, rig: Rig, weights: dict[str, float], side: str
) -> Float[np.ndarray, " L"]:
    """Metres from the eyeball to the lids' back edges in a pose, off the corners; negative is inside."""
    posed = rig.pose(shape_weights(weights))
    eye = person_eye(template, rig.neutral, side)
    gaze = eye.gaze
    for name, weight in weights.items():
        if name.startswith("eyeLook") and name.endswith(_SIDES[side]) and weight == 1.0:
            gaze = look_rotation(name) @ gaze
    distances = []
    for lid in ("upper", "lower"):
        loop = template.loops[f"lid_inner_{lid}_{side}"]
        distances.append(eye.clearance(posed[_middle(rig.neutral, loop)], gaze))
    return np.concatenate(distances)


def lip_seal(template: Template, rig: Rig) -> Float[np.ndarray, " L"]:
    """Metres between the lips at jawOpen = mouthClose = 1: positive open, negative crossed."""
    posed = rig.pose(shape_weights({"jawOpen": 1.0, "mouthClose": 1.0}))
    return _lips(template, rig).opening(posed[: skin_mesh(template).count])


def lip_crossing(template: Template, rig: Rig) -> dict[str, float]:
    """Millimetres by which each shape alone drives the lips through each other (mouthClose needs the jaw)."""
    lips, count = _lips(template, rig), skin_mesh(template).count
    out = {}
    for name, shape in zip(SHAPE_NAMES, rig.shapes, strict=True):
        if name != "mouthClose":
            opening = lips.opening(rig.neutral[:count] + shape[:count])
            out[name] = max(0.0, -float(opening.min())) * MILLIMETRES_PER_METRE
    return out


def leakage(template: Template, rig: Rig) -> dict[str, float]:
    """Largest motion (mm) of each sided shape beyond 10 mm of the template's midline on the wrong side."""
    x = template.vertices[:, 0]
    out = {}
    for stem, left, right in _pairs():
        for name, wrong in ((left, x < -MIDLINE_BAND), (right, x > MIDLINE_BAND)):
            moved = np.linalg.norm(rig.shapes[SHAPE_INDEX[name], wrong], axis=1)
            out[name] = float(moved.max(initial=0.0)) * MILLIMETRES_PER_METRE
        del stem
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
    triangles = _face_triangles(template)
    rest = triangle_cross(rig.neutral, triangles)
    size = np.linalg.norm(rest, axis=1)
    out = {}
    for name, shape in zip(SHAPE_NAMES, rig.shapes, strict=True):
        extra = rig.shapes[SHAPE_INDEX["jawOpen"]] if name == "mouthClose" else 0.0
        moved = triangle_cross(rig.neutral + shape + extra, triangles)
        cosine = np.einsum("td,td->t", rest, moved) / np.maximum(size * np.linalg.norm(moved, axis=1), 1e-30)
        out[name] = int((cosine < -0.5).sum())
    return out


def _face_triangles(template: Template) -> Int[np.ndarray, "T 3"]:
    quads = template.part("face").quads
    return template.topology.triangles[2 * quads.start : 2 * quads.stop]


def _pairs() -> list[tuple[str, str, str]]:
    """(stem, left, right) of the shapes that are halves of one; jawLeft and mouthLeft are not."""
    stems = [n.removesuffix("Left") for n in SHAPE_NAMES if n.endswith("Left")]
    return [(s, f"{s}Left", f"{s}Right") for s in stems if s not in ("jaw", "mouth")]


def _lips(template: Template, rig: Rig) -> Lips:
    skin = skin_mesh(template)
    return Lips(rig.neutral[: skin.count], skin.triangles, template.loops)


def _middle(vertices: Float[np.ndarray, "V 3"], loop: Int[np.ndarray, " L"]) -> Int[np.ndarray, " M"]:
    steps = np.linalg.norm(np.diff(vertices[loop], axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)]) / steps.sum()
    return loop[(along > _CANTHUS_SHARE) & (along < 1 - _CANTHUS_SHARE)]


def signed_gap(
    upper: Float[np.ndarray, "A 3"], lower: Float[np.ndarray, "B 3"], eye: Eye
) -> Float[np.ndarray, " A"]:
    """Distance of each upper point to the lower polyline, signed by the side on which it lies."""
    start, step = lower[:-1], np.diff(lower, axis=0)
    t = np.einsum("abd,bd->ab", upper[:, None] - start, step) / np.maximum((step**2).sum(axis=1), 1e-20)
    foot = start + np.clip(t, 0.0, 1.0)[..., None] * step
    away = upper[:, None] - foot
    best = np.linalg.norm(away, axis=2).argmin(axis=1)
    rows = np.arange(len(upper))
    outward = foot[rows, best] - eye.centre
    up = np.cross(outward, step[best])
    up *= np.sign(up[:, 1])[:, None]
    up /= np.maximum(np.linalg.norm(up, axis=1, keepdims=True), 1e-20)
    return np.einsum("ad,ad->a", away[rows, best], up)


def _extremes(distances: Float[np.ndarray, " N"]) -> tuple[float, float]:
    return (
        float(distances.max()) * MILLIMETRES_PER_METRE,
        float(distances.min()) * MILLIMETRES_PER_METRE,
    )
