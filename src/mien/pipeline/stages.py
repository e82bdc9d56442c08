"""Stages that run only when their result is asked for and is not in the cache."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from mien.core.cache import Cache, code_fingerprint, digest, file_digest, pack, unpack
from mien.core.faults import in_one_line
from mien.core.mesh import Scan
from mien.pipeline.progress import Progress

T = TypeVar("T")
FROM_CACHE = " (from the cache)"
CODE_FACTS = "code.json"  # in the cache's folder: hashes of source files between runs


class CachedStage(Generic[T]):
    """A result to come: `key` names all that it depends on, `value` makes it or takes it from the cache.

    Two threads may ask for the same value; it is made once.
    """

    def __init__(self, key: str, make: Callable[[], T]) -> None:
        self.key = key
        self._make = make
        self._lock = threading.Lock()
        self._made: list[T] = []

    @property
    def value(self) -> T:
        """The result; what making it raises is raised here."""
        with self._lock:
            if not self._made:
                self._made.append(self._make())
            return self._made[0]


class Stages:
    """Makes stages that share a cache (None: everything is computed) and tell their progress.

    A stage's code is what its function reaches; `holds` are functions that made what all of them hold
    besides their inputs (the template). `seconds` are each stage's own wall seconds, by the name that was
    told. What a stage did not foresee is raised as a `MienError` that names it and `subject`, the file that
    is worked on.
    """

    def __init__(
        self,
        cache: Cache | None,
        progress: Progress,
        holds: Sequence[Callable[..., object]] = (),
        subject: str = "mien",
    ) -> None:
        self._cache, self._progress = cache, progress
        self._holds, self._subject = tuple(holds), subject
        self.seconds: dict[str, float] = {}

    def run(
        self,
        name: str,
        compute: Callable[..., T],
        *inputs: CachedStage[Any],
        depends: Sequence[object] = (),
        shares: CachedStage[Any] | None = None,
        holds: Sequence[Callable[..., object]] = (),
    ) -> CachedStage[T]:
        """The stage `compute(*values of inputs)`; `depends` are the plain values that it also depends on.

        Arrays that it only passes on from the value of `shares` are not stored again. `holds` are the
        functions that made what `compute` holds besides its inputs.
        """
        key = self._key((compute, *holds), name, inputs, depends)
        return self._stage(key, name, compute, inputs, shares)

    def _key(
        self,
        code: Sequence[Callable[..., object]],
        name: str,
        inputs: Sequence[CachedStage[Any]] = (),
        depends: Sequence[object] = (),
    ) -> str:
        """Names all that a value depends on; without a cache nobody asks for it."""
        if self._cache is None:
            return ""
        fingerprint = code_fingerprint(*code, *self._holds, facts=self._cache.folder / CODE_FACTS)
        return digest(fingerprint, name, [stage.key for stage in inputs], list(depends))

    def _stage(
        self,
        key: str,
        name: str,
        compute: Callable[..., T],
        inputs: Sequence[CachedStage[Any]] = (),
        shares: CachedStage[Any] | None = None,
    ) -> CachedStage[T]:
        def make() -> T:
            shared = _arrays_of(shares) if shares is not None else []
            found = self._fetched(name, key, shared)
            if found is not None:
                return found
            values = [stage.value for stage in inputs]
            with self.timed(name):
                return self._kept(key, compute(*values), shared)

        return CachedStage(key, make)

    def scan(self, name: str, load: Callable[[], Scan], *paths: Path | None) -> CachedStage[Scan]:
        """The stage that reads a scan from `paths` and whatever files these name.

        Its key is the content of all that was read. Which files those are is remembered beside the
        content of `paths`, so that the scan itself need not be read to know whether it changed.
        """
        # a path that is no file: a pattern of UDIM tiles, or missing, which reading then refuses
        given = [(str(p.absolute()), file_digest(p) if p.is_file() else None) for p in paths if p is not None]
        place = self._key([load], name, depends=["files", given])
        known = self._cache.get(place) if self._cache is not None else None
        if known is not None and known["state"] == _state(known["files"]):
            key = self._key([load], name, depends=[known["sha256"], known["name"]])
            return self._stage(key, name, load)
        with self.timed(name):
            scan = load()
            key = self._key([load], name, depends=[scan.sha256, scan.name])
            if self._cache is not None:
                files = [p.absolute() for p in scan.sources]
                self._cache.put(
                    place, {"files": files, "state": _state(files), "sha256": scan.sha256, "name": scan.name}
                )
            kept = self._kept(key, scan, [])
        return CachedStage(key, lambda: kept)

    def _fetched(self, name: str, key: str, shared: list[np.ndarray]) -> Any:
        if self._cache is None or not self._cache.has(key):
            return None
        with self.timed(name + FROM_CACHE):
            return self._cache.get(key, shared)

    def _kept(self, key: str, value: T, shared: list[np.ndarray]) -> T:
        """The value as it would come back from the cache: arrays then lie in memory in the same way with and
        without one, and sums over them round the same way."""
        made = unpack(*pack(value, shared), shared)
        if self._cache is not None:
            self._cache.put(key, made, shared)
        return made

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Tells of a step, and takes its time."""
        self._progress(name)
        started = time.perf_counter()
        with in_one_line(self._subject, name):
            yield
        self.seconds[name] = round(time.perf_counter() - started, 3)


def at_once(first: Callable[[], object], second: Callable[[], object]) -> None:
    """Both on a thread each; the first's error, if any, goes before the second's."""
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(second)
        first()
        other.result()


def _arrays_of(stage: CachedStage[Any]) -> list[np.ndarray]:
    return pack(stage.value)[1]


def _state(files: Sequence[Path]) -> str:
    """Changes with the files' contents, and with what stands beside them: a texture may have come to it."""
    folders = sorted({path.parent for path in files})
    beside = [sorted(p.name for p in folder.glob("*") if p.is_file()) for folder in folders]
    return digest([file_digest(p) if p.is_file() else None for p in files], beside)
