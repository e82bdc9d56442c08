"""Aims, and what was measured beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf, isnan

DESIGN = "design"  # the aims that Mien set itself before anything was measured


@dataclass(frozen=True)
class Aim:
    """A measure, the bounds it is to keep (both inclusive), and where they come from.

    Without bounds the measure is only reported and cannot be missed.
    """

    what: str
    at_most: float | None = None
    at_least: float | None = None
    source: str = ""

    def judge(self, found: float, place: str = "") -> Verdict:
        """Holds what was found against the bounds; `place` says where it was found."""
        return Verdict(self, found, place)

    def judge_worst(self, found: Iterable[tuple[str, float]]) -> Verdict:
        """Judges the worst of several values, given with the places where they were found.

        Raises `ValueError` where the aim has no bounds: then no value is worse than another.
        """
        if self.at_most is None and self.at_least is None:
            raise ValueError(f"{self.what}: has no bounds, so none of its values is the worst")
        place, worst = max(found, key=lambda one: self.excess(one[1]))
        return self.judge(worst, place)

    def excess(self, found: float) -> float:
        """How far a value lies outside the bounds; negative inside them, infinite for NaN."""
        if isnan(found):
            return inf
        above = -inf if self.at_most is None else found - self.at_most
        below = -inf if self.at_least is None else self.at_least - found
        return max(above, below)

    @property
    def bounds(self) -> str:
        """The bounds in words: "≤ 0.3", "≥ 0.9", "0 to 0.3", or nothing."""
        if self.at_most is not None and self.at_least is not None:
            return f"{self.at_least:g} to {self.at_most:g}"
        if self.at_most is not None:
            return f"≤ {self.at_most:g}"
        return "" if self.at_least is None else f"≥ {self.at_least:g}"


@dataclass(frozen=True)
class Verdict:
    """An aim and the value that was found."""

    aim: Aim
    found: float
    place: str = ""

    @property
    def bounded(self) -> bool:
        """Whether there is anything to miss."""
        return bool(self.aim.bounds)

    @property
    def met(self) -> bool:
        """Whether the value keeps the bounds; NaN keeps none."""
        return not self.bounded or self.aim.excess(self.found) <= 0.0

    def to_row(self) -> dict[str, object]:
        """For machines: bounds as numbers, `None` where there is none."""
        return {
            "what": self.aim.what,
            "found": None if isnan(self.found) else self.found,
            "at_least": self.aim.at_least,
            "at_most": self.aim.at_most,
            "met": self.met,
            "in": self.place,
            "source": self.aim.source,
        }

    def to_line(self) -> dict[str, object]:
        """For people: the bounds in words."""
        said = ("yes" if self.met else "MISSED") if self.bounded else ""
        return {
            "what": self.aim.what,
            "found": self.found,
            "aim": self.aim.bounds,
            "met": said,
            "in": self.place,
            "source": self.aim.source,
        }


def judge_columns(aims: Mapping[str, Aim], rows: list[dict[str, object]]) -> list[Verdict]:
    """Judges the worst of each column of a table; no verdict where no row has the column."""
    verdicts = []
    for column, aim in aims.items():
        found = [(_title(row), float(str(row[column]))) for row in rows if column in row]
        if found:
            verdicts.append(aim.judge_worst(found))
    return verdicts


def _title(row: dict[str, object]) -> str:
    """What a row is about: its scan, and the method used on it."""
    return ", ".join(str(row[key]) for key in ("scan", "method") if key in row)
