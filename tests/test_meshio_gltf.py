"""glTF as people have it: alpha, sparse accessors, skins, colour in odd places, extensions, damaged files."""

from __future__ import annotations

import copy
import json
import struct
from urllib.parse import quote

import cv2
import numpy as np
import pytest

from mien.core.conventions import linear_to_srgb, srgb_to_linear
from mien.core.errors import MienError
from mien.meshio.load import load_scan
from mien.meshio.polygon_mesh import read_polygon_mesh
from scan_files import embedded_gltf, glb, gltf_document, grid

GREY = 128
FLOAT, BYTE, SHORT, WORD, LONG = 5126, 5121, 5122, 5123, 5125
NUMBERS = {FLOAT: "<f4", BYTE: "u1", SHORT: "<i2", WORD: "<u2", LONG: "<u4"}
KINDS = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}


class Made:
    """A glTF in the making: a sheet of 4 x 4 vertices, with an image where one is given."""

    def __init__(self, image: bytes | None = None, n: int = 4, **more):
        self.vertices, self.triangles, self.uvs = grid(n)
        uvs = self.uvs * [1, -1] + [0, 1]
        self.document, self.binary = gltf_document(self.vertices, self.triangles, uvs, image=image, **more)
        self.primitive = self.document["meshes"][0]["primitives"][0]
        self.attributes = self.primitive["attributes"]

    @property
    def material(self) -> dict:
        return self.document.setdefault("materials", [{}])[0]

    @material.setter
    def material(self, value: dict) -> None:
        self.document["materials"] = [value]
        self.primitive["material"] = 0

    def view(self, data: bytes) -> int:
        self.binary += b"\0" * (-len(self.binary) % 4)
        views = self.document["bufferViews"]
        views.append({"buffer": 0, "byteOffset": len(self.binary), "byteLength": len(data)})
        self.binary += data
        self.document["buffers"][0]["byteLength"] = len(self.binary)
        return len(views) - 1

    def accessor(self, values, component: int = FLOAT, **more) -> int:
        rows = np.asarray(values).reshape(len(values), -1).astype(NUMBERS[component])
        accessors = self.document["accessors"]
        accessors.append({"bufferView": self.view(rows.tobytes()), "componentType": component,
                          "count": len(rows), "type": KINDS[rows.shape[1]], **more})  # fmt: skip
        return len(accessors) - 1

    def second(self, offset=(2.0, 0.0, 0.0), material: dict | None = None) -> dict:
        """The same sheet once more, beside the first, of another material."""
        primitive = copy.deepcopy(self.primitive)
        primitive.pop("material", None)
        if material is not None:
            self.document.setdefault("materials", [{}]).append(material)
            primitive["material"] = len(self.document["materials"]) - 1
        self.document["meshes"].append({"primitives": [primitive]})
        self.document["nodes"].append({"mesh": 1, "translation": list(offset)})
        self.document["scenes"][0]["nodes"] = [0, 1]
        return primitive

    def load(self, tmp_path, albedo=None):
        (tmp_path / "s.glb").write_bytes(glb(self.document, self.binary))
        return load_scan(tmp_path / "s.glb", albedo)

    def refused(self, tmp_path, words: str) -> str:
        with pytest.raises(MienError, match=words) as refusal:
            self.load(tmp_path)
        assert "\n" not in str(refusal.value)
        assert "s.glb" in str(refusal.value)
        return str(refusal.value)


def png(pixels) -> bytes:
    """RGB or RGBA pixels as a PNG."""
    order = [2, 1, 0, 3][: pixels.shape[2]]
    return cv2.imencode(".png", np.ascontiguousarray(pixels[..., order]).astype(np.uint8))[1].tobytes()


def flat(colour=(200, 10, 20), size=4) -> bytes:
    return png(np.tile(np.array(colour, np.uint8), (size, size, 1)))


def noted(scan, words: str) -> bool:
    return any(words in note for note in scan.notes)


# Alpha.

STRIPES = np.array([[255, 0, 0, 0], [0, 255, 0, 100], [0, 0, 255, 200], [9, 9, 9, 255]], np.uint8)


@pytest.mark.parametrize(
    ("material", "expected"),
    [
        ({}, [0, 1, 2, 3]),
        ({"alphaMode": "OPAQUE"}, [0, 1, 2, 3]),
        ({"alphaMode": "BLEND"}, [1, 1, 2, 3]),
        ({"alphaMode": "MASK"}, [2, 2, 2, 3]),
        ({"alphaMode": "MASK", "alphaCutoff": 0.3}, [1, 1, 2, 3]),
        ({"alphaMode": "MASK", "alphaCutoff": 0.9}, [3, 3, 3, 3]),
        ({"alphaMode": "MASK", "alphaCutoff": 0}, [0, 1, 2, 3]),
    ],
)
def test_alpha_counts_only_as_the_material_says(tmp_path, material, expected):
    made = Made(png(np.tile(STRIPES, (4, 1, 1))))
    made.material |= material
    scan = made.load(tmp_path)
    np.testing.assert_array_equal(scan.textures[0][0], STRIPES[expected, :3])
    assert noted(scan, "transparent in places") == (expected == [0, 1, 2, 3])


