"""What every subcommand of `mien evaluate` is: options, and a measurement that gives findings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mien.evaluate.measures.aims import Verdict

Rows = list[dict[str, object]]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Findings:
    """Tables by name (a dictionary a row), and the verdicts on the aims.

    `text` is what people see in place of the tables, where a subcommand lays them out itself.
    """

    tables: dict[str, Rows]
    verdicts: tuple[Verdict, ...] = ()
    text: str | None = None

    @property
    def missed(self) -> list[Verdict]:
        """The verdicts on aims that were missed."""
        return [verdict for verdict in self.verdicts if not verdict.met]

    def to_json(self) -> dict[str, Rows]:
        """The tables, and the verdicts as one more table named "aims"."""
        return {**self.tables, "aims": [verdict.to_row() for verdict in self.verdicts]}


@dataclass(frozen=True, kw_only=True)
class Evaluation(ABC):
    """Options of a subcommand. Its subclass stands in the module that is named after the subcommand."""

    json: Path | None = None
    """File to write the numbers to."""

    @abstractmethod
    def measure(self, say: Say) -> Findings:
        """Measures; `say` is told about progress. Raises `MienError` where the options do not fit."""
