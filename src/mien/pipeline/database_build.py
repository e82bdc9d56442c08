"""`mien data synth`: the face database written to disk or a bucket, in shards, by several processes."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from mien import __version__
from mien.core.conventions import SHAPE_NAMES
from mien.core.errors import MienError
from mien.core.files import sha256_of
from mien.data.basis import load_basis
from mien.data.database import Folder, Header, missing_shards, shard_name, write_manifest, write_shard
from mien.data.expression import ExpressionMaker, expression_maker
from mien.data.expression_codes import ExpressionPlan
from mien.data.freeze import DATABASE_VERSION, fingerprint
from mien.data.record import Record, encode_lengths
from mien.data.sampler import MAPS
from mien.data.skin.look import SkinLook, draw_look
from mien.data.subject import Subject, draw_subject
from mien.data.whole import mean_head, whole_expression, whole_head
from mien.template.load import ASSETS, load_template

FAST_RESOLUTION = 256  # of the albedo that training's own path draws; others are drawn in full detail
RESOLUTIONS = (64, 4096)
DISPLACEMENT_MM = (-2.5, 2.5)  # what the 16 bits of displacement span
_POLL = 0.25  # seconds

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

    def __post_init__(self) -> None:
        low, high = RESOLUTIONS
        if self.count < 1 or self.per_shard < 1 or self.seed < 0:
            raise MienError(
                f"count {self.count}, shard {self.per_shard}, seed {self.seed}: "
                "expected 1 or more, 1 or more, 0 or more"
            )
        if not (low <= self.resolution <= high and self.resolution & (self.resolution - 1) == 0):
            raise MienError(f"resolution {self.resolution}: expected a power of two from {low} to {high}")
        if self.maps not in MAPS:
            raise MienError(f"maps {self.maps!r}: expected one of {', '.join(MAPS)}")
        ExpressionPlan(self.expressions)


def synthesize(address: str, options: SynthOptions, workers: int = 1, tell: Tell = lambda _: None) -> int:
    """Makes what is missing of the database at `address` and its manifest; returns the shards made.

    The same options give the same bytes, whatever the workers; an interrupted run goes on where it was, a
    shard at a time. `tell` is called with the number of subjects done since it was last called. With 0
    workers all happens in this process. Raises `MienError` where the folder holds another database.
    """
    header = database_header(options)
    folder = Folder(address)
    numbers = missing_shards(folder, header)
    tell(options.count - sum(len(shard_subjects(options, n)) for n in numbers))
    if workers == 0:
        for number in numbers:
            _make_shard(address, options, number, lambda: tell(1))
    elif numbers:
        _in_processes(address, options, numbers, workers, tell)
    write_manifest(folder, [shard_name(n) for n in range(-(-options.count // options.per_shard))])
    return len(numbers)


def database_header(options: SynthOptions) -> Header:
    """The header, with the fingerprint of everything that decides the content."""
    template = load_template()
    frozen = fingerprint()
    return Header(
        fingerprint={
            "generator": f"mien {__version__}, database {DATABASE_VERSION}",
            "seed": options.seed,
            "expressions": options.expressions,
            "basis_sha256": frozen["basis_sha256"],
            "code_sha256": frozen["code_sha256"],
        },
        topology_sha256=sha256_of(ASSETS / "template.safetensors"),
        vertices=template.topology.n_vertices,
        count=options.count,
        per_shard=options.per_shard,
        expressions=ExpressionPlan(options.expressions).names,
        resolution=options.resolution,
        maps=options.maps,
    )


def shard_subjects(options: SynthOptions, number: int) -> range:
    """The indices of the subjects in a shard."""
    start = number * options.per_shard
    return range(start, min(start + options.per_shard, options.count))


def make_record(options: SynthOptions, index: int) -> Record:
    """One subject of the database: neutral, expressions, albedo, who it is and where it came from."""
    maker = expression_maker(load_basis())
    subject = draw_subject(options.seed, index)
    head = maker.heads.head(subject)
    whole = whole_head(maker, maker.bind(head, maker.draw_form(subject, head)), subject)
    plan = ExpressionPlan(options.expressions)
    expressions, codes = {}, {}
    for place, name in enumerate(plan.names):
        weights = plan.weights(options.seed, index, place)
        expressions[name] = whole_expression(maker, whole, weights)
        codes[name] = {SHAPE_NAMES[k]: round(float(weights[k]), 6) for k in np.flatnonzero(weights)}
    return Record(
        key=f"{index:06d}",
        attributes=subject_attributes(subject),
        neutral=whole.neutral - _mean(maker),
        expressions=expressions,
        maps=_maps(subject, options, whole.neutral, expressions),
        provenance={
            "generator": f"mien {__version__}, database {DATABASE_VERSION}",
            "seed": options.seed,
            "index": index,
            "draws": head.attempts,
            "codes": codes,
        },
        ranges={"displacement": list(DISPLACEMENT_MM)} if options.maps == "all" else {},
    )


def subject_attributes(subject: Subject) -> dict[str, Any]:
    """Plain values for the manifest's columns."""
    african, asian, european = subject.ancestry
    return {
        "age": subject.age,
        "sex": subject.sex,
        "ancestry_african": african,
        "ancestry_asian": asian,
        "ancestry_european": european,
        "tone": subject.tone,
        "ita": subject.ita,
        "monk": subject.monk,
        "weight": subject.weight,
        "muscle": subject.muscle,
    }


