"""The graph of assets: whole, without circles, and honest about what is out of date."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from graphlib import CycleError
from pathlib import Path

import pytest
from tools.build_assets import __main__ as command
from tools.build_assets import build, graph, inputs
from tools.build_assets.graph import FROZEN, NODES, ROOT, Node, in_order, named, output_path

from mien.core import assets
from mien.core.assets import ASSETS, MANIFEST, asset_hashes, read_manifest, record_asset
from mien.core.errors import MienError
from mien.core.files import sha256_of
from mien.database.release import DRAWN_FROM

OUTPUTS = [output for node in NODES for output in node.outputs]


def test_each_asset_is_made_by_one_node() -> None:
    assert len(set(OUTPUTS)) == len(OUTPUTS)
    assert {output for output in OUTPUTS if "/" not in output} == set(asset_hashes())
    assert {output for output in OUTPUTS if "/" in output} == set(read_manifest(ASSETS)["repository"])


def test_the_manifest_says_of_each_asset_what_it_is_made_from_and_how() -> None:
    held = read_manifest(ASSETS)
    entries = held["assets"] | held["repository"]
    for node in NODES:
        for output in node.outputs:
            entry = entries[output]
            assert entry["sha256"] == sha256_of(output_path(output))
            assert entry["bytes"] == output_path(output).stat().st_size
            assert (entry["command"], entry["card"]) == (node.command, node.card)
            assert set(entry["inputs"]) == {"code", "assets", "packages", "data"}
            assert set(entry["inputs"]["assets"]) == set(node.assets)
            assert set(entry["inputs"]["packages"]) == set(node.packages)
            assert set(entry["inputs"]["data"]) == set(node.data)
            assert all(entry["inputs"]["packages"].values())
            assert (entry["inputs"]["code"] is None) == ("note" in entry)


def test_cards_and_modules_exist_and_cards_name_their_asset() -> None:
    for node in NODES:
        text = (ROOT / node.card).read_text()
        for output in node.outputs:
            assert Path(output).name in text, (node.card, output)
        assert importlib.util.find_spec(node.module) is not None


def test_what_the_frozen_database_is_drawn_from_is_frozen() -> None:
    assert set(DRAWN_FROM) == set(FROZEN) <= set(OUTPUTS)


def test_nodes_come_after_what_they_are_made_from() -> None:
    made: set[str] = set()
    for node in in_order():
        assert set(node.assets) <= made
        made |= set(node.outputs)
    assert made == set(OUTPUTS)
    loop = [
        replace(node, assets=("people.safetensors",)) if node.name == "template" else node for node in NODES
    ]
    with pytest.raises(CycleError):
        in_order(loop)


def test_nodes_are_named_by_themselves_or_by_what_they_make() -> None:
    assert [node.name for node in named(["people", "identity.safetensors"])] == ["template", "people"]
    with pytest.raises(MienError, match=r"^hair: no such asset, expected one of template, "):
        named(["hair"])


def test_packages_are_pinned() -> None:
    pinned = "".join((ROOT / f"requirements/{name}.txt").read_text() for name in ("assets", "run"))
    for name in {name for node in NODES for name in node.packages} - {"torch"}:
        assert f"\n{name}==" in f"\n{pinned}", name


# A graph of our own: one node that joins an asset and a file of data.

SCRIPT = """
import sys
from pathlib import Path
from mien.core.assets import asset_path
FACTOR = 2
def main(data, out):
    text = Path(data).read_text() + FACTOR * asset_path("{read}").read_text()
    Path(out).write_text(text)
    {end}
