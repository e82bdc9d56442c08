"""`mien evaluate`: its subcommands, one for each module of the room `evaluate`.

Only the module whose subcommand is asked for is imported, so that `mien evaluate --help` answers at once.
"""

from __future__ import annotations

import ast
import json
import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files
from typing import Annotated, Any, Union

import tyro

from mien.core.errors import MienError
from mien.core.files import write_whole
from mien.evaluate.measures.evaluation import Evaluation, Findings

SUBCOMMANDS = (
    "registration",
    "robustness",
    "calibration",
    "correspondence",
    "expression-removal",
    "people",
    "landmarks",
    "masks",
    "inputs",
    "colour",
    "sharpness",
    "rig",
    "basemesh",
    "geoimage",
    "database",
    "database-expressions",
    "skin",
    "all",
)
_ROOM = "mien.evaluate"


@dataclass(frozen=True)
class EvaluateCommand:
    """Measure a part of Mien beside its aims; exit 1 where one is missed. See mien evaluate --help."""


@dataclass(frozen=True)
class _NotAskedFor:
    """Stands in for the options of a subcommand whose module is not imported."""


def parse_evaluation(arguments: list[str]) -> Evaluation:
    """The subcommand that the arguments name, with its options."""
    asked = next((word for word in arguments if word in SUBCOMMANDS), "")
    choices: Any = tuple(
        Annotated[
            load_subcommand(name) if name == asked else _NotAskedFor,
            tyro.conf.subcommand(name, description=None if name == asked else describe(name)),
        ]
        for name in SUBCOMMANDS
    )
    parsed: Evaluation = tyro.cli(
        Union[choices],  # noqa: UP007
        prog="mien evaluate",
        description="Measure a part of Mien beside its aims; exit 1 where one is missed.",
        args=arguments or ["--help"],
        config=(tyro.conf.OmitSubcommandPrefixes, tyro.conf.FlagCreatePairsOff),
    )
    return parsed


def module_name(subcommand: str) -> str:
    """expression-removal stands in expression_removal."""
    return subcommand.replace("-", "_")


def load_subcommand(name: str) -> type[Evaluation]:
    """The options of a subcommand: expression-removal is EvaluateExpressionRemoval in its module."""
    module = import_module(f"{_ROOM}.{module_name(name)}")
    found: type[Evaluation] = getattr(module, "Evaluate" + name.title().replace("-", ""))
    return found


def describe(name: str) -> str:
    """The first line of a subcommand's module, read without importing it."""
    source = files(_ROOM).joinpath(f"{module_name(name)}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


def run_evaluation(command: Evaluation) -> int:
    """Measures and prints; the exit status is 1 where an aim was missed."""
    if command.json is not None and not command.json.absolute().parent.is_dir():
        raise MienError(f"--json {command.json}: its folder does not exist; make it or choose another file")
    found = command.measure(_say)
    print(format_findings(found))
    if command.json is not None:
        write_whole(command.json, (json.dumps(found.to_json(), indent=2) + "\n").encode(), "--json")
    return int(bool(found.missed))


def format_findings(found: Findings) -> str:
    """The tables, then the aims beside what was reached."""
    from mien.pipeline.tables import list_table, rows_table

    def lay_out(rows: list[dict[str, object]]) -> str:
        return rows_table(rows) if "scan" in rows[0] else list_table(rows)

    if found.text is None:
        alone = len(found.tables) == 1
        parts = [
            lay_out(rows) if alone else f"{name.upper()}\n{lay_out(rows)}"
            for name, rows in found.tables.items()
        ]
    else:
        parts = [found.text] if found.text else []
    if found.verdicts:
        parts.append("AIMS\n" + list_table([verdict.to_line() for verdict in found.verdicts]))
    return "\n\n".join(parts)


def _say(text: str) -> None:
    """Progress, apart from the result."""
    print(text, file=sys.stderr)
