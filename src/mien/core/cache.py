"""Results of stages kept between runs, by the content of what they were made from.

An entry is one uncompressed `.npz` (arrays with checksums, no pickle) whose member "structure" is JSON. It
is written beside its place and renamed, so that a reader sees all of it or nothing. The key must name
everything that the result depends on; `code_fingerprint` covers Mien itself: the code that a stage reaches,
the assets that ship and the libraries that compute.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import json
import logging
import os
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from mien.core.assets import asset_hashes
from mien.core.code_hash import CodeBase
from mien.core.errors import MienError
from mien.core.files import is_abandoned, owner_mark, sha256_of

FOLDER_VARIABLE, LIMIT_VARIABLE = "MIEN_CACHE", "MIEN_CACHE_GB"
LIMIT_GB = 4.0  # gigabytes of 1e9 bytes; chosen freely, the user may set another
LARGEST_SHARE = 0.5  # of the limit; chosen freely: a larger entry would push out all others and is not kept
_LIBRARIES = (
    "numpy", "scipy", "numba", "libigl", "embreex", "opencv-python-headless", "fast-simplification",
    "potpourri3d", "DracoPy", "mediapipe",
)  # fmt: skip
_STRUCTURE = "structure"
_PLAIN_TYPES = ("mien.core.", "mien.rigging.rig")  # modules whose dataclasses may be kept
_KEPT_TYPES = ("mien.core.mesh", "mien.core.face", "mien.rigging.rig")  # modules of what entries hold
_log = logging.getLogger("mien")


class Cache:
    """Values by key in one folder; the least recently used go when it outgrows `limit` bytes.

    A folder that cannot be written and an entry that cannot be read are said once, on the log, and never
    stop a run.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder, self.limit = folder, limit

    def has(self, key: str) -> bool:
        """Whether there is an entry; it may still prove unreadable."""
        return self._path(key).is_file()

    def get(self, key: str, shared: Sequence[np.ndarray] = ()) -> Any:
        """The value, or None where there is none. `shared` are the arrays that `put` was given."""
        path = self._path(key)
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as entry:
                structure = json.loads(entry[_STRUCTURE].tobytes())
                arrays = [entry[f"a{i}"] for i in range(len(entry.files) - 1)]
            value = unpack(structure, arrays, shared)
            os.utime(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, KeyError, IndexError, TypeError, EOFError, zipfile.BadZipFile) as error:
            _log.warning("%s: damaged entry of the cache (%s); it is made anew", path, error)
            path.unlink(missing_ok=True)
            return None
        return value

    def put(self, key: str, value: object, shared: Sequence[np.ndarray] = ()) -> None:
        """Keeps a value; arrays that are among `shared` (the same objects) are not written again."""
        structure, arrays = pack(value, shared)
        size = sum(array.nbytes for array in arrays)
        if size > LARGEST_SHARE * self.limit:
            return
        text = np.frombuffer(json.dumps(structure).encode(), np.uint8)
        partial: Path | None = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                dir=self.folder, prefix=f"{owner_mark()}-", suffix=".partial", delete=False
            ) as stream:
                partial = Path(stream.name)
                np.savez(stream, **({_STRUCTURE: text} | {f"a{i}": a for i, a in enumerate(arrays)}))  # type: ignore[arg-type]
            partial.replace(self._path(key))
            self._shrink()
        except OSError as error:
            _log.warning("%s: the cache cannot be written (%s)", self.folder, error.strerror)
        finally:
            if partial is not None:
                partial.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.npz"

    def _shrink(self) -> None:
        """Removes the least recently used entries beyond the limit, and what killed runs left behind."""
        for path in self.folder.glob("*-*-*.partial"):
            if is_abandoned(path.name.rpartition("-")[0]):
                path.unlink(missing_ok=True)
        entries = []
        for path in [*self.folder.glob("*.npz"), *self.folder.glob("*.partial")]:
            try:
                stat = path.stat()
            except FileNotFoundError:  # another process removed it
                continue
            entries.append((stat.st_mtime_ns, path, stat.st_size))
        total = sum(size for _, _, size in entries)
        for _, path, size in sorted(entries):
            if total <= self.limit:
                return
            path.unlink(missing_ok=True)
            total -= size


