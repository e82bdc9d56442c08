"""A carried base mesh as a `Template` and a `Rig`, so that export and pictures see no difference."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int, Shaped
from scipy.spatial import cKDTree

from mien.anatomy.eyeball import SIDES
from mien.anatomy.skin_mesh import skin_mesh
from mien.basemesh.base_mesh import set_name
from mien.basemesh.bind import BoundMesh
from mien.basemesh.carry import Carried
from mien.basemesh.fill_in import Filler
from mien.basemesh.loops import Loops
from mien.basemesh.parts import followers, lower_share, part_attachment
from mien.core.conventions import SHAPE_NAMES
from mien.core.face import Joint, LinearModel, Part, SurfacePoints, Template
from mien.geometry.align import fit_similarity_robust
from mien.geometry.closest import ClosestPoint
from mien.geometry.normals import triangle_areas
from mien.geometry.weights import smoothstep
from mien.rigging.rig import Rig

# What a material's name says of pieces that follow the skin; the first word found decides.
_LOOKS_BY_NAME = {
    "lash": "lash", "occlusion": "eye_occlusion", "blend": "eye_blend", "lacrimal": "lacrimal",
    "tear": "lacrimal", "cornea": "cornea", "brow": "lash",
}  # fmt: skip


def studio_template(template: Template, bound: BoundMesh, loops: Loops) -> Template:
    """The base mesh, bound and not yet anybody's, in the form of the template.

    Vertices are the file's, in its order (metres, Mien's space); quads are sorted by texture set, the
    polygons stay as they came. Regions, landmarks and joint weights are read through the adapter.
    """
    base = bound.base
    weights = joint_weights(template, bound)
    vertices = bound.vertices[base.weld]
    regions = {name: _region(bound, values) for name, values in template.regions.items()}
    joints = tuple(Joint(j.name, j.parent, _joint_on_mesh(template, bound, j)) for j in template.joints)
    return Template(
        vertices=vertices,
        topology=base.topology,
        parts=parts_of(template, bound),
        mirror=_mirror(bound)[base.weld],
        landmarks=_landmarks(template, bound, template.landmarks),
        dense_landmarks=_landmarks(template, bound, template.dense_landmarks),
        shapes=np.zeros((len(SHAPE_NAMES), *vertices.shape)),
        joints=joints,
        joint_weights=weights[base.weld],
        identity=LinearModel(np.zeros((0, *vertices.shape))),
        regions=regions,
        loops={name: _in_file(bound, bound.skin[path]) for name, path in loops.items()},
    )


def studio_rig(
    studio: Template, bound: BoundMesh, carried: Carried, shapes: Float[np.ndarray, "52 W 3"], rig: Rig
) -> Rig:
    """The person's rig on the base mesh (`studio_template`); joints are the person's own."""
    weld = bound.base.weld
    return Rig.on(studio, carried.vertices[weld], shapes[:, weld], rig.joints)


def joint_weights(template: Template, bound: BoundMesh) -> Float[np.ndarray, "W J"]:
    """Joint weights of the welded vertices: the template's through the adapter, eyes and jaw their own."""
    names = [joint.name for joint in template.joints]
    out = np.zeros((len(bound.vertices), len(names)))
    count = skin_mesh(template).count
    own = bound.attachment.of(template.joint_weights[:count])
    filled = Filler(bound.vertices[bound.skin], bound.skin_triangles, bound.trusted).fill(own)
    out[bound.skin] = np.clip(filled, 0.0, 1.0)
    pieces = bound.pieces
    for name in np.unique(pieces.part[pieces.kind == "part"]):
        rows = np.flatnonzero((pieces.part == name) & (pieces.kind == "part"))
        out[rows] = part_attachment(template, bound, str(name), rows).of(template.joint_weights)
    for side in SIDES:
        out[pieces.kind == f"eye_{side}", names.index(f"eye_{side}")] = 1.0
    mouth = pieces.kind == "mouth"
    share = lower_share(template, bound)[mouth]
    upper, lower = (
        template.joint_weights[template.vertex_mask(part)].mean(axis=0)
        for part in ("teeth_upper", "teeth_lower")
    )
    out[mouth] = share[:, None] * lower + (1.0 - share[:, None]) * upper
    hung = followers(bound)
    if hung is not None:
        out[hung.rows] = np.einsum("nk,nkj->nj", hung.weights, out[hung.patch])
    out[out < 1e-3] = 0.0
    nothing = out.sum(axis=1) <= 0
    out[nothing, names.index("neck") if "neck" in names else 0] = 1.0
    return out / out.sum(axis=1, keepdims=True)


