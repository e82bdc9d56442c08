"""A progress bar on a terminal, silence elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[str], None]


def silent(_stage: str) -> None:
    """The progress of a library call: none."""


@contextmanager
def console_progress(stages: int) -> Iterator[Progress]:
    """Yields a function to call with each stage's name; draws on standard error if that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    if not console.is_terminal:
        yield silent
        return
    columns = (TextColumn("{task.description:<28}"), BarColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=stages)

        def advance(stage: str) -> None:
            bar.update(task, description=stage, advance=1)

        yield advance


@contextmanager
def counting_progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Yields a function to tell how many more are done, to standard error: a bar, or a line each 5 %."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(what, total)
        return
    text = TextColumn("{task.description}")
    columns = (text, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Bar(*columns, console=console) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.update(task, advance=count)


def _lines(what: str, total: int) -> Callable[[int], None]:
    """Prints how many are done at the first of each twentieth."""
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        before, done = done, done + count
        if 20 * done // total > 20 * before // total:
            sys.stderr.write(f"{done} of {total} {what}\n")
            sys.stderr.flush()

    return advance