def test_the_factors_alpha_moves_the_cutoff_and_hides_whole_parts(tmp_path):
    made = Made(png(np.tile(STRIPES, (4, 1, 1))))
    made.material |= {"alphaMode": "MASK"}
    made.material["pbrMetallicRoughness"]["baseColorFactor"] = [1, 1, 1, 0.7]
    np.testing.assert_array_equal(made.load(tmp_path).textures[0][0], STRIPES[[2, 2, 2, 3], :3])
    shell = {"name": "shell", "alphaMode": "BLEND", "pbrMetallicRoughness": {"baseColorFactor": [1, 1, 1, 0]}}
    made.second(material=shell)
    scan = made.load(tmp_path)
    assert len(scan.triangles) == len(made.triangles)
    assert noted(scan, "wholly transparent were left out: shell")
    shell["alphaMode"] = "OPAQUE"
    assert len(made.load(tmp_path).triangles) == 2 * len(made.triangles)


def test_materials_that_make_the_same_of_an_image_share_it(tmp_path):
    pixels = np.tile(STRIPES, (4, 1, 1))
    made = Made(png(pixels))
    slot = {"baseColorTexture": {"index": 0}}
    made.second(material={"alphaMode": "BLEND", "pbrMetallicRoughness": slot})
    assert len(made.load(tmp_path).textures) == 2
    made = Made(png(pixels[..., :3]))
    made.second(material={"alphaMode": "BLEND", "pbrMetallicRoughness": slot})
    assert len(made.load(tmp_path).textures) == 1


# Colour: factors, and where else it stands.


def test_the_base_colour_factor_tints_the_image_in_linear_light(tmp_path):
    made = Made(flat((GREY, GREY, GREY)))
    made.material["pbrMetallicRoughness"]["baseColorFactor"] = [1, 0.5, 0.25, 1]
    expected = linear_to_srgb(srgb_to_linear(np.full(3, GREY / 255)) * [1, 0.5, 0.25]) * 255
    np.testing.assert_allclose(made.load(tmp_path).textures[0][0, 0], expected, atol=0.51)
    made.material["pbrMetallicRoughness"]["baseColorFactor"] = [1, 1, 1]
    made.refused(tmp_path, "baseColorFactor is .* expected 4 numbers")


def gloss(**diffuse) -> dict:
    return {"extensions": {"KHR_materials_pbrSpecularGlossiness": diffuse}}


SELF_LIT = {"emissiveFactor": [1, 1, 1], "emissiveTexture": {"index": 0}}
BLACK = {"baseColorFactor": [0, 0, 0, 1]}
SLOT = {"baseColorTexture": {"index": 0}}


@pytest.mark.parametrize(
    ("material", "note"),
    [
        (gloss(diffuseTexture={"index": 0}), "pbrSpecularGlossiness"),
        ({**SELF_LIT, "pbrMetallicRoughness": BLACK}, "emissive"),
        ({**SELF_LIT, "pbrMetallicRoughness": {**BLACK, "baseColorTexture": {"index": 1}}}, "emissive"),
        (SELF_LIT, "emissive"),
        ({"pbrMetallicRoughness": {**BLACK, **SLOT}}, "is black and was ignored"),
    ],
)
def test_colour_that_stands_elsewhere_is_read_with_a_note(tmp_path, material, note):
    made = Made(flat())
    made.document["images"].append({"uri": "no such image.png"})
    made.document["textures"].append({"source": 1})
    made.material = material
    scan = made.load(tmp_path)
    assert scan.textures[0][0, 0].tolist() == [200, 10, 20]
    assert (scan.triangle_texture == 0).all()
    assert noted(scan, note)


def test_a_base_colour_goes_before_glow_and_gloss(tmp_path):
    made = Made(flat())
    made.document["images"].append({"uri": "no such image.png"})
    made.document["textures"].append({"source": 1})
    made.material = {"pbrMetallicRoughness": SLOT, "emissiveFactor": [1, 1, 1], "emissiveTexture": {"index": 1},
                     **gloss(diffuseTexture={"index": 1})}  # fmt: skip
    scan = made.load(tmp_path)
    assert scan.textures[0][0, 0].tolist() == [200, 10, 20]
    assert scan.notes == ()


@pytest.mark.parametrize(
    "material",
    [
        {"emissiveTexture": {"index": 0}},  # its factor is black by default
        {"extensions": {"KHR_materials_sheen": {"sheenColorTexture": {"index": 0}}}},
        {},
    ],
)
def test_images_that_no_colour_came_from_are_noted(tmp_path, material):
    made = Made(flat())
    made.material = material
    scan = made.load(tmp_path)
    assert not scan.has_colour
    assert noted(scan, "holds images (1)")


def test_images_of_relief_are_no_colour(tmp_path):
    made = Made(flat())
    made.material = {"normalTexture": {"index": 0}}
    assert made.load(tmp_path).notes == ()


def test_an_image_without_its_uvs_is_noted(tmp_path):
    made = Made(flat())
    made.material["pbrMetallicRoughness"]["baseColorTexture"]["texCoord"] = 1
    scan = made.load(tmp_path)
    assert not scan.has_colour
    assert noted(scan, "no TEXCOORD_1")
    made.attributes["TEXCOORD_1"] = made.attributes["TEXCOORD_0"]
    assert made.load(tmp_path).has_colour


def test_flat_colours_count_where_they_tell_parts_apart(tmp_path):
    skin = {"name": "skin", "pbrMetallicRoughness": {"baseColorFactor": [0.6, 0.4, 0.3, 1]}}
    hair = {"name": "hair", "pbrMetallicRoughness": {"baseColorFactor": [0.1, 0.05, 0.02, 1]}}
    made = Made()
    made.material = skin
    scan = made.load(tmp_path)
    assert not scan.has_colour
    assert noted(scan, "one flat value, #cbaa95")
    made.second(material=hair)
    scan = made.load(tmp_path)
    right = scan.vertices[:, 0] > 1.5
    np.testing.assert_allclose(
        scan.vertex_colours[right], np.tile(linear_to_srgb(np.array([0.1, 0.05, 0.02])), (right.sum(), 1))
    )
    assert noted(scan, "flat colour of its material")


