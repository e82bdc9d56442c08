"""The checks themselves: each is shown the bad change that it is there to catch."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import doc_checks
from mien.core.conventions import SHAPE_INDEX
from mien.evaluate.measures.registration_accuracy import measure_registration
from mien.export.check import check_path
from mien.rigging.quality import rig_quality
from mien.template.load import load_template
from rig_fixture import REGISTRATION_BOUNDS, RIG_AIMS, ROOT, Run, differing, laid_out, outside

PYPROJECT = ROOT / "pyproject.toml"
LAYERS = tomllib.loads(PYPROJECT.read_text())["tool"]["importlinter"]["contracts"][0]["layers"]


def tool(name: str, *arguments: object, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A program of this environment, run in a folder."""
    return subprocess.run(
        [Path(sys.executable).parent / name, *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


# ------------------------------------------------------------------ undefined names, types of the tools

UNDEFINED = 'def double(x: int) -> int:\n    """Doubles."""\n    return 2 * y\n'
IN_QUOTES = 'def first(x: "Lst[int]") -> int:\n    """The first."""\n    return int(x[0])\n'
SHAPES = """import numpy as np
from jaxtyping import Float


def total(x: Float[np.ndarray, "V 3"], y: Float[np.ndarray, " V"], z: Float[np.ndarray, " N *C"]) -> float:
    \"\"\"The sum of all.\"\"\"
    return float(x.sum() + y.sum() + z.sum())
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository of one empty package with this one's configuration."""
    shutil.copy(PYPROJECT, tmp_path)
    for package in ("src/mien", "tools"):
        (tmp_path / package).mkdir(parents=True)
        (tmp_path / package / "__init__.py").write_text('"""Empty."""\n')
    return tmp_path


@pytest.mark.parametrize("folder", ["src/mien", "tools", "tests"])
@pytest.mark.parametrize("code", [UNDEFINED, IN_QUOTES])
def test_ruff_refuses_an_undefined_name(checkout: Path, folder: str, code: str) -> None:
    (checkout / folder).mkdir(exist_ok=True)
    (checkout / folder / "wrong.py").write_text(code)
    found = tool("ruff", "check", "--no-cache", ".", folder=checkout)
    assert found.returncode == 1
    assert "F821" in found.stdout


def test_ruff_takes_the_shapes_of_arrays(checkout: Path) -> None:
    (checkout / "src/mien/right.py").write_text(SHAPES)
    found = tool("ruff", "check", "--no-cache", ".", folder=checkout)
    assert found.returncode == 0, found.stdout


def test_mypy_refuses_undefined_names_in_the_package_and_in_the_tools(checkout: Path) -> None:
    (checkout / "src/mien/wrong.py").write_text(UNDEFINED)
    (checkout / "tools/wrong.py").write_text(IN_QUOTES)
    (checkout / "tools/broken.py").write_text(
        'def first(x: "V 3") -> int:\n    """None."""\n    return "1"\n'
    )
    found = tool("mypy", "--cache-dir", os.devnull, folder=checkout)
    assert found.returncode == 1
    for line in (
        r'src/mien/wrong\.py:3: error: Name "y" is not defined  \[name-defined\]',
        r'tools/wrong\.py:1: error: Name "Lst" is not defined  \[name-defined\]',
        r"tools/broken\.py:1: error: Invalid type comment or annotation  \[valid-type\]",
        r"tools/broken\.py:3: error: Incompatible return value type",
    ):
        assert re.search(line, found.stdout), found.stdout


# ------------------------------------------------------------------ the direction of imports

BELOW, ABOVE = "geometry", "pipeline"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of the package's code, to be broken."""
    folder = tmp_path_factory.mktemp("contract")
    only_code = shutil.ignore_patterns("assets", "__pycache__", "*.pyc")
    shutil.copytree(ROOT / "src/mien", folder / "mien", ignore=only_code)
    return folder


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    return tool("lint-imports", "--no-cache", "--config", PYPROJECT, folder=folder, PYTHONPATH=str(folder))


@pytest.mark.parametrize(
    ("path", "code", "said"),
    [
        ("utils/__init__.py", '"""A junk drawer."""\n', "utils"),
        ("helpers.py", "A = 1\n", "helpers"),
        (f"{BELOW}/wrong.py", f"import mien.{ABOVE}.rig\n", f"mien.{BELOW}.wrong -> mien.{ABOVE}.rig"),
        (
            f"{BELOW}/hidden.py",
            f"def rigged():\n    from mien.{ABOVE} import rig\n\n    return rig\n",
            f"mien.{BELOW}.hidden -> mien.{ABOVE}.rig",
        ),
    ],
    ids=["a junk drawer", "a loose module", "an upward import", "one inside a function"],
)
def test_the_contract_of_imports_is_broken_by(package: Path, path: str, code: str, said: str) -> None:
    wrong = package / "mien" / path
    assert not wrong.exists()
    wrong.parent.mkdir(exist_ok=True)
    wrong.write_text(code)
    try:
        found = lint_imports(package)
    finally:
        wrong.unlink()
        if not any(wrong.parent.iterdir()):
            wrong.parent.rmdir()
    assert found.returncode == 1, found.stdout
    assert said in found.stdout


def test_the_contract_of_imports_holds_and_names_every_room(package: Path) -> None:
    found = lint_imports(package)
    assert found.returncode == 0, found.stdout
    rooms = {room for layer in LAYERS for room in re.split(r"\s*[|:]\s*", layer)}
    there = {path.stem for path in (ROOT / "src/mien").iterdir() if (path / "__init__.py").exists()}
    assert there <= rooms
    assert {BELOW, ABOVE} <= rooms


# ------------------------------------------------------------------ the whole way from a scan to an asset


def test_a_fit_without_its_non_rigid_part_is_out_of_bounds(rigged: Run) -> None:
    asset = rigged.asset
    assert asset is not None
    assert asset.registration is not None
    assert asset.scan is not None
    linear = replace(asset.registration, vertices=asset.registration.linear)
    measured = measure_registration(load_template(), linear, asset.scan, samples=5_000)
    missed = outside(measured, REGISTRATION_BOUNDS)
    assert [line.split()[0] for line in missed][:2] == ["head_to_scan_median_mm", "scan_to_head_median_mm"]
    assert outside({}, REGISTRATION_BOUNDS) != []  # nothing measured is nothing met


@pytest.mark.parametrize(
    ("name", "factor", "missed"),
    [
        ("eyeBlinkLeft", 0.8, "blink_gap_max_left"),
        ("mouthClose", 1.1, "lip_seal_min"),
        ("eyeWideRight", 4.0, "lid_to_ball_max_eyeWideRight"),
    ],
)
def test_a_weaker_or_stronger_shape_misses_its_aim(
    rigged: Run, name: str, factor: float, missed: str
) -> None:
    assert rigged.asset is not None
    rig = rigged.asset.rig
    shapes = rig.shapes.copy()
    shapes[SHAPE_INDEX[name]] *= factor
    found = outside(rig_quality(load_template(), replace(rig, shapes=shapes)), RIG_AIMS)
    assert missed in [line.split()[0] for line in found]


def test_an_asset_without_a_file_or_with_another_byte_is_noticed(rigged: Run, tmp_path: Path) -> None:
    out = tmp_path / "head"
    shutil.copytree(rigged.out, out)
    (out / "maps/face_normal.png").unlink()
    with (out / "head.glb").open("r+b") as stream:
        stream.seek(-1, os.SEEK_END)
        stream.write(b"\1")
    broken = Run(out)
    assert set(broken.files) != laid_out("head")
    assert differing(broken.files, rigged.files) == ["head.glb", "maps/face_normal.png"]
    assert not check_path(out).passed


# ------------------------------------------------------------------ what does not run


def run_pytest(folder: Path, code: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(code)
    plain = ("-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:hypothesispytest", "-c", os.devnull)
    return tool(
        Path(sys.executable).name, "-m", "pytest", "-q", "-p", "skips", *plain, *options, "test_it.py",
        folder=folder, PYTHONPATH=str(ROOT / "tests"),
    )  # fmt: skip


SKIPS = {
    "in a test": "import pytest\n\n\ndef test_it():\n    pytest.importorskip('nothing_of_this_name')\n",
    "of a module": "import pytest\n\npytest.importorskip('nothing_of_this_name')\n",
    "by a mark": "import pytest\n\n\n@pytest.mark.skipif(True, reason='no cause')\ndef test_it():\n    pass\n",
}
EXPECTED_FAILURE = """import pytest


@pytest.mark.xfail(strict=True, reason="an aim that is not reached yet")
def test_it():
    assert {reached}
"""


@pytest.mark.parametrize("where", SKIPS)
def test_a_skip_fails_where_none_is_allowed(where: str, tmp_path: Path) -> None:
    found = run_pytest(tmp_path, SKIPS[where], "--no-skips")
    assert found.returncode == 1, found.stdout
    assert "--no-skips: test_it.py" in found.stdout


def test_a_skip_is_no_failure_elsewhere(tmp_path: Path) -> None:
    assert run_pytest(tmp_path, SKIPS["in a test"]).returncode == 0


@pytest.mark.parametrize(("reached", "status"), [(False, 0), (True, 1)])
def test_an_aim_that_is_reached_fails_until_its_mark_is_taken_away(
    reached: bool, status: int, tmp_path: Path
) -> None:
    found = run_pytest(tmp_path, EXPECTED_FAILURE.format(reached=reached), "--no-skips")
    assert found.returncode == status, found.stdout


def test_ci_allows_no_skips_and_every_expected_failure_is_strict() -> None:
    assert "--no-skips" in (ROOT / ".ci/run").read_text()
    for path in (ROOT / "tests").glob("test_*.py"):
        for mark in re.findall(r"^ *@pytest\.mark\.xfail\b(.*)$", path.read_text(), re.MULTILINE):
            assert "strict=True" in mark, path.name


# ------------------------------------------------------------------ pages

PAGE = """# A page

[elsewhere](none.md) [below](#no-such-heading) [the page](README.md#mien)

`mien rigg SCAN`, `mien rig SCAN --wax`, `mien evaluate nothing`, `--no-such-option`, `make tea`,
`python -m tools.none`, `python -m tools.blind_heads --wax`, `src/mien/none.py`, `mien.geometry.none`,
`mien.rigging.rig.Rag`; and what is there: `mien rig SCAN --out DIR`, `--albedo`, `make test`, `mien data synth`,
`python -m tools.blind_heads OUT --seed S`, `src/mien/core`, `mien.rigging.rig.Rig`, `tests/test_checks.py`.

```sh
mien rig head.obj
mien data head --index many --out DIR
.venv/bin/mien data head --index N --out DIR  # a comment
```
"""
WRONG = (
    "(none.md)", "(#no-such-heading)", "no command `mien rigg", "`mien rig` has no option --wax",
    "no command `mien evaluate nothing", "the option --no-such-option", "no target tea",
    "`python -m tools.none`: there is no such module", "it has no option --wax", "`src/mien/none.py`",
    "there is no mien.geometry.none", "there is no mien.rigging.rig.Rag", "mien rig head.obj: ", "--index many",
)  # fmt: skip


def test_whatever_a_page_names_wrongly_is_found_and_nothing_else() -> None:
    found = doc_checks.faults(PAGE, ROOT / "README.md")
    for words in WRONG:
        assert sum(words in fault for fault in found) == 1, (words, found)
    assert len(found) == len(WRONG), found


BLOCKS = """
```python
x = 1
```

<!-- not run: it needs a bucket -->
```python
raise SystemExit
```

```python
y = x + 1
assert y == {expected}
```
"""


def test_a_block_that_fails_is_named_by_its_page_and_line() -> None:
    assert doc_checks.run_python(doc_checks.blocks(BLOCKS.format(expected=2), "page.md")) == []
    (fault,) = doc_checks.run_python(doc_checks.blocks(BLOCKS.format(expected=3), "page.md"))
    assert fault.startswith("page.md:11: AssertionError")


def test_what_is_not_run_says_why() -> None:
    why = [block.why_not for block in doc_checks.blocks(BLOCKS)]
    assert why == [None, "it needs a bucket", None]
    whole = "<!-- no block is run: signatures -->\n" + BLOCKS
    assert [block.why_not for block in doc_checks.blocks(whole)] == [
        "signatures",
        "it needs a bucket",
        "signatures",
    ]


def test_a_margin_of_numbers_that_are_not_finite_is_outside() -> None:
    assert outside({"a": float("nan")}, {"a": (0.0, 1.0)}) != []
    assert outside({"a": float(np.nextafter(1.0, 2.0))}, {"a": (0.0, 1.0)}) != []
    assert outside({"a": 1.0}, {"a": (0.0, 1.0)}) == []
