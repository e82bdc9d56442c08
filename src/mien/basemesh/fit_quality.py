"""How well a person came onto a base mesh, in millimetres."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from mien.anatomy.skin_mesh import skin_mesh
from mien.basemesh.bind import BoundMesh
from mien.basemesh.carry import Carried
from mien.basemesh.loops import Loops
from mien.basemesh.shapes import Margins, margins_of
from mien.core.conventions import MILLIMETRES_PER_METRE, SHAPE_INDEX, SHAPE_NAMES
from mien.core.face import Template
from mien.geometry.closest import ClosestPoint
from mien.geometry.normals import triangle_cross
from mien.geometry.sample import sample_surface
from mien.rigging.quality import MIDLINE_BAND, signed_gap
from mien.rigging.rig import Rig

SAMPLES = 20_000


def topology_quality(
    template: Template,
    bound: BoundMesh,
    carried: Carried,
    shapes: Float[np.ndarray, "52 W 3"],
    rig: Rig,
    loops: Loops,
) -> dict[str, float]:
    """Residual both ways, flipped triangles, blink gap, lip seal and leakage on the base mesh.

    Lengths in millimetres, worst along the margin, signed (positive open). What the mesh cannot show (no
    opening between lips or lids) is left out.
    """
    own = carried.vertices[bound.skin]
    out = residual(template, bound, carried, rig.neutral)
    out["flipped_triangles"] = float(carried.flipped)
    margins = margins_of(template, bound, carried, rig.neutral, loops)
    out |= _openings(margins, own, shapes[:, bound.skin])
    out["leakage_max"] = _leakage(template, bound, shapes[:, bound.skin])
    out["flips_max"] = float(_flips(bound, carried, shapes))
    return {key: float(np.round(value, 4)) for key, value in out.items()}


def residual(
    template: Template, bound: BoundMesh, carried: Carried, head: Float[np.ndarray, "V 3"]
) -> dict[str, float]:
    """Distances between the base mesh and the person's surface, points spread evenly by area.

    Over the skin that scanners see and that both cover: median, 95th percentile, largest.
    """
    skin = skin_mesh(template)
    person, triangles = head[: skin.count], bound.skin_triangles
    measured = template.regions["measured"][: skin.count]
    own = carried.vertices[bound.skin]
    covered = (bound.attachment.of(measured) > 0.5) & (bound.attachment.distance < 3e-3)
    covered &= ~bound.attachment.border
    ours = sample_surface(own, triangles, SAMPLES, 0, covered[triangles].all(axis=1))
    to_person = ClosestPoint(person, skin.triangles).query(ours.points).distance
    surface = ClosestPoint(own, triangles)
    theirs = sample_surface(person, skin.triangles, SAMPLES, 0, (measured[skin.triangles] > 0.5).all(axis=1))
    hits = surface.query(theirs.points)
    to_mesh = hits.distance[~surface.on_border(hits)]
    out: dict[str, float] = {}
    for name, distance in (("mesh_to_person", to_person), ("person_to_mesh", to_mesh)):
        levels = np.percentile(distance, [50, 95, 100]) * MILLIMETRES_PER_METRE
        out |= dict(zip((f"{name}_median", f"{name}_p95", f"{name}_max"), levels.tolist(), strict=True))
    return out


def _openings(margins: Margins, own: np.ndarray, shapes: np.ndarray) -> dict[str, float]:
    out: dict[str, float] = {}
    for side, lids in margins.lids.items():
        posed = own + shapes[SHAPE_INDEX[f"eyeBlink{side.capitalize()}"]]
        upper, lower = (posed[loop] for loop in lids.front)
        gap = np.concatenate(
            [signed_gap(upper, lower, lids.eye)[1:-1], -signed_gap(lower, upper, lids.eye)[1:-1]]
        )
        out |= _extremes(f"blink_gap_{side}", gap)
    if margins.lips is not None:
        out |= _extremes("lips_at_rest", margins.lips.opening(own)[1:-1])
        posed = own + shapes[SHAPE_INDEX["jawOpen"]] + shapes[SHAPE_INDEX["mouthClose"]]
        out |= _extremes("lip_seal", margins.lips.opening(posed))
    return out


def _extremes(name: str, distances: Float[np.ndarray, " N"]) -> dict[str, float]:
    low, high = float(distances.min()), float(distances.max())
    return {f"{name}_max": high * MILLIMETRES_PER_METRE, f"{name}_min": low * MILLIMETRES_PER_METRE}


def _leakage(template: Template, bound: BoundMesh, shapes: Float[np.ndarray, "52 S 3"]) -> float:
    """Largest motion of a sided shape beyond 10 mm of the midline on the wrong side."""
    x = bound.attachment.of(template.vertices[:, 0])
    worst = 0.0
    for name in SHAPE_NAMES:
        stem = name.removesuffix("Left").removesuffix("Right")
        if stem == name or stem in ("jaw", "mouth"):
            continue
        wrong = x < -MIDLINE_BAND if name.endswith("Left") else x > MIDLINE_BAND
        moved = np.linalg.norm(shapes[SHAPE_INDEX[name], wrong], axis=1)
        worst = max(worst, float(moved.max(initial=0.0)))
    return worst * MILLIMETRES_PER_METRE


def _flips(bound: BoundMesh, carried: Carried, shapes: Float[np.ndarray, "52 W 3"]) -> int:
    """Triangles of the seen face that a shape turns by more than 120 degrees, the worst of all shapes."""
    triangles = bound.skin_triangles
    face = bound.trusted[triangles].all(axis=1) & (bound.attachment.distance[triangles] < 2e-3).all(axis=1)
    triangles = bound.skin[triangles[face]]
    rest = triangle_cross(carried.vertices, triangles)
    size = np.linalg.norm(rest, axis=1)
    worst = 0
    for name, shape in zip(SHAPE_NAMES, shapes, strict=True):
        extra = shapes[SHAPE_INDEX["jawOpen"]] if name == "mouthClose" else 0.0
        moved = triangle_cross(carried.vertices + shape + extra, triangles)
        cosine = np.einsum("td,td->t", rest, moved)
        cosine /= np.maximum(size * np.linalg.norm(moved, axis=1), 1e-30)
        worst = max(worst, int((cosine < -0.5).sum()))
    return worst
