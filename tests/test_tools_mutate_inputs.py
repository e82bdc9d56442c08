"""The mutation test: damaged inputs are read or refused in one line. A longer run: python -m tools.mutate_inputs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tools.mutate_inputs import trials
from tools.mutate_inputs.mutations import mutated
from tools.mutate_inputs.readers import READERS
from tools.mutate_inputs.seeds import all_seeds
from tools.mutate_inputs.seeds.parts import Seed
from tools.mutate_inputs.trials import Inputs, refusal, run_trials

from mien.core.errors import MienError

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("seed", all_seeds(), ids=lambda seed: seed.name)
def test_seeds_are_read_whole(seed):
    assert refusal(seed, READERS) == ""


def test_damaged_inputs_are_read_or_refused_in_one_line(tmp_path):
    command = [
        sys.executable,
        "-m",
        "tools.mutate_inputs",
        "--count",
        "4000",
        "--seconds",
        "20",
        "--keep",
        tmp_path,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.split(" inputs: ")[0].split()[-1]) > 200, done.stdout


def test_mutations_are_the_same_on_every_run_and_change_something():
    inputs, again = Inputs(tuple(all_seeds())), Inputs(tuple(all_seeds()))
    made = [inputs.make(number) for number in range(300)]
    assert made == [again.make(number) for number in range(300)]
    changed = sum(files != seed.files for seed, files in made)
    assert changed > 270
    rng = np.random.default_rng(0)
    assert all(isinstance(mutated(b"", rng, inputs.words), bytes) for _ in range(100))


def misread(path: Path) -> None:
    """Fails in every way that the test is to notice, one a file."""
    content = path.read_bytes()[:1]
    if content == b"k":
        raise KeyError("green")
    if content == b"l":
        raise MienError("two\nlines")
    if content == b"m":
        np.zeros(2**40)
    if content == b"s":
        before = time.process_time()
        while time.process_time() < before + 2:
            pass
    if content == b"c":
        os.abort()
    if content == b"h":
        time.sleep(60)
    if content == b"r":
        raise MienError("one line")


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"k", "KeyError in"), (b"l", "several lines"), (b"m", "MemoryError in"), (b"s", "TimeoutError in"),
     (b"c", "died .SIGABRT."), (b"h", "died .SIGKILL.")],
)  # fmt: skip
def test_the_test_notices(monkeypatch, content, words):
    monkeypatch.setattr(trials, "SECONDS", 0.2)
    monkeypatch.setattr(trials, "SILENCE", 1.0)
    monkeypatch.setattr(trials, "mutated", lambda data, _rng, _words: content)
    inputs = Inputs((Seed("x", "any", {"a": b"fine"}),))
    outcome = run_trials(inputs, {"any": misread}, range(3, 5))
    ((what, fault),) = outcome.faults.items()
    assert fault.count == outcome.tried == 2
    assert fault.number == 3
    assert re.search(words, what)


def test_the_test_counts(monkeypatch):
    monkeypatch.setattr(trials, "mutated", lambda _data, rng, _words: b"r" if rng.random() < 0.5 else b"fine")
    outcome = run_trials(Inputs((Seed("x", "any", {"a": b"fine"}),)), {"any": misread}, range(100))
    assert outcome.tried == 100
    assert outcome.read > 20
    assert outcome.refused > 20
    assert not outcome.faults
    none = run_trials(Inputs((Seed("x", "any", {"a": b"fine"}),)), {"any": misread}, range(100), seconds=0)
    assert none.tried == 0
