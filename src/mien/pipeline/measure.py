"""The numbers of the README, measured: what `mien evaluate` and `mien bench` run."""

from __future__ import annotations

from pathlib import Path

from mien.core.face import PreparedScan
from mien.evaluate import bench_registration as _bench
from mien.evaluate import measure, synthetic
from mien.register import register
from mien.scan import clean_scan, load_scan, prepare_scan
from mien.template import load_template

Rows = list[dict[str, object]]


def evaluate_registration(scans: tuple[Path, ...]) -> Rows:
    """Correspondence on synthetic scans with known truth, then accuracy on the given scans (mm, s)."""
    template = load_template()
    rows: Rows = [dict(row) for row in synthetic(template)]
    for path in scans:
        prepared = _prepared(path)
        rows.append({"scan": path.name, **measure(template, register(template, prepared), prepared)})
    return rows


def evaluate_shapes(_scans: tuple[Path, ...]) -> Rows:
    """The template's 52 shapes: blink gap, lip seal, leakage, flips (mm)."""
    from mien.rig import build_rig
    from mien.rig.quality import rig_quality

    template = load_template()
    return [
        {"what": key, "value": value}
        for key, value in rig_quality(template, build_rig(template, template.vertices)).items()
    ]


def bench_registration(scans: tuple[Path, ...]) -> Rows:
    """Ours beside trimesh's two, from the same linear fit with the same landmarks and measure."""
    template = load_template()
    return [{"scan": path.name, **row} for path in scans for row in _bench(template, _prepared(path))]


def _prepared(path: Path) -> PreparedScan:
    return prepare_scan(clean_scan(load_scan(path)))
