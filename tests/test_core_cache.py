"""The cache of stages: what is kept comes back the same, nothing else comes back at all."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.cache import Cache, code_fingerprint, digest, open_cache, pack, unpack
from mien.core.errors import MienError
from mien.core.mesh import Image, Scan


def scan() -> Scan:
    return Scan(
        "tetra",
        np.arange(12.0).reshape(4, 3),
        np.array([[0, 1, 2], [0, 2, 3]]),
        textures=(np.arange(48, dtype=np.uint8).reshape(4, 4, 3),),
        sources=(Path("a/tetra.obj"),),
    )


def cache_in(folder: Path, limit: int = 10**9) -> Cache:
    return Cache(folder / "cache", limit)


def test_a_value_comes_back_the_same(tmp_path: Path) -> None:
    cache = cache_in(tmp_path)
    value = (scan(), {"a": Image(np.ones((2, 3, 1), np.float32))}, [1, 2.5, None, True, "x"], float("nan"))
    cache.put("k", value)
    back = cache.get("k")
    for name in ("vertices", "triangles"):
        np.testing.assert_array_equal(getattr(back[0], name), getattr(value[0], name))
        assert getattr(back[0], name).dtype == getattr(value[0], name).dtype
    np.testing.assert_array_equal(back[0].textures[0], value[0].textures[0])
    assert back[0].sources == value[0].sources
    assert back[0].corner_uvs is None
    assert type(back[1]["a"]) is Image
    assert back[2] == value[2]
    assert np.isnan(back[3])


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(plain)
@settings(max_examples=100, deadline=None)
def test_packing_is_undone_by_unpacking(value: object) -> None:
    assert unpack(*pack(value)) == value


def test_arrays_come_back_in_c_order_whatever_they_were() -> None:
    strange = [np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(10.0)[::2], np.float64(3.0)]
    back = unpack(*pack(strange))
    assert all(array.flags.c_contiguous for array in back[:2])
    np.testing.assert_array_equal(back[0], strange[0])
    np.testing.assert_array_equal(back[1], strange[1])
    assert back[2] == 3.0


def test_shared_arrays_are_not_written_again(tmp_path: Path) -> None:
    cache, base = cache_in(tmp_path), scan()
    shared = pack(base)[1]
    moved = replace(base, vertices=base.vertices + 1.0)
    assert len(pack(moved, shared)[1]) == 1
    cache.put("moved", moved, shared)
    back = cache.get("moved", shared)
    np.testing.assert_array_equal(back.vertices, moved.vertices)
    assert back.textures[0] is base.textures[0]


def test_a_foreign_type_is_neither_kept_nor_made() -> None:
    with pytest.raises(TypeError, match="object"):
        pack(object())
    with pytest.raises(TypeError, match="objects"):
        pack(np.array([object()]))
    with pytest.raises(ValueError, match="core's types"):
        unpack({"type": ["subprocess", "Popen"], "fields": {}}, [])
    with pytest.raises(ValueError, match="core's types"):
        unpack({"type": ["mien.core.files", "sha256_of"], "fields": {}}, [])


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_a_damaged_entry_is_said_and_dropped(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    cache = cache_in(tmp_path)
    cache.put("k", np.arange(1000.0))
    path = next(cache.folder.glob("*.npz"))
    data = bytearray(path.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data[: len(data) // 2]) if damage == "cut" else b"" if damage == "empty" else data)
    assert cache.get("k") is None
    assert "damaged entry" in caplog.text
    assert not cache.has("k")


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    cache = cache_in(tmp_path, limit=30_000)
    for n, key in enumerate("abc"):
        cache.put(key, np.zeros(1000))  # 8 kB and a header
        os.utime(cache.folder / f"{key}.npz", (n, n))
    assert cache.get("a") is not None  # used: now the youngest
    cache.put("d", np.zeros(1000))
    assert [key for key in "abcd" if cache.has(key)] == ["a", "c", "d"]
    cache.put("large", np.zeros(10_000))
    assert not cache.has("large")


def test_a_folder_that_cannot_be_written_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("a file")
    cache = cache_in(tmp_path)
    cache.put("k", 1)
    assert "cannot be written" in caplog.text
    assert cache.get("k") is None


def test_nothing_half_written_stays(tmp_path: Path) -> None:
    cache = cache_in(tmp_path)
    cache.put("k", np.zeros(10))
    assert [p.name for p in cache.folder.iterdir()] == ["k.npz"]


def test_keys_tell_parts_apart() -> None:
    assert digest("a", 1) == digest("a", 1)
    different = [
        digest("a", 1),
        digest("a", "1"),
        digest("a1"),
        digest("a", None),
        digest(["a", 1]),
        digest(1, "a"),
    ]
    assert len(set(different)) == len(different)


def test_the_code_is_part_of_every_key() -> None:
    assert code_fingerprint() == code_fingerprint()
    assert len(code_fingerprint()) == 40


def test_where_the_cache_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIEN_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert open_cache().folder == tmp_path / "mien"
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "mine"))
    monkeypatch.setenv("MIEN_CACHE_GB", "0.5")
    assert (open_cache().folder, open_cache().limit) == (tmp_path / "mine", 500_000_000)
    monkeypatch.setenv("MIEN_CACHE_GB", "much")
    with pytest.raises(MienError, match="number of gigabytes"):
        open_cache()
