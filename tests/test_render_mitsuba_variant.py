"""A renderer that is missing, too old, or ends its process: a line, and the slower one where there is one."""

import importlib.metadata
import importlib.util
import logging
import subprocess
import sys

import pytest

from mien.core.errors import MienError
from mien.render import mitsuba_variant
from mien.render.mitsuba_variant import FAST, PLAIN, load_mitsuba, what_is_wrong, working_variant


@pytest.fixture(autouse=True)
def _ask_anew():
    working_variant.cache_clear()
    yield
    working_variant.cache_clear()


def probes_that(monkeypatch, tmp_path, code: str) -> None:
    script = tmp_path / "probe.py"
    script.write_text(code)
    monkeypatch.setattr(mitsuba_variant, "_PROBE", script)


DIES = f"import os, sys\nif sys.argv[1] == {FAST!r}:\n    print('LLVM ERROR: Cannot select: f32', file=sys.stderr)\n    os.abort()\n"


def test_a_fast_variant_that_kills_its_process_is_passed_over_with_one_line(monkeypatch, tmp_path, caplog):
    probes_that(monkeypatch, tmp_path, DIES)
    with caplog.at_level(logging.WARNING, "mien"):
        assert working_variant() == PLAIN
        assert working_variant() == PLAIN
    (record,) = caplog.records
    assert "Cannot select" in record.getMessage()
    assert "libllvm19" in record.getMessage()
    assert "\n" not in record.getMessage()


def test_one_that_works_is_taken_without_a_word(monkeypatch, tmp_path, caplog):
    probes_that(monkeypatch, tmp_path, "")
    assert working_variant() == FAST
    assert caplog.records == []


def test_where_neither_works_one_line_says_so(monkeypatch, tmp_path):
    probes_that(monkeypatch, tmp_path, "raise ImportError('libstdc++.so.6: version not found')")
    with pytest.raises(MienError, match=r"version not found.*pip install --upgrade mitsuba"):
        working_variant()


def test_one_that_never_ends_counts_as_broken(monkeypatch):
    def late(command, timeout, **_):
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(subprocess, "run", late)
    assert "within" in what_is_wrong(FAST)


def test_a_version_that_is_too_old_is_refused_by_its_number(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "3.5.2")
    with pytest.raises(MienError, match=r"3\.8 or newer, got 3\.5\.2"):
        load_mitsuba()


def test_missing(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MienError, match="pip install mitsuba"):
        load_mitsuba()


def test_the_probe_renders_with_what_a_head_is_rendered_with():
    pytest.importorskip("mitsuba")
    assert what_is_wrong(PLAIN) is None


def test_the_probe_needs_nothing_of_mien():
    """It must not die for another reason than Mitsuba's."""
    code = f"import sys, runpy; runpy.run_path({str(mitsuba_variant._PROBE)!r}); print(any(m.startswith('mien') for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
