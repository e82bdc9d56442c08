"""A face database as a folder of shards with a Parquet manifest; a bucket works as well as a disk.

database.json          schema version, units, topology, how many of what, the name of the mean head
mean.obj               the head from which neutrals are counted, all parts, vertices in the offsets' order
manifest.parquet       a row a subject: attributes, licence, consent, and where its record lies
shards/00000.tar ...   records in WebDataset's layout, each shard with a summary beside it (.json)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
from jaxtyping import Float

from mien.core.errors import MienError
from mien.database.filesystem import Folder
from mien.database.record import Record
from mien.database.shards import ShardSummary, pack_shard, unpack_shard

SCHEMA_VERSION = 1
_OPTIONS = ("seed", "expressions", "start", "per_shard", "resolution", "maps")  # what a user asks for
_FIXED = ("vertices", "unit", "schema_version")
_NAMES = {"per_shard": "shard"}


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
    start: int = 0
    mean: str = "mean.obj"
    unit: str = "metre"
    schema_version: int = SCHEMA_VERSION


class Database:
    """A database, read lazily. Raises `MienError` where the folder holds none.

    One that is not finished is refused when its subjects are asked for; with `unfinished` what is there is
    read.
    """

    def __init__(self, address: str, *, unfinished: bool = False) -> None:
        self.folder, self._unfinished = Folder(address), unfinished
        self.header = _read_header(self.folder)

    @cached_property
    def manifest(self) -> pyarrow.Table:
        """A row a subject, in the order of the keys."""
        table = None
        if self.folder.exists("manifest.parquet"):
            data = self.folder.read("manifest.parquet")
            table = pyarrow.parquet.read_table(pyarrow.BufferReader(data))
        if table is not None and table.num_rows == self.header.count:
            return table
        rows = _summarised(self.folder)
        if not self._unfinished:
            raise MienError(f"{self.folder.address}: {unfinished_line(len(rows), self.header.count)}")
        return pyarrow.Table.from_pylist(rows)

    @cached_property
    def mean(self) -> Float[np.ndarray, "V 3"]:
        """The head from which `Record.neutral` counts, metres, float32: `mean + neutral` is a head."""
        lines = self.folder.read(self.header.mean).decode().splitlines()
        return np.array([line.split()[1:] for line in lines if line.startswith("v ")], np.float32)

    def __len__(self) -> int:
        return self.manifest.num_rows

    def record(self, key: str) -> Record:
        """One subject, reading only its own bytes. Raises `MienError` where there is none of this key."""
        rows = self.manifest.column("key").to_pylist()
        if key not in rows:
            raise MienError(f"{self.folder.address}: no subject {key!r}; the first is {rows[0]!r}")
        place = self.manifest.slice(rows.index(key), 1).to_pylist()[0]
        data = self.folder.read(f"shards/{place['shard']}", place["offset"], place["bytes"])
        return next(unpack_shard(place["shard"], data))

    def records(self, *, on_damaged: Callable[[str], None] | None = None) -> Iterator[Record]:
        """All subjects, a shard in memory at a time.

        A damaged shard raises `MienError`; with `on_damaged` it is reported to it and skipped.
        """
        for name in self._shards():
            try:
                yield from list(unpack_shard(name, self._checked(name)))
            except MienError as error:
                if on_damaged is None:
                    raise
                on_damaged(str(error))

    def damaged_shards(self) -> list[str]:
        """Which shards are missing or not as they were written, a message each that begins with its name."""
        faults = ((name, shard_fault(self.folder, name)) for name in self._shards())
        return [_damaged(name, fault) for name, fault in faults if fault]

    def extra_files(self) -> list[str]:
        """What lies among the shards and does not belong to this database."""
        own = {file for name in self._shards() for file in (name, f"{name}.json")}
        return [name for name in self.folder.names("shards") if name not in own]

    def _shards(self) -> list[str]:
        if not self.manifest.num_rows:
            return []
        return sorted(set(self.manifest.column("shard").to_pylist()))

    def _checked(self, name: str) -> bytes:
        fault = shard_fault(self.folder, name)
        if fault:
            raise MienError(_damaged(name, fault))
        return self.folder.read(f"shards/{name}")


def _read_header(folder: Folder) -> Header:
    try:
        raw = json.loads(folder.read("database.json"))
        version = raw.get("schema_version")
        if version == SCHEMA_VERSION:
            return Header(**raw)
    except (ValueError, TypeError, AttributeError) as error:
        raise MienError(f"{folder.address}: its database.json is no face database's ({error})") from error
    raise MienError(
        f"{folder.address}: schema version {version}, expected {SCHEMA_VERSION}; "
        "make it again with this version of Mien"
    )


def unfinished_line(done: int, count: int) -> str:
    """What to say of a database of which `done` of `count` subjects are there."""
    return f"unfinished: {done} of {counted(count, 'subject')}; the same `mien data synth` goes on"


def counted(count: int, what: str) -> str:
    """1 subject, 2 subjects."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def shard_fault(folder: Folder, name: str) -> str:
    """How a shard differs from its summary, in words; empty where it does not."""
    try:
        summary = _read_summary(folder, name)
    except (MienError, ValueError, TypeError):
        return "its summary is missing or no summary"
    try:
        data = folder.read(f"shards/{name}")
    except MienError:
        return "it is missing"
    if len(data) != summary.bytes:
        return f"{len(data)} bytes, {summary.bytes} were written"
    if hashlib.sha256(data).hexdigest() != summary.sha256:
        return "its bytes are not those that were written"
    return ""


