"""Many small marks drawn into a map: pores, creases, freckles, hairs. Each is an ellipse on the surface.

The numba kernel is the fast path; `splat_plain` is its slow, obvious twin and the specification.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np
from jaxtyping import Float
from numba import njit

from mien.synth.skin.marks import BLOT, CREASE, PORE, SPOT, Marks

__all__ = ["BLOT", "CREASE", "PORE", "SPOT", "Marks", "splat", "splat_plain"]

REACH = 3.0  # radii beyond which a mark is nothing


def splat(canvas: Float[np.ndarray, "H W"], marks: Marks, profile: int, *, deepest: bool = False) -> None:
    """Adds `strength * profile` of each mark to a float32 canvas, in place; with `deepest` keeps the largest.

    Profiles over a = along / radius, b = across / radius: SPOT a Gaussian; PORE a pit with a faint rim;
    CREASE a groove with soft banks that tapers to its ends; BLOT flat with a soft edge.
    """
    _splat(
        canvas,
        *(np.ascontiguousarray(a, np.float32) for a in (marks.centre, marks.to_surface, marks.radius)),
        np.ascontiguousarray(marks.strength, np.float32),
        profile,
        deepest,
    )


def splat_plain(
    canvas: Float[np.ndarray, "H W"], marks: Marks, profile: int, *, deepest: bool = False
) -> None:
    """`splat`, every mark over the whole canvas."""
    y, x = np.indices(canvas.shape) + 0.5
    for centre, to_surface, radius, strength in zip(
        marks.centre, marks.to_surface, marks.radius, marks.strength, strict=True
    ):
        step = np.stack([x - centre[0], y - centre[1]])
        a, b = np.einsum("kd,dhw->khw", to_surface, step) / radius[:, None, None]
        inside = np.maximum(np.abs(a), np.abs(b)) < REACH
        value = np.where(inside, strength * np.vectorize(_profile.py_func)(a, b, profile), 0.0)
        canvas[:] = np.maximum(canvas, value) if deepest else canvas + value


@njit(cache=True, inline="always")
@no_type_check
def _profile(a, b, profile):
    if profile == 2:  # crease: banks that rise a little beside the groove
        along = max(0.0, 1.0 - (a / 1.5) * (a / 1.5))
        return along * along * (1.0 - 0.8 * b * b) * np.exp(-b * b)
    squared = a * a + b * b
    if profile == 1:  # pore
        return (1.0 - 0.35 * squared) * np.exp(-squared)
    if profile == 3:  # blot
        return 1.0 / (1.0 + squared * squared * squared) if squared < 9.0 else 0.0
    return np.exp(-squared)


@njit(cache=True, nogil=True)
@no_type_check
def _splat(canvas, centre, to_surface, radius, strength, profile, deepest):
    height, width = canvas.shape
    for n in range(centre.shape[0]):
        m00, m01 = to_surface[n, 0, 0] / radius[n, 0], to_surface[n, 0, 1] / radius[n, 0]
        m10, m11 = to_surface[n, 1, 0] / radius[n, 1], to_surface[n, 1, 1] / radius[n, 1]
        det = abs(m00 * m11 - m01 * m10)
        if not det > 1e-12:
            continue
        half_x = REACH * (abs(m11) + abs(m01)) / det
        half_y = REACH * (abs(m10) + abs(m00)) / det
        cx, cy = centre[n, 0] - 0.5, centre[n, 1] - 0.5
        for i in range(max(0, int(np.ceil(cy - half_y))), min(height - 1, int(np.floor(cy + half_y))) + 1):
            for j in range(max(0, int(np.ceil(cx - half_x))), min(width - 1, int(np.floor(cx + half_x))) + 1):
                a = m00 * (j - cx) + m01 * (i - cy)
                b = m10 * (j - cx) + m11 * (i - cy)
                if max(abs(a), abs(b)) >= REACH:
                    continue
                value = strength[n] * _profile(a, b, profile)
                if deepest:
                    if value > canvas[i, j]:
                        canvas[i, j] = value
                else:
                    canvas[i, j] += value
