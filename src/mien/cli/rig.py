"""`mien rig`: a scan, or a folder of them, to asset folders."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from mien.core.errors import MienError
from mien.core.files import check_writable_target


@dataclass(frozen=True)
class RigCommand:
    """Turn a head scan into an animatable head: GLB, OBJ, maps, preview, report."""

    scan: Positional[Path]
    """OBJ, PLY, STL, glTF or GLB; or a folder of scans, which gives one asset folder each."""
    out: Path
    """The asset folder to write. Its name becomes the asset's name."""
    albedo: Path | None = None
    """Colour texture in the scan's own UV; overrides what the file carries."""
    mask: Path | None = None
    """What to follow: white skin, black hair or cloth, grey as Mien sees fit. An image in the scan's UV, a
    folder of them (mask.0.png, ...), or a PLY with vertex colours; an asset's scan/ holds one to paint on."""
    landmarks: Path | None = None
    """68 or 51 points in the scan's coordinates (JSON, .ljson, .npy, .txt) instead of detected ones."""
    units: Literal["auto", "m", "cm", "mm"] = "auto"
    """The scan's unit; found from the face's size when left out."""
    people: Path | None = None
    """The model of heads to fit, one that `mien data model` wrote; the shipped one when left out."""
    keep_expression: bool = False
    """Keep closed eyes or a smile of the scan in the neutral instead of taking them out."""
    resolution: Literal[1024, 2048, 4096] = 1024
    """Width of the square face and head maps in texels."""
    iris: str | None = None
    """brown, dark_brown, hazel, green, blue, grey or #rrggbb; measured where the scan's eyes are open."""
    topology: str = "mien"
    """The mesh to put the head on: mien, ict, or the path of your own base mesh (OBJ, GLB) with UVs."""
    topology_landmarks: Path | None = None
    """68 or 51 points in the base mesh's coordinates; detected, or known for ICT-FaceKit, when left out."""
    ict_folder: Path | None = None
    """Your copy of ICT-FaceKit's folder FaceXModel, for --topology ict; or set MIEN_ICT."""
    formats: str = "glb,obj"
    """Comma-separated; glb and obj so far."""
    force: bool = False
    """Replace an output folder that exists and is not empty."""
    no_cache: bool = False
    """Compute every stage, and keep none, instead of taking from the cache what an earlier run made."""
    json: bool = False
    """Print the quality report, and each stage's seconds, as JSON."""


def run_rig(command: RigCommand) -> int:
    """One scan or a folder of them; returns the exit status."""
    # Refused at once, before anything heavy is imported.
    started = time.perf_counter()
    if not command.scan.exists():
        raise MienError(f"{command.scan}: there is no such file or folder; give a scan")
    check_writable_target(command.out, force=command.force)
    from mien.pipeline.batch import batch_table, rig_batch
    from mien.pipeline.progress import console_progress
    from mien.pipeline.rig import STAGES, rig_scan
    from mien.pipeline.rig_options import RigOptions
    from mien.pipeline.tables import quality_table

    options = RigOptions(
        albedo=command.albedo,
        mask=command.mask,
        landmarks=command.landmarks,
        units=command.units,
        people=command.people,
        keep_expression=command.keep_expression,
        resolution=command.resolution,
        iris=command.iris,
        topology=command.topology,
        topology_landmarks=command.topology_landmarks,
        ict_folder=command.ict_folder,
        formats=tuple(command.formats.split(",")),
        force=command.force,
        cache=not command.no_cache,
    )
    if command.scan.is_dir():
        rows = rig_batch(command.scan, command.out, options)
        print(json.dumps(rows, indent=2) if command.json else batch_table(rows))
        return int(any("failed" in row for row in rows))
    seconds: dict[str, float] = {}
    with console_progress(STAGES) as progress:
        asset = rig_scan(command.scan, command.out, options, progress=progress, seconds=seconds)
    numbers = {**asset.quality, "seconds": seconds}
    took = time.perf_counter() - started
    print(json.dumps(numbers, indent=2) if command.json else quality_table(asset, command.out, took))
    return 0
