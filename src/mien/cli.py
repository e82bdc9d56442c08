"""The command line: parse, call the pipeline, print. Exit 0 done, 1 refused or failed, 2 wrong usage.

Rooms are imported inside the commands, so that `mien --help` answers at once.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro
from tyro.conf import Positional

from mien import __version__
from mien.cli_data import Data, run_data
from mien.cli_evaluate import Bench, Evaluate, run_bench, run_evaluate
from mien.core.errors import MienError
from mien.core.faults import in_one_line, wants_traceback
from mien.core.files import check_writable_target


@dataclass(frozen=True)
class Rig:
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


@dataclass(frozen=True)
class Render:
    """Path-trace an asset (needs the extra "render")."""

    asset: Positional[Path]
    """An asset folder."""
    out: Path
    """PNG file to write; with --turntable a folder of numbered pictures."""
    hdri: Path | None = None
    """Environment light, .hdr or .exr in lat-long; a studio of our own when left out."""
    expression: str = ""
    """Shape weights, as in jawOpen=0.7,mouthSmileLeft=0.5."""
    view: Literal["front", "three-quarter", "side"] = "front"
    """Where the camera stands."""
    turntable: int = 0
    """Number of pictures round the head; 0 for one picture."""
    clay: bool = False
    """Untextured, under grazing light."""
    size: int = 1024
    """Width and height in pixels."""
    samples: int = 64
    """Paths a pixel."""


@dataclass(frozen=True)
class Check:
    """Judge a GLB or an asset folder: the Khronos validator and Mien's invariants."""

    path: Positional[Path]
    """A .glb file or an asset folder."""
    json: bool = False
    """Print findings as JSON."""


@dataclass(frozen=True)
class Sheet:
    """Draw all 52 shapes in clay, front, three-quarter and side."""

    out: Positional[Path]
    """PNG file to write."""
    asset: Path | None = None
    """An asset folder; the template when left out."""
    tile: int = 256
    """Pixels a picture."""


Command = Rig | Render | Check | Evaluate | Bench | Sheet | Data


def main() -> None:
    """Entry point of the `mien` script."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        print(f"mien {__version__}")
        return
    command: Command = tyro.cli(
        Command,  # type: ignore[arg-type]
        prog="mien",
        description="One face scan in; a production-ready, animatable, physically-based head out.",
        args=arguments or ["--help"],
        config=(tyro.conf.OmitSubcommandPrefixes, tyro.conf.FlagCreatePairsOff),
    )
    try:
        with in_one_line(f"mien {type(command).__name__.lower()}", "running the command"):
            sys.exit(_RUN[type(command)](command))
    except MienError as error:
        if wants_traceback():
            traceback.print_exception(error)
        print(f"mien: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("mien: interrupted; nothing was written", file=sys.stderr)
        sys.exit(1)


def _rig(command: Rig) -> int:
    # Refused at once, before anything heavy is imported.
    started = time.perf_counter()
    if not command.scan.exists():
        raise MienError(f"{command.scan}: there is no such file or folder; give a scan")
    check_writable_target(command.out, force=command.force)
    from mien.pipeline.batch import batch_table, rig_batch
    from mien.pipeline.progress import console_progress
    from mien.pipeline.rig import STAGES, rig
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
        asset = rig(command.scan, command.out, options, progress=progress, seconds=seconds)
    numbers = {**asset.quality, "seconds": seconds}
    took = time.perf_counter() - started
    print(json.dumps(numbers, indent=2) if command.json else quality_table(asset, command.out, took))
    return 0


def _render(command: Render) -> int:
    from mien.pipeline.render import render

    written = render(
        command.asset,
        command.out,
        hdri=command.hdri,
        expression=command.expression,
        view=command.view,
        turntable=command.turntable,
        clay=command.clay,
        size=command.size,
        samples=command.samples,
    )
    print(f"{written}")
    return 0


def _check(command: Check) -> int:
    from mien.export.check import check_path

    report = check_path(command.path)
    print(json.dumps(report.as_json(), indent=2) if command.json else report.as_table())
    return 0 if report.passed else 1


def _sheet(command: Sheet) -> int:
    from mien.pipeline.render import draw_shapes

    print(draw_shapes(command.out, command.asset, command.tile))
    return 0


_RUN: dict[type, Callable[..., int]] = {
    Rig: _rig,
    Render: _render,
    Check: _check,
    Evaluate: run_evaluate,
    Bench: run_bench,
    Sheet: _sheet,
    Data: run_data,
}
