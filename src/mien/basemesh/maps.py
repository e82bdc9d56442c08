"""Maps read from Mien's tiles into a base mesh's own texture sets, UDIM tiles included."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from mien.anatomy.eyeball import SIDES
from mien.basemesh.attach import normals_of
from mien.basemesh.base_mesh import set_name
from mien.basemesh.bind import BoundMesh
from mien.basemesh.carry import Carried
from mien.basemesh.eye_uvs import eye_uvs, own_eye
from mien.basemesh.head import quad_looks
from mien.basemesh.lashes import lash_albedo
from mien.core.conventions import linear_to_srgb, srgb_to_linear, uv_to_pixel
from mien.core.face import Template
from mien.core.mesh import Image, split_quads
from mien.geometry.closest import ClosestPoint
from mien.geometry.normals import normalized
from mien.geometry.uvspace import Tile, fill_gutter, locate_texels, smooth_gutter

# Looks that take texture from Mien's maps, the template's materials that they take it from, and the
# value of each kind where a material has no map of it.
_SOURCES = {
    "face": ("face", "head", "mouth", "eye_socket"),
    "head": ("face", "head", "mouth", "eye_socket"),
    "mouth": ("mouth",),
    "eye_socket": ("face", "head", "mouth", "eye_socket"),
    "teeth": ("teeth",),
    "eye": ("eye",),
    "lash": ("lash",),
}
_PLAIN: dict[str, tuple[float, ...]] = {
    "albedo": (0.55, 0.30, 0.28), "specular": (0.35,), "roughness": (0.4,), "scatter": (0.5,),
    "displacement": (0.0,), "normal": (0.5, 0.5, 1.0), "confidence": (0.0,), "alpha": (1.0,),
}  # fmt: skip
_SAME_SURFACE = (0.8e-3, 2.5e-3)  # metres between mesh and person: normals of the person ... of the mesh


@dataclass(frozen=True)
class _Hits:
    """Where a texture set's texels lie on the person: material (index into `names`, -1 for none), UV there,
    and the point's frame."""

    names: tuple[str, ...]
    material: Int[np.ndarray, " N"]
    uv: Float[np.ndarray, "N 2"]
    normal: Float[np.ndarray, "N 3"]
    tangent: Float[np.ndarray, "N 3"]
    distance: Float[np.ndarray, " N"]


def carried_maps(
    template: Template,
    bound: BoundMesh,
    carried: Carried,
    head: Float[np.ndarray, "V 3"],
    maps: dict[str, Image],
    resolution: int,
) -> dict[str, Image]:
    """Maps keyed "<texture set>_<kind>", read from `maps` (keyed by the template's materials).

    `head` is the person on the template's topology. Colour is read in linear light. Normals are turned
    into the mesh's own tangent space and hold the difference of the two smooth surfaces too, as a bake
    from a high to a low mesh does. Kinds that none of a set's materials has are left out.
    """
    base = bound.base
    looks = quad_looks(template, bound)
    surfaces = {look: _surface(template, head, sources) for look, sources in _SOURCES.items()}
    frames = _template_tangents(template, head)
    all_normals = normals_of(carried.vertices, base.triangles)
    out: dict[str, Image] = {}
    for index in range(len(base.texture_sets)):
        own = base.quad_set == index
        if not np.isin(looks[own], list(_SOURCES)).any():
            continue
        tile, welded = _split_tile(bound, own, base.texture_sets[index][1], resolution)
        vertices, normals = carried.vertices[welded], all_normals[welded]
        if not len(tile.weights):
            continue
        if (looks[own] == "lash").mean() > 0.5:
            cards = bound.pieces.kind[welded] == "follow"
            if cards.all():
                out[f"{set_name(base, index)}_albedo"] = lash_albedo(bound, tile, welded, cards)
                continue
        hits = _find(template, tile, vertices, normals, looks[own], surfaces, frames)
        _put_eyes(template, bound, head, carried.vertices, tile, welded, hits)
        name = set_name(base, index)
        for kind in _kinds(hits, maps):
            image = _read(kind, hits, maps)
            if kind == "normal":
                image = _turned_normals(tile, vertices, normals, hits, image)
            out[f"{name}_{kind}"] = _finish(tile, image, kind, maps)
    return out


@dataclass(frozen=True)
class _Surface:
    closest: ClosestPoint
    rows: Int[np.ndarray, " T"]


