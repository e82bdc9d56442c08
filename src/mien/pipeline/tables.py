"""Numbers for people."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from mien.core.face import FaceAsset


def rows_table(rows: list[dict[str, object]]) -> str:
    """Rows as an aligned table, turned on its side: a column a row, since names are long."""
    titles = [key for key in ("scan", "method") if key in rows[0]]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for row in rows:
        table.add_column(" ".join(str(row[title]) for title in titles), justify="right", overflow="fold")
    for key in dict.fromkeys(key for row in rows for key in row if key not in titles):
        table.add_row(key.replace("_", " "), *(_cell(row.get(key, "")) for row in rows))
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