def test_grey_materials_say_nothing_and_flat_ones_beside_images_are_noted(tmp_path):
    made = Made()
    made.material = {"pbrMetallicRoughness": {"baseColorFactor": [0.8, 0.8, 0.8, 1]}}
    made.second(material={})
    scan = made.load(tmp_path)
    assert not scan.has_colour
    assert scan.notes == ()
    made = Made(flat())
    made.second(material={"name": "hair", "pbrMetallicRoughness": {"baseColorFactor": [0.1, 0.05, 0, 1]}})
    scan = made.load(tmp_path)
    assert (scan.triangle_texture == -1).mean() == 0.5
    assert noted(scan, "no colour there: hair")


@pytest.mark.parametrize(("component", "scale"), [(BYTE, 255), (WORD, 65535), (FLOAT, 1), (FLOAT, 255)])
@pytest.mark.parametrize("normalized", [True, False])
def test_vertex_colours_of_any_type(tmp_path, component, scale, normalized):
    made = Made()
    linear = np.tile([0.2, 0.4, 1.0, 1.0], (len(made.vertices), 1))
    values = np.round(linear * scale, 6)
    made.attributes["COLOR_0"] = made.accessor(
        values, component, **({"normalized": True} if normalized else {})
    )
    scan = made.load(tmp_path)
    np.testing.assert_allclose(srgb_to_linear(scan.vertex_colours), linear[:, :3], atol=3e-3)
    assert noted(scan, "0..255") == (component == FLOAT and scale == 255)


def test_vertex_colours_are_tinted_named_otherwise_or_on_top_of_an_image(tmp_path):
    linear = np.full((16, 3), 0.5)
    made = Made(colours=linear)
    made.material = {"pbrMetallicRoughness": {"baseColorFactor": [1, 0.5, 0.5, 1]}}
    scan = made.load(tmp_path)
    np.testing.assert_allclose(
        srgb_to_linear(scan.vertex_colours), np.tile([0.5, 0.25, 0.25], (16, 1)), atol=1e-6
    )
    made.attributes["COLOR_1"] = made.attributes.pop("COLOR_0")
    scan = made.load(tmp_path)
    assert noted(scan, "attribute COLOR_1")
    np.testing.assert_allclose(srgb_to_linear(scan.vertex_colours)[:, 0], 0.5, atol=1e-6)
    made.attributes["_NORMALS2"] = made.attributes.pop("COLOR_1")
    assert not made.load(tmp_path).has_colour
    made = Made(flat(), colours=linear)
    scan = made.load(tmp_path)
    assert len(scan.textures) == 1
    assert noted(scan, "on top of an image were left out")


def test_parts_without_vertex_colours_take_their_materials(tmp_path):
    made = Made(colours=np.full((16, 3), 0.5))
    other = made.second(material={"pbrMetallicRoughness": {"baseColorFactor": [0.1, 0.1, 0.1, 1]}})
    del other["attributes"]["COLOR_0"]
    scan = made.load(tmp_path)
    right = scan.vertices[:, 0] > 1.5
    np.testing.assert_allclose(srgb_to_linear(scan.vertex_colours[right]), 0.1, atol=1e-6)
    del other["material"]
    assert (made.load(tmp_path).vertex_colours[right] == 1.0).all()


# Geometry: sparse accessors, skins, morph targets, nodes, primitives.


def sparse(made: Made, rows, values, base=None) -> dict:
    """Makes the positions sparse over `base`."""
    entry = made.document["accessors"][made.attributes["POSITION"]]
    del entry["bufferView"]
    if base is not None:
        entry["bufferView"] = made.view(base.astype("<f4").tobytes())
    where = {"bufferView": made.view(np.asarray(rows, "<u2").tobytes()), "componentType": WORD}
    new = {"bufferView": made.view(np.asarray(values, "<f4").tobytes())}
    entry["sparse"] = {"count": len(rows), "indices": where, "values": new}
    return entry


@pytest.mark.parametrize("with_base", [False, True])
def test_sparse_positions(tmp_path, with_base):
    made = Made()
    rows = np.arange(16) if not with_base else np.array([3, 7, 15])
    base = None
    if with_base:
        base = made.vertices.copy()
        base[rows] -= 8
    sparse(made, rows, made.vertices[rows], base)
    np.testing.assert_allclose(made.load(tmp_path).vertices, made.vertices, atol=1e-6)


def test_sparse_texture_coordinates_and_faces(tmp_path):
    made = Made(flat())
    plain = made.load(tmp_path)
    accessors = made.document["accessors"]
    values = {"bufferView": made.view(b"\0" * 8)}
    where = {"bufferView": made.view(b"\5"), "componentType": BYTE}
    accessors[made.attributes["TEXCOORD_0"]]["sparse"] = {"count": 1, "indices": where, "values": values}
    moved = np.abs(made.load(tmp_path).corner_uvs - plain.corner_uvs).max(axis=2) > 0.1
    np.testing.assert_array_equal(moved, plain.triangles == 5)


def test_damaged_sparse_accessors_are_refused(tmp_path):
    made = Made()
    entry = sparse(made, [3, 16], made.vertices[[3, 15]], made.vertices)
    made.refused(tmp_path, "sparse accessor of 16 values replaces number 16")
    entry["sparse"]["count"] = 10**12
    made.refused(tmp_path, "do not fit")
    entry["sparse"]["count"] = 0
    entry["sparse"]["indices"]["componentType"] = FLOAT
    made.refused(tmp_path, "componentType 5126")
    del entry["sparse"]
    del entry["bufferView"]
    made.refused(tmp_path, "holds no data")


