"""What README and docs show runs, and what they name is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from doc_checks import ROOT, blocks, commands, faults, pages, run_python
from rig_fixture import Run, mien

PAGES = {page.relative_to(ROOT).as_posix(): page for page in pages()}
WITH_PYTHON = [
    name for name, page in PAGES.items() if any(b.language == "python" for b in blocks(page.read_text()))
]
CHEAP = ("check", "data info")  # commands that are run, not only parsed


@pytest.fixture
def workspace(tmp_path: Path, rigged: Run, faces: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the pages speak of: the examples, an asset, a small face database."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "head").symlink_to(rigged.out)
    (tmp_path / "DIR").symlink_to(faces)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", WITH_PYTHON)
def test_python_blocks_run(page: str, workspace: Path) -> None:
    assert run_python(blocks(PAGES[page].read_text(), page)) == []


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_names_is_there(page: str) -> None:
    assert faults(PAGES[page].read_text(), PAGES[page]) == []


def test_cheap_commands_run(workspace: Path) -> None:
    found = [line for page in PAGES.values() for line in commands(page.read_text()) if line.startswith(CHEAP)]
    for line in ["check head", *found]:
        done = mien(*line.split())
        assert done.returncode == 0, (line, done.stderr)
