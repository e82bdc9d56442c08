"""What a trait is: waves along a line, or a lump round a point, and the rule of its strength.

Lines and points are (x, y) millimetres on the mean head's left side, as seen from the front (the origin
lies midway between the eyes). A `Wave` is a Gaussian ridge (amplitude > 0) or groove along the line:
`out` millimetres out of the skin and `over` millimetres across it, per unit of the trait's strength.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mien.synth.subject import Subject

STRONGEST = 1.9  # traits level off here
AGEING = 0.8  # power of the years: traits come on a little faster than they grow later


@dataclass(frozen=True)
class Rule:
    """How strong a trait is in a subject: 1 is plainly seen.

    (base + age * aged + the other factors) * exp(jitter * n) + spread * n', present with `chance`; levels
    off at `STRONGEST`, and is never negative unless `signed`. `aged` rises from 0 at `from_age` to 1 at 80
    years, weight and muscle count from -1 to 1, sex from -1 (female) to 1 (male), ancestry as its share;
    `aged_lean` is what age does to the lean (weight 0) more than to the average, and to the heavy less.
    """

    base: float = 0.0
    age: float = 0.0
    from_age: float = 30.0
    aged_lean: float = 0.0
    weight: float = 0.0
    male: float = 0.0
    muscle: float = 0.0
    african: float = 0.0
    asian: float = 0.0
    european: float = 0.0
    jitter: float = 0.35
    spread: float = 0.0
    chance: float = 1.0
    signed: bool = False

    def strength(self, subject: Subject, rng: np.random.Generator) -> float:
        """Always draws the same count of numbers, so that one trait's rule does not shift another's."""
        factor, extra, chosen = rng.standard_normal(), rng.standard_normal(), rng.random()
        if chosen >= self.chance:
            return 0.0
        factor, extra = (min(max(value, -2.2), 2.2) for value in (factor, extra))
        value = self.mean(subject) * math.exp(self.jitter * factor) + self.spread * extra
        value = STRONGEST * math.tanh(value / STRONGEST)
        return value if self.signed else max(value, 0.0)

    def mean(self, subject: Subject) -> float:
        """The strength that the attributes alone suggest."""
        aged = min(max((subject.age - self.from_age) / (80.0 - self.from_age), 0.0), 1.2) ** AGEING
        african, asian, european = subject.ancestry
        return (
            self.base
            + (self.age + self.aged_lean * (1 - 2 * subject.weight)) * aged
            + self.weight * (2 * subject.weight - 1)
            + self.male * (2 * subject.sex - 1)
            + self.muscle * (2 * subject.muscle - 1)
            + self.african * african
            + self.asian * asian
            + self.european * european
        )


@dataclass(frozen=True)
class Wave:
    """A Gaussian at `at` mm across the line, `width` mm wide: `out` mm out of the skin, `over` mm across."""

    at: float
    width: float
    out: float = 0.0
    over: float = 0.0


@dataclass(frozen=True)
class LineTrait:
    """A line with waves; `paired` traits are mirrored, each side with its own strength and path.

    `fade` are the shares of the line over which its ends fade in and out, `ends` by how much of it they
    stray, `varies` how unlike its depth is along it (from 1 it breaks up), `wander` (mm) how far a subject's
    path strays, `toward` a point on the positive side, `depth` (mm) how far back the line may lie.
    """

    name: str
    points: tuple[tuple[float, float], ...]
    toward: tuple[float, float]
    waves: tuple[Wave, ...]
    rule: Rule
    paired: bool = True
    fade: tuple[float, float] = (0.35, 0.35)
    ends: float = 0.08
    varies: float = 0.4
    wander: float = 1.2
    uneven: float = 0.25
    reach: float = 22.0
    depth: float = 0.0


@dataclass(frozen=True)
class BlobTrait:
    """A soft lump or hollow round a point: `move` mm along x (outward), y, z and out of the skin.

    `size` are its standard deviations in mm along x, y, z; `stray` how far its centre strays.
    """

    name: str
    centre: tuple[float, float, float]
    size: tuple[float, float, float]
    rule: Rule
    out: float = 0.0
    move: tuple[float, float, float] = (0.0, 0.0, 0.0)
    paired: bool = True
    stray: float = 2.0
    uneven: float = 0.2
