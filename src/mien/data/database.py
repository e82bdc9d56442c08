"""A face database as a folder of shards with a Parquet manifest; a bucket works as well as a disk.

database.json          schema version, units, topology, mean, how many of what
manifest.parquet       a row a subject: attributes, licence, consent, and where its record lies
shards/00000.tar ...   records in WebDataset's layout, each shard with a summary beside it (.json)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import fsspec
import pyarrow
import pyarrow.parquet

from mien.core.errors import MienError
from mien.data.record import Record
from mien.data.shards import ShardSummary, pack_shard, unpack

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Folder:
    """A folder on any file system that fsspec knows: a path, `memory://faces`, `s3://bucket/faces`."""

    address: str

    @cached_property
    def _root(self) -> tuple[Any, str]:
        return fsspec.core.url_to_fs(self.address)

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        system, root = self._root
        return bool(system.exists(f"{root}/{name}"))

    def names(self, folder: str) -> list[str]:
        """The names of the files in a subfolder, sorted; none where it is missing."""
        system, root = self._root
        if not system.exists(f"{root}/{folder}"):
            return []
        return sorted(path.rpartition("/")[2] for path in system.ls(f"{root}/{folder}", detail=False))

    def read(self, name: str, offset: int = 0, length: int = -1) -> bytes:
        """A file's bytes, or a piece of them. Raises `MienError` where there is no such file."""
        system, root = self._root
        try:
            with system.open(f"{root}/{name}", "rb") as stream:
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
        system.makedirs(path.rpartition("/")[0], exist_ok=True)
        with system.open(f"{path}.part", "wb") as stream:
            stream.write(data)
        system.mv(f"{path}.part", path)


@dataclass(frozen=True)
class Header:
    """What holds for all of a database. `fingerprint` names everything that its content is a function of."""

    fingerprint: dict[str, Any]
    topology_sha256: str
    vertices: int
    count: int
    per_shard: int
    expressions: list[str]
    resolution: int
    maps: str = "albedo"
    unit: str = "metre"
    schema_version: int = SCHEMA_VERSION


class Database:
    """A finished database, read lazily. Raises `MienError` where the folder holds none."""

    def __init__(self, address: str) -> None:
        self.folder = Folder(address)
        raw = json.loads(self.folder.read("database.json"))
        if raw.get("schema_version") != SCHEMA_VERSION:
            raise MienError(
                f"{address}: schema version {raw.get('schema_version')}, expected {SCHEMA_VERSION}; "
                "make it again with this version of Mien"
            )
        self.header = Header(**raw)

    @cached_property
    def manifest(self) -> pyarrow.Table:
        """A row a subject, in the order of the keys."""
        return pyarrow.parquet.read_table(pyarrow.BufferReader(self.folder.read("manifest.parquet")))

    def __len__(self) -> int:
        return self.manifest.num_rows

    def record(self, key: str) -> Record:
        """One subject, reading only its own bytes. Raises `MienError` where there is none of this key."""
        rows = self.manifest.column("key").to_pylist()
        if key not in rows:
            raise MienError(f"{self.folder.address}: no subject {key!r}; the first is {rows[0]!r}")
        place = self.manifest.slice(rows.index(key), 1).to_pylist()[0]
        data = self.folder.read(f"shards/{place['shard']}", place["offset"], place["bytes"])
        return next(unpack(place["shard"], data))

    def records(self, *, on_damaged: Callable[[str], None] | None = None) -> Iterator[Record]:
        """All subjects, a shard in memory at a time.

        A damaged shard raises `MienError`; with `on_damaged` it is told there and left out.
        """
        for name in sorted(set(self.manifest.column("shard").to_pylist())):
            try:
                yield from list(unpack(name, self._checked(name)))
            except MienError as error:
                if on_damaged is None:
                    raise
                on_damaged(str(error))

    def damaged_shards(self) -> list[str]:
        """Which shards are missing or not as they were written, a message each that begins with its name."""
        out = []
        for name in sorted(set(self.manifest.column("shard").to_pylist())):
            try:
                self._checked(name)
            except MienError as error:
                message = str(error)
                out.append(message if message.startswith(name) else f"{name}: {message}")
        return out

    def _checked(self, name: str) -> bytes:
        data = self.folder.read(f"shards/{name}")
        expected = _read_summary(self.folder, name).sha256
        if hashlib.sha256(data).hexdigest() != expected:
            raise MienError(
                f"{name}: the shard is damaged (its bytes are not those that were written); "
                "make or fetch it again, or skip it with --skip-damaged"
            )
        return data


def write_shard(folder: Folder, number: int, records: Iterable[Record]) -> ShardSummary:
    """Writes shard `number` and then its summary, which says that it is complete."""
    name = shard_name(number)
    data, summary = pack_shard(name, records)
    folder.write(f"shards/{name}", data)
    folder.write(f"shards/{name}.json", json.dumps(asdict(summary)).encode())
    return summary


def shard_name(number: int) -> str:
    """00000.tar, 00001.tar, ..."""
    return f"{number:05d}.tar"


def missing_shards(folder: Folder, header: Header) -> list[int]:
    """The numbers of the shards that are not complete: what a resumed run has to make.

    Raises `MienError` where the folder holds a database of another make.
    """
    if folder.exists("database.json"):
        held = json.loads(folder.read("database.json"))
        if held != asdict(header):
            raise MienError(
                f"{folder.address}: holds another database (made with {held.get('fingerprint')}, now "
                f"{header.fingerprint}); give another --out"
            )
    else:
        folder.write("database.json", json.dumps(asdict(header), indent=1).encode())
    complete = set(folder.names("shards"))
    numbers = range(-(-header.count // header.per_shard))
    return [n for n in numbers if f"{shard_name(n)}.json" not in complete]


def write_manifest(folder: Folder, shards: Sequence[str]) -> None:
    """Gathers the shards' summaries into manifest.parquet; written last, it says that all is there."""
    rows = [row for name in shards for row in _read_summary(folder, name).records]
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), sink, compression="zstd")
    folder.write("manifest.parquet", sink.getvalue().to_pybytes())


def _read_summary(folder: Folder, name: str) -> ShardSummary:
    return ShardSummary(**json.loads(folder.read(f"shards/{name}.json")))
