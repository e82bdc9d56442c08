"""The command line: parse, run the command, say what went wrong in one line.

Exit 0 done, 1 refused or failed, 2 wrong usage. Rooms are imported inside the commands, so that
`mien --help` answers at once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import tyro

from mien.cli.check import CheckCommand, run_check
from mien.cli.data import Data, run_data
from mien.cli.evaluate import Bench, Evaluate, run_bench, run_evaluate
from mien.cli.render import RenderCommand, SheetCommand, run_render, run_sheet
from mien.cli.rig import RigCommand, run_rig
from mien.core.errors import MienError
from mien.core.version import __version__

Command = (
    Annotated[RigCommand, tyro.conf.subcommand("rig")]
    | Annotated[RenderCommand, tyro.conf.subcommand("render")]
    | Annotated[CheckCommand, tyro.conf.subcommand("check")]
    | Evaluate
    | Bench
    | Annotated[SheetCommand, tyro.conf.subcommand("sheet")]
    | Data
)

_RUN: dict[type, Callable[..., int]] = {
    RigCommand: run_rig,
    RenderCommand: run_render,
    CheckCommand: run_check,
    Evaluate: run_evaluate,
    Bench: run_bench,
    SheetCommand: run_sheet,
    Data: run_data,
}


def main() -> None:
    """Entry point of the `mien` script."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        print(f"mien {__version__}")
        return
    command = tyro.cli(
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
