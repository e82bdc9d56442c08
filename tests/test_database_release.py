"""The frozen database: nothing is drawn otherwise than version 1 was, unless the version says so."""

from __future__ import annotations

import copy
import json

import pytest

from mien.database import release as freeze


@pytest.fixture(scope="module")
def samples():
    return freeze.draw_samples()


def test_the_database_is_the_frozen_one():
    assert freeze.check() == []


def test_a_moved_vertex_and_another_skin_are_noticed(samples):
    assert freeze.drift(samples, samples) == []
    moved = copy.deepcopy(samples)
    moved["0"]["neutral"][5] += 10
    moved["20500"]["albedo"][7] += 9
    lines = freeze.drift(samples, moved)
    assert lines[0].startswith("subject 0, neutral: off by 10 micrometres")
    assert lines[1].startswith("subject 20500, albedo: off by 9 codes")
    rounding = copy.deepcopy(samples)
    rounding["0"]["neutral"][5] += 1
    assert freeze.drift(samples, rounding) == []


def test_a_change_of_code_alone_is_told_apart(tmp_path, monkeypatch, samples):
    path = freeze.write(tmp_path / "frozen.json")
    monkeypatch.setattr(freeze, "manifest_path", lambda: path)
    monkeypatch.setattr(freeze, "draw_samples", lambda: samples)
    assert freeze.check() == []
    monkeypatch.setattr(freeze, "code_hash", lambda: "0" * 64)
    (line,) = freeze.check()
    assert "but not what is drawn" in line
    manifest = json.loads(path.read_text())
    manifest["samples"]["0"]["smile"][0] += 1000
    path.write_text(json.dumps(manifest))
    assert "raise DATABASE_VERSION" in freeze.check()[-1]


def test_the_hash_of_code_sees_what_it_does_and_not_how_it_is_laid_out():
    one = 'def f(x: int) -> int:\n    """Says."""\n    return x + 1  # why\n'
    same = 'def f(x: int) -> int:\n    """Says more."""\n    return (x +\n            1)\n'
    other = "def f(x: int) -> int:\n    return x + 2\n"
    assert freeze.syntax(one) == freeze.syntax(same)
    assert freeze.syntax(one) != freeze.syntax(other)


def test_the_split_shares_no_subject():
    parts = [set(freeze.split_indices(name)) for name in ("train", "validation", "test")]
    assert [len(part) for part in parts] == [20_000, 500, 1_000]
    assert len(set.union(*parts)) == 21_500
