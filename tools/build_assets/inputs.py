"""What a node's outputs are made from, as hashes and versions; and what of it has changed."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from mien.core.assets import ASSETS, asset_hashes, read_manifest
from mien.core.code_hash import CodeBase
from mien.core.errors import MienError
from mien.core.files import sha256_of
from tools.build_assets.graph import ROOT, Node, output_path

Inputs = dict[str, Any]
REPOSITORY = "repository"  # the manifest's part for files outside the package


def inputs_of(node: Node) -> Inputs:
    """The inputs as they are now: hashes of code, assets and data, versions of packages; None for a package
    or data that is not here."""
    return {
        "code": code_hash(node.module),
        "assets": {name: asset_hashes()[name] for name in node.assets},
        "packages": {name: _version(name) for name in node.packages},
        "data": {name: _data_hash(name) for name in node.data},
    }


def entry_of(output: str) -> dict[str, Any] | None:
    """What the manifest says of an output; None where it lists none."""
    held = read_manifest(ASSETS)
    return held.get(REPOSITORY if "/" in output else "assets", {}).get(output)


def note_of(output: str) -> str:
    """Why an output is known not to be what the code makes now; empty where it may be."""
    return (entry_of(output) or {}).get("note", "")


def reasons(node: Node, output: str, now: Inputs) -> list[str]:
    """Why an output is out of date, in words; empty where it is not. What is not here is taken as it was."""
    entry = entry_of(output)
    if entry is None or "inputs" not in entry:
        return ["not built by this graph yet"]
    path = output_path(output)
    if not path.is_file():
        return ["missing"]
    out = ["its bytes are not those that were built"] if sha256_of(path) != entry["sha256"] else []
    return out + _changes(node, output, entry, now)


def _changes(node: Node, output: str, entry: dict[str, Any], now: Inputs) -> list[str]:
    before = entry["inputs"]
    out = []
    if before["code"] is None:
        out.append(note_of(output))
    elif before["code"] != now["code"]:
        out.append(f"the code of {node.module}, or some that it imports, changed")
    for kind in ("assets", "packages", "data"):
        for name in sorted({*before[kind], *now[kind]}):
            was, found = before[kind].get(name), now[kind].get(name, "")
            if found is not None and found != was:
                out.append(f"{name}: {_short(was)} then, {_short(found)} now")
    return out


def missing(node: Node) -> list[str]:
    """What a build needs and is not here, in words."""
    now = inputs_of(node)
    packages = [
        f"the package {name} (requirements/assets.txt)" for name, v in now["packages"].items() if v is None
    ]
    return packages + [f"{name} in the folder $MIEN_DATA" for name, v in now["data"].items() if v is None]


def data_folder() -> Path | None:
    """The folder of upstream data."""
    given = os.environ.get("MIEN_DATA")
    return Path(given) if given else None


@cache
def _code_base() -> CodeBase:
    return CodeBase({"mien": ROOT / "src/mien", "tools": ROOT / "tools"})


@cache
def code_hash(module: str) -> str:
    """Of a module (or the `__main__` of a package) and of all that it imports."""
    package = ROOT.joinpath(*module.split("."), "__main__.py").is_file()
    return _code_base().module_hash(f"{module}.__main__" if package else module)


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


@cache
def _data_hash(name: str) -> str | None:
    """The sha256 of a file, or of the names and hashes of a folder's files."""
    folder = data_folder()
    path = None if folder is None else folder / name
    if path is None or not path.exists():
        return None
    if path.is_file():
        return sha256_of(path)
    files = sorted((one.name, sha256_of(one)) for one in path.iterdir() if one.is_file())
    if not files:
        raise MienError(f"{path}: holds no file")
    return hashlib.sha256(json.dumps(files).encode()).hexdigest()


def _short(value: str | None) -> str:
    if not value:
        return "none"
    return f"{value[:12]}…" if len(value) == 64 else value
