"""Numbers for people."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from mien.core.face import FaceAsset


def rows_table(rows: list[dict[str, object]]) -> str:
    """Rows with the same keys as an aligned table; floats with three significant digits."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(column, "")) for column in columns))
    return _as_text(table)


def quality_table(asset: FaceAsset, out: Path) -> str:
    """What `mien rig` prints: where the files are, how good the fit is, what was taken out."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for group, values in asset.quality.items():
        if isinstance(values, dict):
            for key, value in values.items():
                table.add_row(group.replace("_", " "), key.replace("_", " "), _cell(value))
    return _as_text(table) + f"\nwritten to {out}/  (look at {out / 'preview.png'})"


def _cell(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _as_text(table: Table) -> str:
    console = Console(width=160)
    with console.capture() as capture:
        console.print(table)
    return capture.get().rstrip()
