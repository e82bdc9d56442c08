"""A finished asset moved onto a base mesh."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from mien.anatomy.parts import place_parts
from mien.basemesh.bind import BoundMesh
from mien.basemesh.carry import Carried, carry
from mien.basemesh.fit_quality import topology_quality
from mien.basemesh.head import studio_rig, studio_template
from mien.basemesh.loops import margins
from mien.basemesh.maps import carried_maps
from mien.basemesh.shapes import carried_shapes
from mien.core.face import Registration, Template
from mien.core.mesh import Image
from mien.rigging.head import RiggedHead


def on_base_mesh(asset: RiggedHead, bound: BoundMesh, resolution: int) -> RiggedHead:
    """The same person on the base mesh: head, 52 shapes, joints, weights and maps on its topology and UVs.

    `asset` is on the template's topology. What was measured goes into `quality["topology"]`. The
    registration, too, is carried: `scan/registered.ply` is then the base mesh as the person was scanned.
    """
    template = asset.template
    loops = margins(template, bound)
    carried = carry(template, bound, asset.rig.neutral, loops)
    shapes = carried_shapes(template, bound, carried, asset.rig, loops)
    maps = _maps_with_confidence(asset)
    own = carried_maps(template, bound, carried, asset.rig.neutral, maps, resolution)
    quality = topology_quality(template, bound, carried, shapes, asset.rig, loops)
    studio = studio_template(template, bound, loops)
    return replace(
        asset,
        template=studio,
        rig=studio_rig(studio, bound, carried, shapes, asset.rig),
        maps=own,
        confidence=_face_confidence(studio, own),
        registration=_registration(template, bound, asset.registration),
        provenance=asset.provenance | {"topology": _source(bound)},
        quality=asset.quality | {"topology": quality},
    )


def _source(bound: BoundMesh) -> dict[str, object]:
    mesh = bound.base.mesh
    return {"mesh": mesh.name, "sha256": mesh.sha256, "faces": len(mesh.polygons.counts)}


def _maps_with_confidence(asset: RiggedHead) -> dict[str, Image]:
    """The face tile's confidence as one more map; the head tile's is one already."""
    if asset.confidence is None:
        return asset.maps
    return asset.maps | {"face_confidence": asset.confidence}


def _face_confidence(studio: Template, maps: dict[str, Image]) -> Image | None:
    """The confidence of the texture set that holds most of the face."""
    found = [
        (int((studio.regions["face"][part.vertices] > 0.5).sum()), part.material)
        for part in studio.parts
        if f"{part.material}_confidence" in maps
    ]
    return maps[f"{max(found)[1]}_confidence"] if found else None


def _registration(
    template: Template, bound: BoundMesh, registration: Registration | None
) -> Registration | None:
    """The head as scanned on the base mesh: distances and confidence are those of the places it hangs on."""
    if registration is None:
        return None
    weld = bound.base.weld
    scanned, linear = (_as_scanned(template, bound, v) for v in (registration.vertices, registration.linear))
    return replace(
        registration,
        vertices=scanned.vertices[weld],
        linear=linear.vertices[weld],
        distance_mm=_on_skin(bound, registration.distance_mm, np.nan)[weld],
        confidence=_on_skin(bound, registration.confidence, 0.0)[weld],
        expected_error_mm=_maybe(bound, registration.expected_error_mm),
        expected_slip_mm=_maybe(bound, registration.expected_slip_mm),
        bare=None,
    )


def _maybe(bound: BoundMesh, values: Float[np.ndarray, " V"] | None) -> Float[np.ndarray, " U"] | None:
    return None if values is None else _on_skin(bound, values, np.nan)[bound.base.weld]


def _as_scanned(template: Template, bound: BoundMesh, vertices: Float[np.ndarray, "V 3"]) -> Carried:
    return carry(template, bound, place_parts(template, vertices))


def _on_skin(bound: BoundMesh, values: Float[np.ndarray, " V"], rest: float) -> Float[np.ndarray, " W"]:
    out = np.full(len(bound.vertices), rest)
    read = bound.attachment.of(values)
    read[~bound.trusted] = rest
    out[bound.skin] = read
    return out