main(*sys.argv[1:])
"""


@pytest.fixture
def joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    """Assets "a.txt" and "b.txt", a module, a folder of data, and a node that makes "joined.txt"."""
    folder = tmp_path / "assets"
    folder.mkdir()
    (folder / MANIFEST).write_text('{"assets": {}}')
    for module in (assets, graph, inputs, build):
        monkeypatch.setattr(module, "ASSETS", folder)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/d.txt").write_text("data ")
    monkeypatch.setenv("MIEN_DATA", str(tmp_path / "data"))
    write_module(tmp_path)
    record_asset("a.txt", b"a")
    record_asset("b.txt", b"b")
    node = Node(
        "joined", ("joined.txt",), "joining", ("{data}/d.txt", "{out}/joined.txt"), "README.md",
        assets=("a.txt",), packages=("numpy",), data=("d.txt",),
    )  # fmt: skip
    monkeypatch.setattr(graph, "NODES", (node,))
    monkeypatch.setattr(inputs, "code_hash", lambda module: sha256_of(tmp_path / "joining.py"))
    inputs._data_hash.cache_clear()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setattr(build.subprocess, "run", in_our_assets(subprocess.run, folder, node))
    return node


def write_module(folder: Path, read: str = "a.txt", end: str = "") -> None:
    (folder / "joining.py").write_text(SCRIPT.format(read=read, end=end))


def in_our_assets(run: Callable[..., subprocess.CompletedProcess], folder: Path, node: Node):  # type: ignore[no-untyped-def]
    """Commands look for assets where `folder` is, and know our node alone."""
    start = (
        "import runpy, sys\n"
        "from pathlib import Path\n"
        "from mien.core import assets\n"
        f"assets.ASSETS = Path({str(folder)!r})\n"
        "from tools.build_assets import graph, run_node\n"
        "from tools.build_assets.graph import Node\n"
        f"run_node.NODES = ({node!r},)\n"
        "try:\n"
        "    run_node.main(sys.argv[1], sys.argv[2], sys.argv[3:])\n"
        "except assets.MienError as error:\n"
        "    sys.exit(str(error))\n"
    )

    def started(words, **others):  # type: ignore[no-untyped-def]
        return run([sys.executable, "-c", start, *words[3:]], **others)

    return started


def out_of_date(node: Node) -> list[str]:
    inputs._data_hash.cache_clear()
    return inputs.reasons(node, "joined.txt", inputs.inputs_of(node))


def test_a_node_is_built_listed_and_then_up_to_date(joined: Node) -> None:
    assert out_of_date(joined) == ["not built by this graph yet"]
    assert build.build(joined, replace_frozen=False) == ["joined.txt: new, now listed in manifest.json"]
    assert assets.asset_path("joined.txt").read_text() == "data aa"
    entry = read_manifest(assets.ASSETS)["assets"]["joined.txt"]
    assert (entry["command"], entry["card"], entry["bytes"]) == (joined.command, "README.md", 7)
    assert out_of_date(joined) == []
    assert build.build(joined, replace_frozen=False) == ["joined.txt: the same bytes"]
    assert build.verify(joined) == {"joined.txt": True}


def test_each_changed_input_is_told(joined: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build.build(joined, replace_frozen=False)
    (tmp_path / "data/d.txt").write_text("more ")
    record_asset("a.txt", b"A")
    monkeypatch.setattr(inputs, "_version", lambda name: "99.0")
    write_module(tmp_path, end="print(1)")
    told = out_of_date(joined)
    assert [line.partition(":")[0] for line in told] == [
        "the code of joining, or some that it imports, changed", "a.txt", "numpy", "d.txt",
    ]  # fmt: skip
    assert told[2].endswith(", 99.0 now")
    (assets.ASSETS / "joined.txt").write_text("edited")
    assert out_of_date(joined)[0] == "its bytes are not those that were built"
    (assets.ASSETS / "joined.txt").unlink()
    assert out_of_date(joined) == ["missing"]


def test_what_is_not_here_is_taken_as_it_was_but_stops_a_build(
    joined: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    build.build(joined, replace_frozen=False)
    monkeypatch.delenv("MIEN_DATA")
    monkeypatch.setattr(inputs, "_version", lambda name: None)
    assert out_of_date(joined) == []
    with pytest.raises(
        MienError, match=r"without the package numpy \(req.*\); d\.txt in the folder \$MIEN_DATA"
    ):
        build.build(joined, replace_frozen=False)


def test_an_asset_that_a_node_does_not_declare_cannot_be_read(
    joined: Node, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_module(tmp_path, read="b.txt")
    with pytest.raises(MienError, match="joined: its command failed"):
        build.build(joined, replace_frozen=False)
    assert (
        "joined: reads b.txt, which its node in tools/build_assets does not declare" in capfd.readouterr().err
    )


def test_a_command_that_fails_or_writes_nothing_leaves_the_old_asset(joined: Node, tmp_path: Path) -> None:
    build.build(joined, replace_frozen=False)
    write_module(tmp_path, end="sys.exit(3)")
    with pytest.raises(MienError, match="its command failed"):
        build.build(joined, replace_frozen=False)
    write_module(tmp_path, end="Path(out).unlink()")
    with pytest.raises(MienError, match=r"did not write joined\.txt; the old asset stays"):
        build.build(joined, replace_frozen=False)
    assert assets.asset_path("joined.txt").read_text() == "data aa"


def test_a_frozen_asset_gets_other_bytes_on_request_only(
    joined: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "FROZEN", ("joined.txt",))
    build.build(joined, replace_frozen=False)
    record_asset("a.txt", b"A")
    with pytest.raises(
        MienError, match=r"joined\.txt: would get other bytes, but the frozen face database is drawn from"
    ):
        build.build(joined, replace_frozen=False)
    assert build.verify(joined) == {"joined.txt": False}
    assert assets.asset_path("joined.txt").read_text() == "data aa"
    assert build.build(joined, replace_frozen=True) == ["joined.txt: other bytes than before"]
    assert assets.asset_path("joined.txt").read_text() == "data AA"


def test_a_held_node_is_built_on_request_only(
    joined: Node, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    held = replace(joined, held="it takes hours")
    built: list[str] = []
    monkeypatch.setattr(command, "build", lambda node, **_: built.append(node.name) or ["made"])
    assert command.build_all([held], asked=False) == 0
    assert capsys.readouterr().out == (
        "joined.txt: not built by this graph yet\n"
        "joined: it takes hours; when you mean it: python -m tools.build_assets joined\n"
        "0 of 1 built\n"
    )
    assert command.build_all([held], asked=True) == 0
    assert built == ["joined"]


def test_check_says_what_is_late_and_record_takes_it_as_it_is(
    joined: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    (assets.ASSETS / "joined.txt").write_text("trained elsewhere")
    assert command.check([joined]) == 1
    command.record_as_is([joined], named=True)
    assert command.check([joined]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "joined.txt: up to date"
    with pytest.raises(MienError, match="--record: no NAME was given"):
        command.record_as_is([joined], named=False)


def test_an_asset_of_earlier_code_is_late_and_is_replaced_on_request_only(
    joined: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    build.build(joined, replace_frozen=False)
    held = json.loads((assets.ASSETS / MANIFEST).read_text())
    held["assets"]["joined.txt"]["inputs"]["code"] = None
    held["assets"]["joined.txt"]["note"] = "made when a was longer"
    assets.write_manifest(assets.ASSETS, held)
    assert out_of_date(joined) == ["made when a was longer"]
    command.build_all([joined], asked=False)
    assert capsys.readouterr().out.splitlines()[1:] == [
        "joined: today's code makes other bytes of it; when you mean it: python -m tools.build_assets joined",
        "0 of 1 built",
    ]
    command.build_all([joined], asked=True)
    assert out_of_date(joined) == []
    assert "note" not in read_manifest(assets.ASSETS)["assets"]["joined.txt"]


def test_list_describes_every_node_and_a_wrong_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list"]) == 0
    told = capsys.readouterr().out
    for node in NODES:
        assert f"{node.name}: {', '.join(node.outputs)}  ({node.card})" in told
    assert "on request only: training takes two hours" in told
    assert command.main(["hair"]) == 1
    assert capsys.readouterr().err.startswith("mien: hair: no such asset, expected one of ")