def skin(made: Made, primitive: dict, joints, weights, inverse=None, nodes=(1,)) -> None:
    """Hangs a primitive's vertices on joints."""
    primitive["attributes"]["JOINTS_0"] = made.accessor(joints, BYTE)
    primitive["attributes"]["WEIGHTS_0"] = made.accessor(weights)
    entry = {"joints": list(nodes)}
    if inverse is not None:
        columns = np.stack([np.asarray(m).T.ravel() for m in inverse])
        entry["inverseBindMatrices"] = made.accessor(columns)
    made.document.setdefault("skins", []).append(entry)


def hung_on_one(n: int = 16) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((n, 4)), np.tile([1.0, 0, 0, 0], (n, 1))


def test_quantized_skin_whose_scale_stands_in_the_bind_matrices(tmp_path):
    made = Made()
    step = 1 / 32767
    rows = np.zeros((16, 4), "<i2")
    rows[:, :3] = np.round(made.vertices / step)
    positions = made.accessor(rows[:, :3], SHORT)
    made.document["accessors"][positions]["bufferView"] = made.view(rows.tobytes())
    made.document["bufferViews"][-1]["byteStride"] = 8
    made.attributes["POSITION"] = positions
    inverse = np.diag([step, step, step, 1.0])
    inverse[:3, 3] = [0, 5, 0]
    skin(made, made.primitive, *hung_on_one(), inverse=[inverse])
    made.document["nodes"] = [{"mesh": 0, "skin": 0, "translation": [99, 0, 0]}, {}]
    made.document["scenes"][0]["nodes"] = [0, 1]
    made.document["extensionsRequired"] = ["KHR_mesh_quantization"]
    np.testing.assert_allclose(made.load(tmp_path).vertices, made.vertices + [0, 5, 0], atol=2 * step)


def test_a_skin_under_an_armature_ignores_its_own_node(tmp_path):
    half = 0.5**0.5
    made = Made()
    skin(made, made.primitive, *hung_on_one())
    armature = {"scale": [0.01] * 3, "rotation": [-half, 0, 0, half], "children": [1]}
    made.document["nodes"] = [armature, {}, {"mesh": 0, "skin": 0, "scale": [7, 7, 7]}]
    made.document["scenes"][0]["nodes"] = [2]  # the joints stand outside the scene
    expected = made.vertices[:, [0, 2, 1]] * [0.01, 0.01, -0.01]
    np.testing.assert_allclose(made.load(tmp_path).vertices, expected, atol=1e-8)
    del made.document["nodes"][2]["skin"]
    np.testing.assert_allclose(made.load(tmp_path).vertices, made.vertices * 7, atol=1e-6)


def test_weights_blend_joints_and_a_mirroring_skin_keeps_faces_outward(tmp_path):
    made = Made()
    joints = np.tile([0, 1, 200, 200], (16, 1))  # joints without weight may be any number
    weights = np.tile([0.5, 1.5, 0, 0], (16, 1))  # sums to 2
    weights[5] = 0  # follows its first joint
    skin(made, made.primitive, joints, weights, nodes=(1, 2))
    made.document["nodes"] = [
        {"mesh": 0, "skin": 0},
        {"scale": [-1, 1, 1]},
        {"scale": [-1, 1, 1], "translation": [0, 4, 0]},
    ]
    made.document["scenes"][0]["nodes"] = [0, 1, 2]
    scan = made.load(tmp_path)
    expected = made.vertices * [-1, 1, 1] + [0, 3, 0]
    expected[5] -= [0, 3, 0]
    np.testing.assert_allclose(scan.vertices, expected, atol=1e-6)
    np.testing.assert_array_equal(scan.triangles, made.triangles[:, ::-1])


def test_a_second_set_of_joints_counts(tmp_path):
    made = Made()
    skin(made, made.primitive, *hung_on_one(), nodes=(1, 2))
    made.attributes["JOINTS_1"] = made.accessor(np.tile([1, 0, 0, 0], (16, 1)), BYTE)
    made.attributes["WEIGHTS_1"] = made.accessor(np.tile([255, 0, 0, 0], (16, 1)), BYTE, normalized=True)
    made.document["nodes"] = [{"mesh": 0, "skin": 0}, {}, {"translation": [0, 0, 6]}]
    np.testing.assert_allclose(made.load(tmp_path).vertices, made.vertices + [0, 0, 3], atol=1e-6)


def test_damaged_skins_are_refused(tmp_path):
    made = Made()
    skin(made, made.primitive, np.full((16, 4), 3), hung_on_one()[1])
    made.document["nodes"] = [{"mesh": 0, "skin": 0}, {}]
    made.refused(tmp_path, "names joint 3 of 1")
    made.document["skins"][0]["joints"] = [1, 1, 1, 7]
    made.refused(tmp_path, "names number 7 of its 2 nodes")
    made.document["skins"][0] = {
        "joints": [1, 1, 1, 1],
        "inverseBindMatrices": made.accessor([np.eye(4).ravel()]),
    }
    made.refused(tmp_path, "4 joints has 1 inverse bind")
    del made.attributes["WEIGHTS_0"]
    made.document["skins"][0] = {"joints": [1, 1, 1, 1]}
    made.refused(tmp_path, "expected 4")


