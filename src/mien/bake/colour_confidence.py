"""How far a projected colour can be trusted: 1 measured ... 0 to be filled.

Judged on the mesh, not in the image, so that both tiles agree at their common border.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from jaxtyping import Bool, Float
from scipy import sparse
from scipy.sparse.csgraph import connected_components, dijkstra

from mien.bake.hairline import beyond_face
from mien.bake.project import Projection
from mien.bake.skin_prior import cheek_vertices
from mien.bake.texture_sampling import ColourSource
from mien.core.conventions import linear_to_lab
from mien.core.face import Template
from mien.geometry.closest import ClosestPoint
from mien.geometry.laplacian import cotangent_laplacian, lumped_mass
from mien.geometry.normals import vertex_normals
from mien.geometry.solve import SpdSolver
from mien.geometry.weights import smoothstep

DISTANCE = (0.0025, 0.006)  # metres between head and scan: trusted ... not
AGREEMENT = (0.4, 0.7)  # cosine of the two normals: not ... trusted
BORDER = (0.0015, 0.005)  # metres along the scan from an open edge: not ... trusted
OPENNESS = (0.1, 0.3)  # share of the hemisphere that the head itself leaves open
_SPREAD = 0.004  # metres over which doubt spreads
_NECK_DOUBT = (0.5, 0.9)  # stricter: shadows of collars and light cloth are near skin
_WIDTH_LOW, _WIDTH_HIGH = (26.0, 9.0, 11.0), (30.0, 16.0, 18.0)  # half-widths of skin in CIE Lab
_LIT = 0.4  # weight of more lightness than the skin's where nothing else but skin is
_SHADED = 0.8  # weight of less lightness than the skin's where the form says that it is skin
_SURE_FORM = 0.6  # above, a patch needs no trusted way to the face (ears behind hair)
_BARE, _FOLLOWED = (0.7, 0.98), (0.35, 0.7)  # bareness and confidence of the registration: no proof ... proof
_RAYS = 32
_NEAR = 0.02  # metres within which the head hides itself


@dataclass(frozen=True)
class SkinColour:
    """The person's bare skin in CIE Lab: centre and half-widths of what still counts as skin."""

    centre: Float[np.ndarray, "3"]
    width: Float[np.ndarray, "3"]

    def doubt(self, linear: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, " N"]:
        """0 at the centre, 1 at the edge of what counts as skin."""
        return np.sqrt(
            (((linear_to_lab(np.clip(linear, 0.0, 1.0)) - self.centre) / self.width) ** 2).sum(axis=1)
        )

    def doubt_if_lit(self, linear: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, " N"]:
        """The same where bright skin is expected: light may fall on it as it likes."""
        away = (linear_to_lab(np.clip(linear, 0.0, 1.0)) - self.centre) / self.width
        away[:, 0] *= np.where(away[:, 0] > 0, _LIT, 1.0)
        return np.sqrt((away**2).sum(axis=1))

    def doubt_if_shaded(self, linear: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, " N"]:
        """The same where only skin can be: under more or less light its chroma grows and falls with it."""
        lab = linear_to_lab(np.clip(linear, 0.0, 1.0))
        light = (lab[:, 0] + 16.0) / (self.centre[0] + 16.0)  # a and b go with the cube root of light, too
        away = (lab - self.centre) / self.width
        away[:, 0] *= np.where(away[:, 0] > 0, _LIT, _SHADED)
        away[:, 1:] = (lab[:, 1:] - np.minimum(light, 1.2)[:, None] * self.centre[1:]) / self.width[1:]
        return np.sqrt((away**2).sum(axis=1))

    def doubt_if_dark(self, lab: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, " N"]:
        """The same where anything from this skin down to black will do: hairs, lips, lashes, shadow."""
        hue = self.centre[1:]
        along = np.clip(lab[:, 1:] @ hue / max(float(hue @ hue), 1.0), 0.0, 1.6)
        off_hue = (lab[:, 1:] - along[:, None] * hue) / (1.5 * self.width[1:])
        lighter = np.maximum(lab[:, 0] - self.centre[0], 0.0) / self.width[0]
        return np.sqrt((off_hue**2).sum(axis=1) + lighter**2)


