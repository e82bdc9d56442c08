"""`mien data`: the face database's commands."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from tyro.conf import Positional

from mien.core.errors import MienError

_EXTRA = ("fsspec", "pyarrow", "zstandard")  # what the extra "data" brings


@dataclass(frozen=True)
class Synth:
    """Make a database of synthetic people: geometry, expressions, albedo. Run the same command again
    to resume after a stop (needs the extra "data")."""

    out: str
    """Folder to write, or a bucket's address (s3://...). An existing database is resumed."""
    count: int
    """Number of subjects. A larger one adds subjects to what is there."""
    resolution: int = 256
    """Width of the square albedo maps in texels."""
    seed: int = 1
    """Another seed makes other people."""
    workers: int = 2
    """Processes, of about 0.9 GB each."""
    expressions: str = "26"
    """26: the stage's; none: neutrals only; random:K: K random combinations of the 52 shapes a subject."""
    maps: str = "albedo"
    """albedo: of the neutral; dynamic: of each expression too; all: displacement too, 16 bits."""
    shard: int = 32
    """Subjects a shard: what is redone after a stop, and what a worker makes at a time."""
    start: int = 0
    """The first subject; with 20500 and --count 1000 it is the test split."""


@dataclass(frozen=True)
class Info:
    """What a database holds, beside what it should: counts, distributions, licences, damage."""

    address: Positional[str]
    """Folder or bucket."""
    out: Path | None = None
    """PNG to write: distributions and a contact sheet."""
    subjects: int = 12
    """Subjects on the contact sheet, at most 48."""
    skip_damaged: bool = False
    """Name damaged shards and go on without them instead of stopping."""
    json: bool = False
    """Print the numbers as JSON."""


@dataclass(frozen=True)
class Speed:
    """Time and memory of the in-memory samples that training uses, or of skin maps."""

    samples: int = 52
    """Samples to time, 26 a subject; then as many fresh subjects as fit a quarter of them."""
    resolution: int = 256
    """Texels of the geometry images."""
    maps: str = "albedo"
    """albedo: of the neutral; dynamic: of each expression; all: displacement too."""
    skin: int = 0
    """Time a set of skin maps of this resolution (4096) instead."""
    json: bool = False
    """Print the numbers as JSON."""


@dataclass(frozen=True)
class Model:
    """Add heads that you registered to the linear model of heads; `mien rig --people` fits it."""

    add: tuple[Path, ...]
    """Asset folders that `mien rig` wrote, of people who agreed to it: the model holds their form."""
    out: Path
    """The model to write, .safetensors."""
    start: Path | None = None
    """The model to add to, one that this command wrote; the shipped one when left out."""
    weight: float = 20.0
    """How many of the shipped model's 4,000 heads one of yours counts for."""
    components: int | None = None
    """Components to keep; one more for each head when left out."""
    json: bool = False
    """Print the numbers as JSON."""


@dataclass(frozen=True)
class Head:
    """Write one person of the database as an asset folder, like that of a scan: GLB, OBJ, maps, preview."""

    index: int
    """Which person."""
    out: Path
    """The asset folder to write. Its name becomes the asset's name."""
    seed: int = 1
    """Another seed makes other people."""
    resolution: Literal[1024, 2048, 4096] = 1024
    """Width of the square face map in texels; the head's has half of it."""
    formats: str = "glb,obj"
    """Comma-separated; glb and obj so far."""
    force: bool = False
    """Replace an output folder that exists and is not empty."""
    json: bool = False
    """Print who it is and the rig's numbers as JSON."""


@dataclass(frozen=True)
class Data:
    """Make, look into and time face databases; add to the model of heads."""

    do: (
        Annotated[Synth, tyro.conf.subcommand("synth")]
        | Annotated[Info, tyro.conf.subcommand("info")]
        | Annotated[Head, tyro.conf.subcommand("head")]
        | Annotated[Speed, tyro.conf.subcommand("bench")]
        | Annotated[Model, tyro.conf.subcommand("model")]
    )


