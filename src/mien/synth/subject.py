"""Who somebody is, before anything is drawn: the joint distribution of the face database's attributes.

A subject is a pure function of (seed, index). The attributes are drawn so:

* **Skin tone** t is uniform in 0..1, so that the individual typology angle ITA° = 68 - 133 t is even from
  very light (68°) to very dark (-65°), Chardon et al. 1991; the Monk tone is 1 + floor(10 t), each as
  frequent (its swatches' own angles, 83° to -84°, run beyond what skin measures).
* **Ancestry** given t: shares (African, Asian, European) ~ Dirichlet(1.3 m + 0.02) with the Bernstein
  weights m = (t^2, 2 t (1 - t), (1 - t)^2). Each integrates to 1/3 over t, so the three are equally
  represented, dark tones are mostly African, light ones mostly European, tones between mostly Asian, and
  every tone occurs with every ancestry. Tone stays exactly even because it is drawn first.
* **Sex** 0 female to 1 male: d or 1 - d with equal chance, d ~ Beta(1.2, 7), independent of the rest.
* **Age** uniform from 18 to 80 years, independent of the rest.
* **Weight** 0 lean to 1 heavy, 0.5 average: the logistic of 0.75 n + 0.45 b(age) - 0.1, n normal and b a
  parabola that is -1 at 18, 1 at 55 and 0.54 at 80: people gain weight until their fifties.
* **Muscle** 0 to 1: the logistic of 0.7 n + 1.6 (sex - 0.5) - 0.6 old, old 0 at 40 years to 1 at 80.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

GENERATED = "generated: no person was scanned"  # whose consent there is
AGE_RANGE = (18.0, 80.0)
LIGHTEST_ITA, DARKEST_ITA = 68.0, -65.0
_ANCESTRY_WEIGHT, _ANCESTRY_FLOOR = 1.3, 0.02
# Volume fraction of melanosomes in the epidermis, lightest to darkest skin (Jacques 1998).
_MELANIN = (0.013, 0.43)


@dataclass(frozen=True)
class Subject:
    """One person of the database. Sex is 0 female to 1 male, ancestry (African, Asian, European) sums to 1,
    tone is 0 lightest to 1 darkest, weight 0 lean to 1 heavy, muscle 0 to 1; age in years.
    """

    seed: int
    index: int
    age: float
    sex: float
    ancestry: tuple[float, float, float]
    tone: float
    weight: float
    muscle: float

    def attributes(self) -> dict[str, Any]:
        """Plain values by name, for manifests."""
        african, asian, european = self.ancestry
        return {
            "age": self.age,
            "sex": self.sex,
            "ancestry_african": african,
            "ancestry_asian": asian,
            "ancestry_european": european,
            "tone": self.tone,
            "ita": self.ita,
            "monk": self.monk,
            "weight": self.weight,
            "muscle": self.muscle,
        }

    @property
    def ita(self) -> float:
        """Individual typology angle of the skin, degrees."""
        return LIGHTEST_ITA + (DARKEST_ITA - LIGHTEST_ITA) * self.tone

    @property
    def monk(self) -> int:
        """Tone of the Monk scale, 1 to 10."""
        return min(int(10 * self.tone), 9) + 1

    @property
    def melanin(self) -> float:
        """Volume fraction of melanosomes in the epidermis that this tone suggests (log-linear)."""
        low, high = _MELANIN
        return float(low * (high / low) ** self.tone)

    @property
    def old(self) -> float:
        """0 at 18 years to 1 at 80."""
        return (self.age - AGE_RANGE[0]) / (AGE_RANGE[1] - AGE_RANGE[0])

    def stream(self, facet: str) -> np.random.Generator:
        """The random numbers of one facet ("geometry", "iris", "brows", ...): the same on every call.

        Streams of different names are independent, so a new facet changes none that was there before.
        """
        return facet_stream(self.seed, self.index, facet)


def facet_stream(seed: int, index: int, facet: str) -> np.random.Generator:
    """PCG64 seeded by (seed, index, name); independent of every other triple."""
    return np.random.default_rng([seed, index, zlib.crc32(facet.encode())])


def draw_subject(seed: int, index: int) -> Subject:
    """The attributes of subject `index` of the database `seed`; see the module for their distribution."""
    rng = facet_stream(seed, index, "attributes")
    tone, age_share, side = rng.random(3)
    age = AGE_RANGE[0] + (AGE_RANGE[1] - AGE_RANGE[0]) * age_share
    from_pole = rng.beta(1.2, 7.0)
    sex = from_pole if side < 0.5 else 1.0 - from_pole
    ancestry = _ancestry(tone, rng)
    fullness, strength = rng.standard_normal(2)
    gain = 1.0 - 2.0 * ((age - 55.0) / 37.0) ** 2 if age < 55.0 else 1.0 - ((age - 55.0) / 37.0) ** 2
    frail = np.clip((age - 40.0) / 40.0, 0.0, 1.0)
    return Subject(
        seed=seed,
        index=index,
        age=float(age),
        sex=float(sex),
        ancestry=(float(ancestry[0]), float(ancestry[1]), float(ancestry[2])),
        tone=float(tone),
        weight=_logistic(0.75 * fullness + 0.45 * gain - 0.1),
        muscle=_logistic(0.7 * strength + 1.6 * (sex - 0.5) - 0.6 * frail),
    )


def ancestry_means(tone: float) -> Float[np.ndarray, "3"]:
    """Expected weights (African, Asian, European) at a tone: Bernstein polynomials, each a third overall."""
    return np.array([tone**2, 2 * tone * (1 - tone), (1 - tone) ** 2])


def _ancestry(tone: float, rng: np.random.Generator) -> Float[np.ndarray, "3"]:
    shares = rng.gamma(_ANCESTRY_WEIGHT * ancestry_means(tone) + _ANCESTRY_FLOOR) + 1e-12
    return shares / shares.sum()


def _logistic(value: float) -> float:
    return float(1.0 / (1.0 + np.exp(-value)))
