"""From the registered surface to the scan: rays along the normal, both ways, for every texel."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from jaxtyping import Float, Int

from mien.geometry.closest import ClosestPoint
from mien.geometry.normals import normalized

REACH = 0.008  # metres: beyond this the head does not follow the scan
MAX_CLOSEST_POINTS = 60_000
AGREEING = 0.35  # cosine between the two surfaces' normals


@dataclass(frozen=True)
class Projection:
    """Per query point: the scan triangle hit (-1 where none) and where on it.

    `offset` is the signed way along the normal in metres, outward positive; `agreement` is the cosine
    between the surface's and the scan's normals. Both are 0 where nothing was hit.
    """

    triangle: Int[np.ndarray, " N"]
    barycentric: Float[np.ndarray, "N 3"]
    offset: Float[np.ndarray, " N"]
    agreement: Float[np.ndarray, " N"]


def project_along_normals(
    surface: ClosestPoint,
    points: Float[np.ndarray, "N 3"],
    normals: Float[np.ndarray, "N 3"],
    reach: float = REACH,
    *,
    rays_only: bool = False,
) -> Projection:
    """The nearer of the two hits along +normal and -normal whose own normal agrees.

    Rays keep neighbouring texels neighbours on the scan (closest points collapse in creases); closest
    points serve only where both rays miss though the scan is near, and not with `rays_only`, which spares
    the tree.
    """
    tracer = _tracer_of(surface)
    ahead, behind = tracer.cast(points, normals, 1.0), tracer.cast(points, normals, -1.0)
    nearer = np.abs(ahead.offset) <= np.abs(behind.offset)
    out = _pick(nearer, ahead, behind)
    out.agreement[:] = _agreement(surface, out, normals)
    second = np.flatnonzero(~_good(out, reach))
    other = _rows(_pick(nearer, behind, ahead), second)
    other.agreement[:] = _agreement(surface, other, normals[second])
    _put(out, second, other, reach)
    lost = np.flatnonzero(~_good(out, reach))
    if 0 < len(lost) <= MAX_CLOSEST_POINTS and not rays_only:
        _put(out, lost, _by_closest_point(surface, points[lost], normals[lost]), reach)
    bad = ~_good(out, reach)
    out.triangle[bad] = -1
    out.offset[bad] = 0.0
    out.agreement[bad] = 0.0
    return out


_TRACERS: WeakKeyDictionary[ClosestPoint, _Tracer] = WeakKeyDictionary()


def _tracer_of(surface: ClosestPoint) -> _Tracer:
    """Built once for each surface: with millions of triangles that takes seconds."""
    if surface not in _TRACERS:
        _TRACERS[surface] = _Tracer(surface)
    return _TRACERS[surface]


class _Tracer:
    """Embree over one mesh. Deterministic: single-threaded, robust float32 intersection."""

    def __init__(self, surface: ClosestPoint) -> None:
        from embreex import rtcore_scene
        from embreex.mesh_construction import TriangleMesh

        self._scene = rtcore_scene.EmbreeScene()
        corners = surface.vertices[surface.triangles].astype(np.float32)
        self._mesh = TriangleMesh(self._scene, corners)

    def cast(self, points: np.ndarray, normals: np.ndarray, sign: float) -> Projection:
        back = 2e-5  # start a little behind, so that a surface that coincides is hit
        origins = (points - sign * back * normals).astype(np.float32)
        directions = (sign * normals).astype(np.float32)
        found = self._scene.run(origins, directions, query="INTERSECT", output=True)
        triangle = found["primID"].astype(np.int64)
        hit = triangle >= 0  # embree leaves garbage where it hits nothing
        u, v = (np.where(hit, found[key], 0.0).astype(np.float32) for key in ("u", "v"))
        barycentric = np.stack([1 - u - v, u, v], axis=1)
        offset = np.where(hit, sign * (found["tfar"] - back), np.inf).astype(np.float32)
        return Projection(triangle, barycentric, offset, np.zeros(len(points), np.float32))


def _agreement(surface: ClosestPoint, hit: Projection, normals: np.ndarray) -> np.ndarray:
    corner_normals = surface.normals.astype(np.float32)[surface.triangles[hit.triangle]]
    smooth = normalized(np.einsum("nk,nkd->nd", hit.barycentric, corner_normals))
    return np.where(hit.triangle >= 0, np.einsum("nd,nd->n", smooth, normals), 0.0).astype(np.float32)


def _good(hit: Projection, reach: float) -> np.ndarray:
    return (hit.triangle >= 0) & (np.abs(hit.offset) <= reach) & (hit.agreement > AGREEING)


def _pick(first: np.ndarray, a: Projection, b: Projection) -> Projection:
    return Projection(
        np.where(first, a.triangle, b.triangle),
        np.where(first[:, None], a.barycentric, b.barycentric),
        np.where(first, a.offset, b.offset),
        np.zeros(len(first), np.float32),
    )


def _rows(hit: Projection, rows: np.ndarray) -> Projection:
    return Projection(hit.triangle[rows], hit.barycentric[rows], hit.offset[rows], hit.agreement[rows])


def _by_closest_point(surface: ClosestPoint, points: np.ndarray, normals: np.ndarray) -> Projection:
    hits = surface.query(points)
    smooth = surface.normals_at(hits)
    side = np.sign(np.einsum("nd,nd->n", hits.points - points, normals))
    agreement = np.einsum("nd,nd->n", smooth, normals)
    triangle = np.where(surface.on_border(hits), -1, hits.triangle)
    return Projection(triangle, hits.barycentric, side * hits.distance, agreement)


def _put(out: Projection, rows: np.ndarray, found: Projection, reach: float) -> None:
    use = _good(found, reach)
    for name in ("triangle", "barycentric", "offset", "agreement"):
        getattr(out, name)[rows[use]] = getattr(found, name)[use]
