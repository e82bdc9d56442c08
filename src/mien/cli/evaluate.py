"""`mien evaluate` and `mien bench`: what the commands take, and the measurements that they start."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tyro.conf import Positional

from mien.core.errors import MienError

if TYPE_CHECKING:
    from mien.evaluate.registration import RealScan


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
    before and after they are taken out; database: instead, the 26 expressions of 24 subjects: what touches,
    folds, bulges, and is a subject's own; exit 1 where an aim is missed (about a minute)."""
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


def run_evaluate(command: Evaluate) -> int:
    """One measurement; returns the exit status. Raises `MienError` where options do not go together."""
    from mien.evaluate.registration import evaluate_registration, evaluate_shapes, real_scans

    if command.what == "masks":
        from mien.evaluate.masks import evaluate_masks

        return _print_rows(evaluate_masks(), command.json)
    if command.what == "shapes":
        return _print_rows(evaluate_shapes(), command.json)
    if command.what == "database":
        return _evaluate_database(command)
    if command.what == "geoimage":
        from mien.evaluate.geoimage import evaluate_geoimage

        return _print_rows(evaluate_geoimage(command.ict), command.json)
    if command.what == "inputs":
        from mien.evaluate.inputs import evaluate_large

        return _print_rows(evaluate_large(), command.json)
    scans = real_scans(command.scans, command.albedo, command.landmarks)
    if command.what == "topology":
        from mien.evaluate.basemesh import evaluate_topology

        rows = evaluate_topology(scans, command.meshes, _say)
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
    from mien.evaluate.colour import evaluate_colour, evaluate_sharpness

    if command.plots is None:
        return _print_rows(evaluate_sharpness(), command.json)
    rows = evaluate_colour(scans, command.plots, command.resolution, _say)
    return _print_rows(rows, command.json)


def _evaluate_database(command: Evaluate) -> int:
    if command.scans:
        from mien.evaluate.people import evaluate_identity
        from mien.evaluate.registration import real_scans

        scans = real_scans(command.scans, command.albedo, command.landmarks)
        return _print_rows(evaluate_identity(scans, _say), command.json)
    if command.expressions:
        return _evaluate_database_expressions(command)
    from mien.evaluate.database import evaluate_database
    from mien.pipeline.tables import list_table

    sections = evaluate_database(command.ict, command.plots, _say)
    for name, rows in sections.items():
        print(f"{name.upper()}\n{list_table(rows)}\n")
    if command.json is not None:
        command.json.write_text(json.dumps(sections, indent=2) + "\n")
    return 0


def _evaluate_database_expressions(command: Evaluate) -> int:
    """Exit 1 where an aim is missed."""
    from mien.evaluate.expressions import evaluate_database_expressions, missed
    from mien.pipeline.tables import list_table

    sections = evaluate_database_expressions(_say)
    for name, rows in sections.items():
        print(f"{name.upper()}\n{list_table(rows)}\n")
    if command.json is not None:
        command.json.write_text(json.dumps(sections, indent=2) + "\n")
    return int(bool(missed(sections["aims"])))


def _evaluate_truth(command: Evaluate) -> int:
    from mien.evaluate.correspondence import evaluate_consistency, evaluate_expressions

    rows = evaluate_expressions(_say) if command.expressions else []
    rows += evaluate_consistency(command.ict, _say) if command.ict is not None else []
    return _print_rows(rows, command.json)


def _evaluate_trust(command: Evaluate, scans: list[RealScan]) -> int:
    """Exit 1 where a wrong result was not refused."""
    from mien.evaluate.calibration import outcome_rows, plot_calibration, robustness_table, try_robustness

    if command.plots is not None:
        _print_rows(
            plot_calibration(command.plots, scans, _say), None if command.robustness else command.json
        )
    if not command.robustness:
        return 0
    outcomes = try_robustness(scans, _say)
    print(robustness_table(outcomes))
    if command.json is not None:
        command.json.write_text(json.dumps(outcome_rows(outcomes), indent=2) + "\n")
    return int(any(outcome.verdict == "silently wrong" for outcome in outcomes))


def run_bench(command: Bench) -> int:
    """Registration beside others; returns the exit status."""
    from mien.evaluate.registration import evaluate_bench, real_scans

    return _print_rows(evaluate_bench(real_scans(command.scans, command.albedo, ())), command.json)


def _print_rows(rows: list[dict[str, object]], out: Path | None) -> int:
    from mien.pipeline.tables import rows_table

    print(rows_table(rows))
    if out is not None:
        out.write_text(json.dumps(rows, indent=2) + "\n")
    return 0


def _say(text: str) -> None:
    """Progress, apart from the result."""
    print(text, file=sys.stderr)
