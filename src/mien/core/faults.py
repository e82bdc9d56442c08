"""What nobody foresaw, said in one line; the traceback is shown where `MIEN_TRACEBACK` asks for it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from mien.core.errors import MienError

VARIABLE = "MIEN_TRACEBACK"
_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def in_one_line(subject: str, doing: str) -> Iterator[None]:
    """Whatever the block raises becomes a `MienError` of one line, with the error itself as its cause.

    `subject` is what was worked on, a file's name or a command; `doing` the stage ("fitting the template").
    """
    try:
        yield
    except MienError:
        raise
    except Exception as error:
        raise MienError(f"{subject}: {_told(error, doing)}") from error


def wants_traceback() -> bool:
    """Whether the user asked to see where an error came from."""
    return os.environ.get(VARIABLE, "") not in ("", "0")


def disk_is_full(error: BaseException) -> bool:
    """Whether this error, or one that it came from, says that no space is left; OpenEXR says it in words."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    if any(os.strerror(number) in str(error) for number in _FULL):
        return True
    return error.__cause__ is not None and disk_is_full(error.__cause__)


def _told(error: Exception, doing: str) -> str:
    """What happened, and what to do about it."""
    if disk_is_full(error):
        return f"the disk is full ({_reason(error)}) while {doing}; make room there, or choose another place"
    if isinstance(error, MemoryError):
        return f"memory ran out while {doing}; close other programs, or give fewer triangles or texels"
    if isinstance(error, ImportError):
        name = error.name or "a package"
        return f"{name} cannot be loaded ({_reason(error)}) while {doing}; install it again with pip"
    if isinstance(error, OSError):
        return f"{_reason(error)} while {doing}; look at that file or folder, then try again"
    return (
        f"failed while {doing} ({type(error).__name__}: {_reason(error)}); this is a fault of Mien's own: "
        f"run again with {VARIABLE}=1 and report what it prints"
    )


def _reason(error: BaseException) -> str:
    """The error's own words on one line, without the number of an `OSError`."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return " ".join(str(error).split())[:200] or "no reason given"
