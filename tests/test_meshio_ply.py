"""PLY files as programs write them: colours of any range, name and place, unequal faces, strips, odd elements."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.errors import MienError
from mien.meshio.load import load_scan
from mien.meshio.ply_header import Element, Property, read_header
from mien.meshio.ply_rows import _fill, row_starts_plain
from mien.meshio.strips import strip_triangles
from ply_files import CORNERS, XYZ, lists, ply, points, rows
from scan_files import grid, write_quadrants
from test_meshio_load import assert_quadrants, corners, expected_corners

FORMS = ("ascii", "binary_little_endian", "binary_big_endian")
RED_GREEN_BLUE = ("red", "green", "blue")


@pytest.fixture
def read(tmp_path):
    def read(data: bytes, **options):
        (tmp_path / "s.ply").write_bytes(data)
        return load_scan(tmp_path / "s.ply", **options)

    return read


def sheet(n=4):
    v, t, uv = grid(n)
    rng = np.random.default_rng(7)
    return v, t, uv, rng.integers(1, 255, (len(v), 3))


def coloured(kind, names, values, form="binary_little_endian"):
    v, t, _, _ = sheet()
    properties = [*XYZ, *(f"{kind} {name}" for name in names)]
    columns = [column.tolist() for column in np.asarray(values).T]
    return ply(
        ("vertex", properties, rows(points(v), *columns)), ("face", CORNERS, rows(lists(t))), form=form
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("kind", "full"),
    [("uchar", 255), ("int", 255), ("ushort", 255), ("ushort", 65535), ("short", 255), ("uint", 65535), ("float", 1),
     ("float", 255), ("double", 65535), ("uint", 2**32 - 1)],
)  # fmt: skip
def test_colours_are_scaled_by_their_range_not_by_their_type(read, form, kind, full):
    wanted = sheet()[3] / 255
    values = wanted * full if kind in ("float", "double") else np.round(wanted * full).astype(np.int64)
    scan = read(coloured(kind, RED_GREEN_BLUE, values, form))
    np.testing.assert_allclose(scan.vertex_colours, wanted, atol=2e-3 if full == 2**32 - 1 else 1e-5)
    assert not scan.notes


def test_signed_bytes_are_colours_beyond_127_too(read):
    colours = sheet()[3]
    scan = read(coloured("char", RED_GREEN_BLUE, colours.astype(np.uint8).view(np.int8).astype(int)))
    np.testing.assert_allclose(scan.vertex_colours, colours / 255)


def test_fractions_under_a_header_that_says_bytes(read):
    wanted = sheet()[3] / 255
    scan = read(coloured("uchar", RED_GREEN_BLUE, wanted, "ascii"))
    np.testing.assert_allclose(scan.vertex_colours, wanted)


def test_a_colour_beyond_the_range_darkens_nothing(read):
    wanted = np.repeat(sheet()[3], 7, axis=0)[:16] / 255
    values = wanted.copy()
    values[3, 0] = 1.7
    np.testing.assert_allclose(
        read(coloured("float", RED_GREEN_BLUE, values)).vertex_colours[4], wanted[4], atol=1e-6
    )


@pytest.mark.parametrize(
    "names",
    [RED_GREEN_BLUE, ("r", "g", "b"), ("diffuse_red", "diffuse_green", "diffuse_blue"), ("Red", "Green", "Blue"),
     ("color_r", "color_g", "color_b"), ("red", "green", "blue", "alpha")],
)  # fmt: skip
def test_names_of_colours(read, names):
    values = np.concatenate([sheet()[3], np.zeros((16, 1), int)], axis=1)[:, : len(names)]
    np.testing.assert_allclose(read(coloured("uchar", names, values)).vertex_colours, values[:, :3] / 255)


@pytest.mark.parametrize("names", [("red",), ("red", "green"), ("green", "blue"), ("r", "b"), ("intensity",)])
def test_half_a_colour_is_none_and_said(read, names):
    scan = read(coloured("uchar", names, sheet()[3][:, : len(names)]))
    assert not scan.has_colour
    assert names[0] in scan.notes[0]
    assert "none of it could be read" in scan.notes[0]


def test_colours_that_are_nan_take_the_others_mean(read):
    values = np.full((16, 3), 0.5)
    values[:8] = 0.3
    values[2] = np.nan
    scan = read(coloured("float", RED_GREEN_BLUE, values))
    np.testing.assert_allclose(scan.vertex_colours[2], (7 * 0.3 + 8 * 0.5) / 15, atol=1e-6)
    assert "1 of 16 colours are NaN" in scan.notes[0]


@pytest.mark.parametrize("form", FORMS)
def test_colours_of_faces_reach_the_vertices(read, form):
    v, t, _, _ = sheet()
    face = np.where(v[t].mean(axis=1)[:, :1] < 0.5, [200, 100, 50], [20, 40, 240])
    properties = (*CORNERS, "uchar red", "uchar green", "uchar blue")
    scan = read(
        ply(
            ("vertex", XYZ, rows(points(v))),
            ("face", properties, rows(lists(t), *face.T.tolist())),
            form=form,
        )
    )
    np.testing.assert_allclose(scan.vertex_colours[0] * 255, [200, 100, 50])
    np.testing.assert_allclose(scan.vertex_colours[-1] * 255, [20, 40, 240])
    assert "averaged onto the vertices" in scan.notes[0]


def test_colours_of_corners_reach_the_vertices(read):
    v, t, _, colours = sheet()
    properties = (*CORNERS, "list uchar float color")
    wedge = (colours[t] / 255).reshape(len(t), 9)
    scan = read(ply(("vertex", XYZ, rows(points(v))), ("face", properties, rows(lists(t), lists(wedge)))))
    np.testing.assert_allclose(scan.vertex_colours, colours / 255, atol=1e-6)


def textured(
    form="binary_little_endian", bare=(), quads=False, more=(), columns=(), comments=("q.png",), width=2
):
    v, t, uv = grid(5)
    polygons = [list(face) for face in t]
    if quads:
        polygons[0] = [0, 1, 6, 5]
    place = np.column_stack([uv, np.zeros(len(uv))])[:, :width]
    wedge = [[] if i in bare else place[face].ravel().tolist() for i, face in enumerate(polygons)]
    properties = (*CORNERS, "list uchar float texcoord", *more)
    return ply(
        ("vertex", XYZ, rows(points(v))), ("face", properties, rows(polygons, wedge, *columns)),
        form=form, comments=[f"comment TextureFile {name}" for name in comments],
    )  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("quads", [False, True])
@pytest.mark.parametrize("width", [2, 3])
def test_faces_without_texture_coordinates_keep_the_others_colour(read, tmp_path, form, quads, width):
    write_quadrants(tmp_path / "q.png")
    scan = read(textured(form, bare=(3, 4), quads=quads, width=width))
    assert (scan.triangle_texture == -1).sum() == 2
    assert "2 of 32 faces have no texture coordinates" in scan.notes[0]
    seen = scan.triangle_texture >= 0
    np.testing.assert_allclose(scan.corner_uvs[seen], scan.vertices[scan.triangles[seen]][..., :2], atol=1e-6)


@pytest.mark.parametrize("comment", ["comment TextureFile", "comment texturefile", "obj_info TextureFile:"])
def test_ways_to_name_a_texture(read, tmp_path, comment):
    write_quadrants(tmp_path / "my q.png")
    data = textured(comments=("X",)).replace(b"comment TextureFile X", f"{comment} my q.png ".encode())
    assert_quadrants(read(data))


def test_every_face_of_mixed_polygons_reads_its_own_image(read, tmp_path):
    import cv2

    for name, value in (("a.png", 10), ("b.png", 200)):
        cv2.imwrite(str(tmp_path / name), np.full((4, 4, 3), value, np.uint8))
    number = [1] + [0] * 15 + [1] * 15 + [7]
    scan = read(textured(quads=True, more=("int texnumber",), columns=(number,), comments=("a.png", "b.png")))
    assert scan.triangle_texture.tolist() == [1, 1] + [0] * 15 + [1] * 15 + [-1]
    scan = read(textured(comments=("a.png", "b.png")))
    assert "do not say which of 2 textures" in scan.notes[0]


@pytest.mark.parametrize("names", [("s", "t"), ("u", "v"), ("texture_u", "texture_v"), ("S", "T")])
def test_texture_coordinates_at_the_vertices(read, tmp_path, names):
    write_quadrants(tmp_path / "q.png")
    v, t, uv = grid(5)
    properties = [*XYZ, *(f"float {name}" for name in names)]
    scan = read(
        ply(("vertex", properties, rows(points(v), *uv.T.tolist())), ("face", CORNERS, rows(lists(t))),
            comments=["comment TextureFile C:\\scans\\Q.PNG"])
    )  # fmt: skip
    assert_quadrants(scan)
    assert "q.png is read instead" in scan.notes[0]


def test_a_texture_without_coordinates_is_said(read):
    v, t, *_ = sheet()
    scan = read(
        ply(
            ("vertex", XYZ, rows(points(v))),
            ("face", CORNERS, rows(lists(t))),
            comments=["comment TextureFile q.png"],
        )
    )
    assert not scan.has_colour
    assert "the texture q.png but has no texture coordinates" in scan.notes[0]


@pytest.mark.parametrize("form", FORMS)
def test_faces_of_two_corners_are_dropped(read, form):
    v, t, *_ = sheet()
    scan = read(
        ply(("vertex", XYZ, rows(points(v))), ("face", CORNERS, rows([*lists(t), [0, 1], [5]])), form=form)
    )
    np.testing.assert_allclose(corners(scan), expected_corners(v.astype(np.float32), t), atol=2e-3)
    assert scan.notes == ("faces of fewer than 3 corners, dropped: 2 of 20",)


@pytest.mark.parametrize("form", FORMS)
def test_strips_are_triangles(read, form):
    v, t, *_ = sheet()
    flat = np.concatenate([t, np.full((len(t), 1), -1)], axis=1).ravel().tolist()
    scan = read(
        ply(
            ("vertex", XYZ, rows(points(v))),
            ("tristrips", ("list int int vertex_indices",), [(flat,)]),
            form=form,
        )
    )
    np.testing.assert_allclose(corners(scan), expected_corners(v.astype(np.float32), t), atol=2e-3)


def test_strips_turn_every_second_triangle():
    got = strip_triangles(np.array([6, 0, 4]), np.array([0, 1, 2, 3, -1, 9, 4, 5, 6, 7]))
    assert got.tolist() == [[0, 1, 2], [1, 3, 2], [4, 5, 6], [5, 7, 6]]
    assert strip_triangles(np.array([2]), np.array([0, 1])).shape == (0, 3)
    assert strip_triangles(np.zeros(0, int), np.zeros(0, int)).shape == (0, 3)


@pytest.mark.parametrize("form", FORMS)
def test_elements_that_mean_nothing_here_are_stepped_over(read, form):
    v, t, *_ = sheet()
    scan = read(
        ply(
            ("camera", ("float focal", "list int double k"), [(1.0, [1.0, 2.0]), (2.0, [])]),
            ("vertex", (*XYZ, "list uchar short tags"), rows(points(v), [[1] * (i % 3) for i in range(16)])),
            ("nothing", (), [() for _ in range(0)]),
            ("edge", ("int vertex1", "int vertex2"), [(0, 1), (1, 2)]),
            ("face", (*CORNERS, "uchar flags", "int flags"), rows(lists(t), [1] * 18, [2] * 18)),
            ("material", ("list int int rest",), [([1, 2, 3],)]),
            form=form,
        )
    )  # fmt: skip
    np.testing.assert_allclose(corners(scan), expected_corners(v.astype(np.float32), t), atol=2e-3)


def test_points_without_depth_that_no_face_uses_are_left_out(read):
    v, t, _, colours = sheet()
    holes = np.concatenate([np.full((5, 3), np.nan), v, np.full((3, 3), np.inf)])
    values = np.concatenate([colours[:5], colours, colours[:3]])
    properties = [*XYZ, *(f"uchar {name}" for name in RED_GREEN_BLUE)]
    data = ply(
        ("vertex", properties, rows(points(holes), *values.T.tolist())), ("face", CORNERS, rows(lists(t + 5)))
    )
    scan = read(data)
    np.testing.assert_allclose(scan.vertices, v, atol=1e-6)
    np.testing.assert_allclose(scan.vertex_colours, colours / 255)
    assert "8 points without coordinates" in scan.notes[0]
    with pytest.raises(MienError, match="1 of 24 vertices have NaN"):
        read(ply(("vertex", XYZ, rows(points(holes))), ("face", CORNERS, rows(lists(t + 4)))))


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends_and_marks(read, newline):
    v, t, *_ = sheet()
    v[0, 0] = 2.87e-43  # begins with a newline in binary
    elements = ("vertex", XYZ, rows(points(v))), ("face", CORNERS, rows(lists(t)))
    wanted = expected_corners(v.astype(np.float32), t)
    for form in FORMS:
        np.testing.assert_allclose(
            corners(read(ply(*elements, form=form, newline=newline))), wanted, atol=2e-3
        )
    text = ply(*elements, form="ascii", newline=newline).replace(b"\n", newline.encode() * 2)
    for marked in (b"\xef\xbb\xbf" + text, text.decode().encode("utf-16")):
        np.testing.assert_allclose(corners(read(marked)), wanted, atol=2e-3)


def test_microsofts_nan_in_text(read):
    v, t, *_ = sheet()
    text = ply(
        ("vertex", XYZ, [*rows(points(v)), (0, 0, 0)]), ("face", CORNERS, rows(lists(t))), form="ascii"
    )
    scan = read(text.replace(b"\n0 0 0\n", b"\n-1.#IND 1.#QNAN 1.#INF00\n"))
    assert len(scan.vertices) == len(v)


BROKEN = {
    "format": (b"format ascii 1.0", b"format binary 1.0", "its format is 'binary', expected one of ascii"),
    "negative": (b"element vertex 3", b"element vertex -3", "header line 'element vertex -3' is not PLY"),
    "list of fractions": (b"list uchar int", b"list float int", "is not PLY"),
    "type": (b"float x", b"half x", "is not PLY"),
    "no x": (b"float x", b"float q", "no vertices with x, y, z"),
    "millions": (b"element face 1", b"element face 2000000000", "its 2000000000 face entries cannot be read"),
    "terabytes": (b"element vertex 3", b"element vertex 999999999999999999", "cannot be read"),
    "longer than numbers": (b"element vertex 3", b"element vertex " + b"9" * 5000, "is not PLY"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("form", ["ascii", "binary_little_endian"])
def test_broken_headers_are_refused_in_one_line(read, name, form):
    old, new, words = BROKEN[name]
    data = ply(("vertex", XYZ, rows(points(np.eye(3)))), ("face", CORNERS, [([0, 1, 2],)]), form=form)
    data = data.replace(b"format " + form.encode(), old) if name == "format" else data
    assert old in data
    with pytest.raises(MienError, match=words) as refusal:
        read(data.replace(old, new))
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("claimed", [2**31 - 1, 2**30, 10**6, -1])
def test_lists_that_claim_more_than_the_file_has_take_no_memory(read, form, claimed):
    import tracemalloc

    face = ("list int int vertex_indices",)
    data = ply(
        ("vertex", XYZ, rows(points(np.eye(3)))), ("face", face, [([0, 1, 2],), ([1, 2, 0],)]), form=form
    )
    order = "big" if "big" in form else "little"
    old, new = (
        ((3).to_bytes(4, order), claimed.to_bytes(4, order, signed=True))
        if form != "ascii"
        else (b"\n3 0", b"\n%d 0" % claimed)
    )
    tracemalloc.start()
    with pytest.raises(MienError, match="cannot be read"):
        read(data.replace(old, new, 1))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5e6


@pytest.mark.parametrize("item", ["nan", "1e300", "-7", "inf"])
def test_corners_that_are_no_vertices(read, item):
    data = ply(("vertex", XYZ, rows(points(np.eye(3)))), ("face", CORNERS, [([0, 1, 2],)]), form="ascii")
    with pytest.raises(MienError, match="a face names vertex"):
        read(data.replace(b"3 0 1 2", b"3 0 1 " + item.encode()))


@settings(deadline=None)  # the first compiles
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=30),
    st.booleans(),
    st.integers(0, 9),
)
def test_rows_are_found_as_the_plain_loop_finds_them(shape, big, cut):
    order = ">" if big else "<"
    properties = (Property("a", "i4", "u1"), Property("b", "u2"), Property("c", "f8", "u4"))
    form = "binary_big_endian" if big else "binary_little_endian"
    given_rows = [([1] * n, 7, [0.5] * k) for n, k in shape]
    data = ply(("face", ("list uchar int a", "ushort b", "list uint double c"), given_rows), form=form)
    at = data.index(b"end_header\n") + len(b"end_header\n")
    data = data[: len(data) - cut]
    element = Element("face", len(shape), properties)
    starts = np.empty(len(shape), np.int64)
    lengths, items = np.array([1, 0, 4]), np.array([4, 2, 8])
    end = _fill(np.frombuffer(data, np.uint8), at, starts, lengths, items, big)
    if cut:
        assert end == -1
        with pytest.raises(ValueError, match="past the end"):
            row_starts_plain(data, at, element, order)
        return
    plain, plain_end = row_starts_plain(data, at, element, order)
    np.testing.assert_array_equal(starts, plain)
    assert end == plain_end == len(data)


def test_many_unequal_rows_are_read_in_machine_code(read, monkeypatch):
    v, t, *_ = sheet()
    data = ply(("vertex", XYZ, rows(points(v))), ("face", CORNERS, rows([*lists(t), [0, 1, 5, 4]])))
    wanted = read(data)
    monkeypatch.setattr("mien.meshio.ply_rows._FEW", 0)
    np.testing.assert_array_equal(read(data).triangles, wanted.triangles)


def test_header_holds_names_in_other_encodings(tmp_path):
    data = ply(("vertex", XYZ, rows(points(np.eye(3)))), comments=["comment TextureFile x"])
    header = read_header(tmp_path / "s.ply", data.replace(b"File x", b'File "h\xe4ut.png"'))
    assert header.textures == ("h\udce4ut.png",)
