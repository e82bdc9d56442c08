"""`--no-skips`: a test that is skipped fails the run, so that nothing is missing from CI unnoticed."""

from __future__ import annotations

import pytest

_SKIPPED: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="fail where a test is skipped (CI does)")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remembers what was skipped; an expected failure is reported as skipped too, and is none."""
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        _SKIPPED.append(f"{report.nodeid}: {reason}")


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.skipped:
        _SKIPPED.append(f"{report.nodeid}: {report.longrepr}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _SKIPPED and session.config.getoption("--no-skips") and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:  # type: ignore[no-untyped-def]
    if config.getoption("--no-skips"):
        for line in _SKIPPED:
            terminalreporter.write_line(f"--no-skips: {line}", red=True)