def geometric_trust(surface: ClosestPoint, source: ColourSource, hit: Projection) -> Float[np.ndarray, " N"]:
    """From distance, normals, open borders and grazing sight; 0 where nothing was hit."""
    corner_border = _border_distance(surface)[surface.triangles[hit.triangle]]
    border = np.einsum("nk,nk->n", hit.barycentric, corner_border)
    trust = (
        (1.0 - smoothstep(np.abs(hit.offset), *DISTANCE))
        * smoothstep(hit.agreement, *AGREEMENT)
        * smoothstep(border, *BORDER)
        * source.well_seen(hit.triangle, hit.barycentric)
    )
    return np.where(hit.triangle >= 0, trust, 0.0).astype(np.float32)


_BORDERS: WeakKeyDictionary[ClosestPoint, np.ndarray] = WeakKeyDictionary()


def _border_distance(surface: ClosestPoint) -> Float[np.ndarray, " V"]:
    if surface not in _BORDERS:
        _BORDERS[surface] = scan_border_distance(surface)
    return _BORDERS[surface]


def scan_border_distance(surface: ClosestPoint) -> Float[np.ndarray, " V"]:
    """Metres along edges from each scan vertex to the nearest open border (BORDER[1] at most)."""
    border = np.flatnonzero(surface.border_vertices)
    limit = BORDER[1]
    if len(border) == 0:
        return np.full(len(surface.vertices), limit, np.float32)
    pairs = surface.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    length = np.linalg.norm(surface.vertices[pairs[:, 0]] - surface.vertices[pairs[:, 1]], axis=1)
    graph = sparse.csr_matrix((np.maximum(length, 1e-9), pairs.T), shape=(len(surface.vertices),) * 2)
    graph = graph.maximum(graph.T)
    distance = dijkstra(graph, directed=False, indices=border, limit=limit, min_only=True)
    return np.minimum(distance, limit).astype(np.float32)


def openness(template: Template, vertices: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, " V"]:
    """Share of the hemisphere over each skin vertex that the skin itself leaves open within 20 mm.

    Cosine-weighted; near 0 inside nostrils and mouth. Eyes, teeth and shells do not count: they are not
    placed yet when colour is baked.
    """
    from embreex import rtcore_scene
    from embreex.mesh_construction import TriangleMesh

    scene = rtcore_scene.EmbreeScene()
    triangles = template.topology.triangles
    solid = np.repeat(_quads_of(template, *(p.name for p in template.parts if _is_skin(p.name))), 2)
    TriangleMesh(scene, vertices[triangles[solid]].astype(np.float32))
    skin = np.flatnonzero(template.vertex_mask("face", "head"))
    normals = vertex_normals(vertices, triangles)[skin]
    directions = _hemisphere(normals)
    origins = np.repeat(vertices[skin] + 2e-4 * normals, _RAYS, axis=0)
    found = scene.run(
        origins.astype(np.float32), directions.astype(np.float32), query="INTERSECT", output=True
    )
    hidden = (found["primID"] >= 0) & (found["tfar"] < _NEAR)
    out = np.ones(len(vertices))
    out[skin] = 1.0 - hidden.reshape(-1, _RAYS).mean(axis=1)
    return out


def _hemisphere(normals: np.ndarray) -> np.ndarray:
    """The same cosine-weighted Fibonacci directions about every normal."""
    n = np.arange(_RAYS) + 0.5
    radius, angle = np.sqrt(n / _RAYS), n * np.pi * (3 - np.sqrt(5))
    local = np.stack([radius * np.cos(angle), radius * np.sin(angle), np.sqrt(1 - n / _RAYS)], axis=1)
    helper = np.where(np.abs(normals[:, :1]) < 0.9, [[1.0, 0, 0]], [[0, 1.0, 0]])
    tangent = np.cross(helper, normals)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    frame = np.stack([tangent, np.cross(normals, tangent), normals], axis=1)
    return np.einsum("rk,vkd->vrd", local, frame).reshape(-1, 3)


