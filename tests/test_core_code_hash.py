"""What code computes as a hash: documentation, layout and what is out of reach change nothing; constants do."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import mien
from mien.core.cache import Cache
from mien.core.code_hash import CodeBase, syntax
from mien.pipeline import rig as rig_module
from mien.pipeline.rig_options import RigOptions
from mien.pipeline.stages import CachedStage, Stages

STAGE = '''
"""A stage."""
from __future__ import annotations
from typing import TYPE_CHECKING
from shop.near import scaled
from shop import other
if TYPE_CHECKING:
    from shop.types import Thing

FACTOR = 3
UNUSED = 5

def make() -> object:
    def stage(x: int) -> Thing:
        from shop.late import shift
        return helper(x) + shift()
    return stage

def helper(x: int) -> int:
    """Helps."""
    return scaled(FACTOR * x)

def elsewhere() -> int:
    return other.far() + UNUSED
'''
FILES = {
    "__init__": "FACE = 1\n",
    "stage": STAGE,
    "near": "from .deep import DEPTH\n\ndef scaled(x):\n    return DEPTH * x\n",
    "deep": "DEPTH = 2.0  # metres\n",
    "late": "def shift():\n    return 7\n",
    "other": "def far():\n    return 1\n",
    "types": "class Thing:\n    pass\n",
}

Edit = Callable[[str, str, str], None]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        monkeypatch.delitem(sys.modules, name)
    return folder


def fingerprint(folder: Path, facts: Path | None = None) -> str:
    from shop import stage  # type: ignore[import-not-found]

    return CodeBase({"shop": folder}, facts).fingerprint(stage.make())


def edit(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / f"{name}.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("stage", '"""A stage."""', '"""The stage that all wait for."""\n# why'),
        ("stage", '    """Helps."""\n', ""),
        ("stage", "scaled(FACTOR * x)", "scaled(\n        FACTOR\n        * x  # here\n    )"),
        ("deep", "  # metres", "  # metres, measured"),
        ("stage", "UNUSED = 5", "UNUSED = 6"),
        ("stage", "other.far() + UNUSED", "other.far() - UNUSED"),
        ("other", "return 1", "return 2"),
        ("types", "pass", "size = 1"),
        ("__init__", "FACE = 1", "FACE = 2"),
    ],
)
def test_what_computes_the_same_keeps_the_fingerprint(shop: Path, name: str, old: str, new: str) -> None:
    before = fingerprint(shop)
    edit(shop, name, old, new)
    assert fingerprint(shop) == before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("stage", "FACTOR = 3", "FACTOR = 4"),
        ("stage", "helper(x) + shift()", "helper(x) - shift()"),
        ("near", "DEPTH * x", "DEPTH + x"),
        ("deep", "DEPTH = 2.0", "DEPTH = 2.5"),
        ("late", "return 7", "return 8"),
        ("near", "\ndef scaled", "\nprint()\n\ndef scaled"),
    ],
)
def test_what_computes_another_thing_changes_it(shop: Path, name: str, old: str, new: str) -> None:
    before = fingerprint(shop)
    edit(shop, name, old, new)
    assert fingerprint(shop) != before


def test_facts_kept_between_runs_say_the_same_until_a_file_changes(shop: Path, tmp_path: Path) -> None:
    facts = tmp_path / "facts" / "code.json"
    first = fingerprint(shop, facts)
    assert facts.is_file()
    assert fingerprint(shop, facts) == first == fingerprint(shop)
    edit(shop, "deep", "DEPTH = 2.0", "DEPTH = 2.50")
    assert fingerprint(shop, facts) == fingerprint(shop) != first


@pytest.mark.parametrize("damage", [b"", b"{}", b"[]", b'{"version": [1, 3, 11], "files": {"x": 1}}'])
def test_damaged_facts_are_made_anew(shop: Path, tmp_path: Path, damage: bytes) -> None:
    facts = tmp_path / "code.json"
    facts.write_bytes(damage)
    assert fingerprint(shop, facts) == fingerprint(shop)
    assert len(facts.read_bytes()) > 200


def test_syntax_is_what_a_module_does_and_not_how_it_is_laid_out() -> None:
    one = 'def f(x: int) -> int:\n    """Says."""\n    return x + 1  # why\n'
    same = 'def f(x: int) -> int:\n    """Says more."""\n    return (x +\n            1)\n'
    other = "def f(x: int) -> int:\n    return x + 2\n"
    assert syntax(one) == syntax(same)
    assert syntax(one) != syntax(other)


# Mien's own stages.

PACKAGE = Path(mien.__file__).parent


@pytest.fixture
def stages(tmp_path: Path) -> tuple[Stages, dict[str, Callable[..., object]]]:
    """Stages that are never run, and the functions of those that were made, by the name that is told."""
    made: dict[str, Callable[..., object]] = {}

    class Told(Stages):
        def run(self, name, compute, *inputs, **others):  # type: ignore[no-untyped-def, override]
            made[name] = compute
            return super().run(name, compute, *inputs, **others)

    all_of(rig_module, Told(Cache(tmp_path, 10**6), lambda _: None, holds=[rig_module.load_template]))
    return made


def all_of(module: ModuleType, stages: Stages) -> None:
    none: CachedStage = CachedStage("k", lambda: None)
    options, template = RigOptions(), rig_module.load_template()
    module._prepared_stage(stages, none, options)
    module._registration_stage(stages, template, none, options)
    module._rig_stage(stages, template, none, options)
    module._maps_stage(stages, template, none, options)
    module._error_map_stage(stages, template, none)


def reached(function: Callable[..., object]) -> set[str]:
    return set(CodeBase({"mien": PACKAGE}).reached_by(function))


def test_stages_reach_what_they_compute_with_and_no_more(stages) -> None:
    fit, rig = reached(stages["fitting the template"]), reached(stages["building the rig"])
    bake = reached(stages["baking colour and maps"])
    assert {"mien.register.nonrigid", "mien.geometry.laplacian", "mien.scan.mask"} <= fit
    assert {"mien.rigging.deformation_transfer", "mien.anatomy.contact.lips"} <= rig
    assert {"mien.bake.grain", "mien.textures.noise", "mien.bake.skin_prior"} <= bake
    for modules in (fit, rig, bake):
        assert not {m for m in modules if m.split(".")[1:2] in (["sheets"], ["synth"], ["evaluate"], ["cli"])}
    assert not {m for m in rig if m.startswith(("mien.bake", "mien.register", "mien.scan", "mien.meshio"))}
    assert not {m for m in fit if m.startswith(("mien.bake", "mien.rigging.personal", "mien.textures"))}


def test_stages_hold_nothing_but_the_template_and_options_that_their_keys_name(stages) -> None:
    """What else a stage held would be missing in its key."""
    assert len(stages) == 6
    for name, compute in stages.items():
        held = set(inspect.getclosurevars(inspect.unwrap(compute)).nonlocals)
        assert held <= {"template", "options", "size"}, name


def test_no_module_is_imported_by_a_string_that_the_fingerprint_would_not_see() -> None:
    by_string = [
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if any(
            isinstance(node, ast.Attribute | ast.Name)
            and (getattr(node, "attr", "") or getattr(node, "id", "")) in ("import_module", "__import__")
            for node in ast.walk(ast.parse(path.read_text()))
        )
    ]
    below = {name for name in by_string if not name.startswith("cli/")}  # which no stage reaches
    # The cache imports types of entries alone, which are in every key; the library's face computes nothing.
    assert below <= {"core/cache.py", "__init__.py"}


WARM = """
import sys, time
from pathlib import Path
import mien.pipeline.rig as rig
from mien.core.cache import code_fingerprint
started = time.process_time()
for name in ("_scan", "_prepared", "_registration", "_rig", "_maps", "_preview", "_error_map"):
    code_fingerprint(getattr(rig, name + "_stage"), rig.load_template, facts=Path(sys.argv[1]))
print(time.process_time() - started)
"""


def test_warm_fingerprints_of_all_stages_take_less_than_150_ms(tmp_path: Path) -> None:
    def seconds() -> float:
        command = [sys.executable, "-c", WARM, str(tmp_path / "code.json")]
        return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    seconds()
    assert min(seconds(), seconds()) < 0.15
