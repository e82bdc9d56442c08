"""Shards: tar files of records in WebDataset's layout, on any file system that fsspec knows."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from mien.core.errors import MienError
from mien.database.record import Record, from_members, to_members


@dataclass(frozen=True)
class Place:
    """Where a record lies: its shard, and the bytes of the shard that hold its files."""

    key: str
    shard: str
    offset: int
    bytes: int


@dataclass(frozen=True)
class ShardSummary:
    """A finished shard: its name, digest and records, as kept beside it."""

    shard: str
    bytes: int
    sha256: str
    records: list[dict[str, Any]]


def pack_shard(name: str, records: Iterable[Record]) -> tuple[bytes, ShardSummary]:
    """The tar file of these records and its summary. The same records give the same bytes."""
    stream = io.BytesIO()
    rows: list[dict[str, Any]] = []
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for record in records:
            start = stream.tell()
            for suffix, data in to_members(record).items():
                header = tarfile.TarInfo(f"{record.key}.{suffix}")
                header.size = len(data)
                archive.addfile(header, io.BytesIO(data))
            place = Place(record.key, name, start, stream.tell() - start)
            rows.append(asdict(place) | _row(record))
    data = stream.getvalue()
    return data, ShardSummary(name, len(data), hashlib.sha256(data).hexdigest(), rows)


def _row(record: Record) -> dict[str, Any]:
    """What the manifest says of a record: its attributes flat, what there is, licence and consent."""
    return {
        **{f"attribute_{name}": value for name, value in record.attributes.items()},
        "expressions": list(record.expressions),
        "maps": sorted(record.maps),
        "licence": record.licence,
        "consent": record.consent,
    }


def unpack_shard(name: str, data: bytes) -> Iterator[Record]:
    """The records in (a piece of) a shard. Raises `MienError` that names the shard where it is damaged."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            yield from _records(archive)
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise MienError(
            f"{name}: the shard is damaged ({error}); the same `mien data synth` makes it again, "
            "--skip-damaged leaves it out"
        ) from error


def _records(archive: tarfile.TarFile) -> Iterator[Record]:
    key, members = "", dict[str, bytes]()
    for header in archive:
        own, _, suffix = header.name.partition(".")
        if own != key and members:
            yield from_members(key, members)
            members = {}
        key = own
        stream = archive.extractfile(header)
        if stream is None:
            raise ValueError(f"{header.name} is no file")
        data = stream.read()
        if len(data) != header.size:
            raise EOFError(f"{header.name} is cut off")
        members[suffix] = data
    if members:
        yield from_members(key, members)
