"""The GLB, read back without the writer's code."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export_fixture import tiny_asset
from mien.core.conventions import SHAPE_NAMES, srgb_to_linear
from mien.core.errors import MienError
from mien.export.glb import glb_bytes, strongest_influences
from mien.export.materials import film_ior
from mien.export.reader import Glb, read_glb

MICROMETRE = 1e-6


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("glb") / "tiny.glb"
    path.write_bytes(glb_bytes(tiny_asset()))
    return path


@pytest.fixture(scope="module")
def glb(written: Path) -> Glb:
    return read_glb(written)


def test_positions_and_offsets_come_back(glb: Glb):
    asset = tiny_asset()
    assert glb.head["extras"]["targetNames"] == list(SHAPE_NAMES)
    for primitive in glb.head["primitives"]:
        ids = glb.array(primitive["attributes"]["_VERTEX_ID"])[:, 0].astype(int)
        positions = glb.array(primitive["attributes"]["POSITION"])
        np.testing.assert_allclose(positions, asset.rig.neutral[ids], atol=1e-8)
        for shape, target in zip(asset.rig.shapes, primitive["targets"], strict=True):
            np.testing.assert_allclose(glb.array(target["POSITION"]), shape[ids], atol=MICROMETRE)


def test_every_vertex_and_every_triangle_is_there(glb: Glb):
    topology = tiny_asset().template.topology
    corners = []
    for primitive in glb.head["primitives"]:
        ids = glb.array(primitive["attributes"]["_VERTEX_ID"])[:, 0].astype(int)
        corners.append(ids[glb.array(primitive["indices"])[:, 0].reshape(-1, 3)])
    np.testing.assert_array_equal(np.concatenate(corners), topology.triangles)


def test_uvs_are_flipped_at_the_border(glb: Glb):
    primitive = glb.head["primitives"][0]
    ids = glb.array(primitive["attributes"]["_VERTEX_ID"])[:, 0].astype(int)
    uvs = glb.array(primitive["attributes"]["TEXCOORD_0"])
    np.testing.assert_allclose(uvs, tiny_asset().template.topology.uvs[ids] * [1, -1] + [0, 1], atol=1e-7)


def test_morphed_normals_are_those_of_the_morphed_mesh(glb: Glb):
    from mien.geometry.normals import vertex_normals

    asset = tiny_asset()
    primitive = glb.head["primitives"][0]
    ids = glb.array(primitive["attributes"]["_VERTEX_ID"])[:, 0].astype(int)
    k = SHAPE_NAMES.index("jawOpen")
    turned = glb.array(primitive["attributes"]["NORMAL"]) + glb.array(primitive["targets"][k]["NORMAL"])
    posed = asset.rig.neutral + asset.rig.shapes[k]
    expected = vertex_normals(posed, asset.template.topology.triangles)[ids]
    np.testing.assert_allclose(turned, expected, atol=1.1e-3)


def test_sparse_equals_dense_and_is_smaller(tmp_path: Path, glb: Glb, written: Path):
    path = tmp_path / "dense.glb"
    path.write_bytes(glb_bytes(tiny_asset(), sparse_targets=False))
    dense = read_glb(path)
    assert path.stat().st_size > 1.5 * written.stat().st_size
    for ours, theirs in zip(glb.head["primitives"], dense.head["primitives"], strict=True):
        for a, b in zip(ours["targets"], theirs["targets"], strict=True):
            for attribute in ("POSITION", "NORMAL"):
                np.testing.assert_array_equal(glb.array(a[attribute]), dense.array(b[attribute]))
                bounds = [glb.document["accessors"][a["POSITION"]][k] for k in ("min", "max")]
                values = dense.array(b["POSITION"])
                np.testing.assert_allclose(bounds, [values.min(axis=0), values.max(axis=0)])


def test_the_skin_at_rest_moves_nothing(glb: Glb):
    (skin,) = glb.document["skins"]
    inverse = glb.array(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
    for joint, matrix, rest in zip(skin["joints"], inverse, tiny_asset().rig.joints, strict=True):
        assert glb.document["nodes"][joint]["name"] == rest.name
        np.testing.assert_allclose(matrix @ [*rest.position, 1], [0, 0, 0, 1], atol=1e-7)


def test_textures_hold_the_maps(glb: Glb):
    asset = tiny_asset()
    material = glb.document["materials"][0]
    rough = material["pbrMetallicRoughness"]["metallicRoughnessTexture"]["index"]
    pixels = _pixels(glb, rough)
    expected = asset.maps["face_roughness"].pixels[..., 0] * 255
    assert np.abs(pixels[..., 1] - expected).max() <= 2  # G, as glTF reads it
    colour = _pixels(glb, material["extensions"]["KHR_materials_specular"]["specularColorTexture"]["index"])
    f0 = 0.04 * srgb_to_linear(colour[..., 0] / 255)  # of ior 1.5
    expected = 0.08 * np.clip(asset.maps["face_specular"].pixels[..., 0], 0, 0.5)
    assert np.abs(f0 - expected).max() < 0.001
    assert material["extensions"]["KHR_materials_ior"]["ior"] == 1.5
    assert material["extras"]["displacement_map"] == "maps/face_displacement.exr"


def test_only_what_must_blends_blends(glb: Glb):
    modes = {m["name"]: m.get("alphaMode", "OPAQUE") for m in glb.document["materials"]}
    assert modes == {"face": "OPAQUE", "mouth": "OPAQUE", "cornea": "BLEND"}


def test_a_film_reflects_through_its_alpha_as_the_clear_surface_does():
    def f0(ior: float) -> float:
        return ((ior - 1) / (ior + 1)) ** 2

    assert film_ior(1.376, 1.0) == pytest.approx(1.376)
    assert 0.15 * f0(film_ior(1.376, 0.15)) == pytest.approx(f0(1.376))


def test_two_writings_are_equal_byte_for_byte(written: Path):
    assert glb_bytes(tiny_asset()) == written.read_bytes()


@given(st.lists(st.lists(st.floats(0, 1), min_size=6, max_size=6), min_size=1, max_size=20))
def test_influences_sum_to_exactly_one_and_keep_the_strongest(rows: list[list[float]]):
    weights = np.array(rows) + np.eye(6)[0] * 1e-3
    joints, steps = strongest_influences(weights)
    np.testing.assert_array_equal(steps.astype(int).sum(axis=1), 65535)
    np.testing.assert_array_equal(joints[:, 0], weights.argmax(axis=1))
    assert (joints[steps == 0] == 0).all()


def test_a_truncated_file_is_refused(tmp_path: Path, written: Path):
    short = tmp_path / "short.glb"
    short.write_bytes(written.read_bytes()[:-100])
    with pytest.raises(MienError, match="cannot be read as GLB"):
        read_glb(short)


def _pixels(glb: Glb, texture: int) -> np.ndarray:
    encoded = np.frombuffer(glb.image(glb.document["textures"][texture]["source"]), np.uint8)
    pixels = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)
    if pixels.ndim == 2:
        return np.repeat(pixels[..., None], 3, axis=2).astype(float)
    return pixels[..., [2, 1, 0, *range(3, pixels.shape[2])]].astype(float)


@pytest.mark.parametrize(("field", "value", "message"), [
    ("neutral", np.nan, "the rig's neutral: 1 numbers are not finite"),
    ("shapes", np.inf, "the rig's shapes"),
    ("joint_weights", 0.0, "1 vertices follow no joint"),
])  # fmt: skip
def test_a_broken_rig_is_refused_before_anything_is_written(field: str, value: float, message: str):
    asset = tiny_asset()
    array = getattr(asset.rig, field).copy()
    array[(0,) if field == "joint_weights" else (0,) * array.ndim] = value
    with pytest.raises(MienError, match=message):
        glb_bytes(replace(asset, rig=replace(asset.rig, **{field: array})))
