"""The database's people beside the distributions they are drawn to have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats

from mien.synth.subject import AGE_RANGE, DARKEST_ITA, LIGHTEST_ITA, Subject

CRITICAL = 1.628  # of the Kolmogorov-Smirnov distance times sqrt(n), at 1 in 100 (Kolmogorov 1933)
_SEX = (1.2, 7.0)

Cdf = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Marginal:
    """One attribute's values and the distribution function they should have; `low`, `high` for pictures."""

    name: str
    target: str
    values: Float[np.ndarray, " B"]
    cdf: Cdf
    low: float
    high: float

    @property
    def distance(self) -> float:
        """Largest difference of the distribution functions, found and wanted (Kolmogorov-Smirnov)."""
        return float(stats.kstest(self.values, self.cdf).statistic)


def marginals(subjects: Sequence[Subject]) -> list[Marginal]:
    """Age, sex, tone, and weight and muscle freed of what age and sex make of them."""
    age, sex = (np.array([getattr(s, name) for s in subjects]) for name in ("age", "sex"))
    ita = np.array([s.ita for s in subjects])
    below, above = (age - 55.0) / 37.0, np.clip((age - 40.0) / 40.0, 0.0, 1.0)
    gain = np.where(age < 55.0, 1.0 - 2.0 * below**2, 1.0 - below**2)
    fullness = (_logit(subjects, "weight") - 0.45 * gain + 0.1) / 0.75
    strength = (_logit(subjects, "muscle") - 1.6 * (sex - 0.5) + 0.6 * above) / 0.7
    low, high = AGE_RANGE
    normal = stats.norm.cdf
    return [
        Marginal("age, years", "uniform", age, stats.uniform(low, high - low).cdf, low, high),
        Marginal("sex", "two Betas", sex, _sex_cdf, 0.0, 1.0),
        Marginal(
            "tone, ITA", "uniform", ita, stats.uniform(DARKEST_ITA, LIGHTEST_ITA - DARKEST_ITA).cdf,
            DARKEST_ITA, LIGHTEST_ITA,
        ),
        Marginal("weight without age", "normal", fullness, normal, -3.0, 3.0),
        Marginal("muscle without age, sex", "normal", strength, normal, -3.0, 3.0),
    ]  # fmt: skip


def distribution_rows(subjects: Sequence[Subject]) -> list[dict[str, object]]:
    """A row an attribute: its target, what was found, how far off, and how far chance alone may be off."""
    limit = CRITICAL / np.sqrt(len(subjects))
    rows: list[dict[str, object]] = []
    for one in marginals(subjects):
        deciles = np.percentile(one.values, [10, 50, 90])
        found = "10 %, 50 %, 90 %: " + ", ".join(f"{v:.2f}" for v in deciles)
        rows.append(_row(one.name, one.target, found, one.distance, limit))
    monk = np.bincount([s.monk for s in subjects], minlength=11)[1:] / len(subjects)
    rows.append(
        _row(
            "Monk tone",
            "10 % each",
            f"{monk.min():.1%} to {monk.max():.1%}",
            *_most(monk, 0.1, len(subjects)),
        )
    )
    shares = np.array([s.ancestry for s in subjects])
    mean = shares.mean(axis=0)
    text = ", ".join(f"{n} {m:.1%}" for n, m in zip(("African", "Asian", "European"), mean, strict=True))
    spread = 2.576 * float(shares.std(axis=0).max()) / np.sqrt(len(subjects))
    rows.append(
        _row("ancestry", "a third of all shares each", text, float(np.abs(mean - 1 / 3).max()), spread)
    )
    return rows


def _row(name: str, target: str, found: str, off: float, chance: float) -> dict[str, object]:
    return {"attribute": name, "target": target, "found": found, "off": off, "by_chance": float(chance)}


def _most(found: np.ndarray, wanted: float, count: int) -> tuple[float, float]:
    return float(np.abs(found - wanted).max()), 3.3 * float(np.sqrt(wanted * (1 - wanted) / count))


def _sex_cdf(values: np.ndarray) -> np.ndarray:
    pole = stats.beta(*_SEX)
    return 0.5 * (pole.cdf(values) + 1.0 - pole.cdf(1.0 - np.asarray(values)))


def _logit(subjects: Sequence[Subject], name: str) -> Float[np.ndarray, " B"]:
    share = np.array([getattr(s, name) for s in subjects])
    return np.log(share / (1.0 - share))
