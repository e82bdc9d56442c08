"""What a check says: findings, measures, a verdict."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """One rule's word on one file: what is wrong, what was expected, what to do."""

    severity: Severity
    rule: str
    file: str
    message: str


@dataclass
class Findings:
    """Collects findings about one file, and numbers worth knowing."""

    file: str
    ran: list[str] = field(default_factory=list)
    found: list[Finding] = field(default_factory=list)
    measures: dict[str, float] = field(default_factory=dict)

    def error(self, rule: str, message: str) -> None:
        """Something that must not ship."""
        self.found.append(Finding("error", rule, self.file, message))

    def warning(self, rule: str, message: str) -> None:
        """Something to look at."""
        self.found.append(Finding("warning", rule, self.file, message))

    def note(self, rule: str, message: str) -> None:
        """Something to know, as a check that could not run."""
        self.found.append(Finding("note", rule, self.file, message))


@dataclass(frozen=True)
class CheckReport:
    """All findings on a path. `rules` ran; `not_run` could not, for want of what they look at; `measures`
    are numbers by name."""

    path: str
    rules: tuple[str, ...]
    not_run: tuple[str, ...]
    findings: tuple[Finding, ...]
    measures: dict[str, float]

    @property
    def passed(self) -> bool:
        """No errors; warnings and notes do not count."""
        return not any(f.severity == "error" for f in self.findings)

    def as_json(self) -> dict[str, object]:
        """Plain JSON values."""
        return {
            "path": self.path,
            "passed": self.passed,
            "rules": list(self.rules),
            "not_run": list(self.not_run),
            "findings": [vars(f) for f in self.findings],
            "measures": self.measures,
        }

    def as_table(self) -> str:
        """Text for people: a line a rule, the findings beneath, the measures, the verdict."""
        lines = []
        for rule in self.rules:
            own = [f for f in self.findings if f.rule == rule]
            worst = next((s for s in ("error", "warning", "note") if any(f.severity == s for f in own)), "ok")
            lines.append(f"{worst:<8}{rule}")
            lines += [f"        {f.file}: {f.message}" for f in own]
        lines += [f"not run {rule}" for rule in self.not_run]
        if self.measures:
            lines += ["", *(f"{value:>12.4g}  {name}" for name, value in self.measures.items())]
        errors, warnings = (sum(f.severity == s for f in self.findings) for s in ("error", "warning"))
        return "\n".join([*lines, "", f"{self.path}: {errors} errors, {warnings} warnings"])
