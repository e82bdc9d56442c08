"""What each point of a subject sees of the light: ray casts with embree."""

from __future__ import annotations

from typing import no_type_check

import numpy as np
from jaxtyping import Bool, Float, Int
from numba import njit

from mien.geometry.normals import normalized
from mien.render.environment import Environment, cone_samples, lookup_levels

RAY_OFFSET = 2.0e-4  # metres along the normal: hides the shadow terminator of flat triangles
_BLURRED_LEVEL = 3.0  # ambient radiance is looked up blurred, so that few rays suffice


class Occluder:
    """Shadow rays against the opaque triangles of one pose (embree)."""

    def __init__(self, vertices: Float[np.ndarray, "V 3"], triangles: Int[np.ndarray, "T 3"]) -> None:
        from embreex import rtcore_scene
        from embreex.mesh_construction import TriangleMesh

        self._scene = rtcore_scene.EmbreeScene()
        corners = np.ascontiguousarray(triangles, np.int32)
        self._mesh = TriangleMesh(self._scene, np.ascontiguousarray(vertices, np.float32), corners)

    def blocked(
        self, origins: Float[np.ndarray, "N 3"], directions: Float[np.ndarray, "N 3"]
    ) -> Bool[np.ndarray, " N"]:
        """True where a ray meets a triangle at any distance."""
        if len(origins) == 0:
            return np.zeros(0, bool)
        o = np.ascontiguousarray(origins, np.float32)
        d = np.ascontiguousarray(directions, np.float32)
        return self._scene.run(o, d, query="OCCLUDED") >= 0

    def visibility(
        self,
        points: Float[np.ndarray, "N 3"],
        normals: Float[np.ndarray, "N 3"],
        direction: Float[np.ndarray, "3"],
        radius: float,
        samples: int,
        wanted: Bool[np.ndarray, " N"] | None = None,
    ) -> Float[np.ndarray, " N"]:
        """The share (0..1) of a round light that each point sees; 0 where it faces away or is not wanted."""
        seen = np.zeros(len(points), np.float32)
        lit = normals @ direction > -0.02
        facing = np.flatnonzero(lit if wanted is None else lit & wanted)
        origins = (points[facing] + RAY_OFFSET * normals[facing]).astype(np.float32)
        spread = cone_samples(direction, radius, 16 * samples).astype(np.float32)
        # Each point takes its own samples of a common spiral: noise instead of banded penumbrae.
        scramble = scrambled(facing, 16)
        for k in range(samples):
            rays = spread[16 * k + scramble]
            seen[facing] += ~self.blocked(origins, rays)
        return seen / samples


def mirror_openness(
    occluder: Occluder,
    points: Float[np.ndarray, "N 3"],
    normals: Float[np.ndarray, "N 3"],
    eye: Float[np.ndarray, "3"],
    samples: int = 3,
    spread: float = 0.35,
) -> Float[np.ndarray, " N"]:
    """The share (0..1) of the directions about each point's reflection that the subject does not hide.

    `spread` is the slope of the cone about the mirrored direction: a rough lobe sees that wide.
    """
    views = normalized(eye - points)
    cosine = np.einsum("nd,nd->n", normals, views)[:, None]
    out = np.ones(len(points), np.float32)
    # What faces away is not drawn, but its triangles may reach round the silhouette.
    near = np.flatnonzero(cosine[:, 0] > -0.3)
    mirrored = 2.0 * np.maximum(cosine[near], 0.0) * normals[near] - views[near]
    origins = points[near] + RAY_OFFSET * normals[near]
    jitter = spread * cone_samples(np.array([0.0, 0.0, 1.0]), np.pi / 4, 8 * samples)
    turn = scrambled(near, 8)
    free = np.zeros(len(near), np.float32)
    for k in range(samples):
        free += ~occluder.blocked(origins, mirrored + jitter[8 * k + turn])
    out[near] = free / samples
    return out


def scrambled(index: np.ndarray, count: int) -> Int[np.ndarray, " N"]:
    """A fixed pseudo-random number below `count` for each index."""
    # The finaliser of splitmix64 (Steele, Lea and Flood 2014).
    x = (index.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((x ^ (x >> np.uint64(31))) % np.uint64(count)).astype(np.int64)


def ambient_light(
    occluder: Occluder,
    points: Float[np.ndarray, "N 3"],
    normals: Float[np.ndarray, "N 3"],
    environment: Environment,
    rays: int,
) -> tuple[Float[np.ndarray, "N 3"], Float[np.ndarray, " N"]]:
    """Shadowing of ambient light at points: the ratio of its irradiance that arrives (RGB), and plain
    ambient occlusion (1 open).

    The ratio is estimated over cosine-distributed rays; multiplied with the exact unshadowed
    irradiance it has far less noise than the rays alone.
    """
    normals = np.ascontiguousarray(normals, np.float32)
    directions = np.empty((rays, len(points), 3), np.float32)
    _cosine_rays(normals, directions)
    origins = (points + RAY_OFFSET * normals).astype(np.float32)
    blocked = np.stack([occluder.blocked(origins, directions[k]) for k in range(rays)])
    ratio = np.empty((len(points), 3), np.float32)
    open_share = np.empty(len(points), np.float32)
    _gather(environment.levels, directions, blocked, ratio, open_share)
    return ratio, open_share


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _cosine_rays(normals, out):
    """Directions about each normal with density cos/pi: a Fibonacci disc, turned for each point."""
    count = out.shape[0]
    for n in range(normals.shape[0]):
        x, y, z = normals[n, 0], normals[n, 1], normals[n, 2]
        # Orthonormal basis without branches: Duff et al., JCGT 6(1), 2017.
        sign = 1.0 if z >= 0.0 else -1.0
        a = -1.0 / (sign + z)
        b = x * y * a
        turn = 6.283185307 * ((n * 0.6180339887498949) % 1.0)
        shift = (n * 0.7548776662466927) % 1.0
        for k in range(count):
            r2 = (k + shift) / count
            r = np.sqrt(r2)
            angle = turn + 2.399963229728653 * k
            u, v, w = r * np.cos(angle), r * np.sin(angle), np.sqrt(1.0 - r2)
            out[k, n, 0] = u * (1.0 + sign * x * x * a) + v * b + w * x
            out[k, n, 1] = u * sign * b + v * (sign + y * y * a) + w * y
            out[k, n, 2] = -u * sign * x - v * y + w * z


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _gather(levels, directions, blocked, ratio, open_share):
    count = directions.shape[0]
    radiance = np.empty(3, np.float32)
    for n in range(directions.shape[1]):
        free = 0
        sr = sg = sb = tr = tg = tb = 1e-9
        for k in range(count):
            d = directions[k, n]
            lookup_levels(levels, d[0], d[1], d[2], _BLURRED_LEVEL, radiance)
            tr += radiance[0]
            tg += radiance[1]
            tb += radiance[2]
            if not blocked[k, n]:
                free += 1
                sr += radiance[0]
                sg += radiance[1]
                sb += radiance[2]
        open_share[n] = free / count
        ratio[n, 0], ratio[n, 1], ratio[n, 2] = sr / tr, sg / tg, sb / tb
