"""python -m tools.mutate_inputs [--count N] [--seconds S] [--only WORD] [--first N] [--seed N] [--keep DIR]

Exit status 1 where anything but a result or a refusal in one line came of an input. `--keep` writes the first
input of each fault, `--show N` that of a number.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from tools.mutate_inputs.readers import READERS
from tools.mutate_inputs.seeds import all_seeds
from tools.mutate_inputs.trials import Inputs, Outcome, refusal, run_trials, write_files


def main() -> int:
    """The command."""
    given = _arguments()
    seeds = tuple(seed for seed in all_seeds() if given.only in seed.name)
    inputs = Inputs(seeds, given.seed)
    if given.show is not None:
        given.keep.mkdir(parents=True, exist_ok=True)
        print(write_files(given.keep, inputs.make(given.show)[1]))
        return 0
    for seed in seeds:
        if said := refusal(seed, READERS):
            print(f"{seed.name} is refused whole: {said}")
    outcome = run_trials(inputs, READERS, range(given.first, given.first + given.count), given.seconds)
    print(_report(outcome))
    for number, fault in enumerate(outcome.faults.values()):
        folder = given.keep / f"{number}"
        folder.mkdir(parents=True, exist_ok=True)
        write_files(folder, inputs.make(fault.number)[1])
        (folder / "fault.txt").write_text(fault.detail)
    return 1 if outcome.faults else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.mutate_inputs", description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="inputs to try")
    parser.add_argument("--seconds", type=float, default=np.inf, help="to stop after")
    parser.add_argument("--only", default="", help="seeds whose names hold this")
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, help="write the input of this number and do nothing else")
    parser.add_argument("--keep", type=Path, default=Path("out/mutated"), help="where inputs are written")
    return parser.parse_args()


def _report(outcome: Outcome) -> str:
    faults = [
        f"{fault.count:6d} x {what}, first by input {fault.number} ({fault.seed})"
        for what, fault in sorted(outcome.faults.items(), key=lambda item: -item[1].count)
    ]
    head = (
        f"{outcome.tried} inputs: {outcome.read} read, {outcome.refused} refused in one line, "
        f"{sum(f.count for f in outcome.faults.values())} faults of {len(faults)} kinds; "
        f"input {outcome.slowest[1]} took longest, {outcome.slowest[0]:.1f} s of processor time"
    )
    return "\n".join([head, *faults])


if __name__ == "__main__":
    sys.exit(main())
