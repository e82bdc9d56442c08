"""The traits that no linear mode can hold: folds, bags, sagging, clefts, with the rules that drive them.

Lines and points are (x, y) millimetres on the mean head's left side, as seen from the front (the origin
lies midway between the eyes). A `Wave` is a Gaussian ridge (amplitude > 0) or groove along the line:
`out` millimetres out of the skin and `over` millimetres across it, per unit of the trait's strength.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mien.data.subject import Subject

STRONGEST = 2.2  # traits level off here


@dataclass(frozen=True)
class Rule:
    """How strong a trait is in a subject: 1 is plainly seen.

    (base + age * aged + heavy * weight + lean + male + ... ) * exp(jitter * n), present with `chance`.
    `aged` rises from 0 at `from_age` to 1 at 80 years, weight and muscle count from -1 to 1, sex from
    -1 (female) to 1 (male), ancestry as its share.
    """

    base: float = 0.0
    age: float = 0.0
    from_age: float = 30.0
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
        aged = min(max((subject.age - self.from_age) / (80.0 - self.from_age), 0.0), 1.0)
        african, asian, european = subject.ancestry
        return (
            self.base
            + self.age * aged
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

    `fade` are the shares of the line over which its ends fade in and out, `wander` (mm) how far a
    subject's path strays, `toward` a point on the positive side.
    """

    name: str
    points: tuple[tuple[float, float], ...]
    toward: tuple[float, float]
    waves: tuple[Wave, ...]
    rule: Rule
    paired: bool = True
    fade: tuple[float, float] = (0.25, 0.3)
    wander: float = 1.2
    uneven: float = 0.25
    reach: float = 22.0


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


