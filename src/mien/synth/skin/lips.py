"""The relief of lips: soft cushions, and furrows between them that run from the skin to the mouth."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from mien.synth.skin.cells import cell_noise
from mien.synth.skin.fields import grid_fields, vertex_fields
from mien.synth.skin.layout import Layout, enlarged
from mien.synth.skin.look import SkinLook
from mien.synth.skin.volume import mottle

_FAN = 0.020  # a millimetre: how furrows spread from the mouth outward
# Width and length of cushions and depth of the furrows between them (mm), width of these (of a cushion).
_CUSHIONS = ((1.3, 7.0, 0.044, 0.13), (0.60, 2.6, 0.026, 0.16), (0.34, 0.7, 0.010, 0.22))


def lip_relief(layout: Layout, look: SkinLook, resolution: int) -> Float[np.ndarray, "R R"]:
    """How far lips lie below their own highest places (mm), 0 elsewhere: cells of noise, long across the
    lips, bent, the wide ones with finer ones in them.
    """
    out = np.zeros((resolution, resolution), np.float32)
    if not (grid_fields(layout.grid.part).of("lips") > 0.3).any():
        return out
    inside = layout.whole(vertex_fields().of("lips"))
    rows, columns = (np.flatnonzero((inside > 0.05).any(axis=axis)) for axis in (1, 0))
    size = int(max(np.ptp(rows), np.ptp(columns))) + 3
    top, left = (max(min(int(a[0]) - 1, len(inside) - size), 0) for a in (rows, columns))
    box = np.s_[top : top + size, left : left + size]
    scale = resolution / len(inside)
    fine = round(size * scale)
    made = _cushions(layout.places[box].astype(np.float64), look, fine)
    made *= np.clip(2.2 * enlarged(inside[box], fine) - 0.5, 0.0, 1.0)
    y, x = round(top * scale), round(left * scale)
    target = out[y : y + fine, x : x + fine]
    target[:] = made[: target.shape[0], : target.shape[1]]
    return out


def _cushions(places: Float[np.ndarray, "S S 3"], look: SkinLook, resolution: int) -> np.ndarray:
    flat = places.reshape(-1, 3)
    total = np.zeros((resolution, resolution), np.float32)
    for n, (width, length, depth, furrow) in enumerate(_CUSHIONS):
        bend = 0.16 * width * mottle(flat, 1.5 * width, look.seed + 80 + n)
        bend += 0.35 * width * mottle(flat, 5.0 * width, look.seed + 90 + n)
        middle = float(np.median(places[..., 1]))
        across = flat[:, 0] * np.exp(-_FAN * np.abs(flat[:, 1] - middle)) + bend[:, 0]
        long = (flat[:, 1:] + bend[:, 1:]) * (width / length)
        at = np.concatenate([across[:, None], long], axis=1).reshape(places.shape)
        first, second = cell_noise(at, width, look.seed + 70 + n, resolution)
        edge = (second - first) / furrow
        uneven = np.clip(0.85 + 0.6 * mottle(flat, 2.0 * width, look.seed + 60 + n, channels=1), 0.1, 2.0)
        amount = depth * (0.35 + 0.9 * look.lines) * enlarged(uneven.reshape(places.shape[:2]), resolution)
        total += amount * (np.exp(-edge * edge) + 0.35 * np.minimum(first, 1.0) ** 2)
    return total