def test_morph_targets_stand_at_the_files_weights(tmp_path):
    made = Made()
    shift = np.tile([0, 0, 2.0], (16, 1))
    made.primitive["targets"] = [{"POSITION": made.accessor(shift)}, {"POSITION": made.accessor(5 * shift)}]
    plain = made.load(tmp_path)
    np.testing.assert_allclose(plain.vertices, made.vertices, atol=1e-6)
    assert plain.notes == ()
    made.document["meshes"][0]["weights"] = [0.5, 0]
    scan = made.load(tmp_path)
    np.testing.assert_allclose(scan.vertices, made.vertices + [0, 0, 1], atol=1e-6)
    assert noted(scan, "morph targets")
    made.document["nodes"][0]["weights"] = [0, 0.1]
    np.testing.assert_allclose(made.load(tmp_path).vertices, made.vertices + [0, 0, 1], atol=1e-6)
    made.primitive["targets"][1]["POSITION"] = made.accessor(shift[:5])
    made.refused(tmp_path, "not a complete glTF")


def test_scenes_hidden_nodes_and_children_listed_as_roots(tmp_path):
    made = Made()
    made.second()
    made.document["scenes"] = [{"nodes": [0]}, {"nodes": [1]}]
    scan = made.load(tmp_path)
    assert len(scan.triangles) == len(made.triangles)
    assert noted(scan, "outside its scene")
    made.document["scenes"] = [{"nodes": []}]
    assert len(made.load(tmp_path).triangles) == 2 * len(made.triangles)
    del made.document["scenes"], made.document["scene"]
    made.document["nodes"][1]["extensions"] = {"KHR_node_visibility": {"visible": False}}
    assert len(made.load(tmp_path).triangles) == len(made.triangles)
    made = Made()
    made.document["nodes"] = [{"mesh": 0}, {"children": [0], "translation": [0, 0, 3]}]
    made.document["scenes"] = [{"nodes": [0, 1]}]
    np.testing.assert_allclose(made.load(tmp_path).vertices, made.vertices + [0, 0, 3], atol=1e-6)


def test_nodes_in_a_circle_are_refused(tmp_path):
    made = Made()
    made.document["nodes"] = [{"mesh": 0, "children": [1]}, {"children": [0]}]
    made.refused(tmp_path, "form a cycle")
    skin(made, made.primitive, *hung_on_one())
    made.document["nodes"] = [{"mesh": 0, "skin": 0}, {"children": [2]}, {"children": [1]}]
    made.refused(tmp_path, "form a cycle")


def test_a_rotation_that_is_not_of_unit_length_does_not_shear(tmp_path):
    made = Made()
    made.document["nodes"][0]["rotation"] = [0, 0, 3, 3]
    expected = made.vertices[:, [1, 0, 2]] * [-1, 1, 1]
    np.testing.assert_allclose(made.load(tmp_path).vertices, expected, atol=1e-6)


def test_a_scene_cannot_ask_for_endless_points(tmp_path):
    made = Made()
    made.document["nodes"] = [{"mesh": 0}] * 400
    made.document["scenes"] = [{"nodes": list(range(400))}]
    made.document["accessors"][made.attributes["POSITION"]]["count"] = 200_000
    made.refused(tmp_path, "it draws 80000000 points")


@pytest.mark.parametrize("mode", [5, 6])
def test_strips_and_fans(tmp_path, mode):
    made = Made()
    made.primitive["mode"] = mode
    order = [0, 1, 4, 5, 8] if mode == 5 else [0, 1, 5, 4]
    made.primitive["indices"] = made.accessor(order, WORD)
    expected = [[0, 1, 4], [1, 5, 4], [4, 5, 8]] if mode == 5 else [[0, 1, 5], [0, 5, 4]]
    got = made.load(tmp_path).triangles
    assert [sorted(t) for t in got.tolist()] == [sorted(t) for t in expected]
    normals = np.cross(
        made.vertices[got[:, 1]] - made.vertices[got[:, 0]],
        made.vertices[got[:, 2]] - made.vertices[got[:, 0]],
    )
    assert (normals[:, 2] > 0).all()


def test_points_and_lines_are_left_out_and_counted(tmp_path):
    made = Made()
    made.second()["mode"] = 0
    scan = made.load(tmp_path)
    assert len(scan.triangles) == len(made.triangles)
    assert noted(scan, "without faces were left out: 1 of 2")
    made.primitive["mode"] = 0
    made.refused(tmp_path, "holds 32 vertices and 0 faces.*point cloud must be meshed")


def test_albedo_follows_the_material_s_own_uvs(tmp_path):
    """Quantized texture coordinates get their scale from KHR_texture_transform, also under --albedo."""
    (tmp_path / "a.png").write_bytes(flat())
    made = Made(b"no image at all")
    plain = Made().load(tmp_path).corner_uvs
    down = np.round((made.uvs * [1, -1] + [0, 1]) * 4095)
    made.attributes["TEXCOORD_1"] = made.accessor(down, WORD)
    transform = {"scale": [1 / 4095, 1 / 4095], "texCoord": 1}
    slot = made.material["pbrMetallicRoughness"]["baseColorTexture"]
    slot["extensions"] = {"KHR_texture_transform": transform}
    scan = made.load(tmp_path, tmp_path / "a.png")
    assert scan.has_colour
    np.testing.assert_allclose(scan.corner_uvs, plain, atol=1e-3)
    made.refused(tmp_path, "'embedded' is not a readable image")


# Extensions, images, versions.


