"""Names of another machine: what is found, what is not, and what is said of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mien.core.errors import MienError, readable
from mien.meshio.find_files import find_beside, match_name

BRAIN = "\u8089\u8863"  # two characters that GBK, Big5 and UTF-8 write differently


def touch(path: Path | bytes) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(b"x")


def found(folder: Path, named: str | bytes) -> tuple[bytes, str | None]:
    path, note = find_beside(folder, os.fsdecode(named))
    assert path.is_file()
    return os.path.relpath(os.fsencode(path), os.fsencode(folder)), note


@pytest.mark.parametrize("named", ["head.jpg", "maps/head.jpg", "maps\\head.jpg", "./head.jpg"])
def test_what_is_there_as_named_needs_no_note(tmp_path, named):
    for name in ("head.jpg", "HEAD.jpg", "maps/head.jpg"):
        touch(tmp_path / name)
    path, note = find_beside(tmp_path, named)
    assert path == tmp_path / named.replace("\\", "/")
    assert note is None


@pytest.mark.parametrize(
    ("named", "there"),
    [
        ("C:\\Users\\x\\out\\head.jpg", "head.jpg"),
        ("C:head.jpg", "head.jpg"),
        ("\\\\server\\share\\head.jpg", "head.jpg"),
        ("/Users/x/out/head.jpg", "head.jpg"),
        ("file:///C:/Users/x/my%20head.jpg", "my head.jpg"),
        ("HEAD.JPG", "head.jpg"),
        ("Head.jpeg", "head.JPEG"),
        ("my%20head.jpg", "my head.jpg"),
        ("my head.jpg", "my%20head.jpg"),
        ("D:\\Work\\Textures\\head.jpg", "textures/head.jpg"),
        ("/mnt/scans/Tex/skin/head.jpg", "tex/Skin/head.jpg"),
        ("head.jpg", "textures/head.jpg"),
        ("head.jpg", "../textures/head.jpg"),
        ("../Maps/head.jpg", "../maps/head.jpg"),
        ("cafe\u0301.jpg", "caf\u00e9.jpg"),  # macOS takes letters and their accents apart
        ("C:\\x\\skin.<UDIM>.png", "skin.1002.png"),
        ("C:\\x\\skin_<UVTILE>.png", "skin_u1_v1.png"),
    ],
)
def test_one_file_of_that_name_is_found_with_a_note(tmp_path, named, there):
    folder = tmp_path / "scan"
    folder.mkdir()
    touch(folder / there)
    path, note = find_beside(folder, named)
    expected = folder / there.replace("1002", "<UDIM>").replace("u1_v1", "<UVTILE>")
    assert path.resolve() == expected.resolve()
    assert note is not None
    assert named in note
    assert Path(there).name.split("1002")[0].split("u1")[0] in note


@pytest.mark.parametrize("encoding", ["gb18030", "cp932", "big5"])
def test_bytes_of_a_legacy_encoding_are_one_name(tmp_path, encoding):
    named = "\u8868.jpg".encode(encoding)  # Shift-JIS writes its second byte as a backslash
    touch(os.path.join(os.fsencode(tmp_path), named))
    assert found(tmp_path, named) == (named, None)


@pytest.mark.parametrize("encoding", ["gb18030", "big5"])
def test_encodings_of_the_same_name_are_seen_through_both_ways(tmp_path, encoding):
    legacy, modern = (BRAIN + ".JPG").encode(encoding), (BRAIN + ".jpg").encode()
    for named, there in ((legacy, modern), (modern, legacy)):
        folder = tmp_path / ("a" if named == legacy else "b")
        touch(os.path.join(os.fsencode(folder), there))
        name, note = found(folder, named)
        assert name == there
        assert note is not None
        note.encode()  # what is said can be printed
        assert "\ud800" not in note


def test_a_name_that_an_archive_spoilt_is_found(tmp_path):
    spoilt = BRAIN.encode("gbk").decode("cp437") + ".jpg"
    touch(tmp_path / spoilt)
    assert found(tmp_path, (BRAIN + ".jpg").encode("gbk"))[0] == spoilt.encode()


def test_nothing_is_taken_where_several_fit_or_none(tmp_path):
    touch(tmp_path / "Head.jpg")
    touch(tmp_path / "HEAD.jpg")
    path, note = find_beside(tmp_path, "head.jpg")
    assert path == tmp_path / "head.jpg"
    assert not path.exists()
    assert note is not None
    assert "HEAD.jpg and Head.jpg" in note
    impossible = ("..", "", "a" * 5000, "nul\0.jpg", "C:\\", "\ud800")
    for wrong in ("heads.jpg", "head.png", "skin.<UDIM>.png", *impossible):
        path, note = find_beside(tmp_path, wrong)
        assert not os.path.isfile(path)
        assert note is None


def test_other_peoples_folders_are_not_searched(tmp_path):
    touch(tmp_path / "another person" / "head.jpg")
    assert find_beside(tmp_path, "C:\\x\\head.jpg")[1] is None


def test_names_match_as_bytes_before_anything_else():
    assert match_name("skin", ["Skin", "skin"]) == ["skin"]
    assert match_name("SKIN", ["skin", "cloth"]) == ["skin"]
    assert match_name("skin", ["Skin", "SKIN"]) == ["Skin", "SKIN"]
    face, cloth = (os.fsdecode(c.encode("gbk")) for c in "\u8138\u8863")
    assert match_name(face, [cloth, face]) == [face]
    assert match_name("\u8138", [cloth, face]) == [face]
    assert match_name(face, [cloth]) == []


def test_unreadable_bytes_are_shown_as_such():
    name = os.fsdecode("\u8111.jpg".encode("gbk"))
    assert readable(name) == "\\xc4\\xd4.jpg"
    assert readable("\u8111 \ud800") == "\u8111 \\ud800"
    str(MienError(f"{name}: no such file")).encode()
