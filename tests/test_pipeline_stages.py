"""Stages: made once, kept by content, nothing made that nobody asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mien.core.cache import Cache
from mien.core.mesh import Scan
from mien.pipeline.stages import FROM_CACHE, CachedStage, Stages, at_once


class Chain:
    """a -> b -> c, with a count of what was computed and the words that were told."""

    def __init__(self, folder: Path | None, *, text: str = "x", factor: float = 2.0) -> None:
        self.made: list[str] = []
        self.told: list[str] = []
        stages = Stages(Cache(folder, 10**8) if folder else None, self.told.append)
        self.a: CachedStage[np.ndarray] = stages.run(
            "a", lambda: self._did("a", np.arange(6.0)), depends=[text]
        )
        self.b: CachedStage[np.ndarray] = stages.run(
            "b", lambda a: self._did("b", factor * a), self.a, depends=[factor]
        )
        self.c: CachedStage[np.ndarray] = stages.run("c", lambda b: self._did("c", b.reshape(2, 3).T), self.b)

    def _did(self, name: str, value: np.ndarray) -> np.ndarray:
        self.made.append(name)
        return value


def test_a_second_run_computes_nothing_and_asks_for_no_more_than_it_needs(tmp_path: Path) -> None:
    first, second = Chain(tmp_path), Chain(tmp_path)
    np.testing.assert_array_equal(first.c.value, second.c.value)
    assert first.made == first.told == ["a", "b", "c"]
    assert second.made == []
    assert second.told == ["c" + FROM_CACHE]


def test_only_what_follows_a_change_runs_again(tmp_path: Path) -> None:
    _ = Chain(tmp_path).c.value
    later = Chain(tmp_path, factor=3.0)
    np.testing.assert_array_equal(later.c.value.T.ravel(), 3.0 * np.arange(6.0))
    assert later.made == ["b", "c"]
    assert later.told == ["a" + FROM_CACHE, "b", "c"]
    again = Chain(tmp_path, text="y")
    _ = again.c.value
    assert again.made == ["a", "b", "c"]


def test_with_and_without_a_cache_arrays_lie_the_same_way(tmp_path: Path) -> None:
    plain, kept = Chain(None).c.value, Chain(tmp_path).c.value
    fetched = Chain(tmp_path).c.value
    assert plain.tobytes() == kept.tobytes() == fetched.tobytes()
    assert plain.strides == kept.strides == fetched.strides


def test_a_damaged_entry_is_made_anew(tmp_path: Path) -> None:
    _ = Chain(tmp_path).c.value
    for path in tmp_path.glob("*.npz"):
        path.write_bytes(path.read_bytes()[:-60])
    again = Chain(tmp_path)
    np.testing.assert_array_equal(again.c.value, Chain(None).c.value)
    assert again.made == ["a", "b", "c"]


def test_two_threads_make_a_shared_input_once(tmp_path: Path) -> None:
    chain = Chain(tmp_path)
    at_once(lambda: chain.b.value, lambda: chain.c.value)
    assert sorted(chain.made) == ["a", "b", "c"]


class Reading:
    """A scan file that names another, as an OBJ names its texture."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder, self.loads = folder, 0
        self.stages = Stages(Cache(cache, 10**8), lambda _: None)

    def load(self) -> Scan:
        self.loads += 1
        files = (self.folder / "head.obj", self.folder / "skin.txt")
        text = "".join(f.read_text() for f in files if f.is_file())
        return Scan(
            "head", np.full((3, 3), float(len(text))), np.array([[0, 1, 2]]), sha256=text, sources=files
        )

    def stage(self) -> CachedStage[Scan]:
        return self.stages.scan("reading", self.load, self.folder / "head.obj", None)


def test_a_scan_is_read_again_when_any_of_its_files_changes(tmp_path: Path) -> None:
    folder, cache = tmp_path / "scan", tmp_path / "cache"
    folder.mkdir()
    (folder / "head.obj").write_text("mesh")
    (folder / "skin.txt").write_text("pale")
    first, second = Reading(folder, cache), Reading(folder, cache)
    key = first.stage().key
    assert second.stage().key == key
    assert (first.loads, second.loads) == (1, 0)
    assert second.stage().value.vertices[0, 0] == 8.0
    assert second.loads == 0
    (folder / "skin.txt").write_text("tanned")
    third = Reading(folder, cache)
    assert third.stage().key != key
    assert third.loads == 1
    (folder / "skin.1002.txt").write_text("another tile beside it")
    fourth = Reading(folder, cache)
    _ = fourth.stage()
    assert fourth.loads == 1
