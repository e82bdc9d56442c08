"""The files that ship in `mien/assets`: where they lie, and that their bytes are those that were built.

`manifest.json` lists each of them with its sha256, what it was made from and by which command; `make assets`
(`python -m tools.build_assets`) writes it.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from mien.core.errors import MienError
from mien.core.files import sha256_of, write_atomically

ASSETS = Path(__file__).parents[1] / "assets"
MANIFEST = "manifest.json"


def asset_path(name: str) -> Path:
    """Where an asset ("template.safetensors") lies, its bytes verified once per process.

    Raises `MienError` where it is not listed in the manifest, is missing, or differs from what was built.
    """
    path = ASSETS / name
    _verify(path, asset_sha256(name))
    return path


def asset_sha256(name: str) -> str:
    """The sha256 that the manifest gives for an asset; raises `MienError` where it lists no such name."""
    listed = asset_hashes()
    if name not in listed:
        raise MienError(
            f"{name}: is not listed in {ASSETS / MANIFEST}, expected one of {', '.join(listed)}; "
            "an asset is added to the graph in tools/build_assets"
        )
    return listed[name]


def asset_hashes() -> dict[str, str]:
    """The sha256 of every asset by name, as the manifest gives them; no file but the manifest is read."""
    return {name: entry["sha256"] for name, entry in read_manifest(ASSETS)["assets"].items()}


def record_asset(name: str, data: bytes, **facts: object) -> Path:
    """Writes an asset and lists it in the manifest, with `facts` about it; returns where it lies."""
    path = ASSETS / name
    write_atomically(path, data)
    held = read_manifest(ASSETS)
    entry = held["assets"].setdefault(name, {})
    entry |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), **facts}
    write_manifest(ASSETS, held)
    return path


def write_manifest(folder: Path, held: dict[str, Any]) -> None:
    """Writes the manifest of a folder of assets; what was read of it is forgotten."""
    text = json.dumps(held, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    write_atomically(folder / MANIFEST, text.encode())
    read_manifest.cache_clear()
    _verify.cache_clear()


@cache
def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder of assets; raises `MienError` where there is none or it is damaged."""
    path = folder / MANIFEST
    try:
        held = json.loads(path.read_bytes())
        if all(len(entry["sha256"]) == 64 for entry in held["assets"].values()):
            return held
        fault = "a sha256 of another length than 64"
    except FileNotFoundError:
        fault = "there is no such file"
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        fault = f"{type(error).__name__}: {error}"
    raise MienError(f"{path}: is no manifest of assets ({fault}); reinstall Mien")


@cache
def _verify(path: Path, expected: str) -> None:
    if not path.is_file():
        raise MienError(f"{path}: is missing, expected an asset that ships with Mien; reinstall Mien")
    found = sha256_of(path)
    if found != expected:
        raise MienError(
            f"{path}: its sha256 is {found[:12]}…, the manifest's {expected[:12]}…: the file was changed or "
            "damaged; reinstall Mien, or, if you rebuilt it, run python -m tools.build_assets"
        )
