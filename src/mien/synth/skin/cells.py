"""Noise in space, read on the surface: it knows no UV, so it is even in millimetres and has no seams.

The numba kernel is the fast path; `cell_noise_plain` is its slow, obvious twin.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np
from jaxtyping import Float
from numba import njit


def cell_noise(
    places: Float[np.ndarray, "H W 3"], size: float, seed: int, resolution: int | None = None
) -> tuple[Float[np.ndarray, "R C"], Float[np.ndarray, "R C"]]:
    """Worley's F1 and F2 (1996): distance to the nearest and next of one random point a cell of edge `size`.

    Distances are in cells. `places` and `size` have one unit; the seed chooses the pattern. With
    `resolution`, a square of places is read between its texels, at that many a side.
    """
    shape = places.shape[:2] if resolution is None else (resolution, resolution)
    first, second = np.empty(shape, np.float32), np.empty(shape, np.float32)
    _cells(np.ascontiguousarray(places / size, np.float32), seed, first, second)
    return first, second


def cell_noise_plain(
    points: Float[np.ndarray, "N 3"], size: float, seed: int
) -> tuple[Float[np.ndarray, " N"], Float[np.ndarray, " N"]]:
    """`cell_noise` at points, all 27 cells round each at once."""
    at = np.asarray(points / size, np.float32)
    cell = np.floor(at).astype(np.int64)
    near = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), -1).reshape(-1, 3)
    which = cell[:, None] + near
    mixed = np.vectorize(lambda x, y, z: _hash.py_func(x, y, z, seed))(*np.moveaxis(which, -1, 0))
    jitter = np.stack([(mixed & 2047) / 2048, (mixed >> 11 & 2047) / 2048, (mixed >> 22) / 1024], axis=-1)
    distance = np.sort(np.linalg.norm(which + jitter - at[:, None], axis=-1), axis=1)
    return distance[:, 0].astype(np.float32), distance[:, 1].astype(np.float32)


@njit(cache=True, inline="always")
@no_type_check
def _hash(x, y, z, seed):
    """32 bits from three cell numbers and a seed; a few rounds of integer mixing."""
    h = (x * 73856093) ^ (y * 19349663) ^ (z * 83492791) ^ (seed * 2654435761)
    h &= 0xFFFFFFFF
    h = ((h ^ (h >> 16)) * 0x45D9F3B) & 0xFFFFFFFF
    h = ((h ^ (h >> 16)) * 0x45D9F3B) & 0xFFFFFFFF
    return h ^ (h >> 16)


@njit(cache=True)
@no_type_check
def _points_round(i, j, k, seed, near):
    """The random points of a cell and of the 26 round it, from the cell's low corner."""
    o = 0
    for a in range(-1, 2):
        for b in range(-1, 2):
            for c in range(-1, 2):
                h = _hash(i + a, j + b, k + c, seed)
                near[0, o] = a + (h & 2047) * np.float32(1 / 2048)
                near[1, o] = b + (h >> 11 & 2047) * np.float32(1 / 2048)
                near[2, o] = c + (h >> 22) * np.float32(1 / 1024)
                o += 1


@njit(cache=True, nogil=True)
@no_type_check
def _cells(places, seed, first, second):
    """Neighbours in a row mostly share a cell: the points round it are drawn once for all of them."""
    rows, columns = places.shape[0], places.shape[1]
    near = np.empty((3, 27), np.float32)
    away = np.empty(28, np.float32)
    away[27] = np.float32(99.0)
    at = np.empty(3, np.float32)
    one = np.float32(1.0)
    i, j, k = 1 << 40, 0, 0
    for y in range(first.shape[0]):
        v = min(max((y + 0.5) * rows / first.shape[0] - 0.5, 0.0), rows - 1.0)
        r = min(int(v), max(rows - 2, 0))
        below, v = min(r + 1, rows - 1), np.float32(v - r)
        for x in range(first.shape[1]):
            u = min(max((x + 0.5) * columns / first.shape[1] - 0.5, 0.0), columns - 1.0)
            c = min(int(u), max(columns - 2, 0))
            beside, u = min(c + 1, columns - 1), np.float32(u - c)
            for d in range(3):
                upper = (one - u) * places[r, c, d] + u * places[r, beside, d]
                lower = (one - u) * places[below, c, d] + u * places[below, beside, d]
                at[d] = (one - v) * upper + v * lower
            a, b, e = int(np.floor(at[0])), int(np.floor(at[1])), int(np.floor(at[2]))
            if a != i or b != j or e != k:
                i, j, k = a, b, e
                _points_round(i, j, k, seed, near)
            fx, fy, fz = at[0] - np.float32(i), at[1] - np.float32(j), at[2] - np.float32(k)
            for o in range(27):
                dx, dy, dz = near[0, o] - fx, near[1, o] - fy, near[2, o] - fz
                away[o] = dx * dx + dy * dy + dz * dz
            least, following = _two_least(away)
            first[y, x], second[y, x] = np.sqrt(least), np.sqrt(following)


@njit(cache=True, inline="always")
@no_type_check
def _two_least(away):
    """The least and next of 28 values, in four strands that do not wait for each other."""
    a0, a1, a2, a3 = away[0], away[1], away[2], away[3]
    b0 = b1 = b2 = b3 = np.float32(99.0)
    for o in range(4, 28, 4):
        b0, a0 = min(b0, max(a0, away[o])), min(a0, away[o])
        b1, a1 = min(b1, max(a1, away[o + 1])), min(a1, away[o + 1])
        b2, a2 = min(b2, max(a2, away[o + 2])), min(a2, away[o + 2])
        b3, a3 = min(b3, max(a3, away[o + 3])), min(a3, away[o + 3])
    b0, a0 = min(min(b0, b1), max(a0, a1)), min(a0, a1)
    b2, a2 = min(min(b2, b3), max(a2, a3)), min(a2, a3)
    return min(a0, a2), min(min(b0, b2), max(a0, a2))