def skin_colour(
    template: Template, linear: Float[np.ndarray, "V 3"], known: Bool[np.ndarray, " V"]
) -> SkinColour:
    """Robust centre and spread over the middle of the face (eyes, brows and lips left out)."""
    core = bare_core(template) & known
    if core.sum() < 20:
        core = cheek_vertices(template) & known
    if core.sum() < 3:
        core = known
    lab = linear_to_lab(np.clip(linear[core], 0.0, 1.0))
    centre = np.median(lab, axis=0)
    spread = 1.4826 * np.median(np.abs(lab - centre), axis=0)
    return SkinColour(centre, np.clip(4.0 * spread, _WIDTH_LOW, _WIDTH_HIGH))


def bare_core(template: Template) -> Bool[np.ndarray, " V"]:
    """Cheeks, bridge of the nose and the lower forehead."""
    points = template.landmarks.on(template.vertices, template.topology)
    out = cheek_vertices(template)
    face = template.vertex_mask("face")
    eye_span = np.linalg.norm(points[36] - points[45])
    forehead = points[27] + [0.0, 0.42 * eye_span, 0.0]
    for middle, radius in ((forehead, 0.18 * eye_span), (points[28], 0.1 * eye_span)):
        nearest = template.vertices[np.linalg.norm(template.vertices - middle, axis=1).argmin()]
        out |= np.linalg.norm(template.vertices - nearest, axis=1) < radius
    return out & face


def sure_form(
    template: Template, bare: Float[np.ndarray, " V"] | None, confidence: Float[np.ndarray, " V"] | None
) -> Float[np.ndarray, " V"] | None:
    """1 where the registration found bare skin and followed it; 0 on the scalp, where cropped hair has the
    form of skin too. None where it says nothing."""
    if bare is None or confidence is None:
        return None
    scalp = smoothstep(_region(template, "scalp"), 0.2, 0.8)
    return smoothstep(bare, *_BARE) * smoothstep(confidence, *_FOLLOWED) * (1.0 - scalp)


def hairy_zone(template: Template) -> Float[np.ndarray, " V"]:
    """1 where what is darker than skin belongs to the face and is kept: brows, eyes, nostrils, lips."""
    points = template.landmarks.on(template.vertices, template.topology)
    span = float(np.linalg.norm(points[36] - points[45]))
    away = np.linalg.norm(template.vertices[:, None, :] - points[None, 17:68], axis=2).min(axis=1)
    return 1.0 - smoothstep(away, 0.14 * span, 0.24 * span)


def _light_as_the_chin(
    template: Template, lightness: np.ndarray, known: np.ndarray
) -> Float[np.ndarray, " V"]:
    """1 where the beard is not much darker (CIE L) than at the chin, so that hair is no beard."""
    chin = known & (np.minimum(_region(template, "beard"), _region(template, "chin")) > 0.3)
    if not chin.any():
        return np.ones(len(lightness))
    floor = float(np.median(lightness[chin]))
    return smoothstep(lightness, floor - 24.0, floor - 14.0)


def _region(template: Template, name: str) -> Float[np.ndarray, " V"]:
    return template.regions.get(name, np.zeros(len(template.vertices)))