def parts_of(template: Template, bound: BoundMesh) -> tuple[Part, ...]:
    """One part for each texture set, with the look of the template's material that it resembles."""
    base = bound.base
    looks = quad_looks(template, bound)
    areas = triangle_areas(bound.vertices[base.weld], base.topology.triangles)
    area = areas.reshape(-1, 2).sum(axis=1)
    parts = []
    for index in range(len(base.texture_sets)):
        rows = np.flatnonzero(base.quad_set == index)
        used = base.topology.quads[rows]
        values, which = np.unique(looks[rows], return_inverse=True)
        shares = np.bincount(which.ravel(), area[rows])
        name = set_name(base, index)
        parts.append(
            Part(
                name,
                name,
                slice(int(used.min()), int(used.max()) + 1),
                slice(int(rows[0]), int(rows[-1]) + 1),
                str(values[np.argmax(shares)]),
            )
        )
    return tuple(parts)


def quad_looks(template: Template, bound: BoundMesh) -> Shaped[np.ndarray, " Q"]:
    """For each quad the template's material that it resembles ("face", "teeth", "lash", ...)."""
    base = bound.base
    first = base.weld[base.topology.quads[:, 0]]
    material = np.array([name.lower() for name, _ in base.texture_sets])[base.quad_set]
    out = np.full(len(first), "head", dtype="<U16")
    kind, part = bound.pieces.kind[first], bound.pieces.part[first]
    for name in np.unique(part[kind == "part"]):
        out[(kind == "part") & (part == name)] = template.part(str(name)).material
    out[np.char.startswith(kind, "eye_")] = "eye"
    out[kind == "mouth"] = _mouth_look(template, bound, first[kind == "mouth"])
    skin = kind == "skin"
    local = np.full(len(bound.vertices), 0)
    local[bound.skin] = np.arange(len(bound.skin))
    out[skin] = _material_at(template, bound.attachment.triangle, skin_only=True)[local[first[skin]]]
    for word, look in _LOOKS_BY_NAME.items():
        out[(kind == "follow") & (np.char.find(material, word) >= 0)] = look
    return out


def _material_at(template: Template, triangle: Int[np.ndarray, " N"], *, skin_only: bool) -> np.ndarray:
    """Material of triangles of the template (of its skin alone, in the skin's numbering)."""
    quads = np.full(len(template.topology.quads), "head", dtype="<U16")
    for part in template.parts:
        quads[part.quads] = part.material
    if skin_only:
        inside = np.zeros(len(template.vertices), bool)
        inside[: skin_mesh(template).count] = True
        quads = quads[inside[template.topology.quads].all(axis=1)]
    return quads[triangle // 2]


def _mouth_look(template: Template, bound: BoundMesh, rows: Int[np.ndarray, " N"]) -> np.ndarray:
    """Teeth or gums and tongue, whichever of the template's is nearer to the whole piece."""
    names = ("teeth", "mouth")
    distance = []
    for look in names:
        parts = [p.name for p in template.parts if p.material == look and p.name != "mouth_socket"]
        distance.append(
            cKDTree(bound.registered[template.vertex_mask(*parts)]).query(bound.vertices[rows])[0]
        )
    out = np.empty(len(rows), dtype="<U16")
    for number in np.unique(bound.pieces.number[rows]):
        own = bound.pieces.number[rows] == number
        out[own] = names[int(np.median(distance[0][own]) > np.median(distance[1][own]))]
    return out


def _region(bound: BoundMesh, values: Float[np.ndarray, " V"]) -> Float[np.ndarray, " U"]:
    out = np.zeros(len(bound.vertices))
    near = 1.0 - smoothstep(bound.attachment.distance, 4e-3, 12e-3)
    out[bound.skin] = near * bound.attachment.of(values)
    return out[bound.base.weld]


def _joint_on_mesh(template: Template, bound: BoundMesh, joint: Joint) -> Float[np.ndarray, "3"]:
    """The joint in the registered template, by the skull's motion: the mesh is bound, nobody's yet."""
    face = template.face_vertices()
    return fit_similarity_robust(template.vertices[face], bound.registered[face])[0](joint.position)


def _mirror(bound: BoundMesh) -> Int[np.ndarray, " W"]:
    """The welded vertex nearest to each one's mirror image on the template's midline."""
    return cKDTree(bound.vertices).query(bound.vertices * [-1.0, 1.0, 1.0])[1].astype(np.int64)


def _landmarks(template: Template, bound: BoundMesh, points: SurfacePoints) -> SurfacePoints:
    """The same points on the base mesh, as triangles of its topology."""
    base = bound.base
    hits = ClosestPoint(bound.vertices, base.triangles).query(points.on(bound.registered, template.topology))
    return SurfacePoints(base.triangle_rows[hits.triangle], hits.barycentric)


def _in_file(bound: BoundMesh, welded: Int[np.ndarray, " L"]) -> Int[np.ndarray, " L"]:
    return bound.base.welded_first[welded]
