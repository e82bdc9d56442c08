"""`mien check`: the formats' own judges and Mien's invariants."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional


@dataclass(frozen=True)
class CheckCommand:
    """Judge a GLB or an asset folder: the Khronos validator and Mien's invariants."""

    path: Positional[Path]
    """A .glb file or an asset folder."""
    json: bool = False
    """Print findings as JSON."""


def run_check(command: CheckCommand) -> int:
    """Judges one file or folder; exit status 1 where something is wrong."""
    from mien.export.check import check_path

    report = check_path(command.path)
    print(json.dumps(report.as_json(), indent=2) if command.json else report.as_table())
    return 0 if report.passed else 1
