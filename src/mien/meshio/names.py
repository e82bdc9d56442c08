"""Files that another file names: found as named, or beside it where another machine's path is written."""

from __future__ import annotations

import os
import re
from pathlib import Path


def find_beside(folder: Path, named: str) -> tuple[Path, str | None]:
    """The file that a file in `folder` names, and a note where it was found under another name.

    Tried in turn: the name as it stands; with backslashes as separators; its base name in `folder`; the
    same whatever its case. Where nothing is found the literal path comes back, which does not exist.
    """
    literal = folder / named.replace("\\", "/")
    for path in (folder / named, literal):
        if _is_file(path):
            return path, None
    base = re.split(r"[/\\:]", named)[-1].strip()
    found = _in_folder(literal.parent, base) or _in_folder(folder, base)
    if found is None:
        return literal, None
    return found, f"{named!r} is not there: {found.name} beside it was taken"


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file system can hold
        return False


def _in_folder(folder: Path, base: str) -> Path | None:
    """A file of this name, whatever its case, if there is exactly one."""
    try:
        names = sorted(os.listdir(folder))
    except (OSError, ValueError):
        return None
    if base in names:
        return folder / base
    alike = [name for name in names if name.casefold() == base.casefold()]
    return folder / alike[0] if len(alike) == 1 else None
