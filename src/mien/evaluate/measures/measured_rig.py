"""Rigs one scan in this process and prints, as JSON, how long each stage took and how much memory.

`python -m mien.evaluate.measures.measured_rig SCAN OUT [ALBEDO]`: a process of its own a scan, since memory
can only be measured from a process's start.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path


def measure_rig(path: Path, out: Path, albedo: Path | None) -> dict[str, object]:
    """The whole of `mien rig` without the cache: seconds, processor seconds, GB, and the fit in mm.

    Seconds include the import of what rigging needs.
    """
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
    numbers = measure_rig(Path(scan), Path(folder), Path(rest[0]) if rest else None)
    sys.stdout.write(json.dumps(numbers) + "\n")