LINES: tuple[LineTrait, ...] = (
    LineTrait(
        "nasolabial fold",
        ((18.5, -42), (21.5, -47.5), (25.5, -55), (30.5, -65), (33, -75), (32, -84)),
        toward=(50, -60),
        waves=(
            Wave(0, 2.7, out=-0.55),
            Wave(6, 5.0, out=0.9, over=-1.3),
            Wave(13, 7.0, out=0.35, over=-0.8),
            Wave(-6, 5.0, out=-0.25),
        ),
        rule=Rule(base=0.42, age=1.35, from_age=28, weight=0.25, male=0.06),
        fade=(0.22, 0.4),
    ),
    LineTrait(
        "marionette line",
        ((27.5, -75.5), (30, -83), (31, -92), (30, -101)),
        toward=(45, -88),
        waves=(Wave(0, 2.2, out=-0.6), Wave(6, 5.0, out=0.6, over=-0.8), Wave(-5, 4.0, out=-0.15)),
        rule=Rule(base=-0.15, age=1.4, from_age=38, weight=0.2, jitter=0.45),
        fade=(0.2, 0.45),
    ),
    LineTrait(
        "tear trough",
        ((18, -9), (22, -14), (28.5, -18), (36, -18.5), (44, -15)),
        toward=(33, -4),
        waves=(Wave(0, 2.4, out=-0.75), Wave(5.5, 3.2, out=0.75, over=-0.35), Wave(-6, 5, out=0.2)),
        rule=Rule(base=0.25, age=1.15, from_age=32, spread=0.25, jitter=0.4),
        fade=(0.15, 0.45),
        wander=0.9,
        reach=16.0,
    ),
    LineTrait(
        "lower lid crease",
        ((21, -9.5), (27, -12), (34, -12.2), (42, -9)),
        toward=(33, -4),
        waves=(Wave(0, 1.5, out=-0.4), Wave(2.6, 1.6, out=0.3)),
        rule=Rule(base=0.3, age=0.7, from_age=30, asian=0.2, jitter=0.5),
        wander=0.7,
        reach=9.0,
    ),
    LineTrait(
        "upper lid fold",
        ((19, 3), (25, 8), (33, 9.8), (41, 7.5), (49, 1.5)),
        toward=(33, 20),
        waves=(
            Wave(-0.3, 2.0, out=-0.3),
            Wave(3.6, 3.0, out=0.4, over=-0.9),
            Wave(8, 4.5, over=-0.9, out=0.1),
        ),
        rule=Rule(base=0.3, age=0.95, from_age=35, weight=0.15, asian=0.25, spread=0.3, jitter=0.4),
        wander=0.8,
        fade=(0.3, 0.25),
        reach=16.0,
    ),
    LineTrait(
        "outer lid hood",
        ((38, 12), (44, 10), (50, 5), (54, -1)),
        toward=(48, 20),
        waves=(Wave(0, 3.2, out=0.5, over=-0.9), Wave(6, 5.0, over=-0.8)),
        rule=Rule(base=-0.1, age=1.2, from_age=38, male=0.12, jitter=0.5, spread=0.2),
        reach=18.0,
    ),
    LineTrait(
        "crow's foot, upper",
        ((51.5, 0.5), (56, 4), (61.5, 9)),
        toward=(52, 12),
        waves=(Wave(0, 1.3, out=-0.3), Wave(2.5, 1.6, out=0.16), Wave(-2.5, 1.6, out=0.12)),
        rule=Rule(base=-0.2, age=1.3, from_age=30, european=0.15, jitter=0.5),
        reach=9.0,
    ),
    LineTrait(
        "crow's foot, middle",
        ((52, -3.5), (57.5, -4), (64, -3)),
        toward=(58, 6),
        waves=(Wave(0, 1.3, out=-0.32), Wave(2.5, 1.6, out=0.18), Wave(-2.5, 1.6, out=0.12)),
        rule=Rule(base=-0.2, age=1.4, from_age=30, european=0.15, jitter=0.5),
        reach=9.0,
    ),
    LineTrait(
        "crow's foot, lower",
        ((51, -8), (55.5, -11.5), (60, -16.5)),
        toward=(60, -8),
        waves=(Wave(0, 1.4, out=-0.28), Wave(2.6, 1.7, out=0.16)),
        rule=Rule(base=-0.25, age=1.3, from_age=32, european=0.15, jitter=0.5),
        reach=9.0,
    ),
    LineTrait(
        "frown line",
        ((6.5, 9), (7.8, 15), (8.8, 22), (9.2, 28)),
        toward=(20, 18),
        waves=(Wave(0, 1.6, out=-0.5), Wave(3.2, 2.2, out=0.3), Wave(-3.0, 2.2, out=0.15)),
        rule=Rule(base=0.0, age=1.0, from_age=28, male=0.15, spread=0.25, jitter=0.5),
        wander=1.6,
        uneven=0.45,
        reach=10.0,
    ),
    LineTrait(
        "nose root line",
        ((-9, 3), (-4, 5), (0, 5.5), (4, 5), (9, 3)),
        toward=(0, 14),
        waves=(Wave(0, 1.5, out=-0.4), Wave(3, 2.0, out=0.22)),
        rule=Rule(base=-0.2, age=1.1, from_age=35, spread=0.2, jitter=0.5),
        paired=False,
        reach=9.0,
    ),
    *(
        LineTrait(
            f"forehead line {k + 1}",
            (
                (-46, y - 7),
                (-28, y - 1),
                (-10, y - 1.5),
                (0, y - 2.2),
                (10, y - 1.5),
                (28, y - 1),
                (46, y - 7),
            ),
            toward=(0, y + 20),
            waves=(Wave(0, 1.7, out=-0.36), Wave(3.6, 2.6, out=0.2), Wave(-3.4, 2.4, out=0.14)),
            rule=Rule(base=-0.25, age=1.35, from_age=26, male=0.08, spread=0.25, jitter=0.6, chance=0.85),
            paired=False,
            wander=2.6,
            fade=(0.3, 0.3),
            reach=11.0,
        )
        for k, y in enumerate((35.0, 44.0, 53.0, 62.0))
    ),
    LineTrait(
        "mentolabial crease",
        ((-19, -92), (-10, -94.2), (0, -95), (10, -94.2), (19, -92)),
        toward=(0, -105),
        waves=(Wave(0, 2.6, out=-0.7), Wave(8, 6.0, out=0.4), Wave(-6, 4.0, out=0.2)),
        rule=Rule(base=0.15, age=0.5, from_age=35, spread=0.45, signed=True),
        paired=False,
        fade=(0.4, 0.4),
    ),
    LineTrait(
        "chin cleft",
        ((0, -99), (0, -105), (0, -112), (0, -118)),
        toward=(10, -108),
        waves=(Wave(0, 2.2, out=-1.3), Wave(6, 4.0, out=0.35), Wave(-6, 4.0, out=0.35)),
        rule=Rule(base=0.7, male=0.35, european=0.2, jitter=0.4, chance=0.16),
        paired=False,
        wander=0.6,
        fade=(0.35, 0.35),
        reach=14.0,
    ),
    LineTrait(
        "nose tip groove",
        ((0, -30), (0, -35), (0, -40), (0, -44)),
        toward=(6, -38),
        waves=(Wave(0, 1.7, out=-0.6), Wave(4, 2.4, out=0.25), Wave(-4, 2.4, out=0.25)),
        rule=Rule(base=0.75, jitter=0.4, chance=0.2),
        paired=False,
        wander=0.4,
        fade=(0.35, 0.35),
        reach=9.0,
    ),
    LineTrait(
        "cheek crease",
        ((40, -46), (43.5, -56), (45, -67), (44, -78)),
        toward=(58, -60),
        waves=(Wave(0, 2.4, out=-0.6), Wave(6, 4.5, out=0.5, over=-0.5), Wave(-6, 4.5, out=0.3)),
        rule=Rule(base=-0.3, age=1.3, from_age=42, weight=-0.3, jitter=0.5, chance=0.6),
        fade=(0.35, 0.4),
        wander=2.0,
    ),
    *(
        LineTrait(
            f"lip line {k + 1}",
            ((x, -53.5), (x * 1.03, -57.5), (x * 1.05, -61.5)),
            toward=(x + 8, -57),
            waves=(Wave(0, 1.5, out=-0.16), Wave(2.6, 1.6, out=0.06), Wave(-2.6, 1.6, out=0.06)),
            rule=Rule(base=-0.5, age=1.6, from_age=45, male=-0.25, jitter=0.5, chance=0.7),
            wander=0.7,
            uneven=0.5,
            fade=(0.5, 0.3),
            reach=6.0,
        )
        for k, x in enumerate((6.0, 10.5, 15.5))
    ),
)