def _damaged(name: str, fault: str) -> str:
    return (
        f"{name}: the shard is damaged ({fault}); the same `mien data synth` makes it again, "
        "--skip-damaged leaves it out"
    )


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


@dataclass(frozen=True)
class Gaps:
    """The numbers of shards to make: `absent`, or still of too few subjects; `damaged`, to be made again."""

    absent: list[int]
    damaged: list[int]

    @property
    def numbers(self) -> list[int]:
        """Both, in order."""
        return sorted(self.absent + self.damaged)


def open_to_write(folder: Folder, header: Header) -> Gaps:
    """Puts `header` into the folder and says which shards are to be made; each that is there is hashed.

    A larger count extends the database. Raises `MienError` where the folder holds something else.
    """
    if folder.exists("database.json"):
        _refuse_other(folder, header)
    elif folder.names():
        raise MienError(f"{folder.address}: is not empty and holds no face database; give another --out")
    folder.write("database.json", json.dumps(asdict(header), indent=1).encode())
    there = set(folder.names("shards"))
    absent, damaged = [], []
    for number in range(-(-header.count // header.per_shard)):
        name = shard_name(number)
        if f"{name}.json" not in there:
            absent.append(number)
        elif shard_fault(folder, name):
            damaged.append(number)
        elif len(_read_summary(folder, name).records) < len(shard_indices(header, number)):
            absent.append(number)
    return Gaps(absent, damaged)


def shard_indices(header: Header, number: int) -> range:
    """The indices of the subjects in a shard."""
    first = header.start + number * header.per_shard
    return range(first, min(first + header.per_shard, header.start + header.count))


def _refuse_other(folder: Folder, header: Header) -> None:
    asked = _flat(asdict(header))
    try:
        held = _flat(json.loads(folder.read("database.json")))
        fewer = held["count"] > header.count
    except (ValueError, TypeError, KeyError, AttributeError):
        raise MienError(
            f"{folder.address}: its database.json is no face database's; give another --out"
        ) from None
    names = [name for name in _OPTIONS if held.get(name, asked[name]) != asked[name]]
    names += ["count"] if fewer else []
    if names:
        told = ", ".join(f"{_NAMES.get(n, n)} {held[n]} there, {asked[n]} asked for" for n in names)
        raise MienError(
            f"{folder.address}: holds another database: {told}; ask for what is there, or give another --out"
        )
    differing = _content_differences(held, asked)
    if differing:
        raise MienError(
            f"{folder.address}: holds another database: {', '.join(differing)}; what is there can be read, "
            "but not added to: give another --out"
        )


def _content_differences(held: dict[str, Any], asked: dict[str, Any]) -> list[str]:
    """How the content of one (flat) header differs from another's beyond what a user asks for: by the version
    of the generator, or by an asset that both say they are drawn from; not by the code that draws it."""
    versions, assets = [_drawn_version(h) for h in (held, asked)], [_drawn_from(h) for h in (held, asked)]
    out = [f"version {versions[0]} there, {versions[1]} now"] if versions[0] != versions[1] else []
    both = sorted(assets[0].keys() & assets[1].keys())
    out += [f"drawn from another {name}" for name in both if assets[0][name] != assets[1][name]]
    return out + [f"{n} {held.get(n)} there, {asked[n]} now" for n in _FIXED if held.get(n) != asked[n]]


def _drawn_version(header: dict[str, Any]) -> int | None:
    """The generator's version; earlier headers name it in words alone ("mien 0.1.0, database 1")."""
    named = str(header.get("generator", "")).rpartition(" database ")[2]
    return header.get("version", int(named) if named.isdigit() else None)


def _drawn_from(header: dict[str, Any]) -> dict[str, str]:
    """The sha256 of assets by name; earlier headers tell those of basis and template."""
    earlier = {"basis.safetensors": header.get("basis_sha256")}
    named = {"template.safetensors": header["topology_sha256"], **earlier, **header.get("assets", {})}
    return {name: sha256 for name, sha256 in named.items() if sha256}


def _flat(header: dict[str, Any]) -> dict[str, Any]:
    return header | header["fingerprint"] | {"fingerprint": None}


def write_manifest(folder: Folder, shards: Sequence[str]) -> None:
    """Gathers the shards' summaries into manifest.parquet; written last, it says that all is there."""
    rows = [row for name in shards for row in _read_summary(folder, name).records]
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), sink, compression="zstd")
    folder.write("manifest.parquet", sink.getvalue().to_pybytes())


def _read_summary(folder: Folder, name: str) -> ShardSummary:
    return ShardSummary(**json.loads(folder.read(f"shards/{name}.json")))


def _summarised(folder: Folder) -> list[dict[str, Any]]:
    """The rows of all shards that are there, finished or not; of damaged summaries none."""
    rows = []
    for file in folder.names("shards"):
        if file.endswith(".tar.json"):
            with suppress(ValueError, TypeError):
                rows += _read_summary(folder, file.removesuffix(".json")).records
    return rows