def _surface(template: Template, head: np.ndarray, sources: tuple[str, ...]) -> _Surface | None:
    """The person's surface that some materials cover; None where the template has none of them."""
    quads = np.zeros(len(template.topology.quads), bool)
    for part in template.parts:
        if part.material in sources:
            quads[part.quads] = True
    if not quads.any():
        return None
    rows = np.flatnonzero(np.repeat(quads, 2))
    return _Surface(ClosestPoint(head, template.topology.triangles[rows]), rows)


def _template_tangents(template: Template, head: np.ndarray) -> dict[str, Float[np.ndarray, "V 3"]]:
    """Directions of growing u on the person, per vertex of the template's topology, for each material."""
    out = {}
    for name in dict.fromkeys(part.material for part in template.parts):
        quads = np.zeros(len(template.topology.quads), bool)
        for part in template.parts:
            quads[part.quads] |= part.material == name
        out[name] = locate_texels(template.topology, quads, 4).uv_derivatives(head)[0]
    return out


def _split_tile(
    bound: BoundMesh, own: Bool[np.ndarray, " Q"], number: int, resolution: int
) -> tuple[Tile, Int[np.ndarray, " P"]]:
    """One texture set's texels on vertices that are split at UV seams, and the welded vertex of each."""
    topology = bound.base.topology
    shift = np.array([(number - 1001) % 10, (number - 1001) // 10], float)
    shifted = replace(topology, uvs=topology.uvs - shift)
    tile = locate_texels(shifted, own, resolution)
    corners = np.stack([split_quads(topology.quads[own]), split_quads(topology.quad_uvs[own])], axis=2)
    pairs, inverse = np.unique(corners.reshape(-1, 2), axis=0, return_inverse=True)
    tile = replace(tile, triangles=inverse.reshape(-1, 3), n_vertices=len(pairs))
    return tile, bound.base.weld[pairs[:, 0]]


def _find(
    template: Template,
    tile: Tile,
    vertices: np.ndarray,
    normals: np.ndarray,
    looks: Shaped[np.ndarray, " Q"],
    surfaces: dict[str, _Surface | None],
    tangents: dict[str, np.ndarray],
) -> _Hits:
    """The place on the person nearest to each texel, among the parts that its look reads from."""
    points = tile.at_texels(vertices).astype(np.float64)
    facing = normalized(tile.at_texels(normals).astype(np.float64))
    kinds, of_quad = np.unique(looks, return_inverse=True)
    look = np.repeat(of_quad.ravel(), 2)[tile.texel_triangle]
    n = len(points)
    names = tuple(dict.fromkeys(part.material for part in template.parts))
    hits = _Hits(names, np.full(n, -1), np.zeros((n, 2)), facing.copy(), np.zeros((n, 3)), np.full(n, np.inf))
    materials = np.full(len(template.topology.quads), -1)
    for part in template.parts:
        materials[part.quads] = names.index(part.material)
    for number, kind in enumerate(kinds.tolist()):
        surface = surfaces.get(kind)
        rows = np.flatnonzero(look == number)
        if surface is None or not len(rows):
            continue
        found = surface.closest.query(points[rows])
        triangle, bary = surface.rows[found.triangle], found.barycentric
        uvs = template.topology.uvs[template.topology.triangle_uvs[triangle]]
        hits.material[rows] = materials[triangle // 2]
        hits.uv[rows] = np.einsum("nk,nkd->nd", bary, uvs)
        hits.normal[rows] = surface.closest.normals_at(found)
        corners = template.topology.triangles[triangle]
        for material in np.unique(hits.material[rows]):
            some = hits.material[rows] == material
            along = tangents[names[material]][corners[some]]
            hits.tangent[rows[some]] = np.einsum("nk,nkd->nd", bary[some], along)
        hits.distance[rows] = found.distance
    return hits


def _put_eyes(
    template: Template,
    bound: BoundMesh,
    head: np.ndarray,
    carried: np.ndarray,
    tile: Tile,
    welded: np.ndarray,
    hits: _Hits,
) -> None:
    """Texels of the mesh's own eyes read the eye tile by their direction, not by the nearest place."""
    for side in SIDES:
        rows = np.flatnonzero(own_eye(bound.pieces, side)[welded][tile.corners].all(axis=1))
        if len(rows) and "eye" in hits.names:
            points = tile.at_texels(carried[welded])[rows].astype(np.float64)
            hits.uv[rows] = eye_uvs(template, bound.pieces, head, carried, side, points)
            hits.material[rows] = hits.names.index("eye")


def _kinds(hits: _Hits, maps: dict[str, Image]) -> list[str]:
    """Kinds of map of the material that most texels lie on, in the usual order."""
    counts = np.bincount(hits.material[hits.material >= 0], minlength=len(hits.names)).tolist()
    pairs = [(c, n) for c, n in zip(counts, hits.names, strict=True) if c]
    textured = [(c, n) for c, n in pairs if any(f"{n}_{k}" in maps for k in _PLAIN)]
    if not textured:
        return []
    most = max(textured)[1]
    return [kind for kind in _PLAIN if f"{most}_{kind}" in maps]


def _read(kind: str, hits: _Hits, maps: dict[str, Image]) -> Float[np.ndarray, "N C"]:
    """The map's values at the hits (linear light), bilinear."""
    plain = np.array(_PLAIN[kind], np.float32)
    out = np.tile(plain, (len(hits.uv), 1))
    for number, name in enumerate(hits.names):
        image = maps.get(f"{name}_{kind}")
        rows = np.flatnonzero(hits.material == number)
        if image is None or not len(rows):
            continue
        pixels = np.asarray(image.pixels, np.float32)[..., : len(plain)]
        if image.colour_space == "srgb":
            pixels = srgb_to_linear(pixels).astype(np.float32)
        out[rows] = _bilinear(pixels, hits.uv[rows])
    return out


def _bilinear(pixels: Float[np.ndarray, "H W C"], uv: Float[np.ndarray, "N 2"]) -> Float[np.ndarray, "N C"]:
    """Bilinear with exact weights (OpenCV's are rounded to a 32nd of a texel); clamped at the edges."""
    height, width = pixels.shape[:2]
    x, y = (uv_to_pixel(uv, height, width) - 0.5).T
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    fx, fy = (x - left)[:, None].astype(np.float32), (y - top)[:, None].astype(np.float32)
    upper = pixels[top, left] * (1 - fx) + pixels[top, right] * fx
    lower = pixels[bottom, left] * (1 - fx) + pixels[bottom, right] * fx
    return upper * (1 - fy) + lower * fy


def _turned_normals(
    tile: Tile, vertices: np.ndarray, normals: np.ndarray, hits: _Hits, encoded: Float[np.ndarray, "N 3"]
) -> Float[np.ndarray, "N 3"]:
    """The person's detailed normals in the mesh's tangent space (red along +u, green along +v), 0..1."""
    detail = 2.0 * encoded.astype(np.float64) - 1.0
    smooth = normalized(tile.at_texels(normals).astype(np.float64))
    du, dv = (tile.at_texels(d).astype(np.float64) for d in tile.uv_derivatives(vertices))
    near = np.clip((_SAME_SURFACE[1] - hits.distance) / (_SAME_SURFACE[1] - _SAME_SURFACE[0]), 0.0, 1.0)
    near = near * (np.einsum("nd,nd->n", hits.normal, smooth) > 0.5)
    up = normalized(smooth + near[:, None] * (hits.normal - smooth))
    world = _to_world(detail, up, hits.tangent)
    tangent = normalized(du - smooth * (du * smooth).sum(axis=1, keepdims=True))
    across = np.cross(smooth, tangent)
    across *= np.where((across * dv).sum(axis=1, keepdims=True) < 0, -1.0, 1.0)
    local = np.stack([(world * axis).sum(axis=1) for axis in (tangent, across, smooth)], axis=1)
    local[:, 2] = np.maximum(local[:, 2], 0.05)
    lost = ~tangent.any(axis=1)
    local[lost] = (0.0, 0.0, 1.0)
    return (0.5 + 0.5 * normalized(local)).astype(np.float32)


def _to_world(detail: np.ndarray, normal: np.ndarray, along_u: np.ndarray) -> np.ndarray:
    tangent = normalized(along_u - normal * (along_u * normal).sum(axis=1, keepdims=True))
    across = np.cross(normal, tangent)
    return normalized(detail[:, :1] * tangent + detail[:, 1:2] * across + detail[:, 2:] * normal)


def _finish(tile: Tile, values: Float[np.ndarray, "N C"], kind: str, maps: dict[str, Image]) -> Image:
    """Texels laid into the square, gutters filled, in the kind's own colour space."""
    image = fill_gutter(tile.image(values), tile.covered)
    if kind in ("albedo", "specular", "roughness", "scatter"):
        image = smooth_gutter(image, tile.covered)
    like = next(m for key, m in maps.items() if key.endswith(f"_{kind}"))
    if like.colour_space == "srgb":
        image = linear_to_srgb(image)
    return Image(image.astype(np.float32), like.colour_space, like.unit)
