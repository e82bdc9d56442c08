"""Triangle rasterisation, for cameras and for UV space alike.

The numba kernel is the fast path; `rasterize_plain` is its slow, obvious twin and the specification.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Float, Int
from numba import njit


@dataclass(frozen=True)
class Raster:
    """Per pixel: the triangle seen (-1 where none), its barycentric weights, and the depth."""

    triangle: Int[np.ndarray, "H W"]
    barycentric: Float[np.ndarray, "H W 3"]
    depth: Float[np.ndarray, "H W"]

    @property
    def covered(self) -> np.ndarray:
        """True where a triangle was drawn."""
        return self.triangle >= 0

    def interpolate(
        self, corner_values: Float[np.ndarray, "T 3 C"], background: float = 0.0
    ) -> Float[np.ndarray, "H W C"]:
        """Values given at each triangle's corners, interpolated to pixels."""
        out = np.full((*self.triangle.shape, corner_values.shape[-1]), background, np.float32)
        mask = self.covered
        out[mask] = np.einsum("nk,nkc->nc", self.barycentric[mask], corner_values[self.triangle[mask]])
        return out


def rasterize(
    pixels: Float[np.ndarray, "V 2"],
    depth: Float[np.ndarray, " V"],
    triangles: Int[np.ndarray, "T 3"],
    height: int,
    width: int,
) -> Raster:
    """Nearest triangle at each pixel centre (x + .5, y + .5).

    `pixels` are continuous coordinates (x right, y down), `depth` grows away from the viewer and is
    interpolated linearly in the image (so give 1/w-corrected values for a perspective camera, or an
    orthographic one). Both windings are drawn; smaller depth wins, ties go to the lower index.
    """
    out_triangle = np.full((height, width), -1, np.int32)
    out_bary = np.zeros((height, width, 3), np.float32)
    out_depth = np.full((height, width), np.inf, np.float32)
    _fill(
        np.ascontiguousarray(pixels, np.float64),
        np.ascontiguousarray(depth, np.float64),
        np.ascontiguousarray(triangles, np.int64),
        out_triangle,
        out_bary,
        out_depth,
    )
    return Raster(out_triangle, out_bary, out_depth)


@njit(cache=True, nogil=True)
@no_type_check
def _fill(pixels, depth, triangles, out_triangle, out_bary, out_depth):
    height, width = out_triangle.shape
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay = pixels[i, 0], pixels[i, 1]
        bx, by = pixels[j, 0], pixels[j, 1]
        cx, cy = pixels[k, 0], pixels[k, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0.0 or not np.isfinite(area):
            continue
        x0 = max(0, int(np.ceil(min(ax, bx, cx) - 0.5)))
        x1 = min(width - 1, int(np.floor(max(ax, bx, cx) - 0.5)))
        y0 = max(0, int(np.ceil(min(ay, by, cy) - 0.5)))
        y1 = min(height - 1, int(np.floor(max(ay, by, cy) - 0.5)))
        for y in range(y0, y1 + 1):
            py = y + 0.5
            for x in range(x0, x1 + 1):
                px = x + 0.5
                w0 = ((bx - px) * (cy - py) - (by - py) * (cx - px)) / area
                w1 = ((cx - px) * (ay - py) - (cy - py) * (ax - px)) / area
                w2 = 1.0 - w0 - w1
                if w0 < 0.0 or w1 < 0.0 or w2 < 0.0:
                    continue
                z = w0 * depth[i] + w1 * depth[j] + w2 * depth[k]
                if z < out_depth[y, x]:
                    out_depth[y, x] = z
                    out_triangle[y, x] = t
                    out_bary[y, x, 0] = w0
                    out_bary[y, x, 1] = w1
                    out_bary[y, x, 2] = w2


def rasterize_plain(
    pixels: Float[np.ndarray, "V 2"],
    depth: Float[np.ndarray, " V"],
    triangles: Int[np.ndarray, "T 3"],
    height: int,
    width: int,
) -> Raster:
    """`rasterize` as a specification: every triangle tested at every pixel."""
    ys, xs = np.mgrid[0:height, 0:width] + 0.5
    best = Raster(
        np.full((height, width), -1, np.int32),
        np.zeros((height, width, 3), np.float32),
        np.full((height, width), np.inf, np.float32),
    )
    for t, corners in enumerate(triangles):
        (ax, ay), (bx, by), (cx, cy) = pixels[corners]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0 or not np.isfinite(area):
            continue
        w0 = ((bx - xs) * (cy - ys) - (by - ys) * (cx - xs)) / area
        w1 = ((cx - xs) * (ay - ys) - (cy - ys) * (ax - xs)) / area
        weights = np.stack([w0, w1, 1 - w0 - w1], axis=-1)
        z = weights @ depth[corners]
        wins = (weights >= 0).all(axis=-1) & (z.astype(np.float32) < best.depth)
        best.triangle[wins] = t
        best.barycentric[wins] = weights[wins]
        best.depth[wins] = z[wins]
    return best
