"""`mien data info`: what a face database holds, beside what it should, in numbers and pictures."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from mien.core.errors import MienError
from mien.database.store import Database, Header, counted, unfinished_line
from mien.pipeline.synth_database import subject_of
from mien.sheets.database_plots import distribution_picture
from mien.sheets.labels import blank_sheet, paste
from mien.synth.distributions import distribution_rows, marginals
from mien.synth.subject import Subject

SHOWN = (1, 48)  # subjects on a contact sheet
_COLUMNS, _GAP = 3, 10

Picture = UInt8[np.ndarray, "H W 3"]


def database_info(address: str, *, skip_damaged: bool = False) -> dict[str, Any]:
    """Counts, bytes, distributions beside their targets, licences and consents, damaged shards.

    Every shard is read and held against its digest. Raises `MienError` that names a damaged one, unless
    it is to be skipped: then `damaged` says what was left out. An unfinished database is counted as it is.
    """
    database = Database(address, unfinished=True)
    damaged = database.damaged_shards()
    if damaged and not skip_damaged:
        more = f" ({len(damaged) - 1} more are damaged)" if damaged[1:] else ""
        raise MienError(damaged[0] + more)
    lost = {message.partition(":")[0] for message in damaged}
    written = _rows(database)
    rows = [row for row in written if row["shard"] not in lost]
    if not rows:
        what = "no undamaged subject" if lost else unfinished_line(0, database.header.count)
        raise MienError(f"{address}: {what}")
    people = subjects_of(database.header, rows)
    size = sum(row["bytes"] for row in rows)
    return {
        "address": address,
        "subjects": len(rows),
        "of": database.header.count,
        "finished": len(written) == database.header.count,
        "expressions": len(database.header.expressions),
        "resolution": database.header.resolution,
        "vertices": database.header.vertices,
        "bytes": size,
        "bytes_a_subject": size // len(rows),
        "licences": dict(Counter(row["licence"] for row in rows)),
        "consents": dict(Counter(row["consent"] for row in rows)),
        "damaged": damaged,
        "extra_files": database.extra_files(),
        "distributions": distribution_rows(people),
        "fingerprint": asdict(database.header)["fingerprint"],
    }


def info_text(found: dict[str, Any]) -> str:
    """The numbers of `database_info` as text."""
    from mien.pipeline.tables import rows_table

    per_subject = found["bytes_a_subject"] / 1e6
    lines = [
        f"{found['address']}: {found['subjects']} of {counted(found['of'], 'subject')}, "
        f"{counted(found['expressions'], 'expression')} each, albedo {found['resolution']}²; "
        f"{found['bytes'] / 1e6:.1f} MB, {per_subject:.2f} MB a subject",
        *([] if found["finished"] else [unfinished_line(found["subjects"], found["of"])]),
        *(f"{key}: {value}" for key, value in found["fingerprint"].items()),
        *(f"licence {name}: {count}" for name, count in found["licences"].items()),
        *(f"consent {name!r}: {count}" for name, count in found["consents"].items()),
        f"damaged shards: {len(found['damaged'])}",
        *(f"not of this database: shards/{name}" for name in found["extra_files"]),
        "",
        rows_table(found["distributions"]),
    ]
    return "\n".join(lines)


def subjects_of(header: Header, rows: list[dict[str, Any]]) -> list[Subject]:
    """Who the subjects of a generated database are."""
    if "attribute_tone" not in rows[0]:
        raise MienError(
            "the database's subjects have no attribute tone; it was not made by `mien data synth`"
        )
    return [subject_of(row, header.fingerprint.get("seed", 0)) for row in rows]


def refuse_sheet(path: Path, shown: int) -> None:
    """Refuses, before any work, a contact sheet of too many or few subjects or one that cannot be written."""
    low, high = SHOWN
    if not low <= shown <= high:
        raise MienError(f"{shown} subjects on a contact sheet: expected {low} to {high}")
    if path.suffix.lower() != ".png":
        raise MienError(f"{path}: expected a name that ends in .png; choose another --out")
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise MienError(
            f"{path}: expected a file in a folder that exists and can be written; choose another --out"
        )


def draw_database_sheet(
    address: str, shown: int = 12, *, skip_damaged: bool = False, tell: Callable[[int], None] = lambda _: None
) -> Picture:
    """Distributions, then the first subjects: at rest, in an expression, albedo (sRGB).

    `tell` is called with 1 for each subject drawn.
    """
    from mien.sheets.database_tile import record_tile

    database = Database(address, unfinished=True)
    people = subjects_of(database.header, _rows(database))
    plots, by_index = distribution_picture(marginals(people)), {person.index: person for person in people}
    tiles: list[Picture] = []
    for record in database.records(on_damaged=(lambda _: None) if skip_damaged else None):
        tiles.append(record_tile(record, by_index[int(record.key)], database.header.expressions, len(tiles)))
        tell(1)
        if len(tiles) == shown:
            break
    height, width = tiles[0].shape[:2]
    lines = -(-len(tiles) // _COLUMNS)
    whole = max(plots.shape[1], _COLUMNS * (width + _GAP) + _GAP)
    sheet = blank_sheet(whole, plots.shape[0] + lines * (height + _GAP) + _GAP)
    paste(sheet, plots, 0, 0)
    for k, tile in enumerate(tiles):
        row, column = divmod(k, _COLUMNS)
        paste(sheet, tile, _GAP + column * (width + _GAP), plots.shape[0] + row * (height + _GAP))
    return sheet


def write_sheet(path: Path, picture: Picture) -> Path:
    """A PNG; raises `MienError` where it cannot be written."""
    from mien.sheets.write import write_picture

    write_picture(path, picture)
    return path


def _rows(database: Database) -> list[dict[str, Any]]:
    return database.manifest.to_pylist()
