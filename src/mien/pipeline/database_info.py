"""`mien data info`: what a face database holds, beside what it should, in numbers and pictures."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from mien.core.errors import MienError
from mien.data.database import Database, Header
from mien.data.subject import Subject
from mien.evaluate.database_plots import distribution_picture
from mien.evaluate.distributions import distribution_rows, marginals
from mien.pipeline.database_build import subject_of
from mien.view.labels import blank_sheet, paste

SHOWN = (1, 48)  # subjects on a contact sheet
_COLUMNS, _GAP = 3, 10

Picture = UInt8[np.ndarray, "H W 3"]


def database_info(address: str, *, skip_damaged: bool = False) -> dict[str, Any]:
    """Counts, bytes, distributions beside their targets, licences and consents, damaged shards.

    Every shard is read and held against its digest. Raises `MienError` that names a damaged one, unless
    it is to be skipped: then `damaged` says what was left out.
    """
    database = Database(address)
    damaged = database.damaged_shards()
    if damaged and not skip_damaged:
        raise MienError(damaged[0])
    rows = _rows(database)
    lost = {message.partition(":")[0] for message in damaged}
    rows = [row for row in rows if row["shard"] not in lost]
    if not rows:
        raise MienError(f"{address}: no undamaged subject; make it again with `mien data synth`")
    people = subjects_of(database.header, rows)
    size = sum(row["bytes"] for row in rows)
    return {
        "address": address,
        "subjects": len(rows),
        "of": database.header.count,
        "expressions": len(database.header.expressions),
        "resolution": database.header.resolution,
        "vertices": database.header.vertices,
        "bytes": size,
        "bytes a subject": size // len(rows),
        "licences": dict(Counter(row["licence"] for row in rows)),
        "consents": dict(Counter(row["consent"] for row in rows)),
        "damaged": damaged,
        "distributions": distribution_rows(people),
        "fingerprint": asdict(database.header)["fingerprint"],
    }


def info_text(found: dict[str, Any]) -> str:
    """The numbers of `database_info` as text."""
    from mien.pipeline.tables import rows_table

    per_subject = found["bytes a subject"] / 1e6
    lines = [
        f"{found['address']}: {found['subjects']} of {found['of']} subjects, "
        f"{found['expressions']} expressions each, albedo {found['resolution']}²; "
        f"{found['bytes'] / 1e6:.1f} MB, {per_subject:.2f} MB a subject",
        *(f"{key}: {value}" for key, value in found["fingerprint"].items()),
        *(f"licence {name}: {count}" for name, count in found["licences"].items()),
        *(f"consent {name!r}: {count}" for name, count in found["consents"].items()),
        f"damaged shards: {len(found['damaged'])}",
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


def contact_sheet(address: str, shown: int = 12, *, skip_damaged: bool = False) -> Picture:
    """Distributions, then the first subjects: at rest, in an expression, albedo (sRGB)."""
    from mien.pipeline.database_tile import record_tile

    low, high = SHOWN
    if not low <= shown <= high:
        raise MienError(f"{shown} subjects on a contact sheet: expected {low} to {high}")
    database = Database(address)
    people = subjects_of(database.header, _rows(database))
    plots, by_index = distribution_picture(marginals(people)), {person.index: person for person in people}
    tiles: list[Picture] = []
    for record in database.records(on_damaged=(lambda _: None) if skip_damaged else None):
        tiles.append(record_tile(record, by_index[int(record.key)], database.header.expressions, len(tiles)))
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
    """A PNG or JPEG; raises `MienError` where it cannot be written."""
    from mien.pipeline.render import write_picture

    write_picture(path, picture)
    return path


def _rows(database: Database) -> list[dict[str, Any]]:
    return database.manifest.to_pylist()
