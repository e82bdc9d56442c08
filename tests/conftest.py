"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig_fixture import Run, write_demo
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
SHARED = ("rigged", "faces")  # costly fixtures of the session: their tests stay in one worker


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory):
    """Tests neither read nor fill the user's cache of stages; commands that they start inherit this."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIEN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """head.obj: the demo scan with 8,000 triangles; its material and texture lie beside it."""
    return write_demo(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="session")
def rigged(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """That scan, rigged at 1K from an empty cache; its stages stay in the tests' cache."""
    return Run.of(demo, tmp_path_factory.mktemp("rigged") / "head")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With pytest-xdist a file's tests share a worker, and so do all that share a costly fixture."""
    for item in items if config.pluginmanager.hasplugin("xdist") else ():
        names = getattr(item, "fixturenames", ())
        shared = next((name for name in SHARED if name in names), None)
        item.add_marker(pytest.mark.xdist_group(shared or item.path.name))
