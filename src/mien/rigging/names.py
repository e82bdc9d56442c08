"""Names that a user gives, held against those there are."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from mien.core.errors import MienError


def check_names(kind: str, given: Iterable[str], known: Sequence[str]) -> None:
    """Refuses an unknown name and says which one may be meant."""
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.0)
            raise MienError(f"no {kind} named {name!r}, did you mean {near[0]!r}? there are {len(known)}")