@pytest.mark.parametrize(
    "name",
    ["KHR_materials_unlit", "KHR_materials_clearcoat", "KHR_materials_made_up", "KHR_lights_punctual", "VRM",
     "KHR_texture_basisu", "MSFT_lod", "KHR_xmp_json_ld"],
)  # fmt: skip
def test_required_extensions_that_change_nothing(tmp_path, name):
    made = Made(flat())
    made.document["extensionsUsed"] = made.document["extensionsRequired"] = [name]
    assert made.load(tmp_path).has_colour


@pytest.mark.parametrize(
    "name",
    ["EXT_meshopt_compression", "KHR_meshopt_compression", "EXT_mesh_gpu_instancing", "KHR_gaussian_splatting",
     "SOMEBODY_new_geometry"],
)  # fmt: skip
def test_required_extensions_that_are_not_read_are_refused_by_name(tmp_path, name):
    made = Made(flat())
    made.document["extensionsRequired"] = ["KHR_materials_unlit", name]
    made.refused(tmp_path, f"needs the glTF extension {name}.*export without it")


def test_packed_geometry_without_a_plain_copy_is_refused_by_name(tmp_path):
    made = Made()
    view = made.document["bufferViews"][1]
    view["extensions"] = {"EXT_meshopt_compression": {"buffer": 0}}
    assert len(made.load(tmp_path).triangles)  # the plain copy is there
    made.document["buffers"].append(
        {"byteLength": 9999, "extensions": {"EXT_meshopt_compression": {"fallback": True}}}
    )
    view["buffer"] = 1
    made.refused(tmp_path, "packed by EXT_meshopt_compression")


def test_copies_by_an_extension_are_noted(tmp_path):
    made = Made()
    made.document["extensionsUsed"] = ["EXT_mesh_gpu_instancing"]
    assert noted(made.load(tmp_path), "EXT_mesh_gpu_instancing (copies of a mesh) is not read")


@pytest.mark.parametrize(("name", "ending"), [("EXT_texture_webp", ".webp"), ("EXT_texture_avif", ".avif")])
def test_images_behind_extensions_that_are_read(tmp_path, name, ending):
    pixels = np.full((64, 64, 3), (20, 10, 200), np.uint8)
    made = Made(cv2.imencode(ending, pixels)[1].tobytes())
    made.document["textures"] = [{"extensions": {name: {"source": 0}}}]
    got = made.load(tmp_path).textures[0]
    np.testing.assert_allclose(got[32, 32], [200, 10, 20], atol=6)


@pytest.mark.parametrize(
    ("name", "what"),
    [("KHR_texture_basisu", "KTX2"), ("MSFT_texture_dds", "DDS"), ("SOMEBODY_texture", "a kind of image")],
)
def test_images_that_are_not_read_are_refused_by_name(tmp_path, name, what):
    made = Made(b"\xabKTX 20\xbb\r\n\x1a\n" + b"\0" * 99)
    made.document["textures"] = [{"extensions": {name: {"source": 0}}}]
    made.refused(tmp_path, f"{what}.*{name}.*PNG or JPEG, or give --albedo IMAGE")
    (tmp_path / "a.png").write_bytes(flat())
    assert made.load(tmp_path, tmp_path / "a.png").has_colour
    made.document["images"].append({"bufferView": made.view(flat())})
    made.document["textures"][0]["source"] = 1  # a fallback that can be read
    assert made.load(tmp_path).has_colour


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\xabKTX 20\xbb\r\n\x1a\n" + b"\0" * 99, "a KTX2 texture"),
        (b"DDS " + b"\0" * 99, "a DDS texture"),
        (b"8BPS\0\1" + b"\0" * 99, "a Photoshop file"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 99, "a HEIC image"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"<html>", "a web page"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 99, "a PNG image that is cut off"),
        (flat()[:-20], "a PNG image that is cut off"),
        (flat().replace(b"IDAT", b"IDAU"), "a PNG image that cannot be read"),
        (
            cv2.imencode(".jpg", np.zeros((64, 64, 3), np.uint8))[1].tobytes()[:-9],
            "a JPEG image that is cut off",
        ),
        (
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 2**30, 2**30),
            "1073741824 x 1073741824 pixels",
        ),
        (b"\xff\xd8\xff\xc0\0\x11\x08\xff\xff\xff\xff" + b"\0" * 99, "65535 x 65535 pixels in 110 bytes"),
    ],
)
def test_embedded_images_are_refused_as_what_they_are(tmp_path, data, what):
    Made(data).refused(tmp_path, what)


def test_a_texture_without_an_image_is_noted(tmp_path):
    made = Made(flat())
    made.document["textures"] = [{}]
    scan = made.load(tmp_path)
    assert not scan.has_colour
    assert noted(scan, "names no image")


