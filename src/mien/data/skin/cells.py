"""Noise in space, read on the surface: it knows no UV, so it is even in millimetres and has no seams.

The numba kernels are the fast path; the `_plain` functions are their slow, obvious twins.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np
from jaxtyping import Float
from numba import njit, prange


def cell_noise(
    points: Float[np.ndarray, "N 3"], size: float, seed: int
) -> tuple[Float[np.ndarray, " N"], Float[np.ndarray, " N"]]:
    """Worley's F1 and F2 (1996): distance to the nearest and next of one random point a cell of edge `size`.

    Distances are in cells. `points` and `size` have one unit; the seed chooses the pattern.
    """
    first, second = np.empty(len(points), np.float32), np.empty(len(points), np.float32)
    _cells(np.ascontiguousarray(points, np.float32), np.float32(1.0 / size), seed, first, second)
    return first, second


def cell_noise_plain(
    points: Float[np.ndarray, "N 3"], size: float, seed: int
) -> tuple[Float[np.ndarray, " N"], Float[np.ndarray, " N"]]:
    """`cell_noise`, all 27 cells round each point at once."""
    at = np.asarray(points, np.float32) * np.float32(1.0 / size)
    cell = np.floor(at).astype(np.int64)
    near = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), -1).reshape(-1, 3)
    which = cell[:, None] + near
    jitter = np.stack(
        [
            np.vectorize(lambda x, y, z, k=k: _hash.py_func(x, y, z, seed, k))(*np.moveaxis(which, -1, 0))
            for k in range(3)
        ],
        axis=-1,
    )
    distance = np.sort(np.linalg.norm(which + jitter - at[:, None], axis=-1), axis=1)
    return distance[:, 0].astype(np.float32), distance[:, 1].astype(np.float32)


@njit(cache=True, inline="always")
@no_type_check
def _hash(x, y, z, seed, k):
    """0..1 from three cell numbers, a seed and a channel; a few rounds of integer mixing."""
    h = (x * 73856093) ^ (y * 19349663) ^ (z * 83492791) ^ (seed * 2654435761 + k * 97531)
    h &= 0xFFFFFFFF
    h = ((h ^ (h >> 16)) * 0x45D9F3B) & 0xFFFFFFFF
    h = ((h ^ (h >> 16)) * 0x45D9F3B) & 0xFFFFFFFF
    h = h ^ (h >> 16)
    return h / 4294967296.0


# The 27 cells round a point, its own first: what is found early spares looking further.
_NEAR = np.array(
    sorted(
        ((a, b, c) for a in (-1, 0, 1) for b in (-1, 0, 1) for c in (-1, 0, 1)),
        key=lambda o: sum(map(abs, o)),
    )
)


@njit(cache=True, parallel=True)
@no_type_check
def _cells(points, scale, seed, first, second):
    for n in prange(points.shape[0]):
        x, y, z = points[n, 0] * scale, points[n, 1] * scale, points[n, 2] * scale
        i, j, k = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
        near, next_near = np.float32(9.0), np.float32(9.0)
        for o in range(27):
            a, b, c = i + _NEAR[o, 0], j + _NEAR[o, 1], k + _NEAR[o, 2]
            gx, gy, gz = (
                max(a - x, x - a - 1.0, 0.0),
                max(b - y, y - b - 1.0, 0.0),
                max(c - z, z - c - 1.0, 0.0),
            )
            if gx * gx + gy * gy + gz * gz >= next_near:
                continue
            dx = a + _hash(a, b, c, seed, 0) - x
            dy = b + _hash(a, b, c, seed, 1) - y
            dz = c + _hash(a, b, c, seed, 2) - z
            d = dx * dx + dy * dy + dz * dz
            if d < near:
                next_near = near
                near = d
            elif d < next_near:
                next_near = d
        first[n], second[n] = np.sqrt(near), np.sqrt(next_near)
