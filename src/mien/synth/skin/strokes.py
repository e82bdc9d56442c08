"""Hairs drawn one over the other into a picture. `draw_hairs_plain` is the specification."""

from __future__ import annotations

from typing import no_type_check

import numpy as np
from jaxtyping import Float
from numba import njit

from mien.synth.skin.brows import Hairs

TIP = 0.45  # width of a hair's tip as a share of its root's


def draw_hairs(
    picture: Float[np.ndarray, "R R 3"], hairs: Hairs, texels_per_mm: Float[np.ndarray, " H"]
) -> None:
    """Lays hairs over a picture in place, in their order; thin ones are drawn fainter, not wider."""
    size = picture.shape[0]
    points = np.ascontiguousarray(hairs.points * size - 0.5, np.float32)
    half = np.ascontiguousarray(hairs.half_width * texels_per_mm, np.float32)
    _draw(picture, points, half, hairs.cover.astype(np.float32), hairs.colour.astype(np.float32))


def draw_hairs_plain(
    picture: Float[np.ndarray, "R R 3"], hairs: Hairs, texels_per_mm: Float[np.ndarray, " H"]
) -> None:
    """`draw_hairs`, every hair over the whole picture."""
    size = picture.shape[0]
    grid = np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1).astype(float)
    for points, half, cover, colour in zip(
        hairs.points * size - 0.5, hairs.half_width * texels_per_mm, hairs.cover, hairs.colour, strict=True
    ):
        best = np.zeros((size, size))
        segments = len(points) - 1
        for k in range(segments):
            step = points[k + 1] - points[k]
            t = np.clip((grid - points[k]) @ step / max(float(step @ step), 1e-12), 0.0, 1.0)
            away = np.linalg.norm(grid - points[k] - t[..., None] * step, axis=-1)
            width = half * (1.0 - (1.0 - TIP) * (k + t) / segments)
            drawn = np.maximum(width, 0.5)
            value = np.clip(drawn + 0.5 - away, 0.0, 1.0) * width / drawn
            best = np.maximum(best, value)
        share = (cover * best)[..., None]
        picture += share * (colour - picture)


@njit(cache=True, nogil=True)
@no_type_check
def _draw(picture, points, half, cover, colour):
    rows, columns = picture.shape[0], picture.shape[1]
    segments = points.shape[1] - 1
    for h in range(points.shape[0]):
        reach = max(half[h], np.float32(0.5)) + np.float32(1.0)
        x0 = max(0, int(np.floor(points[h, :, 0].min() - reach)))
        x1 = min(columns - 1, int(np.ceil(points[h, :, 0].max() + reach)))
        y0 = max(0, int(np.floor(points[h, :, 1].min() - reach)))
        y1 = min(rows - 1, int(np.ceil(points[h, :, 1].max() + reach)))
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                best = np.float32(0.0)
                for k in range(segments):
                    sx, sy = points[h, k + 1, 0] - points[h, k, 0], points[h, k + 1, 1] - points[h, k, 1]
                    dx, dy = x - points[h, k, 0], y - points[h, k, 1]
                    t = (dx * sx + dy * sy) / max(sx * sx + sy * sy, np.float32(1e-12))
                    t = min(max(t, np.float32(0.0)), np.float32(1.0))
                    away = np.sqrt((dx - t * sx) ** 2 + (dy - t * sy) ** 2)
                    width = half[h] * (np.float32(1.0) - np.float32(1.0 - TIP) * (k + t) / segments)
                    drawn = max(width, np.float32(0.5))
                    value = min(max(drawn + np.float32(0.5) - away, np.float32(0.0)), np.float32(1.0))
                    best = max(best, value * width / drawn)
                share = cover[h] * best
                if share > 0.0:
                    for c in range(3):
                        picture[y, x, c] += share * (colour[h, c] - picture[y, x, c])


@njit(cache=True, nogil=True)
@no_type_check
def lay_cover(picture, canvas, colour):
    """Lays a colour over a picture in place, its share 1 - exp(-canvas) at each texel."""
    for y in range(canvas.shape[0]):
        for x in range(canvas.shape[1]):
            if canvas[y, x] > 0.0:
                share = np.float32(1.0) - np.exp(-canvas[y, x])
                for c in range(3):
                    picture[y, x, c] += share * (colour[c] - picture[y, x, c])