def colour_trust(
    template: Template,
    linear: Float[np.ndarray, "V 3"],
    known: Bool[np.ndarray, " V"],
    confidence: Float[np.ndarray, " V"] | None = None,
    form: Float[np.ndarray, " V"] | None = None,
) -> Float[np.ndarray, " V"]:
    """Falls to 0 where the colour is not this person's skin: hair, clothes, background.

    Where the registration doubts its own shape (`confidence`), only the plainest skin is believed; where
    its `form` is surely skin's, shade and stubble are.
    """
    skin = skin_colour(template, linear, known)
    safe = np.where(known[:, None], linear, 0.2)
    doubt = skin.doubt(safe)
    trust = 1.0 - smoothstep(doubt, 0.8, 1.25)
    lab = linear_to_lab(np.clip(safe, 0.0, 1.0))
    dark = 1.0 - smoothstep(skin.doubt_if_dark(lab), 0.9, 1.4)
    beard = dark * _light_as_the_chin(template, lab[:, 0], known)
    lit = 1.0 - smoothstep(skin.doubt_if_lit(safe), 0.8, 1.25)
    sure = np.zeros(len(trust)) if form is None else form
    shaded = 1.0 - smoothstep(skin.doubt_if_shaded(safe), 1.0, 1.5)
    zones = (
        (hairy_zone(template), dark),
        (_region(template, "beard"), beard),
        (1.0 - beyond_face(template), lit),
        (sure, shaded),
    )
    trust = np.maximum(trust, np.maximum.reduce([zone * kept for zone, kept in zones]))
    neck = _region(template, "neck")  # where collars are
    trust *= 1.0 - neck * (1.0 - sure * shaded) * smoothstep(doubt, *_NECK_DOUBT)
    if confidence is not None:
        trust *= 1.0 - (1.0 - smoothstep(confidence, 0.1, 0.6)) * smoothstep(doubt, 0.35, 0.7)
    return np.where(known, trust, 0.0)


def grow_from_face(
    template: Template,
    vertices: Float[np.ndarray, "V 3"],
    trust: Float[np.ndarray, " V"],
    form: Float[np.ndarray, " V"] | None = None,
) -> Float[np.ndarray, " V"]:
    """Keeps the trusted patch that holds the face, and what has surely skin's `form`; lets their doubt spread
    a few millimetres inward."""
    skin = skin_index(template)
    triangles = skin_triangles(template)
    local = trust[skin]
    good = local > 0.5
    edges = triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    edges = edges[good[edges].all(axis=1)]
    graph = sparse.csr_matrix((np.ones(len(edges)), edges.T), shape=(len(skin),) * 2)
    _, label = connected_components(graph, directed=False)
    core = np.isin(skin, np.flatnonzero(bare_core(template))) & good
    if core.any():
        kept = label == np.bincount(label[core]).argmax()
        if form is not None:
            kept |= form[skin] > _SURE_FORM
        local = np.where(kept, local, np.minimum(local, 0.0))
    spread = diffuse(vertices[skin], triangles, local, _SPREAD)
    out = np.zeros(len(trust))
    out[skin] = np.minimum(local, smoothstep(spread, 0.45, 0.9))
    return out


def diffuse(
    vertices: Float[np.ndarray, "V 3"], triangles: np.ndarray, values: np.ndarray, radius: float
) -> np.ndarray:
    """Average over about `radius` metres along the surface (one implicit heat step)."""
    mass = np.maximum(lumped_mass(vertices, triangles), 1e-12)
    stiffness = cotangent_laplacian(vertices, triangles, max_cotangent=5.0)
    solver = SpdSolver(sparse.diags(mass) + radius**2 * stiffness)
    return solver.solve((mass * values.T).T)


def skin_index(template: Template) -> np.ndarray:
    """Vertices that the quads of face and head use, ascending."""
    return np.unique(template.topology.quads[_quads_of(template, "face", "head")])


def skin_triangles(template: Template) -> np.ndarray:
    """Triangles of face and head in the numbers of `skin_index`."""
    chosen = np.repeat(_quads_of(template, "face", "head"), 2)
    return np.searchsorted(skin_index(template), template.topology.triangles[chosen])


def _is_skin(part: str) -> bool:
    return part in ("face", "head") or "socket" in part


def _quads_of(template: Template, *parts: str) -> np.ndarray:
    mask = np.zeros(len(template.topology.quads), bool)
    for name in parts:
        mask[template.part(name).quads] = True
    return mask
