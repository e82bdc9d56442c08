"""STL files as programs write them: facets' colours, bytes too many or too few, text of any case."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from mien.core.errors import MienError
from mien.meshio.load import load_scan
from scan_files import grid
from test_meshio_load import corners, expected_corners


def sheet():
    vertices, triangles, _ = grid(5)
    return vertices.astype(np.float32), triangles


def binary(words=None, header=b"", count=None, tail=b""):
    vertices, triangles = sheet()
    facets = np.zeros(len(triangles), [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("word", "<u2")])
    facets["corners"] = vertices[triangles]
    facets["word"] = 0 if words is None else words
    count = len(triangles) if count is None else count
    return header.ljust(80, b"\0") + struct.pack("<I", count) + facets.tobytes() + tail


@pytest.fixture
def read(tmp_path):
    def read(data: bytes):
        (tmp_path / "s.stl").write_bytes(data)
        return load_scan(tmp_path / "s.stl")

    return read


def five_bits(colours, magics):
    """A word for each colour of three numbers up to 31."""
    red, green, blue = np.asarray(colours).T
    return red + 32 * green + 1024 * blue if magics else 0x8000 + 1024 * red + 32 * green + blue


@pytest.mark.parametrize("magics", [False, True])
def test_facets_colours_reach_the_vertices(read, magics):
    vertices, triangles = sheet()
    colours = np.where(vertices[triangles].mean(axis=1)[:, :1] < 0.5, [31, 16, 4], [2, 3, 30])
    scan = read(binary(five_bits(colours, magics), b"COLOR=\x80\x80\x80\xff" if magics else b"a scan"))
    at_corner = {
        tuple(v): c for v, c in zip(scan.vertices.round(3).tolist(), scan.vertex_colours, strict=True)
    }
    np.testing.assert_allclose(at_corner[0.0, 0.0, 0.0] * 31, [31, 16, 4])
    np.testing.assert_allclose(at_corner[tuple(vertices[-1].astype(float).round(3))] * 31, [2, 3, 30])
    assert "Magics" in scan.notes[0] if magics else "VisCAM" in scan.notes[0]


def test_magics_facets_may_have_the_objects_colour(read):
    words = np.full(32, 0x8000)
    words[:4] = five_bits([(31, 0, 0)] * 4, magics=True)
    scan = read(binary(words, b"COLOR=\xff\x80\x00\xff,MATERIAL=" + b"\x11" * 12))
    np.testing.assert_allclose(scan.vertex_colours[-1] * 255, [255, 128, 0])


@pytest.mark.parametrize(
    ("words", "header"), [(0, b"COLOR=\xc8\xc8\xc8\xff"), (0x8000, b"COLOR=\xc8\xc8\xc8\xff"), (0xFFFF, b"")]
)
def test_one_colour_for_all_is_no_colour_and_said(read, words, header):
    scan = read(binary(words, header))
    assert not scan.has_colour
    assert "all facets have one colour" in scan.notes[0]


def test_words_of_other_programs_are_no_colour_and_said(read):
    scan = read(binary(np.arange(32) % 7))
    assert not scan.has_colour
    assert "attribute words of its facets" in scan.notes[0]
    assert not read(binary()).notes


@pytest.mark.parametrize("size", [1, 49, 50, 210])
def test_bytes_after_the_facets(read, size):
    vertices, triangles = sheet()
    scan = read(binary(tail=b"t" * size))
    np.testing.assert_array_equal(corners(scan), expected_corners(vertices.astype(float), triangles))
    assert f"{size} bytes after its 32 facets" in scan.notes[0]


@pytest.mark.parametrize("size", [0, 5, 33, 34, 80, 83, 84, 85, 134, 1000])
def test_sizes_that_no_stl_has(read, size):
    data = binary()[:size]
    with pytest.raises(MienError, match=r"cut off|is empty"):
        read(data)


@pytest.mark.parametrize("count", [33, 2**31, 2**32 - 1])
def test_a_count_beyond_the_file_is_refused(read, count):
    with pytest.raises(MienError, match=f"declares {count} STL facets"):
        read(binary(count=count))


def text(corner_lines):
    facets = "".join(
        f"facet normal 0 0 1\nouter loop\n{''.join(lines)}endloop\nendfacet\n" for lines in corner_lines
    )
    return f"solid s\n{facets}endsolid s\n"


@pytest.mark.parametrize("form", [str.lower, str.upper, lambda t: t.replace("\n", "\r\n")])
def test_text_of_any_case_and_mark(read, form):
    vertices, triangles = sheet()
    lines = [["vertex {} {} {}\n".format(*p) for p in t] for t in vertices[triangles].tolist()]
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        scan = read(form(text(lines)).encode(encoding))
        np.testing.assert_allclose(corners(scan), expected_corners(vertices, triangles), atol=2e-3)


@pytest.mark.parametrize("number", ["1,5", "x", "1" * 10 + "x" * 200_000])
def test_text_with_other_things_than_numbers(read, number):
    with pytest.raises(MienError, match="does not hold numbers"):
        read(text([[f"vertex 0 {number} 1\n"] * 3] * 100).encode())
