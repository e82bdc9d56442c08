"""Marks on skin: ellipses on the surface. Their twin for coarse maps, where they are smaller than texels.

Needs numpy only; `mien.synth.skin.splat` draws the same marks finely.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

SPOT, PORE, CREASE, BLOT = range(4)  # profiles
# Volume of each profile in units of pi * a * b.
_VOLUME = {SPOT: 1.0, PORE: 0.65, CREASE: 0.58, BLOT: 1.209}
_LARGEST = 6  # texels to each side that a mark can reach


@dataclass(frozen=True)
class Marks:
    """N marks. `centre` in pixels (x right, y down, centres at .5); `to_surface` takes a step of one pixel
    right or down to millimetres along and across the mark; `radius` is half its length and width (mm).
    """

    centre: Float[np.ndarray, "N 2"]
    to_surface: Float[np.ndarray, "N 2 2"]
    radius: Float[np.ndarray, "N 2"]
    strength: Float[np.ndarray, " N"]

    def __len__(self) -> int:
        return len(self.centre)


def deposit(canvas: Float[np.ndarray, "H W"], marks: Marks, profile: int) -> None:
    """Adds marks to a coarse canvas in place, each as a Gaussian of its volume and spread, averaged over
    the area of a texel: close to the area average of what `splat` draws finely."""
    if len(marks) == 0:
        return
    shape = marks.to_surface / marks.radius[:, :, None]
    squared = np.einsum("nka,nkb->nab", shape, shape)
    spread = np.linalg.inv(squared + 1e-9 * np.eye(2)) * _VOLUME[profile] + np.eye(2) / 6.0
    det = spread[:, 0, 0] * spread[:, 1, 1] - spread[:, 0, 1] ** 2
    volume = _VOLUME[profile] / np.sqrt(np.maximum(np.linalg.det(squared), 1e-12))
    height = marks.strength * volume / np.sqrt(det)
    reach = 2.2 * np.sqrt(np.maximum(spread[:, 0, 0], spread[:, 1, 1]))
    for texels in (2, _LARGEST):
        chosen = (reach <= texels) if texels == 2 else (reach > 2)
        if chosen.any():
            _deposit(canvas, marks.centre[chosen], np.linalg.inv(spread[chosen]), height[chosen], texels)


def _deposit(
    canvas: np.ndarray, centre: np.ndarray, inverse: np.ndarray, height: np.ndarray, texels: int
) -> None:
    rows, columns = canvas.shape
    step = np.arange(-texels, texels + 1)
    offset = np.stack(np.meshgrid(step, step), -1).reshape(1, -1, 2)
    at = np.floor(centre).astype(np.int64)[:, None] + offset
    d = at + 0.5 - centre[:, None]
    power = (
        inverse[:, None, 0, 0] * d[..., 0] ** 2
        + 2 * inverse[:, None, 0, 1] * d[..., 0] * d[..., 1]
        + inverse[:, None, 1, 1] * d[..., 1] ** 2
    )
    value = height[:, None] * np.exp(-power)
    inside = (at[..., 0] >= 0) & (at[..., 0] < columns) & (at[..., 1] >= 0) & (at[..., 1] < rows)
    flat = np.bincount((at[..., 1] * columns + at[..., 0])[inside], value[inside], minlength=rows * columns)
    canvas += flat.reshape(rows, columns).astype(canvas.dtype)