def run_data(command: Data) -> int:
    """Runs `mien data ...`; the exit code."""
    try:
        return _RUN[type(command.do)](command.do)
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        raise MienError(
            f"mien data: {error.name} is not installed, expected for databases on disk; "
            "pip install -e '.[data]'"
        ) from error


def _synth(command: Synth) -> int:
    if command.workers < 1:
        raise MienError(f"workers {command.workers}: expected 1 or more")
    from mien.database.store import counted
    from mien.pipeline.progress import counting_progress
    from mien.pipeline.synth_database import SynthOptions, shards_line, stopped_line, synthesize

    options = SynthOptions(
        seed=command.seed,
        count=command.count,
        resolution=command.resolution,
        expressions=command.expressions,
        per_shard=command.shard,
        maps=command.maps,
        start=command.start,
    )
    try:
        with counting_progress("subjects", command.count) as tell:
            gaps = synthesize(command.out, options, command.workers, tell)
    except KeyboardInterrupt:
        raise MienError(stopped_line(command.out, options)) from None
    done = f"{counted(command.count, 'subject')}, {shards_line(gaps)}"
    print(f"{command.out}: {done}; look: mien data info {command.out}")
    return 0


def _info(command: Info) -> int:
    from mien.pipeline.describe_database import database_info, info_text, refuse_sheet

    refuse_sheet(command.out or Path("sheet.png"), command.subjects)
    found = database_info(command.address, skip_damaged=command.skip_damaged)
    for message in found["damaged"]:
        print(f"mien: {message}", file=sys.stderr)
    if command.json:
        print(json.dumps(found | {"distributions": _underscored(found["distributions"])}, indent=2))
    else:
        print(info_text(found))
    if command.out is not None:
        _sheet(command, command.out, min(command.subjects, found["subjects"]))
    return 0


def _sheet(command: Info, out: Path, shown: int) -> None:
    from mien.pipeline.describe_database import draw_database_sheet, write_sheet
    from mien.pipeline.progress import counting_progress

    with counting_progress("pictures", shown) as tell:
        picture = draw_database_sheet(command.address, shown, skip_damaged=command.skip_damaged, tell=tell)
    print(write_sheet(out, picture), file=sys.stderr)


def _underscored(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of a table as JSON has them: "CPU ms a sample" becomes CPU_ms_a_sample."""
    return [{re.sub(r"\W+", "_", key): value for key, value in row.items()} for row in rows]


def _head(command: Head) -> int:
    from mien.pipeline.progress import console_progress
    from mien.pipeline.synth_head import STAGES, write_person
    from mien.pipeline.tables import person_line

    with console_progress(STAGES) as progress:
        asset = write_person(
            command.seed,
            command.index,
            command.out,
            resolution=command.resolution,
            formats=tuple(command.formats.split(",")),
            force=command.force,
            progress=progress,
        )
    numbers = {**asset.provenance, **asset.quality}
    print(json.dumps(numbers, indent=2) if command.json else person_line(asset, command.out))
    return 0


def _speed(command: Speed) -> int:
    from mien.evaluate.measures.sampling_speed import measure_sampler, measure_skin_maps
    from mien.pipeline.tables import rows_table

    if command.skin:
        rows = measure_skin_maps(command.skin)
    else:
        rows = measure_sampler(command.samples, command.resolution, command.maps)
    print(json.dumps(_underscored(rows), indent=2) if command.json else rows_table(rows))
    return 0


def _model(command: Model) -> int:
    from mien.pipeline.grow_people import grow_people, model_line
    from mien.pipeline.tables import list_table

    rows = grow_people(command.add, command.out, command.start, command.weight, command.components)
    print(json.dumps(rows, indent=2) if command.json else list_table(rows))
    print(model_line(command.out), file=sys.stderr)
    return 0


_RUN: dict[type, Callable[[Any], int]] = {
    Synth: _synth,
    Info: _info,
    Head: _head,
    Speed: _speed,
    Model: _model,
}
