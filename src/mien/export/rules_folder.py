"""Mien's invariants of an asset folder: what asset.json says is what is there, and it can be true."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from mien.core.conventions import SHAPE_NAMES
from mien.core.errors import MienError
from mien.core.files import sha256_of
from mien.export.findings import Findings
from mien.export.images import MAP_KINDS, map_key, map_kind
from mien.export.mapinfo import map_info
from mien.export.schema import asset_schema, schema_errors
from mien.geometry.align import transformed

FOLDER_RULES = ("manifest", "files", "maps", "displacement", "landmarks", "registered", "obj")
LARGEST_DISPLACEMENT_MM = 5.0
_AGAIN = "write the asset again"


def check_folder(folder: Path, findings: Findings) -> dict[str, Any] | None:
    """Runs the rules and returns asset.json; without a valid one (None) the other rules cannot run."""
    findings.ran.append("manifest")
    content = _manifest(folder, findings)
    if content is None:
        return None
    entries = {entry["path"]: entry for entry in content["files"]}
    findings.ran.append("files")
    present = _files(folder, entries, findings)

    def each(rule: str, *endings: str) -> list[Path]:
        chosen = [folder / path for path in present if path.endswith(endings)]
        findings.ran += [rule] if chosen else []
        return chosen

    for path in each("maps", ".png", ".exr"):
        _map(path, entries[path.relative_to(folder).as_posix()], findings)
    for path in each("displacement", ".exr"):
        _displacement(path, entries[path.relative_to(folder).as_posix()], findings)
    for path in each("landmarks", "scan/landmarks.json"):
        _landmarks(path, content, findings)
    for path in each("registered", "scan/registered.ply"):
        _registered(path, content["topology"], findings)
    for path in each("obj", ".obj"):
        _obj(path, content["topology"], findings)
    return content


def _manifest(folder: Path, findings: Findings) -> dict[str, Any] | None:
    path = folder / "asset.json"
    if not path.is_file():
        findings.error("manifest", "asset.json is missing, expected in every asset folder; " + _AGAIN)
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        findings.error("manifest", f"asset.json is no JSON ({error}); {_AGAIN}")
        return None
    errors = schema_errors(content, asset_schema())
    for line in errors:
        findings.error("manifest", f"asset.json: {line}; {_AGAIN}")
    if errors:
        return None
    if content["shapes"] != list(SHAPE_NAMES):
        findings.error("manifest", f"asset.json lists other shapes than ARKit's 52 in order; {_AGAIN}")
    return content


def _files(folder: Path, entries: dict[str, Any], findings: Findings) -> list[str]:
    """Paths that are there and unchanged."""
    good = []
    for path, entry in entries.items():
        file = folder / path
        if not file.is_file():
            findings.error(
                "files", f"{path} is missing, expected {entry['bytes']} bytes; restore it or {_AGAIN}"
            )
        elif file.stat().st_size != entry["bytes"] or sha256_of(file) != entry["sha256"]:
            findings.error(
                "files", f"{path} is not what asset.json lists (sha256 differs); restore it or {_AGAIN}"
            )
        else:
            good.append(path)
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    for path in sorted(there - set(entries) - {"asset.json"}):
        findings.warning("files", f"{path} is not listed in asset.json; remove it or {_AGAIN}")
    return good


def _map(path: Path, entry: dict[str, Any], findings: Findings) -> None:
    """The header against the entry, and the entry against what maps of its kind must be."""
    name = entry["path"]
    try:
        info = map_info(path)
    except MienError as error:
        findings.error("maps", str(error))
        return
    for field, got in vars(info).items():
        if entry.get(field) != got:
            findings.error("maps", f"{name}: {field} is {got}, asset.json says {entry.get(field)}; {_AGAIN}")
    if path.parent.name != "maps" or map_key(path.stem).rpartition("_")[2] not in MAP_KINDS:
        return
    kind = map_kind(path.stem)
    if entry.get("colour_space") != kind.colour_space:
        findings.error(
            "maps",
            f"{name}: colour space {entry.get('colour_space')}, expected {kind.colour_space}; {_AGAIN}",
        )
    if entry["bit_depth"] < kind.bit_depth:
        findings.error("maps", f"{name}: {entry['bit_depth']} bits, expected {kind.bit_depth}; {_AGAIN}")


def _displacement(path: Path, entry: dict[str, Any], findings: Findings) -> None:
    import OpenEXR

    if entry.get("unit") != "mm" or entry.get("midpoint") != 0:
        got = f"{entry.get('unit')} about {entry.get('midpoint')}"
        findings.error("displacement", f"{entry['path']}: {got}, expected mm about 0; {_AGAIN}")
    (channel,) = OpenEXR.File(str(path), separate_channels=True).channels().values()
    values = channel.pixels.astype(np.float32)
    largest = float(np.abs(values).max()) if np.isfinite(values).all() else np.inf
    findings.measures[f"largest displacement in {path.name}, mm"] = largest
    if largest > LARGEST_DISPLACEMENT_MM:
        findings.error(
            "displacement", f"{entry['path']}: reaches {largest:.3g} mm, expected at most "
            f"{LARGEST_DISPLACEMENT_MM}; was it written in another unit?"
        )  # fmt: skip


def _landmarks(path: Path, content: dict[str, Any], findings: Findings) -> None:
    """68 points; those that were seen lie near the head, and both spaces agree through the transform."""
    try:
        data = json.loads(path.read_text())
        counts = len(data["scan"]), len(data["asset_metres"])
        both = [(s, a) for s, a in zip(data["scan"], data["asset_metres"], strict=False) if s and a]
        scan, ours = (np.array(points, dtype=float).reshape(-1, 3) for points in zip(*both, strict=True))
    except (ValueError, KeyError, TypeError) as error:
        findings.error("landmarks", f"landmarks.json cannot be read ({error!r}); {_AGAIN}")
        return
    if counts != (68, 68):
        findings.error(
            "landmarks", f"landmarks.json has {counts} points, expected 68 in both spaces; {_AGAIN}"
        )
    joints = np.array([joint["position"] for joint in content["joints"]])
    low, high = joints.min(axis=0), joints.max(axis=0)
    outside = ((ours < low - 0.2) | (ours > high + 0.2)).any(axis=1)
    if outside.any():
        findings.error(
            "landmarks", f"{outside.sum()} points lie more than 20 cm off the joints; detect them again"
        )
    transform = np.array(content["scan_to_asset"] or np.full((4, 4), np.nan))
    off = np.linalg.norm(transformed(transform, scan) - ours, axis=1)
    if not (off < 1e-4).all():
        findings.error("landmarks", f"scan_to_asset does not take the scan's points to the asset's; {_AGAIN}")


def _registered(path: Path, topology: dict[str, Any], findings: Findings) -> None:
    with path.open("rb") as stream:
        header = stream.read(8192).split(b"end_header\n")[0].decode("ascii", "replace").splitlines()
    counts = {w[1]: int(w[2]) for line in header if (w := line.split()) and w[0] == "element" and len(w) == 3}
    fields = {line.split()[-1] for line in header if line.startswith("property")}
    expected = {"vertex": topology["vertices"], "face": topology.get("polygons", topology["quads"])}
    if counts != expected:
        findings.error(
            "registered", f"{path.name} has {counts}, expected the topology's {expected}; {_AGAIN}"
        )
    missing = {"distance_mm", "confidence", "part"} - fields
    if missing:
        findings.error("registered", f"{path.name} lacks {', '.join(sorted(missing))} per vertex; {_AGAIN}")


def _obj(path: Path, topology: dict[str, Any], findings: Findings) -> None:
    text = path.read_text()
    got = {word: text.count(f"\n{word} ") for word in ("v", "vt", "f")}
    faces = topology.get("polygons", topology["quads"])
    expected = {"v": topology["vertices"], "vt": topology["uvs"], "f": faces}
    if got != expected:
        findings.error("obj", f"{path.name} has {got}, expected {expected}; {_AGAIN}")
    for library in (line.split()[1] for line in text[:2000].splitlines() if line.startswith("mtllib")):
        _textures(path.parent / library, findings)


def _textures(mtl: Path, findings: Findings) -> None:
    if not mtl.is_file():
        findings.error("obj", f"{mtl.name} is missing; restore it or {_AGAIN}")
        return
    for line in mtl.read_text().splitlines():
        if line.startswith(("map_", "norm ")) and not list(mtl.parent.glob(_tiled(line.split()[-1]))):
            findings.error("obj", f"{mtl.name}: {line.split()[-1]} is missing; restore it or {_AGAIN}")


def _tiled(name: str) -> str:
    """A file name as a pattern: <UDIM> stands for any tile's number."""
    return name.replace("<UDIM>", "[0-9][0-9][0-9][0-9]")
