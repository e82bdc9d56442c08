"""Each of `mien check`'s rules on a GLB refuses a file that was broken on purpose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from export_fixture import edit_glb, errors_of, tiny_asset
from mien.core.conventions import SHAPE_INDEX
from mien.export.check import check_path
from mien.export.folder import write_asset
from mien.export.glb import glb_bytes
from mien.export.place_names import places
from mien.export.reader import read_glb
from mien.export.rules_glb import GLB_RULES
from mien.rigging.head import RiggedHead
from mien.template.load import load_template


@pytest.fixture(autouse=True)
def without_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Khronos validator has its own tests; without it these are five times as fast."""
    monkeypatch.setenv("PATH", "")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_asset(tiny_asset(), tmp_path / "tiny")
    return tmp_path / "tiny"


def _rig(**changes: object) -> RiggedHead:
    asset = tiny_asset()
    return replace(asset, rig=replace(asset.rig, **changes))


def _shapes(edit: Callable[[np.ndarray], None]) -> RiggedHead:
    shapes = tiny_asset().rig.shapes.copy()
    edit(shapes)
    return _rig(shapes=shapes)


def _swapped(first: str, second: str) -> RiggedHead:
    a, b = SHAPE_INDEX[first], SHAPE_INDEX[second]

    def edit(shapes: np.ndarray) -> None:
        shapes[[a, b]] = shapes[[b, a]]

    return _shapes(edit)


def _inside_out() -> RiggedHead:
    """The upper half of the face is folded down over the lower one."""
    neutral = tiny_asset().rig.neutral.copy()
    face = neutral[:81].reshape(9, 9, 3)
    face[1::2, :, 1] -= 0.06
    return _rig(neutral=neutral)


def _outside_tile() -> RiggedHead:
    asset = tiny_asset()
    topology = asset.template.topology
    shifted = replace(asset.template, topology=replace(topology, uvs=topology.uvs + np.array([0.1, 0.0])))
    return replace(asset, template=shifted)


def _moved_joint(name: str, *by: float) -> RiggedHead:
    joints = tuple(
        replace(j, position=j.position + by) if j.name == name else j for j in tiny_asset().rig.joints
    )
    return _rig(joints=joints)


def _one_huge(shapes: np.ndarray) -> None:
    shapes[SHAPE_INDEX["jawOpen"], 40] = (0.0, -1.0, 0.0)


BROKEN_RIGS = {
    "offsets": (lambda: _shapes(_one_huge), "jawOpen moves a vertex by 1000 mm"),
    "scale": (lambda: _rig(neutral=tiny_asset().rig.neutral * 100), "the head is 20 m high"),
    "faces": (_inside_out, "triangles are flipped (around x "),
    "uv tiles": (_outside_tile, "UVs outside 0..1"),
    "joints": (lambda: _moved_joint("jaw", 0, 0, 0.5), "jaw lies at"),
    "sides": (
        lambda: _swapped("eyeBlinkLeft", "eyeBlinkRight"),
        "eyeBlinkLeft and its twin move the wrong side",
    ),
}


@pytest.mark.parametrize("rule", BROKEN_RIGS)
def test_a_broken_rig_is_refused(rule: str, tmp_path: Path):
    make, message = BROKEN_RIGS[rule]
    path = tmp_path / "broken.glb"
    path.write_bytes(glb_bytes(make()))
    assert message in errors_of(check_path(path), rule)


def test_jaw_shapes_that_move_to_the_wrong_side_are_refused(tmp_path: Path):
    path = tmp_path / "broken.glb"
    path.write_bytes(glb_bytes(_swapped("jawLeft", "jawRight")))
    assert "jawLeft" in errors_of(check_path(path), "sides")


def test_swapped_eye_joints_are_refused(tmp_path: Path):
    path = tmp_path / "broken.glb"
    path.write_bytes(glb_bytes(_moved_joint("eye_left", -0.07, 0, 0)))
    assert "eye_left is not on the +X side" in errors_of(check_path(path), "joints")


def test_leakage_and_uneven_sides_are_warned_of_and_measured(tmp_path: Path):
    def leak(shapes: np.ndarray) -> None:
        shapes[SHAPE_INDEX["eyeBlinkLeft"], 37, 1] = 1e-4  # on the subject's right
        shapes[SHAPE_INDEX["noseSneerLeft"]] *= 0.3

    path = tmp_path / "broken.glb"
    path.write_bytes(glb_bytes(_shapes(leak)))
    report = check_path(path)
    warned = [f.message for f in report.findings if f.severity == "warning"]
    assert any("moves the other side by 0.100 mm" in m for m in warned)
    assert any("noseSneerLeft is 0.30 times as strong" in m for m in warned)
    assert report.measures["leakage over the midline, mm"] == pytest.approx(0.1, rel=1e-3)


