"""`mien data synth`: the face database written to disk or a bucket, in shards, by several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from mien.core.assets import asset_sha256
from mien.core.conventions import SHAPE_NAMES
from mien.core.errors import MienError
from mien.core.version import __version__
from mien.database.filesystem import Folder
from mien.database.record import Record, encode_lengths
from mien.database.release import DATABASE_VERSION, drawn_from
from mien.database.sampler import MAPS
from mien.database.store import (
    Gaps,
    Header,
    counted,
    open_to_write,
    shard_indices,
    shard_name,
    write_manifest,
    write_shard,
)
from mien.pipeline.synth_mean import mean_obj
from mien.pipeline.synth_workers import end_if_stopped, in_processes, tell_one
from mien.synth.expression.codes import ExpressionPlan
from mien.synth.expression.maker import ExpressionMaker
from mien.synth.person import SyntheticPerson
from mien.synth.skin.look import SkinLook
from mien.synth.subject import Subject
from mien.synth.whole_head import mean_head
from mien.template.load import load_template

FAST_RESOLUTION = 256  # of the albedo that training's own path draws; others are drawn in full detail
RESOLUTIONS = (64, 4096)
DISPLACEMENT_MM = (-2.5, 2.5)  # what the 16 bits of displacement span

Tell = Callable[[int], None]


@dataclass(frozen=True)
class SynthOptions:
    """What a database is a function of, besides the code and the basis."""

    seed: int
    count: int
    resolution: int = 256
    expressions: str = "26"
    per_shard: int = 32
    maps: str = "albedo"
    start: int = 0

    def __post_init__(self) -> None:
        low, high = RESOLUTIONS
        for name, value, least in (
            ("count", self.count, 1),
            ("shard", self.per_shard, 1),
            ("seed", self.seed, 0),
            ("start", self.start, 0),
        ):
            if value < least:
                raise MienError(f"{name} {value}: expected {least} or more")
        if not (low <= self.resolution <= high and self.resolution & (self.resolution - 1) == 0):
            raise MienError(f"resolution {self.resolution}: expected a power of two from {low} to {high}")
        if self.maps not in MAPS:
            raise MienError(f"maps {self.maps!r}: expected one of {', '.join(MAPS)}")
        ExpressionPlan(self.expressions)


def synthesize(address: str, options: SynthOptions, workers: int = 1, tell: Tell = lambda _: None) -> Gaps:
    """Makes what is missing or damaged of the database at `address`, its mean and manifest; returns what was.

    The same options give the same bytes, whatever the workers; an interrupted run goes on where it was, a
    shard at a time, and a larger count adds subjects. `tell` is called with the number of subjects done since
    it was last called. With 0 workers all happens in this process. Raises `MienError` where the folder holds
    something else, cannot be written, or could not be reached by the workers.
    """
    folder = Folder(address)
    if workers < 0:
        raise MienError(f"{workers} workers: expected 0 or more")
    if workers and folder.in_memory:
        raise MienError(f"{address}: other processes cannot write to this one's memory; give a folder")
    header = database_header(options)
    gaps = open_to_write(folder, header)
    folder.write(header.mean, mean_obj().encode())
    tell(options.count - sum(len(shard_indices(header, n)) for n in gaps.numbers))
    if workers == 0:
        for number in gaps.numbers:
            write_shard(
                folder, number, _records(options, shard_indices(header, number), done=lambda: tell(1))
            )
    elif gaps.numbers:
        jobs = [(address, options, number, shard_indices(header, number)) for number in gaps.numbers]
        in_processes(_work, jobs, workers, tell)
    write_manifest(folder, [shard_name(n) for n in range(-(-options.count // options.per_shard))])
    return gaps


def shards_line(gaps: Gaps) -> str:
    """What a run made, in words."""
    made = f"{counted(len(gaps.absent), 'shard')} made"
    return made + (f", {counted(len(gaps.damaged), 'damaged shard')} made again" if gaps.damaged else "")


def stopped_line(address: str, options: SynthOptions) -> str:
    """What to say after a stop: what is there, and how to go on."""
    written = sum(name.endswith(".tar.json") for name in Folder(address).names("shards"))
    total = -(-options.count // options.per_shard)
    return f"{address}: stopped, {written} of {counted(total, 'shard')} written; the same command goes on"


def database_header(options: SynthOptions) -> Header:
    """The header, with the fingerprint of everything that decides the content."""
    return Header(
        fingerprint={
            "generator": f"mien {__version__}, database {DATABASE_VERSION}",
            "version": DATABASE_VERSION,
            "seed": options.seed,
            "expressions": options.expressions,
            "assets": drawn_from(),
        },
        topology_sha256=asset_sha256("template.safetensors"),
        vertices=load_template().topology.n_vertices,
        count=options.count,
        per_shard=options.per_shard,
        expressions=ExpressionPlan(options.expressions).names,
        resolution=options.resolution,
        maps=options.maps,
        start=options.start,
    )


def make_record(options: SynthOptions, index: int) -> Record:
    """One subject of the database: neutral, expressions, albedo, who it is and where it came from."""
    person = SyntheticPerson.draw(index, options.seed)
    plan = ExpressionPlan(options.expressions)
    expressions, codes = {}, {}
    for place, name in enumerate(plan.names):
        weights = plan.weights(options.seed, index, place)
        expressions[name] = person.offsets(weights)
        codes[name] = {SHAPE_NAMES[k]: round(float(weights[k]), 6) for k in np.flatnonzero(weights)}
    return Record(
        key=f"{index:06d}",
        attributes=person.subject.attributes(),
        neutral=person.whole.neutral - _mean(person.maker),
        expressions=expressions,
        maps=_maps(person, options, expressions),
        provenance={
            "generator": f"mien {__version__}, database {DATABASE_VERSION}",
            "seed": options.seed,
            "index": index,
            "draws": person.head.attempts,
            "codes": codes,
        },
        ranges={"displacement": list(DISPLACEMENT_MM)} if options.maps == "all" else {},
    )


def subject_of(row: dict[str, Any], seed: int) -> Subject:
    """The subject of a manifest's row."""
    value = {name: row[f"attribute_{name}"] for name in ("age", "sex", "tone", "weight", "muscle")}
    ancestry = tuple(row[f"attribute_ancestry_{name}"] for name in ("african", "asian", "european"))
    return Subject(seed=seed, index=int(row["key"]), ancestry=ancestry, **value)