def test_other_versions_are_refused_as_what_they_are(tmp_path):
    text = b'{"asset":{"version":"1.0"}} '
    old = struct.pack("<4sIIII", b"glTF", 1, 20 + len(text), len(text), 0) + text
    for name, data, words in (
        ("a.glb", old, r"glTF 1\.0 file.*convert it to 2\.0"),
        ("b.gltf", text, r"glTF 1\.0 file"),
        ("c.gltf", b'{"meshes": {"head": {}}}', r"glTF 1\.0 file"),
        ("d.glb", struct.pack("<4sII", b"glTF", 3, 12), "GLB version 3, expected 2"),
        ("e.glb", b"PK\3\4", "is a ZIP archive, not glTF"),
        ("f.gltf", b"<!DOCTYPE html>", "is a web page, not glTF"),
        ("g.glb", b"Kaydara FBX Binary  \0", "is an FBX file, not glTF"),
        ("h.glb", b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        ("i.gltf", b"nonsense", "is something else, not glTF"),
        ("j.gltf", b'{"nodes": [', "cut off"),
        ("k.gltf", b"[" * 200_000, "not a complete glTF"),
        ("l.gltf", b"[]", "JSON is no object"),
        ("m.gltf", b'{"nodes": [1]}', "nodes are no list of objects"),
        ("n.glb", struct.pack("<4sII", b"glTF", 2, 12), "no JSON chunk"),
        ("o.glb", b"glTF", "cut off"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(MienError, match=words) as refusal:
            load_scan(tmp_path / name)
        assert name in str(refusal.value)
        assert "\n" not in str(refusal.value)


# Files of other machines.


@pytest.mark.parametrize(
    ("uri", "note"),
    [
        ("textures/head.jpg", False),
        ("textures/Kopf%20%C3%BC.png", False),
        ("Textures\\Head.JPG", True),
        ("C:\\scans\\textures\\head.jpg", True),
        ("file:///home/somebody/textures/HEAD.jpg", True),
    ],
)
def test_images_named_by_another_machine_are_found(tmp_path, uri, note):
    (tmp_path / "textures").mkdir()
    for name in ("textures/head.jpg", "head.jpg", "textures/Kopf ü.png"):
        (tmp_path / name).write_bytes(flat())
    made = Made(flat())
    made.document["images"] = [{"uri": uri}]
    scan = made.load(tmp_path)
    assert scan.textures[0][0, 0].tolist() == [200, 10, 20]
    assert bool(scan.notes) == note


@pytest.mark.parametrize("uri", ["textures/other.jpg", "..\\other.jpg", quote("ü.png"), "x" * 3000, "\0"])
def test_images_that_are_not_there_are_refused(tmp_path, uri):
    (tmp_path / "head.jpg").write_bytes(flat())
    made = Made(flat())
    made.document["images"] = [{"uri": uri}]
    made.refused(tmp_path, "named by s.glb but does not exist; place it beside the scan")


def test_names_in_old_encodings_and_names_that_fit_twice(tmp_path):
    (tmp_path / "Köpfchen.png").write_bytes(flat())
    made = Made(flat())
    made.document["images"] = [{"uri": "Köpfchen.png"}]
    text = embedded_gltf(made.document, made.binary).replace("\\u00f6", "ö")
    (tmp_path / "s.gltf").write_bytes(text.encode("latin-1"))
    assert load_scan(tmp_path / "s.gltf").has_colour
    (tmp_path / "A.png").write_bytes(flat())
    (tmp_path / "a.PNG").write_bytes(flat())
    made.document["images"] = [{"uri": "a.png"}]
    made.refused(tmp_path, "a.png: named by s.glb but does not exist; .*rename the one that is meant")


def test_images_on_the_network_are_refused(tmp_path):
    made = Made(flat())
    made.document["images"] = [{"uri": "https://example.com/head.jpg"}]
    made.refused(tmp_path, "on the network")


def test_a_missing_buffer_matters_only_where_it_is_used(tmp_path):
    made = Made()
    made.document["buffers"].append({"byteLength": 9, "uri": "animations.bin"})
    made.document["bufferViews"].append({"buffer": 1, "byteLength": 9})
    assert len(made.load(tmp_path).triangles)
    made.document["bufferViews"][1]["buffer"] = 1
    made.refused(tmp_path, "animations.bin: named by s.glb but does not exist")


# Numbers and names as exporters write them; claims against what is there.


def test_json_with_marks_points_and_old_encodings(tmp_path):
    made = Made(flat())
    made.material["name"] = "Köpfchen"
    text = embedded_gltf(made.document, made.binary)
    plain = text.replace('"byteOffset": 0,', '"byteOffset": 0.0,').replace("\\u00f6", "ö")
    assert "0.0," in plain
    assert "Kö" in plain
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "latin-1"):
        (tmp_path / "s.gltf").write_bytes(plain.encode(encoding))
        assert load_scan(tmp_path / "s.gltf").has_colour
    (tmp_path / "s.gltf").write_text(plain.replace('"byteOffset": 0.0,', '"byteOffset": 0.5,'))
    with pytest.raises(MienError, match=r"byteOffset is 0\.5, expected a whole number"):
        load_scan(tmp_path / "s.gltf")


def test_data_uris_with_percent_signs(tmp_path):
    made = Made()
    body = "".join(f"%{byte:02X}" for byte in made.binary)
    made.document["buffers"][0]["uri"] = "data:application/octet-stream," + body
    (tmp_path / "s.gltf").write_text(json.dumps(made.document))
    np.testing.assert_allclose(load_scan(tmp_path / "s.gltf").vertices, made.vertices, atol=1e-6)


def damaged(name: str):
    def change(made: Made) -> None:
        accessor = made.document["accessors"][made.attributes["POSITION"]]
        view = made.document["bufferViews"][accessor["bufferView"]]
        changes = {
            "terabytes": lambda: accessor.update(count=10**12),
            "one too many": lambda: accessor.update(count=17, byteOffset=0),
            "negative": lambda: accessor.update(count=-1),
            "true": lambda: accessor.update(count=True),
            "no number": lambda: accessor.update(count="many"),
            "narrow stride": lambda: view.update(byteStride=4),
            "view": lambda: view.update(byteLength=10**9),
            "before": lambda: view.update(byteOffset=-4),
            "missing view": lambda: accessor.update(bufferView=-1),
            "type": lambda: accessor.update(type="VEC2"),
            "component": lambda: accessor.update(componentType=5124),
            "colours": lambda: made.attributes.update(COLOR_0=made.accessor(np.ones((15, 3)))),
            "uvs": lambda: made.document["accessors"][made.attributes["TEXCOORD_0"]].update(count=15),
            "indices": lambda: made.primitive.update(indices=made.attributes["POSITION"]),
            "face": lambda: accessor.update(count=9),
            "attribute": lambda: made.attributes.update(POSITION=99),
            "mesh": lambda: made.document["nodes"][0].update(mesh=3),
            "matrix": lambda: made.document["nodes"][0].update(matrix=[1, 2, 3]),
        }
        changes[name]()

    return change


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("terabytes", "it draws 1000000000000 points"), ("one too many", "17 values of 12 bytes do not fit"),
        ("negative", "count is -1"), ("true", "count is True"), ("no number", "count is 'many'"),
        ("narrow stride", "do not fit"), ("view", "ends at byte 1000000"), ("before", "byteOffset is -4"),
        ("missing view", "names number -1 of its 3 bufferViews"), ("type", "2 numbers a vertex, expected 3"),
        ("component", "componentType 5124"), ("indices", "is of type VEC3"), ("face", "names vertex 15 of 9"),
        ("attribute", "names number 99 of its 3 accessors"), ("mesh", "names number 3 of its 1 meshes"),
        ("matrix", "not a complete glTF"), ("colours", "COLOR_0 has 15 values for 16 vertices"),
        ("uvs", "TEXCOORD_0 has 15 values"),
    ],
)  # fmt: skip
def test_damaged_structures_are_refused_in_plain_words(tmp_path, name, words):
    made = Made()
    damaged(name)(made)
    made.refused(tmp_path, words)


