"""Runs a node's command in a process of its own and takes what it made."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from mien.core.assets import ASSETS, MANIFEST, read_manifest, record_asset, write_manifest
from mien.core.errors import MienError
from mien.core.files import sha256_of, write_atomically
from tools.build_assets.graph import FROZEN, ROOT, Node, output_path
from tools.build_assets.inputs import REPOSITORY, Inputs, data_folder, entry_of, inputs_of, missing

# One thread: sums are then of the same order, and the bytes the same, on any number of cores.
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)


def build(node: Node, *, replace_frozen: bool) -> list[str]:
    """Builds a node and lists its outputs; returns a line about each.

    Raises `MienError` where something that it needs is not here, its command fails, or a frozen asset would
    get other bytes without `replace_frozen`: then nothing is replaced.
    """
    with tempfile.TemporaryDirectory(prefix="mien-assets-") as folder:
        made = run(node, Path(folder))
        if not replace_frozen:
            _refuse_other_bytes(node, made)
        lines = [f"{output}: {_compared(output, path)}" for output, path in made.items()]
        inputs = inputs_of(node)
        for output, path in made.items():
            record(node, output, path.read_bytes(), inputs)
    return lines


def verify(node: Node) -> dict[str, bool]:
    """Whether building a node now gives the bytes that ship, by output; nothing is replaced."""
    with tempfile.TemporaryDirectory(prefix="mien-assets-") as folder:
        made = run(node, Path(folder))
        return {output: sha256_of(path) == sha256_of(output_path(output)) for output, path in made.items()}


def run(node: Node, folder: Path) -> dict[str, Path]:
    """The command alone, with outputs in `folder`; it may read no asset that the node does not declare."""
    lacking = missing(node)
    if lacking:
        raise MienError(f"{node.name}: cannot be built here without {'; '.join(lacking)}")
    arguments = [word.format(out=folder, data=data_folder()) for word in node.arguments]
    command = [sys.executable, "-m", "tools.build_assets.run_node", node.name, node.module, *arguments]
    paths = [str(ROOT / "src"), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | _ONE_THREAD | {"PYTHONPATH": os.pathsep.join(paths)}
    if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
        raise MienError(f"{node.name}: its command failed (above); the old asset stays")
    made = {output: folder / Path(output).name for output in node.outputs}
    for output, path in made.items():
        if not path.is_file():
            raise MienError(f"{node.name}: its command did not write {output}; the old asset stays")
    return made


def record(node: Node, output: str, data: bytes, inputs: Inputs) -> None:
    """Puts an output in its place and lists it, as made from these inputs."""
    facts = {"command": node.command, "card": node.card, "inputs": inputs}
    if "/" not in output:
        record_asset(output, data, **facts)
        _forget_note(output)
        return
    path = output_path(output)
    write_atomically(path, data)
    held = read_manifest(ASSETS)
    held.setdefault(REPOSITORY, {})[output] = {"sha256": sha256_of(path), "bytes": len(data), **facts}
    write_manifest(ASSETS, held)


def _forget_note(output: str) -> None:
    held = read_manifest(ASSETS)
    if held["assets"][output].pop("note", None) is not None:
        write_manifest(ASSETS, held)


def _refuse_other_bytes(node: Node, made: dict[str, Path]) -> None:
    for output, path in made.items():
        entry = entry_of(output)
        if output in FROZEN and entry and sha256_of(path) != entry["sha256"]:
            raise MienError(
                f"{output}: would get other bytes, but the frozen face database is drawn from it: it stays; "
                f"to replace it, raise DATABASE_VERSION and name it: {node.command}"
            )


def _compared(output: str, path: Path) -> str:
    entry = entry_of(output)
    if entry is None:
        return f"new, now listed in {MANIFEST}"
    return "the same bytes" if sha256_of(path) == entry["sha256"] else "other bytes than before"
