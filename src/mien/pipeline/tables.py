"""Numbers for people."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from mien.pipeline.colour_seen import colour_seen
from mien.rigging.head import RiggedHead
from mien.scan.mask import mask_shares
from mien.textures.asset import MEASURED


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


def list_table(rows: list[dict[str, object]]) -> str:
    """Rows as rows, for many rows of few numbers; the first column is their name."""
    keys = list(dict.fromkeys(key for row in rows for key in row))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, key in enumerate(keys):
        table.add_column(key.replace("_", " "), justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(key, "")) for key in keys))
    return _as_text(table)


def quality_table(asset: RiggedHead, out: Path, seconds: float) -> str:
    """What `mien rig` prints: how good the fit is, what was taken out of the scan, where the files are.

    All the numbers are in asset.json, and printed with `--json`.
    """
    fit, rig = asset.registration, dict(_numbers(asset.quality["rig_mm"]))
    assert fit is not None
    assert asset.scan is not None
    report = fit.report
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_row("scan", "; ".join([asset.scan.unit_note, *asset.scan.notes]))
    _add_edits(table, asset)
    for way in ("head_to_scan", "scan_to_head"):
        table.add_row(
            way.replace("_", " "),
            f"median {report[f'{way}_median_mm']:.2f} mm, 95 % within {report[f'{way}_p95_mm']:.2f} mm",
        )
    table.add_row("surface measured", f"{report['measured_share']:.1%} of the face, the rest completed")
    seen = colour_seen(asset)
    if seen is not None:
        said = "colour measured" if asset.provenance["colour"] == MEASURED else "colour read"
        table.add_row(said, f"{seen:.0%} of the face, the rest filled (confidence.png)")
    table.add_row("taken out of the scan", _expression(asset.quality["expression_in_scan"]))
    table.add_row("blink gap", _range(rig, "blink_gap"))
    table.add_row("lip seal", _range(rig, "lip_seal"))
    table.add_row("lids over eyeballs", _range(rig, "lid_to_ball", leave_out="half"))
    half = min(value for key, value in rig.items() if "half_blink" in key)
    table.add_row("", f"at half a blink {half:+.2f} mm, behind the visible edge of the lid")
    table.add_row("colour", str(asset.provenance["colour"]))
    table.add_row("irises", str(asset.provenance["eyes"]))
    if "topology" in asset.quality:
        _add_topology(table, dict(_numbers(asset.quality["topology"])))
    return _as_text(table) + f"\n{out}/ is written in {seconds:.0f} s; look at {out / 'preview.png'}"


def person_line(asset: RiggedHead, out: Path) -> str:
    """What `mien data head` prints: who was drawn, and where the files are."""
    who = dict(_numbers(asset.provenance["attributes"]))
    sex = "female" if who["sex"] < 0.4 else "male" if who["sex"] > 0.6 else "androgynous"
    return f"{sex}, {who['age']:.0f} years, Monk tone {who['monk']:.0f}: {out}"


def _add_edits(table: Table, asset: RiggedHead) -> None:
    """What somebody gave beside the scan, and how the head follows it."""
    options = asset.provenance["options"]
    assert isinstance(options, dict)
    assert asset.registration is not None
    if options["landmarks"] == "given":
        report = asset.registration.report
        moved = int(report.get("placed_landmarks", 0))
        said = "given, none of them moved"
        if moved:
            where = "it" if moved == 1 else "them at most"
            said = (
                f"{moved} of 68 moved; the head lies {report['placed_landmarks_max_mm']:.1f} mm from {where}"
            )
        table.add_row("landmarks", said)
    if options["mask"] == "given":
        assert asset.scan is not None
        assert asset.scan.scan.vertex_mask is not None
        followed, ignored = mask_shares(asset.scan.scan.vertex_mask)
        rest = 1.0 - followed - ignored
        table.add_row("mask", f"{followed:.0%} followed, {ignored:.0%} ignored, {rest:.0%} left to Mien")


def _add_topology(table: Table, measured: dict[str, float]) -> None:
    """How the head came onto the user's base mesh; lids and lips only where the mesh has openings."""
    for way in ("mesh_to_person", "person_to_mesh"):
        table.add_row(
            way.replace("_", " "),
            f"median {measured[f'{way}_median']:.2f} mm, 95 % within {measured[f'{way}_p95']:.2f} mm",
        )
    for name, title in (("blink_gap", "blink gap on the mesh"), ("lip_seal", "lip seal on the mesh")):
        if any(key.startswith(name) for key in measured):
            table.add_row(title, _range(measured, name))


def _numbers(values: object) -> list[tuple[str, float]]:
    assert isinstance(values, dict)
    return [(key, float(value)) for key, value in values.items()]


def _expression(weights: object) -> str:
    named = [f"{name} {weight:.2f}" for name, weight in _numbers(weights)]
    return ", ".join(named) or "nothing: its expression is neutral"


def _range(rig: dict[str, float], prefix: str, leave_out: str = "none") -> str:
    values = [value for key, value in rig.items() if key.startswith(prefix) and leave_out not in key]
    return f"{min(values):+.2f} to {max(values):+.2f} mm, worst along the margin"


def _cell(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _as_text(table: Table) -> str:
    console = Console(width=160)
    with console.capture() as capture:
        console.print(table)
    return capture.get().rstrip()
