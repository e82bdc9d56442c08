"""Work shared out to processes that tell how far they are and leave off when the parent is stopped."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from mien.core.errors import MienError

_POLL = 0.25  # seconds

_told: Any = None  # in a worker: the queue to which each finished piece is told
_stop: Any = None  # in a worker: the event that says that no more is wanted


def tell_one() -> None:
    """In a worker: one more piece is done."""
    _told.put(1)


def end_if_stopped() -> None:
    """In a worker: raises `InterruptedError` when no more is wanted; to be called before each piece."""
    if _stop.is_set():
        raise InterruptedError


def in_processes(
    work: Callable[..., None], jobs: Sequence[tuple[Any, ...]], workers: int, tell: Callable[[int], None]
) -> None:
    """Calls `work` (a module's own function) with each job; `tell` hears how many more pieces are done.

    Whatever ends it, Ctrl-C too, ends the workers after the piece in hand; jobs that wait are not begun.
    Raises `MienError` where a worker was ended from outside.
    """
    context = multiprocessing.get_context("spawn")
    # One thread a process: more would fight for the cores, and products could differ in their last bits.
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    told, stop = context.Queue(), context.Event()
    with ProcessPoolExecutor(min(workers, len(jobs)), context, _start_worker, (told, stop)) as pool:
        with _deaf():
            waiting = {pool.submit(work, *job) for job in jobs}
        try:
            while waiting:
                finished, waiting = wait(waiting, timeout=_POLL, return_when=FIRST_COMPLETED)
                _drain(told, tell)
                for future in finished:
                    future.result()
        except BaseException as error:
            stop.set()  # workers leave off after the subject in hand, and begin no job that waits
            pool.shutdown(cancel_futures=True)
            if isinstance(error, BrokenProcessPool):
                raise MienError(
                    "a worker was ended from outside (out of memory?); "
                    "the same command goes on, with fewer --workers if need be"
                ) from error
            raise
    _drain(told, tell)


@contextmanager
def _deaf() -> Iterator[None]:
    """Processes begun here do not hear a stop, from their first moment: it is the parent's to hear."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread hears signals
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _start_worker(told: Any, stop: Any) -> None:
    global _told, _stop
    _told, _stop = told, stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _drain(told: Any, tell: Callable[[int], None]) -> None:
    while True:
        try:
            tell(told.get_nowait())
        except queue.Empty:
            return
