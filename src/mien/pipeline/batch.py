"""A folder of scans: one asset folder each, a table at the end."""

from __future__ import annotations

from pathlib import Path

from mien.core.errors import MienError
from mien.pipeline.progress import console_progress
from mien.pipeline.rig import STAGES, rig_scan
from mien.pipeline.rig_options import RigOptions
from mien.pipeline.tables import rows_table

SCAN_SUFFIXES = (".obj", ".ply", ".stl", ".gltf", ".glb")


def rig_batch(folder: Path, out: Path, options: RigOptions) -> list[dict[str, object]]:
    """Rigs every scan of a folder into `out/<scan's name>`; returns a row a scan with what became of it.

    One scan's refusal does not stop the others; its row then has a "failed" entry.
    """
    scans = sorted(p for p in folder.iterdir() if p.suffix.lower() in SCAN_SUFFIXES)
    if not scans:
        raise MienError(f"{folder}: holds no scan, expected files ending in {', '.join(SCAN_SUFFIXES)}")
    return [_rig_one(scan, out / scan.stem, options) for scan in scans]


def _rig_one(scan: Path, out: Path, options: RigOptions) -> dict[str, object]:
    try:
        with console_progress(STAGES) as progress:
            asset = rig_scan(scan, out, options, progress=progress)
    except MienError as error:
        return {"scan": scan.name, "failed": str(error)}
    assert asset.registration is not None
    report = asset.registration.report
    return {"scan": scan.name, **{key: round(value, 3) for key, value in report.items()}}


def batch_table(rows: list[dict[str, object]]) -> str:
    """The rows as text, failures last."""
    good = [row for row in rows if "failed" not in row]
    bad = [row for row in rows if "failed" in row]
    return "\n".join(rows_table(part) for part in (good, bad) if part)
