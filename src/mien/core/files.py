"""Files written whole or not at all."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mien.core.errors import MienError


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


def write_text(path: Path, text: str) -> None:
    """A text file (UTF-8), put in place whole; raises `MienError` where it cannot be written."""
    try:
        write_atomically(path, text.encode())
    except OSError as error:
        raise MienError(f"{path}: cannot be written ({error.strerror}); choose another file") from error


@contextmanager
def whole_folder(out: Path, *, force: bool = False) -> Iterator[Path]:
    """Yields an empty staging folder beside `out` that becomes `out` when the block ends well.

    An `out` that exists and is not empty is refused without `force`; with it, the old folder is
    replaced only once the new one is complete. On an exception nothing is left behind.
    """
    out = out.absolute()
    check_writable_target(out, force=force)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise MienError(
            f"{out}: cannot be written ({error.strerror or error}); choose a folder you may write to"
        ) from error
    try:
        yield staging
        _swap_in(staging, out)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def check_writable_target(out: Path, *, force: bool) -> None:
    """Refuses early, before minutes of work, an output folder that could not be used at the end."""
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


def _swap_in(staging: Path, out: Path) -> None:
    staging.chmod(0o755)
    if not out.exists():
        staging.rename(out)
        return
    retired = Path(tempfile.mkdtemp(prefix=f".{out.name}.old.", dir=out.parent))
    out.rename(retired / "old")
    staging.rename(out)
    shutil.rmtree(retired, ignore_errors=True)
