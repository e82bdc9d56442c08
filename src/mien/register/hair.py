"""Where the scan shows skin, and where hair, a beard, clothes or something else lies in front of it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy import sparse
from scipy.spatial import cKDTree

from mien.core.face import Registration, Template
from mien.core.mesh import Scan
from mien.geometry.normals import vertex_normals
from mien.geometry.solve import SpdSolver
from mien.geometry.weights import smoothstep
from mien.register.fitted_skin import FittedSkin, template_skin
from mien.register.scan_surface import Pairs, ScanSurface, neighbour_average, pair
from mien.scan.mask import UNDECIDED

# Chosen by eye, lengths at the template's size:
FACE_ALLOWANCE = 0.015  # metres the scan may lie off the linear fit where no hair grows
HAIR_ALLOWANCE = 0.006  # metres it may lie outside it where hair may be, without colour to tell
OTHER_ALLOWANCE = 0.004  # the same where the colour is not the face's
INNER_RADIUS, OUTER_RADIUS = 0.065, 0.095  # metres from the middle of the face: no hair ... hair may be
SPREAD = 0.006  # metres over which doubt spreads to the neighbourhood
BEARD = (0.15, 0.45)  # of `hairlike`, over `SPREAD`: none ... surely a beard
FAIR_HAIR = 0.5  # how hairy rough surface of the skin's own colour is
NEIGHBOUR = 0.04  # metres: scan farther than this from every vertex of the head is off it
BESIDE = 0.008  # metres along the surface beyond the head's last vertex: from there on it is shoulders
SPECK = 0.004  # metres: what a mask says is what most of this neighbourhood says
CLOTH = (0.4, 0.7)  # of another colour than skin, over `SPREAD`, on the neck: none ... surely cloth
FOLLOWED = 0.004  # metres between scan and head, above which the head does not follow
ISLAND = 0.025  # metres: what looks like skin within hair of this width is a parting or a gap between strands


def bareness(
    template: Template, skin: FittedSkin, surface: ScanSurface, head: Float[np.ndarray, "S 3"], size: float
) -> Float[np.ndarray, " S"]:
    """1 where the scan follows the linear fit as skin would, 0 where it is hair or cloth; the user's mask,
    where it says either, decides.

    Hair lies outside the head, is rough and often of another colour; skin is none of that. All this
    only counts away from the middle of the face, where no hair grows and the fit may be wrong by more.
    Doubt spreads a few millimetres, so that the foot of a strand does not lift the skin, and takes islands
    of seeming skin with it. Beards are told apart by `hairlike`. `size` scales all lengths with the head.
    """
    normals = vertex_normals(head, skin.triangles)
    pairs = pair(surface, head, normals, reach=0.03 * size, min_cosine=-0.5)
    outside = np.einsum("sd,sd->s", pairs.hits.points - head, normals)
    outer = outer_zone(template, skin, neck=surface.skinlike is not None)
    hair_allowance = HAIR_ALLOWANCE * np.ones(skin.n)
    if surface.skinlike is not None:
        like = surface.closest.interpolate(pairs.hits, surface.skinlike)
        hair_allowance = OTHER_ALLOWANCE + (FACE_ALLOWANCE - OTHER_ALLOWANCE) * like
    allowed_out = FACE_ALLOWANCE + (hair_allowance - FACE_ALLOWANCE) * outer
    allowed = size * np.where(outside > 0, allowed_out, FACE_ALLOWANCE)
    rough = 1.0 - surface.closest.interpolate(pairs.hits, surface.smooth)
    rough *= outer * (1.0 - ear_zone(template, skin))
    bare = (1.0 - smoothstep(np.abs(outside) / allowed, 0.6, 1.0)) * (1.0 - rough)
    weight = np.maximum(pairs.weight, 1e-3)
    near = smoothstep(_diffused(skin, bare, weight, size * SPREAD), 0.45, 0.85)
    around = smoothstep(_diffused(skin, bare, weight, size * ISLAND), 0.4, 0.8)
    bare *= 1.0 - outer * (1.0 - near * around)
    bare *= 1.0 - _beard(template, skin, surface, pairs, size)
    if surface.skinlike is not None:
        bare *= 1.0 - _cloth(template, skin, 1.0 - like, weight, size)
    return np.maximum(bare * surface.followed(pairs.hits), surface.asked_for(pairs.hits))


def _beard(
    template: Template, skin: FittedSkin, surface: ScanSurface, pairs: Pairs, size: float
) -> Float[np.ndarray, " S"]:
    """1 where a beard stands off the skin; stubble that only shows in colour is skin."""
    hairy = surface.closest.interpolate(pairs.hits, hairlike(surface))
    weight = np.maximum(pairs.weight, 1e-3)
    return beard_zone(template, skin) * smoothstep(_diffused(skin, hairy, weight, size * SPREAD), *BEARD)


def _cloth(
    template: Template, skin: FittedSkin, unlike: np.ndarray, weight: np.ndarray, size: float
) -> Float[np.ndarray, " S"]:
    """1 on the neck where the colour is not the skin's: a collar may lie as close as a neck."""
    neck = outer_zone(template, skin, neck=True) - outer_zone(template, skin)
    zone = smoothstep(neck, 0.3, 0.7) * (1.0 - beard_zone(template, skin))
    return zone * smoothstep(_diffused(skin, unlike, weight, size * SPREAD), *CLOTH)


