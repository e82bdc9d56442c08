"""The general check: colour that a file names and no reader understood is said, in every format."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mien.meshio.colour_named import colour_named
from mien.meshio.load import load_scan
from ply_files import CORNERS, XYZ, lists, ply, points, rows
from scan_files import glb, gltf_document, grid, obj_text


def written(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def gltf_with(material=None, attributes=()):
    vertices, triangles, uvs = grid(3)
    document, binary = gltf_document(vertices, triangles, uvs)
    document["materials"] = [material or {}]
    document["meshes"][0]["primitives"][0]["attributes"] |= dict.fromkeys(attributes, 1)
    return document, binary


IMAGE = {"index": 0}
NAMED = {
    "vertices.obj": ("v 0 0 0 1 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", ["v x y z r g b"]),
    "paint.obj": ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n#MRGB ffffffffff000000\n", ["ZBrush's #MRGB"]),
    "library.obj": ("mtllib a b.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", ["map_Kd skin.png"]),
    "base.gltf": (json.dumps(gltf_with({"pbrMetallicRoughness": {"baseColorTexture": IMAGE}})[0]), ["baseColorTexture"]),
    "glow.glb": (glb(*gltf_with({"emissiveTexture": IMAGE})), ["emissiveTexture"]),
    "gloss.glb": (glb(*gltf_with({"extensions": {"X": {"diffuseTexture": IMAGE}}})), ["diffuseTexture"]),
    "second.glb": (glb(*gltf_with(attributes=["COLOR_1"])), ["COLOR_1"]),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_what_files_name(tmp_path, name):
    content, named = NAMED[name]
    written(tmp_path / "a b.mtl", "newmtl x\nmap_bump bump.png\n map_Kd skin.png \nmap_Ks gloss.png\n")
    assert colour_named(written(tmp_path / name, content)) == named


UNNAMED = {
    "plain.obj": obj_text(*grid(3)[:2]),
    "gone.obj": "mtllib gone.mtl\n# mtllib\n" + obj_text(*grid(3)),
    "normals.glb": glb(*gltf_with({"normalTexture": IMAGE, "pbrMetallicRoughness": {"metallicRoughnessTexture": IMAGE}})),
    "plain.ply": ply(("vertex", (*XYZ, "float nx", "float confidence"), rows(points(np.eye(3)), [0] * 3, [1] * 3)),
                     ("face", CORNERS, [([0, 1, 2],)])),
}  # fmt: skip


@pytest.mark.parametrize("name", UNNAMED)
def test_what_is_no_colour_is_not_named(tmp_path, name):
    path = written(tmp_path / name, UNNAMED[name])
    assert colour_named(path) == []
    assert "names colour" not in " ".join(load_scan(path).notes)


def test_a_scan_whose_colour_was_not_read_says_so(tmp_path):
    vertices, triangles, uvs = grid(3)
    properties = (*XYZ, "float albedo_x", "float albedo_y", "float u", "float v")
    table = rows(points(vertices), *uvs.T.tolist(), *uvs.T.tolist())
    data = ply(("vertex", properties, table), ("face", CORNERS, rows(lists(triangles))))
    path = written(tmp_path / "s.ply", data)
    assert load_scan(path).notes == (
        "the file names colour (albedo_x, albedo_y of its element vertex), but none of it could be read",
    )
    import cv2

    cv2.imwrite(str(tmp_path / "q.png"), np.full((4, 4, 3), 90, np.uint8))
    assert not load_scan(path, tmp_path / "q.png").notes  # given by hand