BLOBS: tuple[BlobTrait, ...] = (
    BlobTrait(
        "jowl",
        (47, -86, -8),
        (13, 10, 19),
        Rule(base=-0.1, age=1.2, from_age=38, weight=0.4, jitter=0.35),
        out=1.5,
        move=(0.0, -2.2, 0.3),
        stray=3.0,
    ),
    BlobTrait(
        "sulcus before the jowl",
        (33, -101, 0),
        (6, 6, 9),
        Rule(base=-0.1, age=1.2, from_age=42, jitter=0.4),
        out=-1.1,
    ),
    BlobTrait(
        "sagging cheek",
        (43, -48, 8),
        (13, 14, 16),
        Rule(base=0.0, age=1.1, from_age=35, weight=0.35, spread=0.3, jitter=0.3, signed=True),
        out=-0.2,
        move=(0.1, -2.4, -0.3),
        stray=3.0,
    ),
    BlobTrait(
        "cheek hollow",
        (54, -60, -10),
        (11, 15, 18),
        Rule(base=0.1, age=0.5, from_age=45, weight=-1.0, spread=0.5, signed=True, african=-0.1),
        out=-2.0,
        stray=4.0,
    ),
    BlobTrait(
        "full cheek",
        (45, -50, 8),
        (15, 17, 20),
        Rule(base=0.0, weight=1.1, spread=0.35, signed=True, male=-0.1),
        out=2.0,
        stray=3.0,
    ),
    BlobTrait(
        "cheekbone",
        (52, -22, 4),
        (10, 7, 14),
        Rule(base=0.0, weight=-0.35, asian=0.45, spread=0.6, age=0.3, from_age=45, signed=True),
        out=1.0,
    ),
    BlobTrait(
        "temple hollow",
        (64, 24, -14),
        (12, 14, 20),
        Rule(base=0.0, age=0.9, from_age=40, weight=-0.6, spread=0.4, signed=True),
        out=-1.7,
        stray=3.0,
    ),
    BlobTrait(
        "brow ridge",
        (24, 15, 26),
        (12, 5.5, 14),
        Rule(base=-0.1, male=0.6, spread=0.45, asian=-0.2, signed=True),
        out=1.2,
    ),
    BlobTrait(
        "sagging brow",
        (47, 13, 12),
        (11, 8, 14),
        Rule(base=0.0, age=1.0, from_age=40, spread=0.5, signed=True, male=0.1),
        move=(0, -2.0, 0),
    ),
    BlobTrait(
        "glabella", (0, 18, 28), (8, 6, 14), Rule(male=0.5, spread=0.5, signed=True), out=0.8, paired=False
    ),
    BlobTrait(
        "nose bump",
        (0, -14, 37),
        (6, 5, 12),
        Rule(base=0.05, european=0.35, spread=0.55, age=0.15, signed=True),
        out=1.1,
        paired=False,
        stray=2.5,
    ),
    BlobTrait(
        "broken nose",
        (0, -16, 30),
        (14, 9, 22),
        Rule(base=0.0, spread=1.0, chance=0.22, jitter=0.0, signed=True),
        move=(2.4, 0, 0),
        paired=False,
        stray=2.0,
    ),
    BlobTrait(
        "bent nose tip",
        (0, -38, 44),
        (14, 9, 18),
        Rule(base=0.0, spread=0.6, jitter=0.0, signed=True),
        move=(1.3, 0, 0),
        paired=False,
        stray=1.5,
    ),
    BlobTrait(
        "drooping nose tip",
        (0, -38, 46),
        (11, 8, 14),
        Rule(base=0.0, age=1.0, from_age=40, spread=0.4, signed=True),
        move=(0, -2.2, 0.5),
        paired=False,
        stray=1.0,
    ),
    BlobTrait(
        "wing of the nose",
        (15, -44, 26),
        (5.5, 6, 8),
        Rule(spread=0.55, african=0.6, age=0.25, signed=True),
        out=0.8,
        move=(0.5, 0, 0),
        stray=1.2,
        uneven=0.35,
    ),
    BlobTrait(
        "double chin",
        (0, -118, -12),
        (28, 13, 20),
        Rule(base=-0.15, weight=1.2, age=0.6, from_age=40, spread=0.25),
        out=2.0,
        move=(0, -3.4, 0.8),
        paired=False,
        stray=3.0,
    ),
    BlobTrait(
        "chin pad",
        (0, -108, 18),
        (11, 8, 12),
        Rule(spread=0.6, male=0.3, signed=True),
        out=1.1,
        paired=False,
        stray=2.0,
    ),
    BlobTrait(
        "chin corner",
        (17, -108, 12),
        (8, 8, 12),
        Rule(spread=0.5, male=0.6, signed=True),
        out=1.1,
        stray=2.0,
    ),
    BlobTrait(
        "angle of the jaw",
        (60, -76, -26),
        (10, 12, 16),
        Rule(spread=0.5, male=0.6, muscle=0.4, asian=0.2, signed=True),
        out=1.8,
        stray=4.0,
    ),
    BlobTrait(
        "corner of the mouth",
        (26, -74, 20),
        (7, 6, 10),
        Rule(base=0.0, age=-0.6, from_age=35, spread=0.5, signed=True),
        move=(0, 1.3, 0),
        stray=1.0,
        uneven=0.3,
    ),
    BlobTrait(
        "thinning upper lip",
        (0, -64, 34),
        (16, 4.5, 12),
        Rule(age=1.0, from_age=35, african=-0.4, spread=0.3, signed=True),
        move=(0, -0.7, -1.0),
        paired=False,
        stray=0.8,
    ),
    BlobTrait(
        "thinning lower lip",
        (0, -78, 29),
        (15, 4.5, 12),
        Rule(age=0.9, from_age=35, african=-0.4, spread=0.3, signed=True),
        move=(0, 0.5, -0.9),
        paired=False,
        stray=0.8,
    ),
    BlobTrait(
        "bulge beside the mouth",
        (34, -78, 14),
        (6, 8, 10),
        Rule(base=0.0, age=0.5, from_age=35, weight=0.4, spread=0.5, signed=True),
        out=0.9,
        stray=2.5,
        uneven=0.4,
    ),
    BlobTrait(
        "throat",
        (0, -147, -41),
        (8, 9, 18),
        Rule(base=0.2, male=0.9, weight=-0.4, spread=0.25),
        out=2.4,
        paired=False,
        stray=3.0,
    ),
    BlobTrait(
        "lobe of the ear",
        (77, -47, -74),
        (12, 9, 14),
        Rule(age=1.0, from_age=35, spread=0.6, signed=True),
        move=(0.0, -2.6, 0.0),
        stray=1.5,
    ),
)

__all__ = ["BLOBS", "LINES", "BlobTrait", "LineTrait", "Rule", "Wave"]
