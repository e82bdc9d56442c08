"""`mien bench`: what the command takes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class BenchCommand:
    """Registration beside trimesh's nricp_amberg and nricp_sumner: same start, same measure."""

    scans: tuple[Path, ...] = ()
    """Scans to run on; a synthetic one when left out."""
    albedo: tuple[Path, ...] = ()
    """Their colour textures, in the same order."""
    json: Path | None = None
    """File to write the numbers to."""


def run_bench(command: BenchCommand) -> int:
    """Registration beside others; returns the exit status."""
    from mien.core.files import write_whole
    from mien.evaluate.measures.bench import bench_scans
    from mien.evaluate.measures.given_scans import pair_scans
    from mien.pipeline.tables import rows_table

    rows = bench_scans(pair_scans(command.scans, command.albedo))
    print(rows_table(rows))
    if command.json is not None:
        write_whole(command.json, (json.dumps(rows, indent=2) + "\n").encode(), "--json")
    return 0
