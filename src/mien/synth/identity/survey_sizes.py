"""Skull, nose and neck brought to the sizes that surveys found, which modes and targets alone miss.

A drawn measure v becomes goal(m) + keep (v - drawn(m)) with m = 2 sex - 1: `drawn` is the line that draws
follow without this step, `goal` that of adults (ANSUR II, Gordon et al. 2014; NIOSH, Zhuang & Bradtmiller
2005; for three ancestries alike, so breadths lie a little above these mostly European surveys), and `keep`
what is left of each person's own stray. `mien evaluate database` prints what comes of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mien.core.face import Template
from mien.geometry.weights import smoothstep
from mien.synth.identity.calipers import Calipers
from mien.synth.subject import Subject

_NECK_AXIS, _SKULL_AXIS = (0.0, -90.0), (0.0, -68.0)  # x, z, mm
_EYE_LENGTH = 2.6  # mm by which the eye's fissure is drawn too short, near the inner corner rather
_FULLER = (8.0, -2.5)  # mm round the skull between its front, sides and back, at sex 0.5 and a unit of m more


@dataclass(frozen=True)
class _Size:
    """Millimetres at sex 0.5 and a unit of m more, as drawn and wanted; share of the stray that is kept."""

    drawn: tuple[float, float]
    goal: tuple[float, float]
    keep: float

    def change(self, value: float, male: float) -> float:
        """What `value` lacks."""
        drawn, goal = (mean + slope * male for mean, slope in (self.drawn, self.goal))
        return goal + self.keep * (value - drawn) - value


SIZES: dict[str, _Size] = {
    "nose length": _Size((55.8, 2.5), (50.6, 3.0), 0.85),
    "head breadth": _Size((161.0, 1.5), (152.5, 5.4), 0.85),
    "bizygomatic breadth": _Size((147.1, 1.5), (140.5, 7.2), 0.95),
    "tragion to top": _Size((128.5, -4.7), (129.0, 4.0), 0.75),
    "head length": _Size((198.0, 10.5), (194.8, 8.2), 0.72),
    "nose breadth": _Size((38.7, 1.9), (37.4, 3.3), 0.85),
    "neck circumference": _Size((370.5, 64.5), (365.0, 57.0), 0.58),
}


@dataclass(frozen=True)
class _Field:
    """What a millimetre more of a measure moves: `rows` by `move` (millimetres)."""

    rows: Int[np.ndarray, " R"]
    move: Float[np.ndarray, "R 3"]


class Build:
    """The fields by which sizes change, bound to one template and mean skin."""

    def __init__(self, template: Template, mean: Float[np.ndarray, "S 3"]) -> None:
        self.calipers = Calipers(template, mean)
        moves = _moves(template, 1e3 * mean.astype(np.float64))
        self._fields = {name: _sparse(moves[name]) for name in SIZES}
        self._fuller, self._fissure = _sparse(moves["fuller"]), _sparse(moves["fissure"])
        take = self.calipers
        self._measures: dict[str, Callable[[np.ndarray], float]] = {
            "nose length": take.nose_length,
            "head breadth": take.head_breadth,
            "bizygomatic breadth": take.bizygomatic_breadth,
            "tragion to top": take.tragion_to_top,
            "head length": take.head_length,
            "nose breadth": take.nose_breadth,
            "neck circumference": take.neck_circumference,
        }

    def resize(self, skin: Float[np.ndarray, "S 3"], subject: Subject) -> None:
        """Brings a skin (metres) to its sizes, in place. `subject` is as it looks (`looks.py`)."""
        male = 2.0 * subject.sex - 1.0
        at = 1e3 * skin.astype(np.float64)
        for name, size in SIZES.items():
            field, change = self._fields[name], size.change(self._measures[name](at), male)
            at[field.rows] += change * field.move
        at[self._fissure.rows] += _EYE_LENGTH * self._fissure.move
        at[self._fuller.rows] += (_FULLER[0] + _FULLER[1] * male) * self._fuller.move
        skin[:] = 1e-3 * at

    def measure(self, skin: Float[np.ndarray, "S 3"]) -> dict[str, float]:
        """The measures of `SIZES`, mm, of a skin in metres."""
        at = 1e3 * skin.astype(np.float64)
        return {name: take(at) for name, take in self._measures.items()}


def _moves(template: Template, at: Float[np.ndarray, "S 3"]) -> dict[str, Float[np.ndarray, "S 3"]]:
    """Each measure's field on the mean head (mm), before it is cut to the rows that it moves."""
    x, y, z = at.T
    neck = template.regions["neck"][: len(at)]
    still = 1.0 - smoothstep(-y, 95.0, 130.0)  # the neck keeps its place
    outer = np.sign(x) * smoothstep(np.abs(x), 34.0, 72.0) / 2.0
    skull, crown = smoothstep(y, -12.0, 28.0), smoothstep(y, 48.0, 98.0)
    lower = 1.0 - 0.7 * smoothstep(-y, 35.0, 85.0)
    side = outer * still
    below = np.where(y > -50.0, smoothstep(-y, -4.0, 50.0), 1.0 - smoothstep(-y, 62.0, 104.0))
    near = (1.0 - smoothstep(np.abs(x), 14.0, 46.0)) * smoothstep(z, -25.0, 8.0)
    back = smoothstep(-z, 10.0, 150.0) * (1.0 - smoothstep(-y, 55.0, 105.0))
    away = np.stack([x - _NECK_AXIS[0], np.zeros_like(x), z - _NECK_AXIS[1]], axis=1)
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 30.0)
    round_neck = neck * (1.0 - smoothstep(-y, 160.0, 195.0)) / (2.0 * np.pi)
    round_skull = np.stack(
        [(x - _SKULL_AXIS[0]) / 76.0, np.zeros_like(x), (z - _SKULL_AXIS[1]) / 97.0], axis=1
    )
    radius = np.maximum(np.linalg.norm(round_skull, axis=1), 0.3)
    corner = (2.0 * round_skull[:, 0] * round_skull[:, 2] / radius**2) ** 2
    corner *= smoothstep(y, 8.0, 45.0) * smoothstep(radius, 0.3, 0.8) / np.pi
    wing = template.regions["nose"][: len(at)] * smoothstep(-y, 18.0, 38.0) / 2.0
    along_eye = np.clip((np.abs(x) - 31.5) / 13.6, -2.0, 2.0)
    round_eye = (1.0 - smoothstep(np.abs(y + 1.0), 6.0, 17.0)) * (
        1.0 - smoothstep(np.abs(along_eye), 1.1, 1.9)
    )
    longer = np.where(along_eye < 0, 0.55, 0.45) * along_eye * round_eye * smoothstep(z, -15.0, 0.0)
    lift = 0.5 + 0.5 * smoothstep(-z, 0.0, 80.0)  # the crown lies behind, the forehead keeps its height
    return {
        "fissure": _along(np.sign(x) * longer, 0),
        "fuller": corner[:, None] * round_skull / radius[:, None],
        "nose breadth": _along(np.sign(x) * smoothstep(np.abs(x), 1.0, 17.0) * wing, 0),
        "nose length": _along(-below * near, 1),
        "head breadth": _along(side * skull * (1.0 - 0.8 * crown), 0),
        "bizygomatic breadth": _along(side * (1.0 - skull) * lower, 0),
        "tragion to top": _along(smoothstep(y, 22.0, 105.0) * lift, 1),
        "head length": _along(-back, 2),
        "neck circumference": round_neck[:, None] * away,
    }


def _along(amount: Float[np.ndarray, " S"], axis: int) -> Float[np.ndarray, "S 3"]:
    return amount[:, None] * np.eye(3)[axis]


def _sparse(move: Float[np.ndarray, "S 3"]) -> _Field:
    rows = np.flatnonzero(np.abs(move).max(axis=1) > 1e-4)
    return _Field(rows, move[rows])
