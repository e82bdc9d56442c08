"""What a file is by its first bytes, for the refusal of those that are not read."""

from __future__ import annotations

_STARTS = (
    (b"\xabKTX 20\xbb", "a KTX2 texture"),
    (b"\xabKTX 11\xbb", "a KTX texture"),
    (b"sB\x13\x00", "a Basis texture"),
    (b"DDS ", "a DDS texture"),
    (b"8BPS", "a Photoshop file"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL image"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"gimp xcf", "a GIMP file"),
    (b"<svg", "an SVG drawing"),
    (b"version https://git-lfs", "a Git LFS pointer instead of the file itself (git lfs pull brings it)"),
    (b"<!DOCTYPE", "a web page"),
    (b"<!doctype", "a web page"),
    (b"<html", "a web page"),
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"Kaydara FBX Binary", "an FBX file"),
    (b"; FBX", "an FBX file"),
    (b"BLENDER", "a Blender file"),
    (b"PXR-USDC", "a USD file"),
    (b"#usda", "a USD file"),
    (b"glTF", "a GLB"),
    (b"ply", "a PLY file"),
    (b"solid ", "an STL file"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
)
_HEIF = {b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"}


def kind_of(data: bytes) -> str | None:
    """In plain words, with the article; None where the bytes say nothing."""
    head = bytes(data[:64]).lstrip(b"\xef\xbb\xbf \t\r\n")
    for start, name in _STARTS:
        if data[: len(start)] == start or head.startswith(start):
            return name
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF:
        return "a HEIC image"
    return "a file of zeros" if data and not any(data) else None
