"""Scan files of every format, whole and broken."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from mien.core.errors import MienError
from mien.meshio.load import load_scan
from mien.meshio.raw_mesh import fan, merge_positions
from mien.scan.landmarks.orthographic import sample_texture
from scan_files import (
    QUADRANTS,
    draco_document,
    embedded_gltf,
    glb,
    gltf_document,
    grid,
    obj_text,
    write_quadrants,
)  # fmt: skip

TOP_LEFT = np.array([1.0, -1.0]), np.array([0.0, 1.0])


def corners(scan):
    return canonical(scan.vertices[scan.triangles])


def expected_corners(vertices, triangles):
    return canonical(vertices[triangles])


def canonical(triangles, decimals=3):
    """Corner positions that stay equal whatever the order of faces, and whichever corner a face starts with."""
    rounded = triangles.round(decimals) + 0.0
    weights = np.array([1.0, 37.7, 1411.3])
    first = np.argmin(rounded @ weights, axis=1)
    turned = np.take_along_axis(rounded, ((first[:, None] + np.arange(3)) % 3)[..., None], axis=1)
    rows = turned.reshape(-1, 9)
    return rows[np.lexsort(rows.T)]


def assert_quadrants(scan, tolerance=3.0):
    """The sheet's UVs equal its x and y, so the colour at (x, y) must be that quadrant's."""
    assert scan.corner_uvs is not None
    assert scan.triangle_texture is not None
    middles = scan.vertices[scan.triangles].mean(axis=1)
    uvs = scan.corner_uvs.mean(axis=1)
    np.testing.assert_allclose(uvs, middles[:, :2], atol=1e-4)
    for (u, v), colour in QUADRANTS.items():
        nearest = np.argmin(np.abs(middles[:, :2] - (u, v)).sum(axis=1))
        got = (
            sample_texture(scan.textures[scan.triangle_texture[nearest]], uvs[nearest : nearest + 1])[0] * 255
        )
        np.testing.assert_allclose(got, colour, atol=tolerance)


def test_obj_with_material(tmp_path):
    write_quadrants(tmp_path / "my colours.png")
    (tmp_path / "s.mtl").write_text("newmtl skin\nmap_Kd -s 1 1 1 my colours.png\n")
    vertices, triangles, uvs = grid()
    text = obj_text(vertices, triangles, uvs, head="mtllib s.mtl\nusemtl skin")
    (tmp_path / "s.obj").write_text(text.replace("\n", "\r\n"))
    scan = load_scan(tmp_path / "s.obj")
    assert_quadrants(scan)
    np.testing.assert_array_equal(corners(scan), expected_corners(vertices, triangles))


def test_obj_several_materials_and_usemtl_without_library(tmp_path):
    import cv2

    for name, value in (("a", 10), ("b", 200)):
        (tmp_path / f"{name}.png").write_bytes(
            cv2.imencode(".png", np.full((4, 4, 3), value, np.uint8))[1].tobytes()
        )
    (tmp_path / "m.mtl").write_text("newmtl one\nmap_Kd a.png\nnewmtl two\nmap_Kd b.png\nnewmtl bare\n")
    body = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 1 1 0\nv 2 2 1\nvt 0 0\nvt 1 0\nvt 0 1\n"
    faces = (
        "f 1/1 2/2 3/3\nusemtl one\nf 2/1 4/2 3/3\nusemtl two\nf 4/1 5/2 3/3\nusemtl bare\nf 2/1 5/2 4/3\n"
    )
    (tmp_path / "s.obj").write_text("mtllib m.mtl\n" + body + faces)
    scan = load_scan(tmp_path / "s.obj")
    assert scan.triangle_texture.tolist() == [-1, 0, 1, -1]
    assert [int(t[0, 0, 0]) for t in scan.textures] == [10, 200]
    (tmp_path / "plain.obj").write_text(body + faces)
    assert not load_scan(tmp_path / "plain.obj").has_colour


def test_obj_polygons_negative_indices_and_all_corner_forms(tmp_path):
    text = (
        "  v 0 0 0\nv 1 0 0 # a comment\nv 1 1 0\n\tv 0 1 0\nv 0.5 2 0\nvn 0 0 1\nvt 0 0\n"
        "f 1 2 3 4 5\nf -5//1 -4/1 \\\n -1/1/1\nf 1/ 2/ 3/\n"
    )
    (tmp_path / "s.obj").write_text(text)
    scan = load_scan(tmp_path / "s.obj")
    assert scan.triangles.tolist() == [[0, 1, 2], [0, 2, 3], [0, 3, 4], [0, 1, 4], [0, 1, 2]]


@pytest.mark.parametrize("scale", [1.0, 255.0])
def test_obj_vertex_colours(tmp_path, scale):
    vertices, triangles, _ = grid(4)
    colours = np.random.default_rng(0).uniform(size=(len(vertices), 3)).round(3)
    colours[0] = 1.0
    (tmp_path / "s.obj").write_text(obj_text(vertices, triangles, colours=(colours * scale).round(3)))
    np.testing.assert_allclose(load_scan(tmp_path / "s.obj").vertex_colours, colours, atol=1e-4)


def test_seams_are_merged_by_position_but_kept_in_the_uvs(tmp_path):
    text = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 1 0 -0\nv 0 1 0\nv 1 1 0\nvt 0 0\nvt .4 0\nvt 0 .4\nvt .6 .6\nvt 1 .6\nvt .6 1\n"
    (tmp_path / "s.obj").write_text(text + "f 1/1 2/2 3/3\nf 4/4 6/5 5/6\n")
    scan = load_scan(tmp_path / "s.obj")
    assert len(scan.vertices) == 4
    assert set(scan.triangles[0]) & set(scan.triangles[1]) == {1, 2}
    np.testing.assert_allclose(scan.corner_uvs[1], [[0.6, 0.6], [1, 0.6], [0.6, 1]])


def test_udim_tiles_are_moved_into_the_unit_square(tmp_path):
    (tmp_path / "s.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 2 1\nvt 3 1\nvt 2.5 1.75\nf 1/1 2/2 3/3\n")
    np.testing.assert_allclose(load_scan(tmp_path / "s.obj").corner_uvs[0], [[0, 0], [1, 0], [0.5, 0.75]])


@pytest.mark.parametrize("kind", ["embedded image", "gltf", "draco", "albedo"])
def test_gltf_v_is_flipped_at_the_border(tmp_path, kind):
    vertices, triangles, uvs = grid()
    png = write_quadrants(tmp_path / "q.png")
    down = uvs * TOP_LEFT[0] + TOP_LEFT[1]
    path, albedo = tmp_path / "s.glb", None
    if kind == "embedded image":
        path.write_bytes(glb(*gltf_document(vertices, triangles, down, image=png.read_bytes())))
    elif kind == "gltf":
        path = tmp_path / "s.gltf"
        path.write_text(embedded_gltf(*gltf_document(vertices, triangles, down, image=png.read_bytes())))
    else:
        document = draco_document if kind == "draco" else gltf_document
        path.write_bytes(glb(*document(vertices, triangles, down)))
        albedo = png
    scan = load_scan(path, albedo)
    assert_quadrants(scan)
    assert scan.unit_metres is None  # a sheet a metre wide is no head
    np.testing.assert_allclose(corners(scan), expected_corners(vertices, triangles), atol=2e-3)


def test_gltf_nodes_compose_and_mirrors_keep_faces_outward(tmp_path):
    vertices, triangles, _ = grid(3)
    document, binary = gltf_document(vertices * 0.1, triangles)
    half = float(np.sqrt(0.5))
    document["nodes"] = [
        {"children": [1, 2], "translation": [1, 0, 0]},
        {"mesh": 0, "rotation": [0, 0, half, half]},
        {"mesh": 0, "scale": [-1, 1, 1]},
    ]
    (tmp_path / "s.glb").write_bytes(glb(document, binary))
    scan = load_scan(tmp_path / "s.glb")
    assert scan.unit_metres == 1.0
    turned = vertices[:, [1, 0, 2]] * [-0.1, 0.1, 0.1] + [1, 0, 0]
    mirrored = vertices * [-0.1, 0.1, 0.1] + [1, 0, 0]
    both = canonical(np.concatenate([turned[triangles], mirrored[triangles[:, ::-1]]]))
    np.testing.assert_allclose(corners(scan), both, atol=2e-3)


def test_gltf_vertex_colours_are_linear(tmp_path):
    vertices, triangles, _ = grid(3)
    colours = np.full((len(vertices), 3), 0.2140411)  # linear of sRGB 0.5
    (tmp_path / "s.glb").write_bytes(glb(*gltf_document(vertices, triangles, colours=colours)))
    np.testing.assert_allclose(load_scan(tmp_path / "s.glb").vertex_colours, 0.5, atol=1e-5)


def ply_bytes(vertices, triangles, form: str, uvs=None, texture: str = "") -> bytes:
    header = ["ply", f"format {form} 1.0", *([f"comment TextureFile {texture}"] if texture else [])]
    header += [f"element vertex {len(vertices)}", "property float x", "property float y", "property float z"]
    header += ["property uchar red", "property uchar green", "property uchar blue"]
    header += [f"element face {len(triangles)}", "property list uchar int vertex_indices"]
    header += ["property list uchar float texcoord"] * (uvs is not None) + ["end_header\n"]
    order = ">" if "big" in form else "<"
    body = []
    for i, v in enumerate(vertices):
        colour = (i % 256, 0, 255)
        body.append(
            " ".join(map(str, (*v, *colour))) if form == "ascii" else struct.pack(order + "3f3B", *v, *colour)
        )
    for t in triangles:
        flat = uvs[list(t)].ravel() if uvs is not None else []
        if form == "ascii":
            body.append(" ".join(map(str, [len(t), *t, *([len(flat), *flat] if uvs is not None else [])])))
        else:
            wedge = struct.pack(f"{order}B{len(flat)}f", len(flat), *flat) if uvs is not None else b""
            body.append(struct.pack(f"{order}B{len(t)}i", len(t), *t) + wedge)
    joined = ("\n".join(body) + "\n").encode() if form == "ascii" else b"".join(body)
    return "\n".join(header).encode() + joined


@pytest.mark.parametrize("form", ["ascii", "binary_little_endian", "binary_big_endian"])
@pytest.mark.parametrize("mixed", [False, True])
def test_ply_round_trip(tmp_path, form, mixed):
    vertices, triangles, uvs = grid(5)
    faces = [tuple(t) for t in triangles]
    if mixed:
        faces[0:1] = [(0, 1, 6, 5)]
    write_quadrants(tmp_path / "q.png")
    (tmp_path / "s.ply").write_bytes(ply_bytes(vertices, faces, form, uvs, "q.png"))
    scan = load_scan(tmp_path / "s.ply")
    assert len(scan.triangles) == len(triangles) + mixed
    assert_quadrants(scan)
    np.testing.assert_allclose(scan.vertices, vertices, atol=1e-6)
    np.testing.assert_allclose(scan.vertex_colours[7], [7 / 255, 0, 1])


@pytest.mark.parametrize("text", [False, True])
def test_stl_is_stitched(tmp_path, text):
    vertices, triangles, _ = grid(5)
    soup = vertices[triangles].astype(np.float32)
    if text:
        facets = "".join(
            "facet normal 0 0 1\nouter loop\n" + "".join(f"vertex {p[0]:.9g} {p[1]:.9g} {p[2]:.9g}\n" for p in t) + "endloop\nendfacet\n"
            for t in soup
        )  # fmt: skip
        data = f"solid s\n{facets}endsolid s\n".encode()
    else:
        data = b"solid but binary".ljust(80) + struct.pack("<I", len(soup))
        data += b"".join(struct.pack("<12fH", 0, 0, 1, *t.ravel(), 0) for t in soup)
    (tmp_path / "s.stl").write_bytes(data)
    scan = load_scan(tmp_path / "s.stl")
    assert len(scan.vertices) == len(vertices)
    np.testing.assert_allclose(
        corners(scan), expected_corners(vertices.astype(np.float32), triangles), atol=1e-5
    )


def test_hash_covers_the_textures(tmp_path):
    vertices, triangles, uvs = grid(3)
    (tmp_path / "s.obj").write_text(obj_text(vertices, triangles, uvs))
    plain = load_scan(tmp_path / "s.obj").sha256
    assert plain != load_scan(tmp_path / "s.obj", write_quadrants(tmp_path / "q.png")).sha256
    assert plain == load_scan(tmp_path / "s.obj").sha256


BROKEN = {
    "empty.obj": (b"", "is empty"),
    "points.obj": (b"v 0 0 0\nv 1 0 0\nv 0 1 0\n", "0 faces"),
    "index.obj": (b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\nf 1 3 4", "line 5: a face names vertex 4"),
    "zero.obj": (b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 0 1 2\n", "names vertex 0"),
    "cut.obj": (b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\nf 1 2", "line 5 is 'f 1 2'.*cut off"),
    "cut_v.obj": (b"v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 1", "line 4 is 'v 0 1'.*cut off"),
    "word.obj": (b"v 0 0 0\nv 1 x 0\nv 0 1 0\nf 1 2 3\nf 1 2 3\n", "line 2 is 'v 1 x 0'"),
    "corner.obj": (b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3/a\nf 1 2 3\nf 1 2 3\n", "line 4 is 'f 1 2 3/a'"),
    "nan.obj": (b"v 0 0 0\nv 1 nan 0\nv 0 inf 0\nf 1 2 3\n", "2 of 3 vertices.*line 2"),
    "less.obj": (b"# Vertices: 3\n# Faces: 2\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3", "declares 2 faces but it holds 1"),
    "s.xyz": (b"0 0 0\n", "expected one of .obj"),
    "s.ply": (b"not ply", "no PLY file"),
    "s.stl": (b"\0" * 200, "cut off"),
    "s.glb": (b"glTF\2\0\0\0\xff\xff\0\0", "cut off"),
    "s.gltf": (b"{]", "not a complete glTF"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_refused_in_one_line(tmp_path, name):
    content, words = BROKEN[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(MienError, match=words) as refusal:
        load_scan(tmp_path / name)
    assert "\n" not in str(refusal.value)
    assert name in str(refusal.value)


@pytest.mark.parametrize("name", ["s.ply", "s.stl", "s.glb"])
def test_binary_files_cut_anywhere_are_refused(tmp_path, name):
    vertices, triangles, uvs = grid(4)
    if name == "s.ply":
        whole = ply_bytes(vertices, triangles, "binary_little_endian")
    elif name == "s.stl":
        soup = vertices[triangles].astype(np.float32)
        whole = (
            b"".ljust(80)
            + struct.pack("<I", len(soup))
            + b"".join(struct.pack("<12fH", *[0.0] * 3, *t.ravel(), 0) for t in soup)
        )
    else:
        whole = glb(*gltf_document(vertices, triangles, uvs))
    for share in (0.1, 0.5, 0.9, 0.999):
        (tmp_path / name).write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(MienError, match="cut off"):
            load_scan(tmp_path / name)


def test_missing_files_say_what_to_do(tmp_path):
    vertices, triangles, uvs = grid(3)
    obj = tmp_path / "s.obj"
    obj.write_text(obj_text(vertices, triangles, uvs, head="mtllib s.mtl\nusemtl skin"))
    with pytest.raises(MienError, match=r"s\.mtl: the material file.*--albedo"):
        load_scan(obj)
    (tmp_path / "s.mtl").write_text("newmtl skin\nmap_Kd gone.png\n")
    with pytest.raises(MienError, match=r"gone\.png.*place it beside the scan"):
        load_scan(obj)
    with pytest.raises(MienError, match=r"none\.png: the texture named by --albedo does not exist"):
        load_scan(obj, tmp_path / "none.png")
    (tmp_path / "bad.png").write_bytes(b"no image")
    with pytest.raises(MienError, match="not a readable image"):
        load_scan(obj, tmp_path / "bad.png")
    assert load_scan(obj, write_quadrants(tmp_path / "q.png")).textures
    (tmp_path / "bare.obj").write_text(obj_text(vertices, triangles))
    with pytest.raises(MienError, match="no texture coordinates"):
        load_scan(tmp_path / "bare.obj", tmp_path / "q.png")
    with pytest.raises(MienError, match="no such file"):
        load_scan(tmp_path / "nowhere.obj")


def test_fan_covers_each_polygon():
    corners_ = np.arange(12)[:, None]
    triangles, polygon = fan(corners_, np.array([3, 5, 4]))
    assert polygon.tolist() == [0, 1, 1, 1, 2, 2]
    assert triangles[..., 0].tolist() == [[0, 1, 2], [3, 4, 5], [3, 5, 6], [3, 6, 7], [8, 9, 10], [8, 10, 11]]


def test_merge_positions_is_exact():
    rng = np.random.default_rng(1)
    base = rng.normal(size=(50, 3))
    pick = rng.integers(0, 50, 400)
    kept, new = merge_positions(base[pick])
    np.testing.assert_array_equal(base[pick][kept][new], base[pick])
    assert len(kept) == len(np.unique(pick))
    assert (np.diff(kept) > 0).all()
