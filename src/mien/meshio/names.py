"""Files that a scan names, found where they are."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote


def find_beside(folder: Path, named: str) -> tuple[Path, str | None]:
    """The file that `named` stands for: (its path, a note where it was not found literally, else None).

    Names come from other machines: with backslashes, percent-encoded, in folders that do not exist here, in
    another case. Where nothing fits, the literal path is returned, without a note.
    """
    literal = folder / named
    if os.path.isfile(literal):
        return literal, None
    plain = unquote(named).replace("\\", "/")
    parts = [part for part in plain.split("/") if part not in ("", ".")]
    for relative in (parts, parts[-1:]):
        found = _walk(folder, relative)
        if found is not None:
            return found, f"{named}: not found as named, {found.relative_to(folder).as_posix()} was read"
    return literal, None


def _walk(folder: Path, parts: list[str]) -> Path | None:
    """The path below `folder` whose parts are these but for their case."""
    for part in parts:
        exact = folder / part
        if not os.path.exists(exact):
            same = sorted(p for p in _entries(folder) if p.name.casefold() == part.casefold())
            if not same:
                return None
            exact = same[0]
        folder = exact
    return folder if os.path.isfile(folder) else None


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if os.path.isdir(folder) else []
