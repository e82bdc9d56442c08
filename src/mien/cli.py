"""The command line: parse, call the pipeline, print. Exit 0 done, 1 refused or failed, 2 wrong usage.

Rooms are imported inside the commands, so that `mien --help` answers at once.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro
from tyro.conf import Positional

from mien import __version__
from mien.cli_data import Data, run_data
from mien.core.errors import MienError
from mien.core.files import check_writable_target

if TYPE_CHECKING:
    from mien.pipeline.measure import RealScan


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
class Evaluate:
    """Measure a part of Mien; the numbers in the README come from here."""

    what: Positional[
        Literal["registration", "shapes", "inputs", "colour", "masks", "topology", "database", "geoimage"]
    ]
    """registration: synthetic scans with known truth, then --scans; shapes: the template's 52; inputs: time
    and memory of `mien rig` on scans of 5 million triangles with 8K textures (minutes, 3 GB of disk);
    colour: detail that the bake keeps of known gratings, or with --scans and --plots of those;
    masks: the face under synthetic beards, with a mask, with the guess, and with the beard followed;
    topology: --scans on the base meshes of --meshes and on a coarse one: residual, lids, lips, leakage.
    database: distributions beside their targets, spread and look-alikes beside ICT-FaceKit's, the linear
    model's components, what form and skin tell of a person and of each other (minutes; pictures to --plots);
    with --scans instead registration with that linear model beside the older one;
    geoimage: what 256² geometry images keep of the database's expressions, and of --ict in its own UV."""
    scans: tuple[Path, ...] = ()
    """Further scans to register and measure."""
    albedo: tuple[Path, ...] = ()
    """Their colour textures, in the same order."""
    landmarks: tuple[Path, ...] = ()
    """Their true landmarks, in the same order: held against the detected ones, not used in the fit."""
    meshes: tuple[Path, ...] = ()
    """topology: base meshes with UVs, or ICT-FaceKit's folder FaceXModel."""
    plots: Path | None = None
    """registration: instead, a folder for pictures: predicted against true error, each scan's error map;
    database: a folder for pictures of its numbers;
    colour: the folder for 400 % close-ups beside each scan, and its texel-stretch map."""
    resolution: Literal[1024, 2048, 4096] = 2048
    """colour: texels of the baked maps."""
    robustness: bool = False
    """registration: instead, what works and what is refused of turned, cropped, thinned, rough and other
    scans, a synthetic head's and those given (about half a minute each, 25 a head)."""
    expressions: bool = False
    """registration: instead, strong expressions put into synthetic heads: weights found, error of the neutral
    before and after they are taken out."""
    ict: Path | None = None
    """Your copy of ICT-FaceKit (its folder FaceXModel). registration: instead, how far the same vertex of
    different people lies apart on the template; database, geoimage: measured beside."""
    json: Path | None = None
    """File for the numbers."""


