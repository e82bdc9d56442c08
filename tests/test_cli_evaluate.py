"""`mien evaluate`: every module of the room is a subcommand; help is quick; a missed aim is exit 1."""

from __future__ import annotations

import json
import pkgutil
import re
import subprocess
import sys
from dataclasses import MISSING, dataclass, fields
from pathlib import Path

import pytest

import mien.evaluate
from mien.cli.evaluate import (
    SUBCOMMANDS,
    describe,
    format_findings,
    load_subcommand,
    module_name,
    parse_evaluation,
    run_evaluation,
)
from mien.core.errors import MienError
from mien.evaluate.all import PARTS, EvaluateAll, measure_parts
from mien.evaluate.measures.aims import Aim
from mien.evaluate.measures.evaluation import Evaluation, Findings, Say

HEAVY = ("numpy", "scipy", "numba", "torch", "cv2", "mitsuba")


@dataclass(frozen=True, kw_only=True)
class Made(Evaluation):
    """Finds what it is told to."""

    found: float = 0.1

    def measure(self, say: Say) -> Findings:
        return Findings(
            {"made": [{"scan": "a", "gap": self.found}]}, (Aim("gap", at_most=0.3).judge(self.found),)
        )


@dataclass(frozen=True, kw_only=True)
class Refused(Evaluation):
    """Cannot be measured."""

    def measure(self, say: Say) -> Findings:
        raise MienError("scan.obj: there is no such file; give a scan")


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_help_names_every_module_of_the_room():
    code = "import sys; sys.argv = ['mien', 'evaluate', '--help']; from mien.cli.main import main; main()"
    shown = re.findall(r"• ([a-z-]+)", run_python(code).stdout)
    modules = [found.name for found in pkgutil.iter_modules(mien.evaluate.__path__) if not found.ispkg]
    assert sorted(map(module_name, shown)) == sorted(modules)


def test_help_imports_nothing_heavy():
    code = f"""
import sys
from mien.cli.evaluate import parse_evaluation
try:
    parse_evaluation(["--help"])
except SystemExit as left:
    assert left.code == 0
print("heavy:", [name for name in {HEAVY!r} if name in sys.modules])
"""
    assert run_python(code).stdout.splitlines()[-1] == "heavy: []"


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_every_subcommand_has_options_and_help_of_its_own(name: str):
    options = load_subcommand(name)
    assert issubclass(options, Evaluation)
    assert options.__module__ == f"mien.evaluate.{module_name(name)}"
    own = vars(options)["__doc__"]  # not what it inherits
    assert not own.startswith(options.__name__ + "(")  # what a dataclass writes where nobody did
    assert len(own.split()) > 20
    assert "\n\n" not in own
    assert describe(name).endswith((".", "in torn holes.")), describe(name)
    assert "json" in {one.name for one in fields(options)}


def test_pages_name_subcommands_that_exist():
    root = Path(__file__).parents[1]
    pages = [
        root / "README.md",
        *sorted((root / "docs").rglob("*.md")),
        *sorted((root / "src").rglob("*.py")),
    ]
    named = {
        (page.name, name)
        for page in pages
        for name in re.findall(r"mien evaluate ([a-z][a-z-]*)", page.read_text(encoding="utf-8"))
    }
    assert len(named) > 12
    assert {(page, name) for page, name in named if name not in SUBCOMMANDS} == set()


def test_all_runs_whatever_needs_no_files():
    def needs_nothing(name: str) -> bool:
        every = fields(load_subcommand(name))
        return not any(one.default is MISSING and one.default_factory is MISSING for one in every)

    assert set(PARTS) == {name for name in SUBCOMMANDS if name != "all" and needs_nothing(name)}
    assert all(load_subcommand(name) is part for name, part in PARTS.items())


def test_options_are_parsed_by_their_subcommand():
    command = parse_evaluation(["all", "--skip", "inputs", "database", "--json", "out.json"])
    assert command == EvaluateAll(skip=("inputs", "database"), json=Path("out.json"))
    assert parse_evaluation(["database-expressions", "--subjects", "3"]).subjects == 3  # type: ignore[attr-defined]


@pytest.mark.parametrize("arguments", [["registration", "--subjects", "3"], ["shapes"], ["correspondence"]])
def test_wrong_usage_is_exit_two(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as left:
        parse_evaluation(arguments)
    assert left.value.code == 2


@pytest.mark.parametrize(("found", "status"), [(0.1, 0), (0.4, 1)])
def test_a_missed_aim_is_exit_one(
    found: float, status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert run_evaluation(Made(found=found, json=tmp_path / "out.json")) == status
    printed = capsys.readouterr().out
    assert ("MISSED" in printed) == bool(status)
    assert "≤ 0.3" in printed
    written = json.loads((tmp_path / "out.json").read_text())
    assert written["made"] == [{"scan": "a", "gap": found}]
    assert [row["met"] for row in written["aims"]] == [not status]
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]


def test_a_file_that_cannot_be_written_is_refused_before_anything_is_measured(tmp_path: Path):
    with pytest.raises(MienError, match="its folder does not exist"):
        run_evaluation(Refused(json=tmp_path / "none" / "out.json"))


def test_a_part_that_cannot_be_measured_is_missed_and_the_others_run():
    found = measure_parts({"broken": Refused(), "made": Made(), "bad": Made(found=0.5)}, lambda text: None)
    assert [(v.aim.what, v.met) for v in found.verdicts] == [
        ("broken: measured without an error", False),
        ("made: gap", True),
        ("bad: gap", False),
    ]
    assert list(found.tables) == ["made", "bad: made"]
    table = format_findings(found)
    assert "there is no such file" in table
    assert table.startswith("AIMS")  # one table, not those of the parts


def test_parts_to_skip_must_exist():
    with pytest.raises(MienError, match="--skip shapes: no such part, expected one of registration"):
        EvaluateAll(skip=("shapes",)).measure(lambda text: None)