@lru_cache(maxsize=1)
def _mean(maker: ExpressionMaker) -> np.ndarray:
    return mean_head(maker.heads.basis, maker.template)


def _maps(
    person: SyntheticPerson, options: SynthOptions, expressions: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The maps that the options ask for, by name: "albedo", "displacement", "albedo/smile", ..."""
    look = person.look
    maps = {"albedo": _albedo(look, options.resolution)}
    if options.maps == "albedo":
        return maps
    from mien.synth.skin.expressed import dynamic_skin, strain_in

    with_displacement = options.maps == "all"
    skin = dynamic_skin(look, maps["albedo"], displacement=with_displacement)
    if skin.displacement is not None:
        maps["displacement"] = encode_lengths(skin.displacement, list(DISPLACEMENT_MM))
    for name, offset in expressions.items():
        if not offset.any():
            continue  # the neutral's own maps
        strain = strain_in(person.whole.neutral, offset)
        maps[f"albedo/{name}"] = skin.albedo_in(strain)
        if with_displacement:
            maps[f"displacement/{name}"] = encode_lengths(skin.displacement_in(strain), list(DISPLACEMENT_MM))
    return maps


def _albedo(look: SkinLook, resolution: int) -> np.ndarray:
    if resolution == FAST_RESOLUTION:
        from mien.synth.skin.fast import albedo_256

        return albedo_256(look)
    from mien.synth.skin.maps import skin_maps

    pixels = skin_maps(look, resolution, ("face",))["face_albedo"].pixels
    return np.clip(np.rint(255.0 * pixels), 0, 255).astype(np.uint8)


def _records(
    options: SynthOptions, indices: range, done: Callable[[], None], ready: Callable[[], None] = lambda: None
) -> Iterator[Record]:
    for index in indices:
        ready()
        yield make_record(options, index)
        done()


def _work(address: str, options: SynthOptions, number: int, indices: range) -> None:
    write_shard(Folder(address), number, _records(options, indices, tell_one, end_if_stopped))
