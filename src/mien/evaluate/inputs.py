"""The whole of `mien rig` on scans as large as studios have them: seconds and memory."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mien.core.errors import MienError
from mien.evaluate.measures.aims import DESIGN, Aim, judge_columns
from mien.evaluate.measures.evaluation import Evaluation, Findings, Rows, Say
from mien.synth.scans.large import FORMATS, large_scan, write_large_scan
from mien.template.load import load_template

TRIANGLES, TEXELS = 5_000_000, 8192
_SEED = 3
_CHILD = "mien.evaluate.measures.measured_rig"

AIMS = {
    "seconds": Aim("seconds of a whole asset, two cores", at_most=90.0, source=DESIGN),
    "peak_gb": Aim("memory of a whole asset, GB", at_most=12.0, source=DESIGN),
    "head_to_scan_median_mm": Aim("head to scan, median, mm", at_most=0.2, source=DESIGN),
    "head_to_scan_p95_mm": Aim("head to scan, 95 %, mm", at_most=1.5, source=DESIGN),
}


@dataclass(frozen=True, kw_only=True)
class EvaluateInputs(Evaluation):
    """Writes one head as large scans of 5 million triangles with three 8K textures (OBJ, UDIM, GLB, PLY), and
    rigs each in a process of its own, with nothing from the cache: seconds of the whole and of each stage,
    processor seconds and memory. Takes minutes, and 3 GB of disk."""

    triangles: int = TRIANGLES
    """Triangles of each scan, at least."""
    texels: int = TEXELS
    """Width of each square texture."""

    def measure(self, say: Say) -> Findings:
        """A row a format."""
        rows = measure_formats(self.triangles, self.texels, FORMATS, say)
        return Findings({"inputs": rows}, tuple(judge_columns(AIMS, rows)))


def measure_formats(triangles: int, texels: int, formats: tuple[str, ...], say: Say) -> Rows:
    """A row a format: wall seconds of the whole and of each stage, processor seconds, peak memory (GB), and
    how far the head lies from the scan (mm)."""
    scan = large_scan(load_template(), _SEED, triangles, texels)
    rows: Rows = []
    for kind in formats:
        with tempfile.TemporaryDirectory() as folder:
            say(f"writing {kind}")
            path, albedo = write_large_scan(scan, Path(folder) / kind, kind)
            size = {"scan": kind, "triangles": len(scan.triangles), "texels": texels if kind != "ply" else 0}
            say(f"rigging {path.name}")
            rows.append({**size, **_measure_apart(path, albedo, Path(folder) / "asset")})
    return rows


def _measure_apart(path: Path, albedo: str | None, out: Path) -> dict[str, object]:
    """In a process of its own."""
    command = [sys.executable, "-m", _CHILD, str(path), str(out), *([albedo] if albedo else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MienError(f"{path.name}: {done.stderr.strip().splitlines()[-1] if done.stderr else 'failed'}")
    measured: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return measured
