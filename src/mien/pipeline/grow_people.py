"""`mien data model`: heads that `mien rig` registered, added to the linear model that registration fits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mien.core.assets import asset_path
from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.core.errors import MienError
from mien.export.read_asset import read_asset
from mien.model.pca_file import People, face_errors, grown, load_people, save_people
from mien.rigging.head import RiggedHead
from mien.template.load import load_template

Rows = list[dict[str, object]]


def grow_people(
    assets: Sequence[Path], out: Path, start: Path | None, weight: float, components: int | None
) -> Rows:
    """Writes the model with the assets' heads to `out`; a row per head: error (mm) before and after.

    Nothing is written where an asset is refused: one on a base mesh, of another version, or already in it.
    """
    _check(assets, out, weight, components)
    people = load_people(start or asset_path("people.safetensors"))
    heads = [_head(folder) for folder in assets]
    who: list[dict[str, object]] = [
        {"name": head.name, "scan_sha256": head.provenance["scan_sha256"]} for head in heads
    ]
    _check_new(assets, [str(one["scan_sha256"]) for one in who], people)
    n_skin = len(people.model.mean)
    skins = np.stack([head.rig.neutral[:n_skin] for head in heads])
    after = grown(people, skins, tuple(who), weight, components)
    save_people(after, out)
    errors = MILLIMETRES_PER_METRE * np.stack([face_errors(one, skins) for one in (people, load_people(out))])
    return [
        {"head": head.name, "before_mm": float(was), "after_mm": float(now)}
        for head, was, now in zip(heads, *errors, strict=True)
    ]


def model_line(out: Path) -> str:
    """What a model holds, in one line."""
    people = load_people(out)
    model = people.model
    return (
        f"{out}: {len(model.modes)} components, with {len(people.added)} heads added; it counts as of "
        f"{model.count:g} heads; {out.stat().st_size / 1e6:.1f} MB"
    )


def _check(assets: Sequence[Path], out: Path, weight: float, components: int | None) -> None:
    if not assets:
        raise MienError("--add: no asset folder was given; give those that `mien rig` wrote")
    if out.suffix != ".safetensors" or not out.absolute().parent.is_dir():
        raise MienError(f"{out}: expected a file .safetensors in a folder that exists; give such a path")
    if weight <= 0 or (components is not None and components < 1):
        raise MienError("--weight and --components: expected more than 0; leave them out for the usual")


def _head(folder: Path) -> RiggedHead:
    asset = read_asset(folder, load_template())
    if len(asset.rig.neutral) != len(load_template().vertices):
        raise MienError(f"{folder}: is on a base mesh, expected Mien's own; rig that scan without --topology")
    if "scan_sha256" not in asset.provenance:
        raise MienError(f"{folder}: was made without a scan, expected a scanned person; leave it out")
    return asset


def _check_new(assets: Sequence[Path], scans: list[str], people: People) -> None:
    """The same scan twice would count twice."""
    known = {str(one["scan_sha256"]): str(one["name"]) for one in people.added}
    for folder, scan in zip(assets, scans, strict=True):
        if scan in known:
            raise MienError(
                f"{folder}: its scan is in the model already, as {json.dumps(known[scan])}; leave it out"
            )
        known[scan] = folder.name
