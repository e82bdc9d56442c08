"""`mien evaluate inputs`: the whole of `mien rig` on scans as large as studios have them, in a process of
its own each, with its seconds and its memory."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mien.core.errors import MienError
from mien.synth.scans.large import FORMATS, large_scan, write_large_scan
from mien.template.load import load_template

TRIANGLES, TEXELS = 5_000_000, 8192
_SEED = 3

Rows = list[dict[str, object]]


def evaluate_large(
    triangles: int = TRIANGLES, texels: int = TEXELS, formats: tuple[str, ...] = FORMATS
) -> Rows:
    """A row a format: wall seconds of the whole and of each stage, processor seconds, peak memory (GB), and
    how far the head lies from the scan (mm). Nothing comes from the cache."""
    scan = large_scan(load_template(), _SEED, triangles, texels)
    rows: Rows = []
    for kind in formats:
        with tempfile.TemporaryDirectory() as folder:
            path, albedo = write_large_scan(scan, Path(folder) / kind, kind)
            size = {"scan": kind, "triangles": len(scan.triangles), "texels": texels if kind != "ply" else 0}
            rows.append({**size, **_measured(path, albedo, Path(folder) / "asset")})
    return rows


def _measured(path: Path, albedo: str | None, out: Path) -> dict[str, object]:
    command = [
        sys.executable,
        "-m",
        "mien.evaluate.inputs",
        str(path),
        str(out),
        *([albedo] if albedo else []),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MienError(f"{path.name}: {done.stderr.strip().splitlines()[-1] if done.stderr else 'failed'}")
    measured: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _rig_and_measure(path: Path, out: Path, albedo: Path | None) -> dict[str, object]:
    started = time.perf_counter()
    from mien.pipeline.rig import rig_scan
    from mien.pipeline.rig_options import RigOptions

    stages: dict[str, float] = {}
    asset = rig_scan(path, out, RigOptions(albedo=albedo, cache=False), seconds=stages)
    assert asset.registration is not None
    report = asset.registration.report
    return {
        "seconds": round(time.perf_counter() - started, 1),
        "processor_seconds": round(time.process_time(), 1),
        "peak_gb": round(_peak_bytes() / 1e9, 2),
        "head_to_scan_median_mm": round(report["head_to_scan_median_mm"], 3),
        "head_to_scan_p95_mm": round(report["head_to_scan_p95_mm"], 3),
        **{stage: round(value, 1) for stage, value in stages.items()},
    }


def _peak_bytes() -> float:
    """The largest resident size of this process; Linux's rusage also counts what the parent had."""
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return 1024.0 * int(line.split()[1])
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)  # bytes on macOS


if __name__ == "__main__":
    scan, folder, *rest = sys.argv[1:]
    numbers = _rig_and_measure(Path(scan), Path(folder), Path(rest[0]) if rest else None)
    sys.stdout.write(json.dumps(numbers) + "\n")
