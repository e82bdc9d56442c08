"""TGA images of every kind, and what is refused."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.errors import MienError
from mien.meshio.images import read_image
from mien.meshio.tga import decode_tga, unpack_runs, unpack_runs_plain

W, H = 7, 5
RNG = np.random.default_rng(3)
BGRA = RNG.integers(0, 256, (H, W, 4)).astype(np.uint8)
BGRA[1:3, 2:6] = BGRA[0, 0]  # something that repeats


def packets(rows: np.ndarray) -> bytes:
    """Run-length packets of pixels (N, B): runs where pixels repeat, raw ones elsewhere."""
    out, at = b"", 0
    while at < len(rows):
        same = 1
        while at + same < len(rows) and same < 128 and (rows[at + same] == rows[at]).all():
            same += 1
        if same > 1:
            out, at = out + bytes([127 + same]) + rows[at].tobytes(), at + same
        else:
            out, at = out + b"\0" + rows[at].tobytes(), at + 1
    return out


def tga(
    pixels: np.ndarray, kind: int, bits: int, *, runs=False, flags=0, note=b"", table=b"", map_bits=0, first=0
):
    """A TGA of pixels (H, W, B) whose rows are given from the top."""
    rows = pixels if flags & 0x20 else pixels[::-1]
    rows = rows[:, ::-1] if flags & 0x10 else rows
    flat = np.ascontiguousarray(rows).reshape(-1, pixels.shape[2])
    count = len(table) * 8 // map_bits if map_bits else 0
    header = struct.pack("<BBBHHBHHHHBB", len(note), int(bool(table)), kind + 8 * runs, first, count, map_bits,
                         0, 0, W, H, bits, flags)  # fmt: skip
    return header + note + table + (packets(flat) if runs else flat.tobytes())


@pytest.mark.parametrize("runs", [False, True])
@pytest.mark.parametrize("flags", [0x00, 0x10, 0x20, 0x30])
@pytest.mark.parametrize(("kind", "size"), [(2, 3), (2, 4), (3, 1)])
def test_true_colour_and_grey_of_all_origins(runs, flags, kind, size):
    pixels = BGRA[..., :size]
    got = decode_tga(
        tga(pixels, kind, 8 * size, runs=runs, flags=flags | (8 if size == 4 else 0), note=b"a note")
    )
    np.testing.assert_array_equal(got, pixels if size > 1 else pixels[..., 0])


@pytest.mark.parametrize("runs", [False, True])
@pytest.mark.parametrize("bits", [15, 16])
def test_five_bits_a_channel(runs, bits):
    five = np.stack([np.arange(H * W).reshape(H, W) % 32] * 3, axis=2)
    five[..., 1] = 31 - five[..., 0]
    alpha = (np.arange(H * W).reshape(H, W) % 3 == 0).astype(int)
    word = (five[..., 0] | five[..., 1] << 5 | five[..., 2] << 10 | alpha << 15).astype("<u2")
    pixels = word.view(np.uint8).reshape(H, W, 2)
    got = decode_tga(tga(pixels, 2, bits, runs=runs, flags=0x21))
    assert got is not None
    np.testing.assert_array_equal(got[..., :3], np.round(five * 255 / 31))
    assert got.shape[2] == (4 if bits == 16 else 3)
    if bits == 16:
        np.testing.assert_array_equal(got[..., 3], alpha * 255)


@pytest.mark.parametrize("runs", [False, True])
@pytest.mark.parametrize("map_bits", [16, 24, 32])
@pytest.mark.parametrize("bits", [8, 16])
def test_colour_maps(runs, map_bits, bits):
    entries = RNG.integers(0, 256, (20, map_bits // 8)).astype(np.uint8)
    index = RNG.integers(0, 20, (H, W))
    pixels = (index + 3).astype("<u2" if bits == 16 else "u1").view(np.uint8).reshape(H, W, -1)
    data = tga(pixels, 1, bits, runs=runs, table=entries.tobytes(), map_bits=map_bits, first=3)
    got = decode_tga(data)
    assert got is not None
    assert got.shape == (H, W, 3)
    if map_bits > 16:
        np.testing.assert_array_equal(got, entries[index][..., :3])
    outside = tga(pixels, 1, bits, runs=runs, table=entries[:10].tobytes(), map_bits=map_bits, first=3)
    assert decode_tga(outside) is None


def test_grey_with_alpha():
    data = tga(BGRA[..., :2], 3, 16, flags=0x28)
    np.testing.assert_array_equal(decode_tga(data), BGRA[..., :2])
    np.testing.assert_array_equal(decode_tga(tga(BGRA[..., :2], 3, 16, flags=0x20)), BGRA[..., 0])


def footer(data: bytes, kind: int) -> bytes:
    """With version 2's extension area, which says what alpha means."""
    area = bytearray(495)
    area[494] = kind
    return data + bytes(area) + struct.pack("<II", len(data), 0) + b"TRUEVISION-XFILE.\0"


def test_alpha_is_kept_only_where_the_file_says_that_it_has_any():
    stray, real = tga(BGRA, 2, 32, flags=0x20), tga(BGRA, 2, 32, flags=0x28)
    assert decode_tga(stray).shape[2] == 3
    assert decode_tga(real).shape[2] == 4
    assert decode_tga(footer(real, 3)).shape[2] == 4
    assert decode_tga(footer(real, 0)).shape[2] == 3


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=0, max_size=60), st.integers(1, 4), st.integers(1, 40))
def test_fast_runs_equal_plain(body, size, n):
    octets = np.frombuffer(body, np.uint8)
    fast, plain = np.zeros((n, size), np.uint8), np.zeros((n, size), np.uint8)
    assert unpack_runs(octets, fast) == unpack_runs_plain(octets, plain)
    np.testing.assert_array_equal(fast, plain)


@pytest.mark.parametrize("runs", [False, True])
def test_a_cut_or_impossible_file_is_none(tmp_path, runs):
    whole = tga(BGRA[..., :3], 2, 24, runs=runs)
    for length in (0, 5, 18, 30, len(whole) - 1):
        assert decode_tga(whole[:length]) is None
    for at, value in ((2, 7), (16, 12), (1, 2), (17, 0x80)):  # kind, depth, map type, interleaving
        broken = bytearray(whole)
        broken[at] = value
        assert decode_tga(bytes(broken)) is None
    huge = bytearray(whole)
    huge[12:16] = b"\xff\x3f\xff\x3f"
    assert decode_tga(bytes(huge)) is None
    (tmp_path / "t.tga").write_bytes(whole[:-1])
    with pytest.raises(MienError, match=r"t\.tga: .* is a TGA image that is cut off"):
        read_image(tmp_path / "t.tga", "the MTL file")
    (tmp_path / "t.tga").write_bytes(b"no image")
    with pytest.raises(MienError, match="is not a readable image"):
        read_image(tmp_path / "t.tga", "the MTL file")


def test_a_texture_is_read_right_way_up(tmp_path):
    (tmp_path / "t.tga").write_bytes(tga(BGRA[..., :3], 2, 24, runs=True))
    np.testing.assert_array_equal(read_image(tmp_path / "t.tga", "the MTL file"), BGRA[..., 2::-1])
