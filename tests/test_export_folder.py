"""The asset folder: whole or not at all, the same bytes twice, maps and scan files that read back."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest

from export_fixture import tiny_asset
from mien.core.conventions import srgb_to_linear
from mien.core.errors import MienError
from mien.core.mesh import Image
from mien.export.folder import write_asset
from mien.export.images import encode_png, write_map
from mien.export.mapinfo import MapInfo, map_info
from mien.export.schema import asset_schema, schema_errors


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("assets") / "anna"
    write_asset(
        tiny_asset(), out, preview=np.full((8, 12, 3), 0.5), error_picture=np.zeros((8, 8, 3), np.uint8)
    )
    return out


def test_the_folder_is_the_contract(folder: Path):
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert there >= {
        "asset.json", "anna.glb", "anna.obj", "anna.mtl", "confidence.png", "preview.png",
        "scan/registered.ply", "scan/landmarks.json", "scan/error.png",
        "maps/face_albedo.png", "maps/face_displacement.exr", "maps/face_scatter.png",
    }  # fmt: skip
    content = json.loads((folder / "asset.json").read_text())
    assert {f["path"] for f in content["files"]} == there - {"asset.json"}
    assert content["name"] == "anna"
    assert content["quality"]["registration_mm"] == {"median": 0.1, "p95": 0.7, "worst": None}
    assert schema_errors(content, asset_schema()) == []


def test_no_host_path_or_time_stands_in_the_folder(folder: Path):
    for path in folder.rglob("*"):
        if path.is_file():
            assert str(folder.parent).encode() not in path.read_bytes()


def test_two_writings_are_equal_byte_for_byte(folder: Path, tmp_path: Path):
    again = tmp_path / "anna"
    write_asset(
        tiny_asset(), again, preview=np.full((8, 12, 3), 0.5), error_picture=np.zeros((8, 8, 3), np.uint8)
    )
    assert _digests(again) == _digests(folder)


def test_an_exception_inside_leaves_nothing(tmp_path: Path):
    def fail(_staging: Path) -> None:
        raise RuntimeError("disk on fire")

    with pytest.raises(RuntimeError, match="on fire"):
        write_asset(tiny_asset(), tmp_path / "a", extra_files=fail)
    assert list(tmp_path.iterdir()) == []


def test_with_force_a_failure_keeps_the_old_folder(tmp_path: Path):
    out = tmp_path / "a"
    write_asset(tiny_asset(), out)
    before = _digests(out)
    broken = replace(tiny_asset(), maps={"face_glitter": Image(np.zeros((4, 4, 1)))})
    with pytest.raises(MienError, match="face_glitter"):
        write_asset(broken, out, force=True)
    assert _digests(out) == before
    with pytest.raises(MienError, match="not empty"):
        write_asset(tiny_asset(), out)


def test_an_unknown_format_is_refused(tmp_path: Path):
    with pytest.raises(MienError, match="fbx"):
        write_asset(tiny_asset(), tmp_path / "a", formats=("glb", "fbx"))


def test_extra_files_are_listed(tmp_path: Path):
    write_asset(tiny_asset(), tmp_path / "a", extra_files=lambda p: (p / "note.txt").write_text("x") and None)
    content = json.loads((tmp_path / "a/asset.json").read_text())
    assert "note.txt" in {f["path"] for f in content["files"]}


def test_maps_read_back_in_their_colour_space(folder: Path):
    maps = tiny_asset().maps
    albedo = cv2.imread(str(folder / "maps/face_albedo.png"), cv2.IMREAD_UNCHANGED)[..., ::-1]
    assert np.abs(albedo / 255 - maps["face_albedo"].pixels).max() <= 0.51 / 255
    normal = cv2.imread(str(folder / "maps/face_normal.png"), cv2.IMREAD_UNCHANGED)[..., ::-1]
    assert normal.dtype == np.uint16
    assert np.abs(normal / 65535 - maps["face_normal"].pixels).max() <= 0.51 / 65535
    (channel,) = (
        OpenEXR.File(str(folder / "maps/face_displacement.exr"), separate_channels=True).channels().values()
    )
    assert np.abs(channel.pixels - maps["face_displacement"].pixels[..., 0]).max() < 2e-4  # mm, half float


def test_linear_albedo_is_stored_as_srgb(tmp_path: Path):
    stored = np.linspace(0, 1, 64).reshape(8, 8, 1).repeat(3, axis=2)
    path = write_map("face_albedo", Image(srgb_to_linear(stored), "linear"), tmp_path)
    assert np.abs(cv2.imread(str(path)) / 255 - stored).max() <= 0.51 / 255


def test_displacement_in_another_unit_is_refused(tmp_path: Path):
    with pytest.raises(MienError, match="expected displacement in 'mm'"):
        write_map("face_displacement", Image(np.zeros((4, 4, 1))), tmp_path)


@pytest.mark.parametrize(("channels", "bits"), [(1, 8), (1, 16), (3, 8), (3, 16), (4, 8)])
def test_headers_tell_size_and_depth(tmp_path: Path, channels: int, bits: int):
    path = tmp_path / "a.png"
    path.write_bytes(encode_png(np.zeros((5, 7, channels)), bits))
    assert map_info(path) == MapInfo(7, 5, channels, bits)


def test_obj_is_all_quads_in_the_templates_order(folder: Path):
    topology = tiny_asset().template.topology
    lines = (folder / "anna.obj").read_text().splitlines()
    vertices = np.array([line.split()[1:] for line in lines if line.startswith("v ")], dtype=float)
    faces = [[c.split("/") for c in line.split()[1:]] for line in lines if line.startswith("f ")]
    np.testing.assert_allclose(vertices, tiny_asset().rig.neutral, atol=1e-7)
    np.testing.assert_array_equal(np.array(faces, dtype=int)[..., 0] - 1, topology.quads)
    np.testing.assert_array_equal(np.array(faces, dtype=int)[..., 1] - 1, topology.quad_uvs)
    assert "map_Kd maps/face_albedo.png" in (folder / "anna.mtl").read_text()


def test_registered_ply_is_in_the_scans_coordinates(folder: Path):
    import trimesh

    asset = tiny_asset()
    mesh = trimesh.load(folder / "scan/registered.ply", process=False)
    assert asset.scan is not None
    assert asset.registration is not None
    ours = np.asarray(mesh.vertices) @ asset.scan.transform[:3, :3].T + asset.scan.transform[:3, 3]
    np.testing.assert_allclose(ours, asset.registration.vertices, atol=1e-7)
    data = mesh.metadata["_ply_raw"]["vertex"]["data"]
    np.testing.assert_array_equal(data["confidence"].ravel(), asset.registration.confidence)
    assert set(data["part"].ravel()) == {0, 1, 2}


def test_the_schema_checker_finds_each_kind_of_fault():
    schema = {
        "type": "object",
        "required": ["a"],
        "additionalProperties": False,
        "properties": {
            "a": {"type": "array", "items": {"enum": [1, 2]}},
            "b": {"type": "string", "pattern": "^x"},
        },
    }
    assert schema_errors({"a": [1, 2], "b": "xy"}, schema) == []
    assert "missing" in schema_errors({}, schema)[0]
    assert "not known" in schema_errors({"a": [], "c": 1}, schema)[0]
    assert schema_errors({"a": [1, 3]}, schema)[0].startswith("a[1]: got 3")
    assert "match" in schema_errors({"a": [], "b": "y"}, schema)[0]
    assert "expected array" in schema_errors({"a": "1"}, schema)[0]


def _digests(folder: Path) -> dict[str, str]:
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in folder.rglob("*")
        if p.is_file()
    }
