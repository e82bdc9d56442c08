"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from faces_fixture import write_faces
from rig_fixture import DEMO, Run
from skips import (
    pytest_addoption,
    pytest_collectreport,
    pytest_runtest_logreport,
    pytest_sessionfinish,
    pytest_terminal_summary,
)

__all__ = [
    "pytest_addoption",
    "pytest_collectreport",
    "pytest_runtest_logreport",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
]
SHARED = {"rigged", "faces"}  # costly fixtures of the session: their tests stay in one worker


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory):
    """Tests neither read nor fill the user's cache of stages; commands that they start inherit this."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIEN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def rigged(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The demo scan, rigged at 1K from an empty cache; its stages stay in the tests' cache."""
    return Run.of(DEMO, tmp_path_factory.mktemp("rigged") / "head")


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A face database of two people with two expressions each, as `mien data synth` writes it."""
    folder = tmp_path_factory.mktemp("faces")
    write_faces(folder)
    return folder


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With pytest-xdist a file's tests share a worker, and so do all that share the costly fixtures."""
    for item in items if config.pluginmanager.hasplugin("xdist") else ():
        shared = SHARED & set(getattr(item, "fixturenames", ()))
        item.add_marker(pytest.mark.xdist_group("shared" if shared else item.path.name))