def subject_of(row: dict[str, Any], seed: int) -> Subject:
    """The subject of a manifest's row."""
    value = {name: row[f"attribute_{name}"] for name in ("age", "sex", "tone", "weight", "muscle")}
    ancestry = tuple(row[f"attribute_ancestry_{name}"] for name in ("african", "asian", "european"))
    return Subject(seed=seed, index=int(row["key"]), ancestry=ancestry, **value)


@lru_cache(maxsize=1)
def _mean(maker: ExpressionMaker) -> np.ndarray:
    return mean_head(maker.heads.basis, maker.template)


def _maps(
    subject: Subject, options: SynthOptions, neutral: np.ndarray, expressions: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The maps that the options ask for, by name: "albedo", "displacement", "albedo/smile", ..."""
    look = draw_look(subject)
    maps = {"albedo": _albedo(look, options.resolution)}
    if options.maps == "albedo":
        return maps
    from mien.data.skin.expressed import dynamic_skin, strain_in

    with_displacement = options.maps == "all"
    skin = dynamic_skin(look, maps["albedo"], displacement=with_displacement)
    if skin.displacement is not None:
        maps["displacement"] = encode_lengths(skin.displacement, list(DISPLACEMENT_MM))
    for name, offset in expressions.items():
        strain = strain_in(neutral, offset)
        maps[f"albedo/{name}"] = skin.albedo_in(strain)
        if with_displacement:
            maps[f"displacement/{name}"] = encode_lengths(skin.displacement_in(strain), list(DISPLACEMENT_MM))
    return maps


def _albedo(look: SkinLook, resolution: int) -> np.ndarray:
    if resolution == FAST_RESOLUTION:
        from mien.data.skin.fast import albedo_256

        return albedo_256(look)
    from mien.data.skin.maps import skin_maps

    pixels = skin_maps(look, resolution, ("face",))["face_albedo"].pixels
    return np.clip(np.rint(255.0 * pixels), 0, 255).astype(np.uint8)


def _make_shard(address: str, options: SynthOptions, number: int, done: Callable[[], None]) -> None:
    def records() -> Iterator[Record]:
        for index in shard_subjects(options, number):
            yield make_record(options, index)
            done()

    write_shard(Folder(address), number, records())


_told: Any = None  # in a worker: the queue to which each finished subject is told
_stop: Any = None  # in a worker: the event that says that no more is wanted


def _start_worker(told: Any, stop: Any) -> None:
    global _told, _stop
    _told, _stop = told, stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it and sets the event


def _work(address: str, options: SynthOptions, number: int) -> None:
    def done() -> None:
        if _stop.is_set():
            raise InterruptedError
        _told.put(1)

    _make_shard(address, options, number, done)


def _in_processes(address: str, options: SynthOptions, numbers: list[int], workers: int, tell: Tell) -> None:
    context = multiprocessing.get_context("spawn")
    # One thread a process: more would fight for the cores, and products could differ in their last bits.
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    told, stop = context.Queue(), context.Event()
    with ProcessPoolExecutor(min(workers, len(numbers)), context, _start_worker, (told, stop)) as pool:
        waiting = {pool.submit(_work, address, options, number) for number in numbers}
        try:
            while waiting:
                finished, waiting = wait(waiting, timeout=_POLL, return_when=FIRST_COMPLETED)
                _drain(told, tell)
                for future in finished:
                    future.result()
        except BaseException:
            stop.set()  # workers leave off after the subject in hand
            pool.shutdown(cancel_futures=True)
            raise
    _drain(told, tell)


def _drain(told: Any, tell: Tell) -> None:
    while True:
        try:
            tell(told.get_nowait())
        except queue.Empty:
            return