def test_a_shape_that_moves_nothing_is_warned_of(tmp_path: Path):
    path = tmp_path / "broken.glb"
    path.write_bytes(glb_bytes(_shapes(lambda shapes: shapes[SHAPE_INDEX["cheekPuff"]].fill(0))))
    (warning,) = [f for f in check_path(path).findings if f.severity == "warning"]
    assert "cheekPuff move nothing" in warning.message


def _rename_target(document: dict) -> None:
    document["meshes"][0]["extras"]["targetNames"][3] = "blink_L"


def _drop_target(document: dict) -> None:
    for primitive in document["meshes"][0]["primitives"]:
        primitive["targets"].pop()


def _drop_all_targets(document: dict) -> None:
    for primitive in document["meshes"][0]["primitives"]:
        del primitive["targets"]


def _drop_joint(document: dict) -> None:
    document["skins"][0]["joints"].pop()
    document["nodes"][-1]["name"] = "gone"


def _dangle(document: dict) -> None:
    document["meshes"][0]["primitives"][0]["attributes"]["POSITION"] = 99999


BROKEN_DOCUMENTS = {
    "renamed target": (_rename_target, "shapes", "3: 'blink_L' instead of"),
    "51 targets": (_drop_target, "shapes", "expected 52 each"),
    "no targets": (_drop_all_targets, "readable", "no mesh with morph targets"),
    "missing joint": (_drop_joint, "joints", "eye_right missing"),
    "scaled root": (lambda d: d["nodes"][1].update(scale=[100, 100, 100]), "scale", "neck carry a scale"),
    "dangling accessor": (_dangle, "readable", "refers to what is not in it"),
}


@pytest.mark.parametrize("fault", BROKEN_DOCUMENTS)
def test_a_broken_document_is_refused(fault: str, folder: Path):
    edit, rule, message = BROKEN_DOCUMENTS[fault]
    edit_glb(folder / "tiny.glb", edit)
    assert message in errors_of(check_path(folder / "tiny.glb"), rule)


def _overwrite(glb: Path, attribute: str, value: float) -> None:
    """Sets the first number of the first primitive's attribute, in the file's own bytes."""
    parsed = read_glb(glb)
    accessor = parsed.document["accessors"][parsed.head["primitives"][0]["attributes"][attribute]]
    start = parsed.document["bufferViews"][accessor["bufferView"]]["byteOffset"]
    data = bytearray(glb.read_bytes())
    at = len(data) - len(parsed.binary) + start
    dtype = {5126: np.float32, 5123: np.uint16}[accessor["componentType"]]
    raw = np.array(value, dtype).tobytes()
    data[at : at + len(raw)] = raw
    glb.write_bytes(bytes(data))


BROKEN_NUMBERS = {
    "finite": ("POSITION", np.nan, "values of positions are not finite"),
    "normals": ("NORMAL", 3.0, "normals are not of unit length"),
    "joint weights": ("WEIGHTS_0", 65535, "weights that do not sum to 1"),
}


@pytest.mark.parametrize("rule", BROKEN_NUMBERS)
def test_broken_numbers_are_refused(rule: str, folder: Path):
    attribute, value, message = BROKEN_NUMBERS[rule]
    _overwrite(folder / "tiny.glb", attribute, value)
    assert message in errors_of(check_path(folder / "tiny.glb"), rule)


def test_every_rule_on_a_glb_has_a_file_that_it_refuses():
    assert {*BROKEN_RIGS, *BROKEN_NUMBERS, *(rule for _, rule, _ in BROKEN_DOCUMENTS.values())} >= set(
        GLB_RULES
    )


def test_flips_are_named_by_their_region():
    template = load_template()
    lips = np.flatnonzero(template.regions["upper_lip"] > 0.9)[:5]
    ears = np.flatnonzero(template.regions["ear_left"] > 0.9)[:2]
    teeth = np.arange(template.part("tongue").vertices.start, template.part("tongue").vertices.start + 1)
    vertices = np.concatenate([lips, ears, teeth])
    named = places(vertices, template.topology.n_vertices, template.vertices[vertices])
    assert "ear left 2" in named
    assert "tongue 1" in named
    assert "lip" in named.split(",")[0]
    assert places(None, 0, np.full((3, 3), 0.01)) == "around x 10, y 10, z 10 mm"
