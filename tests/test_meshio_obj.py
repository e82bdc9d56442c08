"""OBJ and MTL as people have them: encodings, libraries, colour under other names; and what is said of it."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.core.errors import MienError
from mien.meshio.load import load_scan
from mien.meshio.mtl import image_line, parse_mtl
from mien.meshio.obj import _read_fast, read_obj
from mien.meshio.obj_plain import read_plain
from mien.meshio.polygon_mesh import read_polygon_mesh
from mien.scan.clean import clean_scan
from scan_files import grid, obj_text

FACE, CLOTH = ("\u8138".encode("gbk"), "\u8863".encode("gbk"))
SKIN = (200, 120, 90)


def png(path: Path | bytes, colour=SKIN, alpha: np.ndarray | None = None) -> None:
    pixels = np.full((8, 8, 3), colour[::-1], np.uint8)
    if alpha is not None:
        pixels = np.dstack([pixels, alpha])
    with open(path, "wb") as file:
        file.write(cv2.imencode(".png", pixels)[1].tobytes())


def sheet(head: str = "", colours=None, uvs: bool = True) -> str:
    vertices, triangles, uv = grid(4)
    return obj_text(vertices, triangles, uv if uvs else None, colours, head)


def scan_of(folder: Path, obj: str | bytes, mtl: str | bytes | None = None):
    """Reads these texts as s.obj and s.mtl, with a picture s.png of skin beside them."""
    png(folder / "s.png")
    for name, text in (("s.obj", obj), ("s.mtl", mtl)):
        if text is not None:
            (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return load_scan(folder / "s.obj")


def colours_of(scan) -> list[tuple[int, ...]]:
    return [tuple(int(c) for c in texture[0, 0]) for texture in scan.textures]


NAMED = sheet("mtllib s.mtl\nusemtl skin")
PLAIN_MTL = "newmtl skin\nmap_Kd s.png\n"


# Encodings and marks.


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("which", ["obj", "mtl", "both"])
def test_marks_are_skipped_and_wide_text_is_read(tmp_path, encoding, which):
    obj = NAMED.encode(encoding) if which != "mtl" else NAMED.encode()
    mtl = PLAIN_MTL.encode(encoding) if which != "obj" else PLAIN_MTL.encode()
    scan = scan_of(tmp_path, obj, mtl)
    assert colours_of(scan) == [SKIN]
    assert scan.notes == ()
    plain = scan_of(tmp_path, NAMED, PLAIN_MTL)
    np.testing.assert_array_equal(scan.vertices, plain.vertices)
    np.testing.assert_array_equal(scan.triangles, plain.triangles)


def test_materials_of_a_legacy_encoding_are_told_apart_by_their_bytes(tmp_path):
    png(tmp_path / "a.png", SKIN)
    png(tmp_path / "b.png", (0, 255, 0))
    lines = sheet().encode().split(b"\n")
    faces = [i for i, line in enumerate(lines) if line.startswith(b"f ")]
    lines.insert(faces[-3], b"usemtl " + CLOTH)
    lines.insert(faces[0], b"mtllib s.mtl\nusemtl " + FACE)
    mtl = b"newmtl " + FACE + b"\nmap_Kd a.png\nnewmtl " + CLOTH + b"\nmap_Kd b.png\n"
    scan = scan_of(tmp_path, b"\n".join(lines), mtl)
    assert colours_of(scan) == [SKIN, (0, 255, 0)]
    assert scan.triangle_texture.tolist() == [0] * (len(faces) - 3) + [1] * 3
    assert scan.notes == ()


def test_an_image_named_in_a_legacy_encoding_is_found(tmp_path):
    png(os.path.join(os.fsencode(tmp_path), FACE + b".png"), (1, 2, 3))
    scan = scan_of(tmp_path, NAMED, b"newmtl skin\nmap_Kd " + FACE + b".png\n")
    assert colours_of(scan) == [(1, 2, 3)]
    with pytest.raises(MienError, match=r"\\xd2\\xc2\.png.*does not exist") as refusal:
        scan_of(tmp_path, NAMED, b"newmtl skin\nmap_Kd " + CLOTH + b".png\n")
    str(refusal.value).encode()


def test_half_a_letter_that_looks_like_a_continued_line_is_none(tmp_path):
    name = "\u8868".encode("cp932")  # its second byte is a backslash
    obj = sheet("mtllib s.mtl\nusemtl ?").encode().replace(b"?", name)
    scan = scan_of(tmp_path, obj, b"newmtl " + name + b"\nmap_Kd s.png\n")
    assert colours_of(scan) == [SKIN]


def test_an_obj_in_another_encoding_than_its_mtl_still_finds_its_materials(tmp_path):
    obj = NAMED.encode().replace(b"skin", FACE)
    scan = scan_of(tmp_path, obj, "newmtl \u8138\nmap_Kd s.png\n")
    assert colours_of(scan) == [SKIN]
    assert 'read as "\u8138" of its MTL file' in scan.notes[0]


@pytest.mark.parametrize(
    "data", [b"\0\1\2\3" * 50, b"Kaydara FBX Binary  \0\x1a\0", b"\xff\xfe", b"<html></html>\n"]
)
def test_what_is_no_obj_is_called_so(tmp_path, data):
    with pytest.raises(MienError, match=r"none of its lines is a vertex.*expected Wavefront OBJ"):
        scan_of(tmp_path, data)


def test_base_meshes_keep_names_of_legacy_encodings_apart(tmp_path):
    lines = sheet("usemtl face").encode().replace(b"face", FACE).rstrip().split(b"\n")
    lines.insert(-3, b"usemtl " + CLOTH)
    (tmp_path / "b.obj").write_bytes(b"\xef\xbb\xbf" + b"\n".join(lines) + b"\n")
    mesh = read_polygon_mesh(tmp_path / "b.obj")
    assert mesh.materials == ("head", r"\xc1\xb3", r"\xd2\xc2")
    assert np.bincount(mesh.material).tolist() == [0, 15, 3]


# Libraries.


def test_several_libraries_on_one_line(tmp_path):
    (tmp_path / "o 1.mtl").write_text("newmtl none\nKd 1 0 0\n")
    for names in ("s.mtl o 1.mtl", "o 1.mtl s.mtl", '"s.mtl"', "s.mtl gone.mtl"):
        scan = scan_of(tmp_path, sheet(f"mtllib {names}\nusemtl skin"), PLAIN_MTL)
        assert colours_of(scan) == [SKIN]
        assert bool(scan.notes) == ("gone" in names)


def test_a_library_whose_name_has_spaces_goes_before_several(tmp_path):
    (tmp_path / "a.mtl s.mtl").write_text("newmtl skin\nmap_Kd red.png\n")
    (tmp_path / "a.mtl").write_text("newmtl skin\nmap_Kd gone.png\n")
    png(tmp_path / "red.png", (255, 0, 0))
    scan = scan_of(tmp_path, sheet("mtllib a.mtl s.mtl\nusemtl skin"), PLAIN_MTL)
    assert colours_of(scan) == [(255, 0, 0)]


def test_a_missing_library_is_refused_only_if_its_materials_are_used(tmp_path):
    with pytest.raises(MienError, match=r"gone\.mtl: the material file named by s\.obj does not exist"):
        scan_of(tmp_path, sheet("mtllib gone.mtl\nmtllib other.mtl\nusemtl skin"))
    scan = scan_of(tmp_path, sheet("mtllib gone.mtl\nmtllib s.mtl\nusemtl skin"), PLAIN_MTL)
    assert colours_of(scan) == [SKIN]
    assert "gone.mtl does not exist" in scan.notes[0]


def test_the_library_of_the_scans_own_name_stands_in_for_a_missing_one(tmp_path):
    scan = scan_of(tmp_path, sheet("mtllib untitled.mtl\nusemtl skin"), PLAIN_MTL)
    assert colours_of(scan) == [SKIN]
    assert '"untitled.mtl", which it names, is not here: s.mtl is read instead' in scan.notes


@pytest.mark.parametrize(
    ("image", "library"),
    [
        ("C:\\Users\\x\\out\\s.png", "s.mtl"),
        ("/Users/x/out/s.png", "s.mtl"),
        ("S.PNG", "s.mtl"),
        ("s.png", "C:\\x\\s.mtl"),
        ("s.png", "S.Mtl"),
        ("file:///D:/x/s.png", "s.mtl"),
    ],
)
def test_names_of_another_machine_are_found_with_a_note(tmp_path, image, library):
    scan = scan_of(tmp_path, sheet(f"mtllib {library}\nusemtl skin"), f"newmtl skin\nmap_Kd {image}\n")
    assert colours_of(scan) == [SKIN]
    assert len(scan.notes) == 1
    assert "is not here: s." in scan.notes[0]
    assert scan.sources[1:] == (tmp_path / "s.mtl", tmp_path / "s.png")


def test_an_image_of_which_two_spellings_exist_is_refused(tmp_path):
    png(tmp_path / "S.png")
    with pytest.raises(MienError, match=r"S\.PNG.*does not exist"):
        scan_of(tmp_path, NAMED, "newmtl skin\nmap_Kd S.PNG\n")


# Lines of an MTL.


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("s.png", "s.png"),
        ("-s 1 1 1 -o 0 0 0 -mm 0 1 my head.png", "my head.png"),
        ("-bm 1.0 -clamp on -blendu off -blendv on -texres 512 -boost 2 -cc off -type sphere s.png", "s.png"),
        ("-s 1e0 1.0 -o -.5 -imfchan m 2.png", "2.png"),
        ("-T 0.1 0.2 0.3 1001.png", "1001.png"),
        ("-backdrop.png", "-backdrop.png"),
    ],
)
def test_options_end_where_the_name_begins(line, name):
    assert image_line("map_kd", line).names[0] == name


def test_names_in_quotes_or_before_a_comment_are_tried_too(tmp_path):
    for line in ('"s.png"', "s.png # skin", "'s.png'"):
        assert colours_of(scan_of(tmp_path, NAMED, f"newmtl skin\nmap_Kd {line}\n")) == [SKIN]
    png(tmp_path / "s #1.png", (1, 1, 1))
    assert colours_of(scan_of(tmp_path, NAMED, "newmtl skin\nmap_Kd s #1.png\n")) == [(1, 1, 1)]


def test_scaled_moved_and_clamped_uvs_are_followed_and_told(tmp_path):
    plain = scan_of(tmp_path, NAMED, PLAIN_MTL)
    moved = scan_of(tmp_path, NAMED, "newmtl skin\nmap_Kd -s 0.5 0.25 1 -o 0.1 s.png\n")
    np.testing.assert_allclose(moved.corner_uvs, plain.corner_uvs * [0.5, 0.25] + [0.1, 0])
    assert "(-s, -o)" in moved.notes[0]
    clamped = scan_of(tmp_path, NAMED, "newmtl skin\nmap_Kd -o 0.5 0 -clamp on s.png\n")
    np.testing.assert_allclose(clamped.corner_uvs, np.clip(plain.corner_uvs + [0.5, 0], 0, 1))
    flat = scan_of(tmp_path, NAMED, "newmtl skin\nmap_Kd -s 0 0 0 s.png\n")
    np.testing.assert_array_equal(flat.corner_uvs, plain.corner_uvs)


def test_options_that_change_colours_are_told(tmp_path):
    scan = scan_of(tmp_path, NAMED, "newmtl skin\nmap_Kd -mm 0.1 0.9 -imfchan r s.png\n")
    assert "-mm 0.1 0.9 -imfchan r of skin" in scan.notes[0]


def test_any_line_ends_tabs_case_and_continued_lines(tmp_path):
    for text in (
        "newmtl skin\r\nKd 1 1 1\r\nmap_Kd s.png\r\n",
        "newmtl skin\rmap_Kd s.png\r",
        "# made\n\tNEWMTL\tskin\n\tMap_KD\ts.png",
        "newmtl skin\nmap_Kd \\\n  s.png\n",
    ):
        assert parse_mtl(text.encode())["skin"].image.names[0] == "s.png"


def test_alpha_counts_only_where_the_material_has_a_map_d(tmp_path):
    alpha = np.full((8, 8), 255, np.uint8)
    alpha[:4] = 0
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[:4], pixels[4:] = (0, 0, 255, 0), (0, 255, 0, 255)  # BGRA: red where transparent
    (tmp_path / "a.png").write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    opaque = scan_of(tmp_path, NAMED, "newmtl skin\nmap_Kd a.png\n")
    assert opaque.textures[0][0, 0].tolist() == [255, 0, 0]
    cut = scan_of(tmp_path, NAMED, "newmtl skin\nmap_Kd a.png\nmap_d a.png\n")
    assert (cut.textures[0] == (0, 255, 0)).all()


# Colour elsewhere.


@pytest.mark.parametrize(("key", "word"), [("map_Ka", "ambient"), ("map_Ke", "emission")])
def test_an_image_under_another_key_is_taken_with_a_note(tmp_path, key, word):
    scan = scan_of(tmp_path, NAMED, f"newmtl skin\nKd 0 0 0\n{key} s.png\n")
    assert colours_of(scan) == [SKIN]
    assert word in scan.notes[0]
    png(tmp_path / "glow.png", (0, 0, 0))
    both = scan_of(tmp_path, NAMED, f"newmtl skin\n{key} glow.png\nmap_Kd s.png\n")
    assert colours_of(both) == [SKIN]
    assert both.notes == ()
    assert not scan_of(tmp_path, NAMED, "newmtl skin\nmap_Ks s.png\nnorm s.png\n").has_colour


def test_colours_of_some_vertices_are_kept(tmp_path):
    lines = sheet(colours=np.full((16, 3), 0.5), uvs=False).split("\n")
    marker = "v 5 5 5\nv 6 5 5\nv 5 6 5 1\nf 17 18 19\n"
    scan = scan_of(tmp_path, "\n".join(lines) + marker)
    np.testing.assert_array_equal(scan.vertex_colours, [[0.5] * 3] * 16 + [[1.0] * 3] * 3)
    assert "3 of 19 vertices have no colour: white there" in scan.notes


def test_colours_of_unused_vertices_alone_are_none(tmp_path):
    scan = scan_of(tmp_path, sheet(uvs=False) + "v 9 9 9 1 0 0\n")
    assert scan.vertex_colours is None
    assert "only vertices that no face uses have colours" in scan.notes[0]


@pytest.mark.parametrize("top", [1, 255])
def test_colours_are_scaled_by_their_range(tmp_path, top):
    colours = np.random.default_rng(1).integers(0, 256, (16, 3)) * (top / 255)
    colours[0] = top
    scan = scan_of(tmp_path, sheet(colours=colours, uvs=False))
    np.testing.assert_allclose(scan.vertex_colours, colours / top, atol=1e-6)


def test_normals_after_the_coordinates_are_no_colours(tmp_path):
    normals = np.random.default_rng(0).normal(size=(16, 3))
    scan = scan_of(tmp_path, sheet(colours=normals / np.linalg.norm(normals, axis=1)[:, None], uvs=False))
    assert scan.vertex_colours is None
    assert "is negative, so no colour" in scan.notes[0]


def polypaint(colours: np.ndarray, a_line: int = 5, end: str = "\n") -> str:
    words = ["ff{:02x}{:02x}{:02x}".format(*c) for c in colours]
    rows = ["#MRGB " + "".join(words[i : i + a_line]) for i in range(0, len(words), a_line)]
    return end.join(rows) + end


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_polypaint_is_vertex_colour(tmp_path, end):
    colours = np.random.default_rng(2).integers(0, 256, (16, 3))
    text = sheet(uvs=False).replace("\n", end) + polypaint(colours, end=end)
    scan = scan_of(tmp_path, text)
    np.testing.assert_allclose(scan.vertex_colours, colours / 255.0)
    fast, plain = _read_fast(tmp_path / "s.obj"), read_plain(tmp_path / "s.obj")
    assert fast is not None
    assert "".join(p.strip() for p in fast.polypaint) == "".join(plain.polypaint)


@pytest.mark.parametrize(
    ("paint", "words"),
    [
        (polypaint(np.zeros((15, 3), int)), "15 colours for 16 vertices"),
        ("#MRGB ffgg0000\n", "hexadecimal"),
        ("#MRGB fff\n", "hexadecimal"),
        (polypaint(np.full((16, 3), 255)), "white everywhere"),
    ],
)
def test_polypaint_that_is_not_read_is_told(tmp_path, paint, words):
    scan = scan_of(tmp_path, sheet(uvs=False) + paint)
    assert scan.vertex_colours is None
    assert words in scan.notes[0]


# Colour that is named and cannot be read: always a note.


def test_flat_colours_are_taken_where_they_tell_parts_apart_else_told(tmp_path):
    two = sheet("mtllib s.mtl\nusemtl skin", uvs=False).rstrip().split("\n")
    two.insert(-4, "usemtl cloth")
    text = "\n".join(two) + "\n"
    scan = scan_of(tmp_path, text, "newmtl skin\nKd 0.8 0.6 0.5\nnewmtl cloth\nKd 0 0 1\n")
    assert {tuple(c) for c in scan.vertex_colours.tolist()} == {(0.8, 0.6, 0.5), (0.0, 0.0, 1.0)}
    assert "flat colour (Kd) of its material" in scan.notes[0]
    one = scan_of(tmp_path, text, "newmtl skin\nKd 200 150 125\nnewmtl cloth\nKd 200 150 125\n")
    assert not one.has_colour
    assert "one flat value" in one.notes[0]
    grey = scan_of(tmp_path, text, "newmtl skin\nKd 0.8 0.8 0.8\nnewmtl cloth\nKd 0.1\n")
    assert not grey.has_colour
    assert grey.notes == ()


def test_flat_parts_beside_images_are_told(tmp_path):
    lines = NAMED.rstrip().split("\n")
    lines.insert(-4, "usemtl cloth")
    scan = scan_of(tmp_path, "\n".join(lines) + "\n", PLAIN_MTL + "newmtl cloth\nKd 0 0 1\n")
    assert (scan.triangle_texture == -1).sum() == 4
    assert scan.notes == ("one flat colour (Kd) and no image, so no colour there: cloth",)


@pytest.mark.parametrize(
    ("obj", "mtl", "words"),
    [
        (sheet("usemtl skin"), None, "it names no MTL file that defines skin"),
        (sheet("mtllib s.mtl\nusemtl face"), PLAIN_MTL, "its MTL files do not define face"),
        (sheet("mtllib s.mtl\nusemtl skin", uvs=False), PLAIN_MTL, "s.png is not read: its faces have no texture"),
        (NAMED + "f 1 2 3\n", PLAIN_MTL, "1 of 19 triangles have no texture coordinates"),
    ],
)  # fmt: skip
def test_colour_that_is_named_but_not_read_is_told(tmp_path, obj, mtl, words):
    scan = scan_of(tmp_path, obj, mtl)
    own = [note for note in scan.notes if "the file names colour" not in note]  # the loader's, in general
    assert len(own) == 1
    assert words in own[0]


def test_the_only_material_is_taken_where_no_face_says_which(tmp_path):
    scan = scan_of(tmp_path, sheet("mtllib s.mtl"), PLAIN_MTL)
    assert colours_of(scan) == [SKIN]
    assert "no usemtl lines" in scan.notes[0]
    assert not scan_of(tmp_path, sheet("mtllib s.mtl"), PLAIN_MTL + "newmtl b\nmap_Kd s.png\n").has_colour


def test_material_names_in_another_case_are_found_unless_two_fit(tmp_path):
    scan = scan_of(tmp_path, sheet("mtllib s.mtl\nusemtl Skin"), PLAIN_MTL)
    assert colours_of(scan) == [SKIN]
    assert 'material "Skin": read as "skin"' in scan.notes[0]
    two = scan_of(tmp_path, sheet("mtllib s.mtl\nusemtl Skin"), PLAIN_MTL + "newmtl SKIN\nmap_Kd s.png\n")
    assert not two.has_colour
    assert "do not define Skin" in two.notes[0]


def test_another_albedo_silences_what_is_said_of_the_files_own_colour(tmp_path):
    scan_of(tmp_path, sheet("usemtl skin"))
    assert load_scan(tmp_path / "s.obj", tmp_path / "s.png").notes == ()


# Points that no face uses, faces that are none.


@pytest.mark.parametrize(
    "nan", ["nan nan nan", "-nan(ind) 0 0", "1.#QNAN 1.#QNAN 1.#QNAN", "0 0 -1.#IND00", "inf 0 0"]
)
def test_holes_of_depth_cameras_are_left_out(tmp_path, nan):
    vertices, triangles, _ = grid(4)
    text = f"v {nan}\nv {nan}\n" + obj_text(vertices, triangles + 2)
    scan = scan_of(tmp_path, text)
    np.testing.assert_allclose(scan.vertices, vertices, atol=1e-8)
    np.testing.assert_array_equal(scan.triangles, triangles)
    assert "2 points without coordinates" in scan.notes[0]
    used = text.replace("f 3 ", "f 1 ", 1)
    assert used != text
    with pytest.raises(MienError, match=r"1 of 18 vertices have NaN or infinite.*line 1\)"):
        scan_of(tmp_path, used)


def test_far_points_that_no_face_uses_do_not_make_a_face_degenerate(tmp_path):
    vertices, triangles, _ = grid(4)
    scan = clean_scan(scan_of(tmp_path, obj_text(np.concatenate([vertices, [[1e9, 0, 0]]]), triangles)))
    assert len(scan.triangles) == len(triangles)
    assert len(scan.vertices) == len(vertices)


def test_edges_written_as_faces_are_left_out_unless_the_file_ends_there(tmp_path):
    lines = sheet(uvs=False).rstrip().split("\n")
    first = next(i for i, line in enumerate(lines) if line.startswith("f "))
    lines[first:first] = ["f 1 2", "f 3"]
    scan = scan_of(tmp_path, "\n".join(lines) + "\n")
    assert len(scan.triangles) == 18
    assert "2 faces of fewer than 3 corners" in scan.notes[0]
    with pytest.raises(MienError, match=r"is 'f 1 2', expected a face.*cut off"):
        scan_of(tmp_path, "\n".join([*lines, "f 1 2"]))


# The fast reader and its plain twin.

ODD = (
    "v 0 0 0 1 0 0\nv 1 0 0\nv 0 1 0 1\nv 1 1 0 1 2 3 4\nv 1 1 1 1 2\nv 0 0 1 .1 .2 .3 # c\n#MRGB ff00ff00ff\n"
    "#MRGBA\n#MRG\nusemtl\nusemtl a b\nmtllib x.mtl\nusemap m\nvt 0 0\nf 1 2 3\nUSEMTL c\nf 1/1 3/1 4/1 5/1\n"
)  # fmt: skip


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_fast_and_plain_agree_on_odd_lines(tmp_path, end):
    path = tmp_path / "s.obj"
    path.write_bytes(ODD.replace("\n", end).encode())
    fast, plain = _read_fast(path), read_plain(path)
    assert fast is not None
    np.testing.assert_array_equal(fast.vertices, plain.vertices)
    assert np.isnan(fast.vertices[:, 3]).tolist() == [False, True, True, False, True, False]
    np.testing.assert_array_equal(fast.corners, plain.corners)
    np.testing.assert_array_equal(fast.counts, plain.counts)
    named = [[s for s in c.statements if len(s[0].split()) > 1 and "map" not in s[0]] for c in (fast, plain)]
    assert named[0] == named[1]
    assert [p.strip() for p in fast.polypaint] == plain.polypaint == ["ff00ff00ff"]


def test_a_comment_that_touches_a_number_is_left_to_the_plain_reader(tmp_path):
    (tmp_path / "s.obj").write_text("v 0 0 1.#QNAN\nv 0 0 0#c\nv 1 0 0\nv 0 1 0\nf 2 3 4\n")
    assert _read_fast(tmp_path / "s.obj") is None
    raw = read_obj(tmp_path / "s.obj")
    assert np.isnan(raw.vertices[0, 2])
    np.testing.assert_array_equal(raw.vertices[1:], [[0, 0, 0], [1, 0, 0], [0, 1, 0]])
