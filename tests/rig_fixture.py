"""The demo scan, rigged once a session, and what every asset promises."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from mien.export.asset import FaceAsset
from mien.pipeline.rig import rig_scan
from mien.pipeline.rig_options import RigOptions
from mien.pipeline.stages import FROM_CACHE

ROOT = Path(__file__).parent.parent
DEMO = ROOT / "examples" / "demo_scan.glb"

# The folder that `mien rig` makes of a scan with a texture; NAME is the folder's name.
LAYOUT = frozenset(
    [
        "asset.json", "NAME.glb", "NAME.obj", "NAME.mtl", "confidence.png", "preview.png",
        "scan/registered.ply", "scan/landmarks.json", "scan/landmarks.png", "scan/mask.png",
        "scan/mask_overlay.jpg", "scan/error.png",
        *(f"maps/{tile}_{kind}" for tile in ("face", "head") for kind in (
            "albedo.png", "specular.png", "roughness.png", "normal.png", "scatter.png", "displacement.exr")),
        "maps/head_confidence.png", "maps/eye_albedo.png", "maps/eye_normal.png", "maps/eye_roughness.png",
        "maps/eye_occlusion_albedo.png", "maps/lash_albedo.png", "maps/lash_roughness.png",
        *(f"maps/{part}_{kind}.png" for part in ("mouth", "teeth") for kind in ("albedo", "normal", "roughness")),
    ]
)  # fmt: skip

# (least, most) of what the demo's fit measures in millimetres: half as much again as it is, far below the
# design's aims for real scans, so that a fit which grows worse is seen long before it misses them.
REGISTRATION_BOUNDS = {
    "head_to_scan_median_mm": (0.0, 0.075),
    "scan_to_head_median_mm": (0.0, 0.075),
    "head_to_scan_p95_mm": (0.0, 0.35),
    "scan_to_head_p95_mm": (0.0, 0.35),
    "measured_share": (0.98, 1.0),
    "flipped_triangles": (0.0, 0.0),
    "edge_stretch_p95": (1.0, 1.1),
    "landmark_mean_mm": (0.0, 2.5),
}

# (least, most) in millimetres of the design's table: blink gap, lip seal, lid to eyeball, leakage.
RIG_AIMS = {
    **{f"blink_gap_{end}_{side}": (-0.3, 0.3) for end in ("min", "max") for side in ("left", "right")},
    **{
        f"lid_to_ball_{end}_eye{shape}{side}": (0.0, 0.3)
        for end in ("min", "max")
        for shape in ("Blink", "Wide", "Squint")
        for side in ("Left", "Right")
    },
    "lip_seal_min": (-0.3, 0.3),
    "lip_seal_max": (-0.3, 0.3),
    "lip_crossing_max": (0.0, 0.3),
    "leakage_max": (0.0, 0.02),
}


@dataclass
class Run:
    """One asset, and the stages that were computed and fetched for it."""

    out: Path
    asset: FaceAsset | None = None
    told: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, scan: Path, out: Path, **options: object) -> Run:
        run = cls(out)
        run.asset = rig_scan(scan, out, RigOptions(**options), progress=run.told.append)  # type: ignore[arg-type]
        return run

    @property
    def computed(self) -> set[str]:
        return {name for name in self.told if not name.endswith(FROM_CACHE)} - {"writing the asset", "done"}

    @property
    def fetched(self) -> set[str]:
        return {name.removesuffix(FROM_CACHE) for name in self.told if name.endswith(FROM_CACHE)}

    @property
    def files(self) -> dict[str, bytes]:
        return contents(self.out)

    @property
    def manifest(self) -> dict:
        return json.loads((self.out / "asset.json").read_text())


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder by its relative path."""
    paths = [p for p in sorted(folder.rglob("*")) if p.is_file()]
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in paths}


def differing(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    """Names of the files that only one has or whose bytes differ."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def outside(numbers: dict[str, float], bounds: dict[str, tuple[float, float]]) -> list[str]:
    """What of `numbers` is missing, not finite or beyond its bounds, in words."""
    return [
        f"{name} {numbers.get(name)}: expected {low} to {high}"
        for name, (low, high) in bounds.items()
        if not low <= numbers.get(name, float("nan")) <= high
    ]


def laid_out(name: str, names: Iterable[str] = LAYOUT) -> set[str]:
    """The layout with an asset's own name."""
    return {path.replace("NAME", name) for path in names}


def mien(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "mien", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        env={**os.environ, **environment},
    )