def open_cache() -> Cache:
    """The user's cache: $MIEN_CACHE, or mien in $XDG_CACHE_HOME or ~/.cache; $MIEN_CACHE_GB limits it (4)."""
    given = os.environ.get(FOLDER_VARIABLE)
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(given) if given else Path(home) / "mien"
    text = os.environ.get(LIMIT_VARIABLE, str(LIMIT_GB))
    try:
        gigabytes = float(text)
    except ValueError:
        gigabytes = -1.0
    if not 0.0 <= gigabytes < 1e6:
        raise MienError(f"{LIMIT_VARIABLE}={text}: expected a number of gigabytes, for instance 4")
    return Cache(folder, int(gigabytes * 1e9))


def digest(*parts: object) -> str:
    """A key from plain values (strings, numbers, None, lists of them): equal only for equal parts."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:40]


def file_digest(path: Path | None) -> str | None:
    """The SHA-256 of a file's content as a part of a key; None for no file."""
    return None if path is None else sha256_of(path)


def code_fingerprint(*functions: Callable[..., Any], facts: Path | None = None) -> str:
    """Changes with what these functions compute: their code and all that it reaches, how entries are kept,
    any shipped asset, and the libraries that compute; not with documentation, layout, or code out of reach.

    `facts` is a file in which hashes of source files are kept between runs.
    """
    code = _code_base(facts).fingerprint(pack, unpack, *functions, modules=_KEPT_TYPES)
    return digest(code, asset_hashes(), [_version(name) for name in _LIBRARIES])


@cache
def _code_base(facts: Path | None) -> CodeBase:
    return CodeBase({"mien": Path(__file__).parents[1]}, facts)


@cache
def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def pack(value: object, shared: Sequence[np.ndarray] = ()) -> tuple[Any, list[np.ndarray]]:
    """A value as JSON with its arrays (C order) aside.

    Values are None, bool, int, float, str, Path, arrays, and tuples, lists, dicts (by str) and core's
    dataclasses of values; anything else raises `TypeError`.
    """
    arrays: list[np.ndarray] = []
    known = {id(array): i for i, array in enumerate(shared)}

    def walk(item: Any) -> Any:
        if isinstance(item, np.ndarray):
            if id(item) in known:
                return {"shared": known[id(item)]}
            if item.dtype.hasobject:
                raise TypeError("an array of objects cannot be kept")
            arrays.append(np.asarray(item, order="C"))
            return {"array": len(arrays) - 1}
        if isinstance(item, np.generic):
            return item.item()
        if item is None or isinstance(item, bool | int | float | str):
            return item
        if isinstance(item, Path):
            return {"path": str(item)}
        if isinstance(item, tuple | list):
            return {type(item).__name__: [walk(part) for part in item]}
        if isinstance(item, dict) and all(isinstance(key, str) for key in item):
            return {"dict": {key: walk(part) for key, part in item.items()}}
        if is_dataclass(item) and type(item).__module__.startswith(_PLAIN_TYPES):
            parts = {field.name: walk(getattr(item, field.name)) for field in fields(item)}
            return {"type": [type(item).__module__, type(item).__qualname__], "fields": parts}
        raise TypeError(f"a value of type {type(item).__name__} cannot be kept")

    return walk(value), arrays


def unpack(structure: Any, arrays: Sequence[np.ndarray], shared: Sequence[np.ndarray] = ()) -> Any:
    """The inverse of `pack`."""

    def walk(item: Any) -> Any:
        if not isinstance(item, dict):
            return item
        kind, content = next(iter(item.items()))
        if kind == "array":
            return arrays[content]
        if kind == "shared":
            return shared[content]
        if kind == "path":
            return Path(content)
        if kind == "dict":
            return {key: walk(part) for key, part in content.items()}
        if kind == "type":
            return _core_type(*content)(**{name: walk(part) for name, part in item["fields"].items()})
        return {"tuple": tuple, "list": list}[kind](walk(part) for part in content)

    return walk(structure)


def _core_type(module: str, name: str) -> type:
    if not module.startswith(_PLAIN_TYPES):
        raise ValueError(f"{module}.{name} is none of core's types")
    found = getattr(importlib.import_module(module), name)
    if not is_dataclass(found) or not isinstance(found, type):
        raise ValueError(f"{module}.{name} is none of core's types")
    return found
