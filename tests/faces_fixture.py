"""A small face database on disk, made once a session."""

from __future__ import annotations

from pathlib import Path

from mien.database.store import Gaps
from mien.pipeline.synth_database import SynthOptions, synthesize

FACES = SynthOptions(seed=6, count=2, expressions="random:2", per_shard=1)


def write_faces(folder: Path) -> None:
    """Two subjects in a shard each."""
    told: list[int] = []
    assert synthesize(str(folder), FACES, 0, told.append) == Gaps([0, 1], [])
    assert sum(told) == 2
