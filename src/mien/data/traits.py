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

STRONGEST = 1.9  # traits level off here


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
        ((18.5, -42.0), (21.5, -47.5), (25.5, -55.0), (30.5, -65.0), (33.0, -75.0), (32.0, -84.0)),
        toward=(50.0, -60.0),
        waves=(
            Wave(0.0, 2.7, out=-0.55),
            Wave(6.0, 5.0, out=0.9, over=-1.3),
            Wave(13.0, 7.0, out=0.35, over=-0.8),
            Wave(-6.0, 5.0, out=-0.25),
        ),
        rule=Rule(base=0.42, age=1.35, from_age=28.0, weight=0.25, male=0.06),
        fade=(0.22, 0.4),
    ),
    LineTrait(
        "marionette line",
        ((27.5, -75.5), (30.0, -83.0), (31.0, -92.0), (30.0, -101.0)),
        toward=(45.0, -88.0),
        waves=(Wave(0.0, 2.6, out=-0.5), Wave(6.5, 6.0, out=0.45, over=-0.5), Wave(-5.5, 5.0, out=-0.12)),
        rule=Rule(base=-0.15, age=1.2, from_age=38.0, weight=0.2, jitter=0.45),
        fade=(0.2, 0.45),
    ),
    LineTrait(
        "tear trough",
        ((18.0, -9.0), (22.0, -14.0), (28.5, -18.0), (36.0, -18.5), (44.0, -15.0)),
        toward=(33.0, -4.0),
        waves=(Wave(0.0, 2.4, out=-0.75), Wave(5.5, 3.2, out=0.75, over=-0.35), Wave(-6.0, 5.0, out=0.2)),
        rule=Rule(base=0.25, age=1.15, from_age=32.0, spread=0.25, jitter=0.4),
        fade=(0.15, 0.45),
        wander=0.9,
        reach=16.0,
    ),
    LineTrait(
        "lower lid crease",
        ((21.0, -9.5), (27.0, -12.0), (34.0, -12.2), (42.0, -9.0)),
        toward=(33.0, -4.0),
        waves=(Wave(0.0, 1.5, out=-0.4), Wave(2.6, 1.6, out=0.3)),
        rule=Rule(base=0.3, age=0.7, from_age=30.0, asian=0.2, jitter=0.5),
        wander=0.7,
        reach=9.0,
    ),
    LineTrait(
        "upper lid fold",
        ((19.0, 3.0), (25.0, 8.0), (33.0, 9.8), (41.0, 7.5), (49.0, 1.5)),
        toward=(33.0, 20.0),
        waves=(
            Wave(-0.3, 2.0, out=-0.3),
            Wave(3.6, 3.0, out=0.4, over=-0.9),
            Wave(8.0, 4.5, over=-0.9, out=0.1),
        ),
        rule=Rule(base=0.3, age=0.95, from_age=35.0, weight=0.15, asian=0.25, spread=0.3, jitter=0.4),
        wander=0.8,
        fade=(0.3, 0.25),
        reach=16.0,
    ),
    LineTrait(
        "outer lid hood",
        ((38.0, 12.0), (44.0, 10.0), (50.0, 5.0), (54.0, -1.0)),
        toward=(48.0, 20.0),
        waves=(Wave(0.0, 3.2, out=0.5, over=-0.9), Wave(6.0, 5.0, over=-0.8)),
        rule=Rule(base=-0.1, age=1.2, from_age=38.0, male=0.12, jitter=0.5, spread=0.2),
        reach=18.0,
    ),
    LineTrait(
        "crow's foot, upper",
        ((51.5, 0.5), (56.0, 4.0), (61.5, 9.0)),
        toward=(52.0, 12.0),
        waves=(Wave(0.0, 1.3, out=-0.3), Wave(2.5, 1.6, out=0.16), Wave(-2.5, 1.6, out=0.12)),
        rule=Rule(base=-0.2, age=1.3, from_age=30.0, european=0.15, jitter=0.5),
        reach=9.0,
    ),
    LineTrait(
        "crow's foot, middle",
        ((52.0, -3.5), (57.5, -4.0), (64.0, -3.0)),
        toward=(58.0, 6.0),
        waves=(Wave(0.0, 1.3, out=-0.32), Wave(2.5, 1.6, out=0.18), Wave(-2.5, 1.6, out=0.12)),
        rule=Rule(base=-0.2, age=1.4, from_age=30.0, european=0.15, jitter=0.5),
        reach=9.0,
    ),
    LineTrait(
        "crow's foot, lower",
        ((51.0, -8.0), (55.5, -11.5), (60.0, -16.5)),
        toward=(60.0, -8.0),
        waves=(Wave(0.0, 1.4, out=-0.28), Wave(2.6, 1.7, out=0.16)),
        rule=Rule(base=-0.25, age=1.3, from_age=32.0, european=0.15, jitter=0.5),
        reach=9.0,
    ),
    LineTrait(
        "frown line",
        ((6.5, 9.0), (7.8, 15.0), (8.8, 22.0), (9.2, 28.0)),
        toward=(20.0, 18.0),
        waves=(Wave(0.0, 1.6, out=-0.5), Wave(3.2, 2.2, out=0.3), Wave(-3.0, 2.2, out=0.15)),
        rule=Rule(base=0.0, age=1.0, from_age=28.0, male=0.15, spread=0.25, jitter=0.5),
        wander=1.6,
        uneven=0.45,
        reach=10.0,
    ),
    LineTrait(
        "nose root line",
        ((-9.0, 3.0), (-4.0, 5.0), (0.0, 5.5), (4.0, 5.0), (9.0, 3.0)),
        toward=(0.0, 14.0),
        waves=(Wave(0.0, 1.5, out=-0.4), Wave(3.0, 2.0, out=0.22)),
        rule=Rule(base=-0.2, age=1.1, from_age=35.0, spread=0.2, jitter=0.5),
        paired=False,
        reach=9.0,
    ),
    *(
        LineTrait(
            f"forehead line {k + 1}",
            (
                (-46.0, y - 7.0),
                (-28.0, y - 1.0),
                (-10.0, y - 1.5),
                (0.0, y - 2.2),
                (10.0, y - 1.5),
                (28.0, y - 1.0),
                (46.0, y - 7.0),
            ),
            toward=(0.0, y + 20.0),
            waves=(Wave(0.0, 1.7, out=-0.36), Wave(3.6, 2.6, out=0.2), Wave(-3.4, 2.4, out=0.14)),
            rule=Rule(base=-0.25, age=1.35, from_age=26.0, male=0.08, spread=0.25, jitter=0.6, chance=0.85),
            paired=False,
            wander=2.6,
            fade=(0.3, 0.3),
            reach=11.0,
        )
        for k, y in enumerate((35.0, 44.0, 53.0, 62.0))
    ),
    LineTrait(
        "mentolabial crease",
        ((-19.0, -92.0), (-10.0, -94.2), (0.0, -95.0), (10.0, -94.2), (19.0, -92.0)),
        toward=(0.0, -105.0),
        waves=(Wave(0.0, 2.6, out=-0.7), Wave(8.0, 6.0, out=0.4), Wave(-6.0, 4.0, out=0.2)),
        rule=Rule(base=0.15, age=0.5, from_age=35.0, spread=0.45, signed=True),
        paired=False,
        fade=(0.4, 0.4),
    ),
    LineTrait(
        "chin cleft",
        ((0.0, -99.0), (0.0, -105.0), (0.0, -112.0), (0.0, -118.0)),
        toward=(10.0, -108.0),
        waves=(Wave(0.0, 2.2, out=-1.3), Wave(6.0, 4.0, out=0.35), Wave(-6.0, 4.0, out=0.35)),
        rule=Rule(base=0.7, male=0.35, european=0.2, jitter=0.4, chance=0.16),
        paired=False,
        wander=0.6,
        fade=(0.35, 0.35),
        reach=14.0,
    ),
    LineTrait(
        "nose tip groove",
        ((0.0, -30.0), (0.0, -35.0), (0.0, -40.0), (0.0, -44.0)),
        toward=(6.0, -38.0),
        waves=(Wave(0.0, 1.7, out=-0.6), Wave(4.0, 2.4, out=0.25), Wave(-4.0, 2.4, out=0.25)),
        rule=Rule(base=0.75, jitter=0.4, chance=0.2),
        paired=False,
        wander=0.4,
        fade=(0.35, 0.35),
        reach=9.0,
    ),
    LineTrait(
        "cheek crease",
        ((40.0, -46.0), (43.5, -56.0), (45.0, -67.0), (44.0, -78.0)),
        toward=(58.0, -60.0),
        waves=(Wave(0.0, 2.4, out=-0.6), Wave(6.0, 4.5, out=0.5, over=-0.5), Wave(-6.0, 4.5, out=0.3)),
        rule=Rule(base=-0.3, age=1.3, from_age=42.0, weight=-0.3, jitter=0.5, chance=0.6),
        fade=(0.35, 0.4),
        wander=2.0,
    ),
    *(
        LineTrait(
            f"lip line {k + 1}",
            ((x, -53.5), (x * 1.03, -57.5), (x * 1.05, -61.5)),
            toward=(x + 8.0, -57.0),
            waves=(Wave(0.0, 1.5, out=-0.16), Wave(2.6, 1.6, out=0.06), Wave(-2.6, 1.6, out=0.06)),
            rule=Rule(base=-0.5, age=1.6, from_age=45.0, male=-0.25, jitter=0.5, chance=0.7),
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
        (47.0, -86.0, -8.0),
        (13.0, 10.0, 19.0),
        Rule(base=-0.1, age=1.2, from_age=38.0, weight=0.4, jitter=0.35),
        out=1.2,
        move=(0.0, -2.0, 0.3),
        stray=3.0,
    ),
    BlobTrait(
        "sulcus before the jowl",
        (33.0, -101.0, 0.0),
        (8.5, 8.0, 11.0),
        Rule(base=-0.1, age=1.2, from_age=42.0, jitter=0.4),
        out=-0.8,
    ),
    BlobTrait(
        "sagging cheek",
        (43.0, -48.0, 8.0),
        (13.0, 14.0, 16.0),
        Rule(base=0.0, age=1.1, from_age=35.0, weight=0.35, spread=0.3, jitter=0.3, signed=True),
        out=-0.2,
        move=(0.1, -2.4, -0.3),
        stray=3.0,
    ),
    BlobTrait(
        "cheek hollow",
        (54.0, -60.0, -10.0),
        (11.0, 15.0, 18.0),
        Rule(base=0.1, age=0.5, from_age=45.0, weight=-1.0, spread=0.5, signed=True, african=-0.1),
        out=-2.0,
        stray=4.0,
    ),
    BlobTrait(
        "full cheek",
        (45.0, -50.0, 8.0),
        (15.0, 17.0, 20.0),
        Rule(base=0.0, weight=1.1, spread=0.35, signed=True, male=-0.1),
        out=2.0,
        stray=3.0,
    ),
    BlobTrait(
        "cheekbone",
        (52.0, -22.0, 4.0),
        (10.0, 7.0, 14.0),
        Rule(base=0.0, weight=-0.35, asian=0.45, spread=0.6, age=0.3, from_age=45.0, signed=True),
        out=1.0,
    ),
    BlobTrait(
        "temple hollow",
        (64.0, 24.0, -14.0),
        (12.0, 14.0, 20.0),
        Rule(base=0.0, age=0.9, from_age=40.0, weight=-0.6, spread=0.4, signed=True),
        out=-1.7,
        stray=3.0,
    ),
    BlobTrait(
        "brow ridge",
        (24.0, 15.0, 26.0),
        (12.0, 5.5, 14.0),
        Rule(base=-0.1, male=0.45, spread=0.45, asian=-0.2, signed=True),
        out=1.2,
    ),
    BlobTrait(
        "sagging brow",
        (47.0, 13.0, 12.0),
        (11.0, 8.0, 14.0),
        Rule(base=0.0, age=1.0, from_age=40.0, spread=0.5, signed=True, male=0.1),
        move=(0.0, -2.0, 0.0),
    ),
    BlobTrait(
        "glabella",
        (0.0, 18.0, 28.0),
        (8.0, 6.0, 14.0),
        Rule(male=0.5, spread=0.5, signed=True),
        out=0.8,
        paired=False,
    ),
    BlobTrait(
        "nose bump",
        (0.0, -14.0, 37.0),
        (6.0, 5.0, 12.0),
        Rule(base=0.05, european=0.35, spread=0.55, age=0.15, signed=True),
        out=1.1,
        paired=False,
        stray=2.5,
    ),
    BlobTrait(
        "broken nose",
        (0.0, -16.0, 30.0),
        (14.0, 9.0, 22.0),
        Rule(base=0.0, spread=1.0, chance=0.22, jitter=0.0, signed=True),
        move=(2.4, 0.0, 0.0),
        paired=False,
        stray=2.0,
    ),
    BlobTrait(
        "bent nose tip",
        (0.0, -38.0, 44.0),
        (14.0, 9.0, 18.0),
        Rule(base=0.0, spread=0.6, jitter=0.0, signed=True),
        move=(1.3, 0.0, 0.0),
        paired=False,
        stray=1.5,
    ),
    BlobTrait(
        "drooping nose tip",
        (0.0, -38.0, 46.0),
        (11.0, 8.0, 14.0),
        Rule(base=0.0, age=1.0, from_age=40.0, spread=0.4, signed=True),
        move=(0.0, -2.2, 0.5),
        paired=False,
        stray=1.0,
    ),
    BlobTrait(
        "wing of the nose",
        (15.0, -44.0, 26.0),
        (5.5, 6.0, 8.0),
        Rule(spread=0.55, african=0.6, age=0.25, signed=True),
        out=0.8,
        move=(0.5, 0.0, 0.0),
        stray=1.2,
        uneven=0.35,
    ),
    BlobTrait(
        "double chin",
        (0.0, -118.0, -12.0),
        (28.0, 13.0, 20.0),
        Rule(base=-0.15, weight=1.2, age=0.6, from_age=40.0, spread=0.25),
        out=2.0,
        move=(0.0, -3.4, 0.8),
        paired=False,
        stray=3.0,
    ),
    BlobTrait(
        "chin pad",
        (0.0, -108.0, 18.0),
        (11.0, 8.0, 12.0),
        Rule(spread=0.6, male=0.3, signed=True),
        out=1.1,
        paired=False,
        stray=2.0,
    ),
    BlobTrait(
        "chin corner",
        (17.0, -108.0, 12.0),
        (8.0, 8.0, 12.0),
        Rule(spread=0.5, male=0.6, signed=True),
        out=1.1,
        stray=2.0,
    ),
    BlobTrait(
        "angle of the jaw",
        (60.0, -76.0, -26.0),
        (10.0, 12.0, 16.0),
        Rule(spread=0.5, male=0.6, muscle=0.4, asian=0.2, signed=True),
        out=1.8,
        stray=4.0,
    ),
    BlobTrait(
        "corner of the mouth",
        (26.0, -74.0, 20.0),
        (7.0, 6.0, 10.0),
        Rule(base=0.0, age=-0.6, from_age=35.0, spread=0.5, signed=True),
        move=(0.0, 1.3, 0.0),
        stray=1.0,
        uneven=0.3,
    ),
    BlobTrait(
        "thinning upper lip",
        (0.0, -64.0, 34.0),
        (16.0, 4.5, 12.0),
        Rule(age=1.0, from_age=35.0, african=-0.4, spread=0.3, signed=True),
        move=(0.0, -0.7, -1.0),
        paired=False,
        stray=0.8,
    ),
    BlobTrait(
        "thinning lower lip",
        (0.0, -78.0, 29.0),
        (15.0, 4.5, 12.0),
        Rule(age=0.9, from_age=35.0, african=-0.4, spread=0.3, signed=True),
        move=(0.0, 0.5, -0.9),
        paired=False,
        stray=0.8,
    ),
    BlobTrait(
        "bulge beside the mouth",
        (34.0, -78.0, 14.0),
        (6.0, 8.0, 10.0),
        Rule(base=0.0, age=0.5, from_age=35.0, weight=0.4, spread=0.5, signed=True),
        out=0.9,
        stray=2.5,
        uneven=0.4,
    ),
    BlobTrait(
        "throat",
        (0.0, -147.0, -41.0),
        (8.0, 9.0, 18.0),
        Rule(base=0.2, male=0.9, weight=-0.4, spread=0.25),
        out=2.4,
        paired=False,
        stray=3.0,
    ),
    BlobTrait(
        "lobe of the ear",
        (77.0, -47.0, -74.0),
        (12.0, 9.0, 14.0),
        Rule(age=1.0, from_age=35.0, spread=0.6, signed=True),
        move=(0.0, -2.6, 0.0),
        stray=1.5,
    ),
)

__all__ = ["BLOBS", "LINES", "BlobTrait", "LineTrait", "Rule", "Wave"]
