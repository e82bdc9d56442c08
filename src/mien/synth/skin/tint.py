"""From what one subject's skin is made of to its colour: a small table for this subject's own pigments.

Needs numpy and scipy only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from jaxtyping import Float

from mien.synth.skin.biophysics import SkinComposition, colour, typology_angle

_BELOW, _ABOVE = np.array([-1.6, -2.0]), np.array([2.4, 2.6])  # log shares about the subject's own
_STEPS = (24, 24)
_STEP_OF_OXYGEN = 0.1
_LEAST_MELANIN, _LEAST_BLOOD = 0.003, 0.003


@dataclass(frozen=True)
class Tint:
    """Log linear colour over (log melanin, log blood), and its change for a unit of oxygenation."""

    low: Float[np.ndarray, "2"]
    step: Float[np.ndarray, "2"]
    table: Float[np.ndarray, "M B 3"]
    oxygen: Float[np.ndarray, "3"]

    def log_colour(
        self,
        melanin: Float[np.ndarray, "*N"],
        blood: Float[np.ndarray, "*N"],
        oxygenation: Float[np.ndarray, "*N"] | float = 0.0,
    ) -> Float[np.ndarray, "*N 3"]:
        """Log linear sRGB of log shares; `oxygenation` is the change from the subject's own.

        Bilinear in the table, at its ends beyond them; float32.
        """
        m, i = self._place(melanin, 0)
        b, j = self._place(blood, 1)
        flat = self.table.reshape(-1, 3)
        row = i * self.table.shape[1] + j
        lower = flat[row] + b[..., None] * self._rise[row]
        row += self.table.shape[1]
        upper = flat[row] + b[..., None] * self._rise[row]
        out = lower + m[..., None] * (upper - lower)
        if isinstance(oxygenation, np.ndarray):
            out += oxygenation[..., None] * self.oxygen
        return np.asarray(out, np.float32)

    @cached_property
    def _rise(self) -> Float[np.ndarray, "MB 3"]:
        return np.diff(self.table, axis=1, append=self.table[:, -1:]).reshape(-1, 3)

    def _place(self, value: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
        size = self.table.shape[axis]
        at = (np.asarray(value, np.float32) - np.float32(self.low[axis])) / np.float32(self.step[axis])
        at = np.clip(at, 0.0, size - 1.001)
        low = at.astype(np.int32)
        return at - low, low


@lru_cache(maxsize=4)
def tint_of(own: SkinComposition) -> Tint:
    """The table round a subject's own skin (scalars)."""
    centre = np.log([float(own.melanin), float(own.blood)])
    axes = [np.linspace(centre[k] + _BELOW[k], centre[k] + _ABOVE[k], _STEPS[k]) for k in (0, 1)]
    melanin, blood = np.meshgrid(*axes, indexing="ij")

    def of(oxygenation: float) -> np.ndarray:
        made = SkinComposition(
            np.minimum(np.exp(melanin), 0.9),
            np.exp(blood),
            np.full(melanin.shape, oxygenation),
            np.full(melanin.shape, own.pheomelanin),
            np.full(melanin.shape, own.carotene),
        )
        return np.log(np.maximum(colour(made), 1e-4))

    table = of(float(own.oxygenation))
    less = _at(of(float(own.oxygenation) - _STEP_OF_OXYGEN), centre, axes)
    slope = (_at(table, centre, axes) - less) / _STEP_OF_OXYGEN
    step = np.array([axis[1] - axis[0] for axis in axes])
    low = np.array([axis[0] for axis in axes])
    return Tint(low, step, table.astype(np.float32), slope.astype(np.float32))


@lru_cache(maxsize=4)
def slopes(own: SkinComposition) -> Float[np.ndarray, "3 2"]:
    """Change of log colour for a unit of log melanin and of log blood at a subject's own skin."""
    table = tint_of(own)
    centre = np.log([float(own.melanin), float(own.blood)])
    out = []
    for axis in (0, 1):
        step = 0.1 * np.eye(2)[axis]
        up, down = (table.log_colour(*(np.array([c]) for c in centre + s * step))[0] for s in (1, -1))
        out.append((up - down) / 0.2)
    return np.stack(out, axis=1)


def melanin_for(
    angle: float, blood: float, oxygenation: float, pheomelanin: float, carotene: float
) -> tuple[float, float]:
    """Melanin (and blood, lowered only where no melanin would do) whose typology angle is `angle` degrees."""
    melanin = np.geomspace(_LEAST_MELANIN, 0.5, 160)
    while True:
        angles = typology_angle(colour(SkinComposition(melanin, blood, oxygenation, pheomelanin, carotene)))
        if angle <= angles[0] or blood < _LEAST_BLOOD:
            return float(np.exp(np.interp(-angle, -angles, np.log(melanin)))), float(blood)
        blood *= 0.85


def _at(table: np.ndarray, centre: np.ndarray, axes: list[np.ndarray]) -> np.ndarray:
    i, j = (int(np.abs(axis - c).argmin()) for axis, c in zip(axes, centre, strict=True))
    return table[i, j]