def hairlike(surface: ScanSurface) -> Float[np.ndarray, " N"]:
    """Per scan vertex 1 where its normals scatter as hair's do.

    Noise and coarse triangles scatter all of a scan: the bounds rise with what is usual on this face. Where
    the colour is not the skin's less is needed; smooth dark surface is stubble or a lip. Hair of the skin's
    own colour, in doubt bad skin, counts `FAIR_HAIR`.
    """
    assert surface.scatter is not None
    usual = surface.usual_scatter
    rough = smoothstep(surface.scatter, 0.03 + 1.5 * usual, 0.06 + 2.0 * usual)
    if surface.skinlike is None:
        return rough
    dark = smoothstep(surface.scatter, 0.015 + 0.5 * usual, 0.035 + usual)
    return dark * (1.0 - surface.skinlike) + FAIR_HAIR * rough * surface.skinlike


def beard_zone(template: Template, skin: FittedSkin) -> Float[np.ndarray, " S"]:
    """1 where beards grow: cheeks, jaw, chin and upper lip, without the lips themselves."""
    regions = template.regions
    if "beard" not in regions:
        return np.zeros(skin.n)
    lips = regions.get("lips", np.zeros(len(regions["beard"])))
    return smoothstep(skin.of(regions["beard"] * (1.0 - lips)), 0.1, 0.5)


def scan_bareness(template: Template, registration: Registration, scan: Scan) -> Float[np.ndarray, " N"]:
    """Per scan vertex, a mask: 1 where the registration followed it as skin, 0 on hair and cloth over the
    head; a half off the head, and where it shows skin but did not follow (in the mouth, lids, nostrils).
    """
    assert registration.bare is not None
    skin, size = template_skin(template), registration.report["scale"]
    seen = skin.measured > 0.05
    head = registration.vertices[skin.index]
    distance, nearest = cKDTree(head[seen]).query(scan.vertices, distance_upper_bound=NEIGHBOUR * size)
    found = np.flatnonzero(np.isfinite(distance))
    at = np.flatnonzero(seen)[nearest[found]]
    normals = vertex_normals(head, skin.triangles)[at]
    height = np.einsum("nd,nd->n", scan.vertices[found] - head[at], normals)
    beside = np.sqrt(np.maximum(distance[found] ** 2 - height**2, 0.0))
    followed = np.where(np.abs(height) < FOLLOWED * size, 1.0, UNDECIDED)
    value = np.where(registration.bare[skin.index][at] > 0.5, followed, 0.0)
    out = np.full(len(scan.vertices), UNDECIDED)
    out[found] = np.where(beside < BESIDE * size, value, UNDECIDED)
    return _without_specks(scan, out, SPECK * size)


def _without_specks(scan: Scan, values: np.ndarray, radius: float) -> np.ndarray:
    """What most of the neighbourhood says: each of the three values averaged over about `radius` (metres)."""
    average, rounds = neighbour_average(scan.vertices, scan.triangles, radius)
    kinds = np.array([UNDECIDED, 0.0, 1.0])
    share = (values[:, None] == kinds).astype(np.float64)
    for _ in range(rounds):
        share = average @ share
    return kinds[np.argmax(share, axis=1)]


def outer_zone(template: Template, skin: FittedSkin, *, neck: bool = False) -> Float[np.ndarray, " S"]:
    """0 on the face, 1 where hair may be: scalp, temples and ears.

    With `neck` also below the jaw, where locks and collars lie: only colour tells them from a neck.
    """
    landmarks = template.landmarks.on(template.vertices, template.topology)
    away = np.linalg.norm(skin.rest - landmarks[27:].mean(axis=0), axis=1)
    far = smoothstep(away, INNER_RADIUS, OUTER_RADIUS)
    if neck:
        return far
    jaw_height = landmarks[[4, 12], 1].mean()
    return far * smoothstep(skin.rest[:, 1] - jaw_height, -0.015, 0.015)


def ear_zone(template: Template, skin: FittedSkin) -> Float[np.ndarray, " S"]:
    """1 on the ears, which are rough by nature. A template without such regions has none."""
    regions = [template.regions[name] for name in ("ear_left", "ear_right") if name in template.regions]
    return skin.of(np.max(regions, axis=0)) if regions else np.zeros(skin.n)


def _diffused(skin: FittedSkin, values: np.ndarray, weight: np.ndarray, radius: float) -> np.ndarray:
    """Weighted average over about `radius` along the surface."""
    mass = skin.mass * weight
    solver = SpdSolver(sparse.diags(skin.mass) + radius**2 * skin.stiffness)
    return solver.solve(mass * values) / np.maximum(solver.solve(mass), 1e-12)
