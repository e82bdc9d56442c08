"""Version 1 of the face database, frozen: its split, the assets that it is drawn from, and golden samples.

Training draws the database anew from the assets and this code, so both are its content: assets are told by
their sha256, the code by what it draws (`mien.database.golden`).

    python -m mien.database.release           # is it still what was frozen? exit 1 where not
    python -m mien.database.release --write   # freeze what the code draws now

A change of what is drawn needs a new `DATABASE_VERSION`; only then `--write`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from mien.core.assets import asset_hashes, asset_path, record_asset
from mien.core.errors import MienError
from mien.core.files import write_atomically
from mien.database.golden import Samples, draw_samples, drift

DATABASE_VERSION = 1
SEED = 1
SPLIT = {"train": (0, 20_000), "validation": (20_000, 20_500), "test": (20_500, 21_500)}
DRAWN_FROM = ("basis.safetensors", "places.safetensors", "skin_prior.safetensors", "template.safetensors")


def split_indices(name: str) -> range:
    """The subjects of "train", "validation" or "test", to be drawn with `SEED`."""
    return range(*SPLIT[name])


def release_asset(version: int = DATABASE_VERSION) -> str:
    """The name of the asset that holds a frozen version."""
    return f"database_v{version}.json"


def drawn_from() -> dict[str, str]:
    """The sha256 of each asset that the database is drawn from, by name."""
    return {name: asset_hashes()[name] for name in DRAWN_FROM}


def check(samples: Samples | None = None) -> list[str]:
    """Why this is not the frozen database, in lines that say what to do; empty where it is.

    `samples` are those of the code as it is, where they are drawn already.
    """
    frozen = json.loads(asset_path(release_asset()).read_text())
    changed = [*_changed_assets(frozen), *_changed_ranges(frozen)]
    changed = changed or drift(frozen["samples"], samples or draw_samples(SEED))
    if changed:
        return [*changed, f"version {DATABASE_VERSION} is frozen: raise DATABASE_VERSION, then --write"]
    return []


def _changed_assets(frozen: dict[str, Any]) -> list[str]:
    held = frozen["assets"]
    return [
        f"{name}: is another than version {frozen['version']} is drawn from"
        for name, sha256 in drawn_from().items()
        if held.get(name) != sha256
    ]


def _changed_ranges(frozen: dict[str, Any]) -> list[str]:
    now = _plain_facts()
    return [f"{name}: {now[name]}, frozen with {frozen[name]}" for name in now if frozen[name] != now[name]]


def _plain_facts() -> dict[str, Any]:
    split = {name: list(ends) for name, ends in SPLIT.items()}
    return {"version": DATABASE_VERSION, "seed": SEED, "split": split}


def write(folder: Path | None = None) -> Path:
    """Freezes what the code draws now, among the assets or in another folder; the same code writes the same
    bytes.

    Raises `MienError` where this version is frozen already and something else is drawn now.
    """
    samples = draw_samples(SEED)
    if release_asset() in asset_hashes():
        _refuse_refreezing(samples)
    manifest = {**_plain_facts(), "assets": drawn_from(), "samples": samples}
    data = (json.dumps(manifest, sort_keys=True, separators=(",", ":")) + "\n").encode()
    if folder is None:
        return record_asset(release_asset(), data)
    path = folder / release_asset()
    write_atomically(path, data)
    return path


def _refuse_refreezing(samples: Samples) -> None:
    changed = check(samples)
    if changed:
        raise MienError(
            f"{release_asset()}: frozen already, and {changed[0]}; raise DATABASE_VERSION in "
            "mien/database/release.py, and list what it is drawn from in tools/build_assets"
        )


def main() -> None:
    """Checks, or writes with --write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--write", action="store_true", help="freeze what the code draws now")
    parser.add_argument("--out", type=Path, help="a folder to write to instead of the assets that ship")
    options = parser.parse_args()
    try:
        found = [] if options.write else check()
        done = f"{write(options.out)}" if options.write else "as frozen"
    except MienError as error:
        found = [str(error)]
    sys.stdout.write("\n".join(found or [done]) + "\n")
    sys.exit(int(bool(found)))


if __name__ == "__main__":
    main()