def test_zeros_for_a_sparse_accessor_are_bounded_by_the_file(tmp_path):
    made = Made()
    entry = sparse(made, [0], made.vertices[:1])
    entry["count"] = 40_000_000
    made.refused(tmp_path, "declares 40000000 values, the whole file has")


def test_a_stride_of_nought_means_tight(tmp_path):
    made = Made()
    for view in made.document["bufferViews"]:
        view["byteStride"] = 0
    np.testing.assert_allclose(made.load(tmp_path).vertices, made.vertices, atol=1e-6)


def test_texture_coordinates_far_beyond_any_tile_are_unknown(tmp_path):
    made = Made(flat())
    wild = made.uvs.copy()
    wild[0], wild[1] = 3e38, (-np.inf, np.nan)
    made.attributes["TEXCOORD_0"] = made.accessor(wild)
    assert np.abs(made.load(tmp_path).corner_uvs).max() <= 1.0


def test_draco_that_is_none_is_refused(tmp_path):
    made = Made()
    extension = {"bufferView": made.view(b"DRACO" + b"\7" * 60), "attributes": {"POSITION": 0}}
    made.primitive["extensions"] = {"KHR_draco_mesh_compression": extension}
    made.refused(tmp_path, "Draco data cannot be read")


JUNK = (None, -1, 10**9, 1.5, "x", [], {}, [[]], True, {"a": 1}, float("nan"), 2**70)


def places(node, path=()):
    """Every place in a JSON document."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def outcome(path) -> str:
    """What reading said, or a line break where it read; anything but a refusal escapes."""
    try:
        load_scan(path)
    except MienError as error:
        return str(error)
    return "\n"


def test_any_value_in_any_place_is_read_or_refused_in_one_line(tmp_path):
    made = Made(flat(), colours=np.full((16, 3), 0.5))
    skin(made, made.primitive, *hung_on_one(), inverse=[np.eye(4)])
    made.document["nodes"] = [
        {"mesh": 0, "skin": 0, "rotation": [0, 0, 0, 1], "weights": [0.5]},
        {"children": []},
    ]
    made.document["samplers"] = [{"wrapS": 33648}]
    made.document["textures"][0]["sampler"] = 0
    made.material |= {
        "alphaMode": "MASK",
        "alphaCutoff": 0.5,
        "emissiveFactor": [0, 0, 0],
        **gloss(diffuseFactor=[1, 1, 1, 1]),
    }
    made.primitive["targets"] = [{"POSITION": made.attributes["POSITION"]}]
    sparse(made, [1], made.vertices[:1], made.vertices)
    rng = np.random.default_rng(0)
    everywhere = list(places(made.document))
    assert len(everywhere) > 150
    refused = 0
    for at in everywhere:
        for junk in rng.choice(len(JUNK), 3, replace=False):
            broken = copy.deepcopy(made.document)
            node = broken
            for key in at[:-1]:
                node = node[key]
            node[at[-1]] = JUNK[junk]
            (tmp_path / "s.glb").write_bytes(glb(broken, made.binary))
            refused += "\n" not in outcome(tmp_path / "s.glb")
    assert refused > 100


def test_a_base_mesh_is_read_without_what_materials_do(tmp_path):
    made = Made(b"no image")
    hidden = {
        "name": "shell",
        "alphaMode": "BLEND",
        "pbrMetallicRoughness": {"baseColorFactor": [1, 1, 1, 0]},
    }
    made.material["name"] = "skin"
    made.second(material=hidden)
    made.document["meshes"].append({"primitives": [{**made.primitive, "material": 2}]})
    made.document["materials"].append({})
    made.document["nodes"].append({"mesh": 2, "translation": [0, 3, 0]})
    made.document["scenes"][0]["nodes"] = [0, 1, 2]
    (tmp_path / "s.glb").write_bytes(glb(made.document, made.binary))
    mesh = read_polygon_mesh(tmp_path / "s.glb")
    assert mesh.materials == ("skin", "shell", "head_2")
    assert np.bincount(mesh.material).tolist() == [18, 18, 18]
