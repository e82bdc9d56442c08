"""How well a person came onto a base mesh, in millimetres."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from mien.anatomy.contact import worst
from mien.anatomy.skin_mesh import skin_mesh
from mien.basemesh.bind import BoundMesh
from mien.basemesh.carry import Carried
from mien.basemesh.loops import Loops
from mien.basemesh.shapes import Margins, margins_of
from mien.core.conventions import MILLIMETRES_PER_METRE, SHAPE_INDEX
from mien.core.face import Template
from mien.geometry.closest import ClosestPoint
from mien.geometry.sample import sample_surface
from mien.rigging.quality import flips_of, leakage_of
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
    x = bound.attachment.of(template.vertices[:, 0])
    out["leakage_max"] = max(leakage_of(shapes[:, bound.skin], x).values())
    flips = flips_of(carried.vertices, _seen_triangles(bound), shapes)
    out["flips_max"] = float(max(flips.values()))
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
        blink = shapes[SHAPE_INDEX[f"eyeBlink{side.capitalize()}"]]
        out |= _worst(f"blink_gap_{side}", lids.gap(blink))
    if margins.lips is not None:
        lips = margins.lips.margins
        out |= _worst("lips_at_rest", lips.opening(own)[1:-1])
        posed = own + shapes[SHAPE_INDEX["jawOpen"]] + shapes[SHAPE_INDEX["mouthClose"]]
        out |= _worst("lip_seal", lips.opening(posed))
    return out


def _worst(name: str, distances: Float[np.ndarray, " N"]) -> dict[str, float]:
    return dict(zip((f"{name}_max", f"{name}_min"), worst(distances), strict=True))


def _seen_triangles(bound: BoundMesh) -> Int[np.ndarray, "T 3"]:
    """Triangles (welded numbers) of the skin whose place on the person is known."""
    triangles = bound.skin_triangles
    face = bound.trusted[triangles].all(axis=1) & (bound.attachment.distance[triangles] < 2e-3).all(axis=1)
    return bound.skin[triangles[face]]
