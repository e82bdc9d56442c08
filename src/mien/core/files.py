"""Files written whole or not at all."""

from __future__ import annotations

import glob
import hashlib
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mien.core.errors import MienError
from mien.core.faults import disk_is_full

_MARK = r"[0-9a-f]{8}-\d+"  # what `owner_mark` gives


def sha256_of(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a file beside its place and renames it; `OSError` leaves what was there."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as stream:
        partial = Path(stream.name)
        try:
            stream.write(data)
            stream.flush()
            partial.chmod(0o644)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes, option: str = "--out") -> None:
    """A file put in place whole. Where that cannot be, raises `MienError` and leaves nothing behind; `option`
    is where the user named the place.
    """
    try:
        write_atomically(path, data)
    except OSError as error:
        raise MienError(f"{path}: cannot be written ({error.strerror}); choose another {option}") from error


@contextmanager
def whole_folder(out: Path, *, force: bool = False) -> Iterator[Path]:
    """Yields an empty staging folder beside `out` that becomes `out` when the block ends well.

    An `out` that exists and is not empty is refused without `force`; with it, the old folder is
    replaced only once the new one is complete. On an exception nothing is left behind; what a killed
    process left, the next call for the same `out` puts right.
    """
    out = out.absolute()
    check_writable_target(out, force=force)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{out.name}.part-{owner_mark()}-", dir=out.parent))
    except OSError as error:
        raise MienError(
            f"{out}: cannot be written ({error.strerror or error}); choose a folder you may write to"
        ) from error
    try:
        yield staging
        _swap_in(staging, out)
    except (OSError, RuntimeError) as error:
        if not disk_is_full(error):
            raise
        raise MienError(
            f"{out}: the disk is full, nothing was written there; make room, or choose another --out"
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def check_writable_target(out: Path, *, force: bool) -> None:
    """Refuses early, before minutes of work, an output folder that could not be used at the end.

    What killed processes left beside it is put right first.
    """
    put_right(out)
    if out.exists() and not out.is_dir():
        raise MienError(f"{out}: is a file, expected a folder that does not exist yet; choose another --out")
    if out.is_dir() and any(out.iterdir()) and not force:
        raise MienError(f"{out}: exists and is not empty; choose another --out or add --force")
    ancestor = next(p for p in (out, *out.parents) if p.exists())
    if not ancestor.is_dir():
        raise MienError(f"{out}: {ancestor} is a file, expected a folder; choose another --out")
    try:
        tempfile.TemporaryFile(dir=ancestor).close()
    except OSError as error:
        raise MienError(
            f"{out}: cannot be written ({error.strerror}); choose a folder you may write to"
        ) from error


def put_right(out: Path) -> None:
    """Takes away hidden folders that processes since gone left beside `out`.

    One that was killed just when it had moved the old folder away gets that back.
    """
    out = out.absolute()
    pattern = re.compile(rf"\.{re.escape(out.name)}\.(part|old)-({_MARK})-[^-]*")
    for folder in sorted(out.parent.glob(f".{glob.escape(out.name)}.*")) if out.parent.is_dir() else []:
        found = pattern.fullmatch(folder.name)
        if found is None or not is_abandoned(found[2]):
            continue
        if found[1] == "old" and not out.exists() and (folder / "old").is_dir():
            (folder / "old").rename(out)
        shutil.rmtree(folder, ignore_errors=True)


def owner_mark() -> str:
    """This process, as a part of the names of files that it has not finished."""
    return f"{_machine()}-{os.getpid()}"


def is_abandoned(mark: str) -> bool:
    """Whether the process of an `owner_mark` is gone; of another machine's nobody here can know."""
    machine, _, process = mark.partition("-")
    if machine != _machine() or not process.isdecimal() or os.name != "posix":
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # somebody else's, or no number that a process can have
        return False
    return False


def _machine() -> str:
    """Short and fit for a file name: folders may be shared between machines, process numbers are not."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def _swap_in(staging: Path, out: Path) -> None:
    staging.chmod(0o755)
    if not out.exists():
        staging.rename(out)
        return
    retired = Path(tempfile.mkdtemp(prefix=f".{out.name}.old-{owner_mark()}-", dir=out.parent))
    out.rename(retired / "old")
    staging.rename(out)
    shutil.rmtree(retired, ignore_errors=True)
