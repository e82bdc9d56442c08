"""Each of `mien check`'s rules on an asset folder refuses a folder that was broken on purpose."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from export_fixture import errors_of, tiny_asset
from mien.core.files import sha256_of
from mien.core.mesh import Image
from mien.export.check import check_path
from mien.export.folder import write_asset
from mien.export.rules_folder import FOLDER_RULES


@pytest.fixture(autouse=True)
def without_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Khronos validator has its own tests; without it these are five times as fast."""
    monkeypatch.setenv("PATH", "")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_asset(tiny_asset(), tmp_path / "tiny")
    return tmp_path / "tiny"


def _relist(folder: Path, path: str, **changes: object) -> None:
    """Brings a file's entry in asset.json up to date after it was broken on purpose."""
    manifest = folder / "asset.json"
    content = json.loads(manifest.read_text())
    for entry in content["files"]:
        if entry["path"] == path:
            file = folder / path
            entry |= {"bytes": file.stat().st_size, "sha256": sha256_of(file), **changes}
    manifest.write_text(json.dumps(content))


def _no_manifest(folder: Path) -> None:
    (folder / "asset.json").unlink()


def _no_json(folder: Path) -> None:
    (folder / "asset.json").write_text("{")


def _other_unit(folder: Path) -> None:
    path = folder / "asset.json"
    path.write_text(path.read_text().replace('"metre"', '"inch"'))


def _absolute_path(folder: Path) -> None:
    path = folder / "asset.json"
    path.write_text(path.read_text().replace('"maps/face_albedo.png"', '"/home/x/face_albedo.png"'))


def _changed_map(folder: Path) -> None:
    with (folder / "maps/face_albedo.png").open("ab") as stream:
        stream.write(b"x")


def _lost_map(folder: Path) -> None:
    (folder / "maps/face_albedo.png").unlink()


def _shallow_normals(folder: Path) -> None:
    from mien.export.images import encode_png

    (folder / "maps/face_normal.png").write_bytes(encode_png(np.full((16, 16, 3), 0.5)))
    _relist(folder, "maps/face_normal.png", bit_depth=8)


def _other_size(folder: Path) -> None:
    _relist(folder, "maps/face_normal.png", width=4096)


def _linear_albedo(folder: Path) -> None:
    _relist(folder, "maps/face_albedo.png", colour_space="linear")


def _metres(folder: Path) -> None:
    _relist(folder, "maps/face_displacement.exr", midpoint=0.5)


def _deep(folder: Path) -> None:
    from mien.export.images import write_exr

    write_exr(Image(np.full((16, 16, 1), 300.0), unit="mm"), folder / "maps/face_displacement.exr")
    _relist(folder, "maps/face_displacement.exr")


def _landmarks(edit: Callable[[dict], object]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / "scan/landmarks.json"
        content = json.loads(path.read_text())
        edit(content)
        path.write_text(json.dumps(content))
        _relist(folder, "scan/landmarks.json")

    return apply


def _far(content: dict) -> None:
    content["asset_metres"][5] = [9.0, 0.0, 0.0]


def _ply_without_confidence(folder: Path) -> None:
    path = folder / "scan/registered.ply"
    path.write_bytes(path.read_bytes().replace(b"float confidence", b"float confidenca"))
    _relist(folder, "scan/registered.ply")


def _ply_of_another_topology(folder: Path) -> None:
    path = folder / "scan/registered.ply"
    path.write_bytes(path.read_bytes().replace(b"element vertex 243", b"element vertex 244"))
    _relist(folder, "scan/registered.ply")


def _obj_without_a_face(folder: Path) -> None:
    path = folder / "tiny.obj"
    path.write_text(path.read_text().rstrip().rpartition("\n")[0] + "\n")
    _relist(folder, "tiny.obj")


def _mtl_with_a_wrong_map(folder: Path) -> None:
    path = folder / "tiny.mtl"
    path.write_text(path.read_text().replace("face_albedo.png", "nobody.png"))
    _relist(folder, "tiny.mtl")


BROKEN_FOLDERS = {
    "no manifest": (_no_manifest, "manifest", "asset.json is missing"),
    "no JSON": (_no_json, "manifest", "is no JSON"),
    "another unit": (_other_unit, "manifest", "space.unit: got 'inch', expected 'metre'"),
    "an absolute path": (_absolute_path, "manifest", "expected a match"),
    "a changed map": (_changed_map, "files", "sha256 differs"),
    "a lost map": (_lost_map, "files", "maps/face_albedo.png is missing"),
    "8-bit normals": (_shallow_normals, "maps", "8 bits, expected 16"),
    "another size": (_other_size, "maps", "width is 16, asset.json says 4096"),
    "linear albedo": (_linear_albedo, "maps", "colour space linear, expected srgb"),
    "another midpoint": (_metres, "displacement", "expected mm about 0"),
    "30 cm of displacement": (_deep, "displacement", "reaches 300 mm"),
    "a far landmark": (_landmarks(_far), "landmarks", "lie more than 20 cm off"),
    "67 landmarks": (
        _landmarks(lambda c: [c[k].pop() for k in ("scan", "asset_metres")]),
        "landmarks",
        "expected 68",
    ),
    "landmarks without points": (_landmarks(lambda c: c.pop("scan")), "landmarks", "cannot be read"),
    "a PLY without confidence": (_ply_without_confidence, "registered", "lacks confidence"),
    "a PLY of another topology": (_ply_of_another_topology, "registered", "expected the topology's"),
    "an OBJ without a face": (_obj_without_a_face, "obj", "expected {'v': 243"),
    "an MTL with a wrong map": (_mtl_with_a_wrong_map, "obj", "maps/nobody.png is missing"),
}


@pytest.mark.parametrize("fault", BROKEN_FOLDERS)
def test_a_broken_folder_is_refused(fault: str, folder: Path):
    breaks, rule, message = BROKEN_FOLDERS[fault]
    breaks(folder)
    assert message in errors_of(check_path(folder), rule)


def test_every_rule_on_a_folder_has_a_folder_that_it_refuses():
    assert {rule for _, rule, _ in BROKEN_FOLDERS.values()} == set(FOLDER_RULES)


def test_a_glb_of_another_topology_is_refused(folder: Path):
    path = folder / "asset.json"
    content = json.loads(path.read_text())
    content["topology"]["vertices"] += 1
    path.write_text(json.dumps(content))
    assert "asset.json says 244" in errors_of(check_path(folder), "topology")


def test_a_stray_file_is_warned_of(folder: Path):
    (folder / "notes.txt").write_text("x")
    report = check_path(folder)
    assert report.passed
    assert any("notes.txt is not listed" in f.message for f in report.findings)
