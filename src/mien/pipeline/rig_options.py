"""What a user may ask of `mien rig`, its refusal, and how a given file is part of a stage's key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.core.cache import file_digest
from mien.core.errors import MienError
from mien.export.folder import SUPPORTED_FORMATS


@dataclass(frozen=True)
class RigOptions:
    """What a user may ask of `rig`; the meanings are those of the command line."""

    # what is given beside the scan
    albedo: Path | None = None
    mask: Path | None = None
    landmarks: Path | None = None
    units: str = "auto"
    people: Path | None = None
    # what is made of it
    keep_expression: bool = False
    resolution: int = 1024
    iris: str | None = None
    # the mesh it is put on: "mien", "ict", or the path of a base mesh
    topology: str = "mien"
    topology_landmarks: Path | None = None
    ict_folder: Path | None = None
    # how it is written
    formats: tuple[str, ...] = ("glb", "obj")
    force: bool = False
    cache: bool = True


def file_part(path: Path | None) -> list[str | None] | None:
    """A given file as a part of a key: its kind and content."""
    return None if path is None else [path.suffix.lower(), file_digest(path)]


def check_formats(formats: Sequence[str]) -> None:
    """Raises `MienError` where one is not written."""
    unknown = [name for name in formats if name not in SUPPORTED_FORMATS]
    if unknown:
        raise MienError(
            f"--formats: {', '.join(unknown)} is not written yet, expected some of "
            f"{', '.join(SUPPORTED_FORMATS)}; leave it out"
        )
