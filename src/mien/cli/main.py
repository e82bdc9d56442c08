"""The command line: parse, run the command, say what went wrong in one line.

Exit 0 done, 1 refused or failed, 2 wrong usage. Rooms are imported inside the commands, so that
`mien --help` answers at once.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from typing import Annotated, NoReturn

import tyro

from mien.cli.bench import BenchCommand, run_bench
from mien.cli.check import CheckCommand, run_check
from mien.cli.data import Data, run_data
from mien.cli.evaluate import EvaluateCommand, parse_evaluation, run_evaluation
from mien.cli.render import RenderCommand, SheetCommand, run_render, run_sheet
from mien.cli.rig import RigCommand, run_rig
from mien.core.errors import MienError
from mien.core.faults import in_one_line, wants_traceback
from mien.core.version import __version__

Command = (
    Annotated[RigCommand, tyro.conf.subcommand("rig")]
    | Annotated[RenderCommand, tyro.conf.subcommand("render")]
    | Annotated[CheckCommand, tyro.conf.subcommand("check")]
    | Annotated[EvaluateCommand, tyro.conf.subcommand("evaluate")]
    | Annotated[BenchCommand, tyro.conf.subcommand("bench")]
    | Annotated[SheetCommand, tyro.conf.subcommand("sheet")]
    | Data
)

_RUN: dict[type, Callable[..., int]] = {
    RigCommand: run_rig,
    RenderCommand: run_render,
    CheckCommand: run_check,
    BenchCommand: run_bench,
    SheetCommand: run_sheet,
    Data: run_data,
}


def main() -> None:
    """Entry point of the `mien` script."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        print(f"mien {__version__}")
        return
    if arguments[:1] == ["evaluate"]:
        _leave(lambda: run_evaluation(parse_evaluation(arguments[1:])))
    command = tyro.cli(
        Command,  # type: ignore[arg-type]
        prog="mien",
        description="One face scan in; a production-ready, animatable, physically-based head out.",
        args=arguments or ["--help"],
        config=(tyro.conf.OmitSubcommandPrefixes, tyro.conf.FlagCreatePairsOff),
    )
    _leave(lambda: _RUN[type(command)](command))


def _leave(run: Callable[[], int]) -> NoReturn:
    """Runs a command and leaves with its exit status, or with 1 and one line of what went wrong."""
    try:
        with in_one_line(f"mien {sys.argv[1]}", "running the command"):
            sys.exit(run())
    except MienError as error:
        if wants_traceback():
            traceback.print_exception(error)
        print(f"mien: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("mien: interrupted; nothing was written", file=sys.stderr)
        sys.exit(1)
