"""A folder on a disk, in memory or in a bucket; what cannot be reached is refused in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import fsspec

from mien.core.errors import MienError

_PARTIAL = ".part"


@dataclass(frozen=True)
class Folder:
    """A folder on any file system that fsspec knows: a path, `memory://faces`, `s3://bucket/faces`.

    Raises `MienError` where the system is not known or not installed, and where it refuses to write.
    """

    address: str

    @cached_property
    def _root(self) -> tuple[Any, str]:
        protocol = self.address.partition("://")[0]
        try:
            return fsspec.core.url_to_fs(self.address)
        except ImportError as error:
            raise MienError(f"{self.address}: {protocol}:// needs a package; {error}") from error
        except ValueError as error:
            raise MienError(
                f"{self.address}: {protocol}:// is not known, expected a path, s3://bucket/faces or the like"
            ) from error

    @property
    def in_memory(self) -> bool:
        """Whether it ends with this process, which no other process sees."""
        return "memory" in _protocols(self._root[0])

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        system, root = self._root
        with self._refusing("read"):
            return bool(system.exists(f"{root}/{name}"))

    def names(self, folder: str = "") -> list[str]:
        """The names of what is in a subfolder, or here, sorted; none where it is missing."""
        system, root = self._root
        path = f"{root}/{folder}".rstrip("/")
        with self._refusing("read"):
            if not system.exists(path):
                return []
            found = sorted(one.rstrip("/").rpartition("/")[2] for one in system.ls(path, detail=False))
        return [name for name in found if not name.endswith(_PARTIAL)]

    def read(self, name: str, offset: int = 0, length: int = -1) -> bytes:
        """A file's bytes, or a piece of them. Raises `MienError` where there is no such file."""
        system, root = self._root
        try:
            with self._refusing("read"), system.open(f"{root}/{name}", "rb") as stream:
                stream.seek(offset)
                return stream.read(length)
        except FileNotFoundError as error:
            raise MienError(
                f"{self.address}: no {name}, expected a face database as `mien data synth` writes it"
            ) from error

    def write(self, name: str, data: bytes) -> None:
        """Writes a file whole or not at all."""
        system, root = self._root
        path = f"{root}/{name}"
        with self._refusing("written"):
            system.makedirs(path.rpartition("/")[0], exist_ok=True)
            with system.open(path + _PARTIAL, "wb") as stream:
                stream.write(data)
            system.mv(path + _PARTIAL, path)

    @contextmanager
    def _refusing(self, what: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            if what == "read":
                raise
            raise MienError(f"{self.address}: cannot be {what}; give a folder that can be") from None
        except OSError as error:
            reason = error.strerror or str(error)
            raise MienError(
                f"{self.address}: cannot be {what} ({reason}); give a folder that can be"
            ) from error


def _protocols(system: Any) -> tuple[str, ...]:
    return (system.protocol,) if isinstance(system.protocol, str) else tuple(system.protocol)
