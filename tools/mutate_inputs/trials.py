"""Readers tried on mutated files, in child processes of bounded memory and time."""

from __future__ import annotations

import faulthandler
import os
import re
import resource
import signal
import struct
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from select import select
from tempfile import TemporaryDirectory
from typing import NoReturn

import cv2
import numpy as np

from mien.core.errors import MienError
from tools.mutate_inputs.mutations import mutated
from tools.mutate_inputs.seeds.parts import Seed

MEMORY = 2 * 2**30  # bytes that an input may take beyond what the process has
SECONDS = 10.0  # of processor time that an input may take
SILENCE = 120.0  # seconds after which a child that says nothing is ended
_READ, _REFUSED, _FAULT = range(3)
_REPORT = struct.Struct("<BfI")  # kind, processor seconds, length of the message that follows

Readers = dict[str, Callable[[Path], object]]


@dataclass(frozen=True)
class Inputs:
    """Mutated inputs by number, the same on every run."""

    seeds: tuple[Seed, ...]
    seed: int = 0

    @cached_property
    def words(self) -> list[bytes]:
        """What stands in files of all formats."""
        texts = [data[:3000] for seed in self.seeds for data in seed.files.values()]
        return sorted({word for text in texts for word in re.findall(rb"[A-Za-z_]{3,}\d?", text)})

    def make(self, number: int) -> tuple[Seed, dict[str, bytes]]:
        """A seed, and its files with one of them mutated: mostly the one that is read."""
        rng = np.random.default_rng((self.seed, number))
        chosen = self.seeds[int(rng.integers(len(self.seeds)))]
        names = list(chosen.files)
        name = names[0] if rng.random() < 0.7 else names[int(rng.integers(len(names)))]
        return chosen, chosen.files | {name: mutated(chosen.files[name], rng, self.words)}


@dataclass
class Fault:
    """One way to fail, and the first input that shows it."""

    seed: str
    number: int
    detail: str
    count: int = 0


@dataclass
class Outcome:
    """How many inputs were read, how many refused in one line, and what else happened."""

    read: int = 0
    refused: int = 0
    slowest: tuple[float, int] = (0.0, 0)  # processor seconds and number
    faults: dict[str, Fault] = field(default_factory=dict)

    @property
    def tried(self) -> int:
        """All of them."""
        return self.read + self.refused + sum(fault.count for fault in self.faults.values())

    def add(self, inputs: Inputs, number: int, kind: int, cost: float, message: str) -> None:
        """Counts one input; of faults alike the first is kept."""
        self.slowest = max(self.slowest, (cost, number))
        self.read += kind == _READ
        self.refused += kind == _REFUSED
        if kind == _FAULT:
            what = message.partition("\n")[0]
            fault = self.faults.setdefault(what, Fault(inputs.make(number)[0].name, number, message))
            fault.count += 1


def run_trials(inputs: Inputs, readers: Readers, numbers: range, seconds: float = np.inf) -> Outcome:
    """Reads the inputs of these numbers, as many as fit into `seconds`; if a child dies another goes on."""
    cv2.setNumThreads(1)  # threads do not survive a fork
    for seed in inputs.seeds:
        refusal(seed, readers)  # loads what readers load when they are first used
    outcome, until = Outcome(), time.monotonic() + seconds
    while outcome.tried < len(numbers) and time.monotonic() < until:
        _run_child(inputs, readers, numbers[outcome.tried :], until, outcome)
    return outcome


def refusal(seed: Seed, readers: Readers) -> str:
    """Why a seed itself is refused; empty where it is read, as it must be to test much."""
    with TemporaryDirectory() as folder:
        try:
            readers[seed.reader](write_files(Path(folder), seed.files))
        except MienError as error:
            return str(error)
    return ""


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    """Writes them and returns the path of the first."""
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder / next(iter(files))


def _run_child(inputs: Inputs, readers: Readers, numbers: range, until: float, outcome: Outcome) -> None:
    """Lets a child work until it ends or dies."""
    left = iter(numbers)
    with TemporaryDirectory() as folder:
        receive, send = os.pipe()
        child = os.fork()
        if not child:
            os.close(receive)
            _work(inputs, readers, numbers, until, Path(folder), send)
        os.close(send)
        for kind, cost, message in _reports(receive, child):
            outcome.add(inputs, next(left), kind, cost, message)
        os.close(receive)
        _, status = os.waitpid(child, 0)
    if status:
        number = next(left)
        how = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"status {status}"
        outcome.add(inputs, number, _FAULT, 0.0, f"{inputs.make(number)[0].name}: the process died ({how})")


def _reports(receive: int, child: int) -> Iterator[tuple[int, float, str]]:
    """What the child says of each input; a silent child is ended."""
    while select([receive], [], [], SILENCE)[0]:
        head = _receive(receive, _REPORT.size)
        if len(head) < _REPORT.size:
            return
        kind, cost, size = _REPORT.unpack(head)
        yield kind, cost, _receive(receive, size).decode("utf-8", "replace")
    os.kill(child, signal.SIGKILL)


def _receive(source: int, size: int) -> bytes:
    data = b""
    while len(data) < size and (piece := os.read(source, size - len(data))):
        data += piece
    return data


def _work(
    inputs: Inputs, readers: Readers, numbers: range, until: float, folder: Path, send: int
) -> NoReturn:
    """The child: reads one input after the other and reports each."""
    warnings.simplefilter("ignore")
    faulthandler.disable()  # the parent says what became of a child
    for stream in (1, 2):  # what libraries in C say of damaged files
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    signal.signal(signal.SIGPROF, _out_of_time)
    _limit_memory()
    for number in numbers:
        if time.monotonic() > until:
            break
        seed, files = inputs.make(number)
        path = write_files(folder, files)
        kind, cost, message = _try(seed, readers[seed.reader], path)
        text = message.encode("utf-8", "replace")[:8000]
        os.write(send, _REPORT.pack(kind, cost, len(text)) + text)
    os._exit(0)


def _try(seed: Seed, read: Callable[[Path], object], path: Path) -> tuple[int, float, str]:
    before = time.process_time()
    kind, message = _READ, ""
    try:
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        read(path)
    except MienError as error:
        kind = _REFUSED if "\n" not in str(error) else _FAULT
        message = f"{seed.name}: a refusal of several lines\n{error}"
    except BaseException as error:
        kind, message = _FAULT, f"{_where(error)}\n{traceback.format_exc()}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return kind, time.process_time() - before, message if kind == _FAULT else ""


def _where(error: BaseException) -> str:
    """The exception with the last line of Mien's own that it passed."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "/mien/" in f.filename]
    last = frames[-1] if frames else traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno} {last.name}"


def _out_of_time(_signal: int, _frame: object) -> None:
    raise TimeoutError(f"more than {SECONDS:.0f} s")


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
