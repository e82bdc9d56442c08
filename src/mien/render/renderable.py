"""Subjects: whatever can be looked at (an asset, the template, a scan), as one posed surface."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from mien.core.conventions import shape_weights
from mien.core.errors import MienError
from mien.core.face import PreparedScan, Template
from mien.core.mesh import Image, Scan
from mien.render.materials import material_from_maps, scan_material
from mien.render.surface import Material, Surface
from mien.rigging.head import RiggedHead
from mien.rigging.rig import Rig


@dataclass(frozen=True)
class Renderable:
    """A surface in one pose (metres), the points that cameras frame, and a rig if it has one."""

    surface: Surface
    vertices: Float[np.ndarray, "V 3"]
    frame: Float[np.ndarray, "N 3"]
    rig: Rig | None = None

    def posed(self, weights: dict[str, float]) -> Renderable:
        """With these shape weights; the frame stays that of the neutral. An unknown name is refused."""
        if not weights:
            return self
        if self.rig is None:
            raise MienError(f"expression {weights}: this subject has no rig, expected an asset; leave it out")
        try:
            dense = shape_weights(weights)
        except KeyError as error:
            raise MienError(f"expression: no shape named {error}, expected names such as jawOpen") from error
        return replace(self, vertices=self.rig.pose(dense))


Viewable = Renderable | RiggedHead | Template | Scan | PreparedScan


def as_subject(thing: Viewable) -> Renderable:
    """Any viewable thing as a subject."""
    if isinstance(thing, Renderable):
        return thing
    if isinstance(thing, RiggedHead):
        return renderable_from_asset(thing)
    if isinstance(thing, Template):
        return renderable_from_template(thing)
    return renderable_from_scan(thing.scan if isinstance(thing, PreparedScan) else thing)


def renderable_from_asset(asset: RiggedHead, texture_limit: int = 2048) -> Renderable:
    """The asset with its maps; parts without maps get the constants of their material's name."""
    return _templated(asset.template, asset.rig, asset.maps, texture_limit)


def renderable_from_template(
    template: Template,
    rig: Rig | None = None,
    maps: dict[str, Image] | None = None,
    texture_limit: int = 2048,
) -> Renderable:
    """A head of the template's topology, with any rig and maps (the template's own, none)."""
    own = Rig.on(template)
    return _templated(template, rig or own, maps or {}, texture_limit)


def _templated(template: Template, rig: Rig, maps: dict[str, Image], limit: int) -> Renderable:
    names = tuple(dict.fromkeys(part.material for part in template.parts))
    quad_material = np.zeros(len(template.topology.quads), np.int64)
    for part in template.parts:
        quad_material[part.quads] = names.index(part.material)
    topology = template.topology
    corner_uvs = topology.uvs[topology.triangle_uvs]
    for part in template.parts:
        corner_uvs[2 * part.quads.start : 2 * part.quads.stop] -= topology.uv_tile(part.quads)
    looks = {part.material: part.look for part in template.parts}
    surface = Surface(
        n_vertices=topology.n_vertices,
        triangles=topology.triangles,
        corner_uvs=corner_uvs,
        triangle_material=np.repeat(quad_material, 2),
        materials=tuple(material_from_maps(name, maps, limit, looks[name]) for name in names),
    )
    return Renderable(surface, rig.neutral, rig.neutral[template.face_vertices()], rig)


def renderable_from_scan(
    scan: Scan, frame: Float[np.ndarray, "N 3"] | None = None, normal: Image | None = None
) -> Renderable:
    """A raw scan with its colour, one skin material a texture; `frame` defaults to all its vertices.

    `normal`: a tangent-space normal map in the scan's UV (linear, 0..1).
    """
    corner_uvs = scan.corner_uvs if scan.corner_uvs is not None else np.zeros((len(scan.triangles), 3, 2))
    count = max(len(scan.textures), 1)
    which: Int[np.ndarray, " M"] = np.zeros(len(scan.triangles), np.int64)
    if scan.triangle_texture is not None:
        which = np.where(scan.triangle_texture >= 0, scan.triangle_texture, 0).astype(np.int64)
    materials: tuple[Material, ...] = tuple(scan_material(scan, k, normal) for k in range(count))
    surface = Surface(len(scan.vertices), scan.triangles, corner_uvs, which, materials)
    return Renderable(surface, scan.vertices, scan.vertices if frame is None else frame)