@dataclass(frozen=True)
class Bench:
    """Registration beside trimesh's nricp_amberg and nricp_sumner: same start, same measure."""

    scans: tuple[Path, ...] = ()
    """Scans to run on; a synthetic one when left out."""
    albedo: tuple[Path, ...] = ()
    """Their colour textures, in the same order."""
    json: Path | None = None
    """File for the numbers."""


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
        sys.exit(_RUN[type(command)](command))
    except MienError as error:
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
    from mien.pipeline.rig import STAGES, RigOptions, rig
    from mien.pipeline.tables import quality_table

    options = RigOptions(
        albedo=command.albedo,
        mask=command.mask,
        landmarks=command.landmarks,
        units=command.units,
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


def _evaluate(command: Evaluate) -> int:
    from mien.pipeline.measure import evaluate_registration, evaluate_shapes, real_scans

    if command.what == "masks":
        from mien.pipeline.measure_masks import evaluate_masks

        return _print_rows(evaluate_masks(), command.json)
    if command.what == "shapes":
        return _print_rows(evaluate_shapes(), command.json)
    if command.what == "database":
        return _evaluate_database(command)
    if command.what == "geoimage":
        from mien.pipeline.measure_geoimage import evaluate_geoimage

        return _print_rows(evaluate_geoimage(command.ict), command.json)
    if command.what == "inputs":
        from mien.pipeline.large import evaluate_large

        return _print_rows(evaluate_large(), command.json)
    scans = real_scans(command.scans, command.albedo, command.landmarks)
    if command.what == "topology":
        from mien.pipeline.measure_topology import evaluate_topology

        rows = evaluate_topology(scans, command.meshes, lambda text: print(text, file=sys.stderr))
        return _print_rows(rows, command.json)
    if command.what == "colour":
        return _evaluate_colour(command, scans)
    if command.expressions or command.ict is not None:
        return _evaluate_truth(command)
    if command.plots is not None or command.robustness:
        return _evaluate_trust(command, scans)
    return _print_rows(evaluate_registration(scans), command.json)


def _evaluate_colour(command: Evaluate, scans: list[RealScan]) -> int:
    if bool(scans) != (command.plots is not None):
        raise MienError(
            f"evaluate colour: {len(scans)} --scans and {'a' if command.plots else 'no'} folder --plots, "
            "expected both or neither; give --plots DIR for the pictures of --scans"
        )
    from mien.pipeline.measure_colour import evaluate_colour, evaluate_sharpness

    if command.plots is None:
        return _print_rows(evaluate_sharpness(), command.json)
    rows = evaluate_colour(
        scans, command.plots, command.resolution, lambda text: print(text, file=sys.stderr)
    )
    return _print_rows(rows, command.json)


def _evaluate_database(command: Evaluate) -> int:
    def say(text: str) -> None:
        print(text, file=sys.stderr)

    if command.scans:
        from mien.pipeline.measure import real_scans
        from mien.pipeline.measure_identity import evaluate_identity

        scans = real_scans(command.scans, command.albedo, command.landmarks)
        return _print_rows(evaluate_identity(scans, say), command.json)
    from mien.pipeline.measure_database import evaluate_database
    from mien.pipeline.tables import list_table

    sections = evaluate_database(command.ict, command.plots, say)
    for name, rows in sections.items():
        print(f"{name.upper()}\n{list_table(rows)}\n")
    if command.json is not None:
        command.json.write_text(json.dumps(sections, indent=2) + "\n")
    return 0


def _evaluate_truth(command: Evaluate) -> int:
    from mien.pipeline.measure_truth import evaluate_consistency, evaluate_expressions

    def say(text: str) -> None:
        print(text, file=sys.stderr)

    rows = evaluate_expressions(say) if command.expressions else []
    rows += evaluate_consistency(command.ict, say) if command.ict is not None else []
    return _print_rows(rows, command.json)


def _evaluate_trust(command: Evaluate, scans: list[RealScan]) -> int:
    """Exit 1 where a wrong result was not refused."""
    from mien.pipeline.measure_trust import outcome_rows, plot_calibration, robustness_table, try_robustness

    def say(text: str) -> None:
        print(text, file=sys.stderr)

    if command.plots is not None:
        _print_rows(plot_calibration(command.plots, scans, say), None if command.robustness else command.json)
    if not command.robustness:
        return 0
    outcomes = try_robustness(scans, say)
    print(robustness_table(outcomes))
    if command.json is not None:
        command.json.write_text(json.dumps(outcome_rows(outcomes), indent=2) + "\n")
    return int(any(outcome.verdict == "silently wrong" for outcome in outcomes))


def _bench(command: Bench) -> int:
    from mien.pipeline.measure import bench_registration, real_scans

    return _print_rows(bench_registration(real_scans(command.scans, command.albedo, ())), command.json)


def _sheet(command: Sheet) -> int:
    from mien.pipeline.render import draw_shapes

    print(draw_shapes(command.out, command.asset, command.tile))
    return 0


def _print_rows(rows: list[dict[str, object]], out: Path | None) -> int:
    from mien.pipeline.tables import rows_table

    print(rows_table(rows))
    if out is not None:
        out.write_text(json.dumps(rows, indent=2) + "\n")
    return 0


_RUN: dict[type, Callable[..., int]] = {
    Rig: _rig,
    Render: _render,
    Check: _check,
    Evaluate: _evaluate,
    Bench: _bench,
    Sheet: _sheet,
    Data: run_data,
}
