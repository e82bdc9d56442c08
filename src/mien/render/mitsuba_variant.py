"""The variant of Mitsuba that works on this machine: found out in a process of its own, which may crash."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from mien.core.errors import MienError

OLDEST = (3, 8)
FAST, PLAIN = "llvm_ad_rgb", "scalar_rgb"
INSTALL = "run: pip install --upgrade mitsuba"
_PROBE = Path(__file__).with_name("mitsuba_probe.py")
_SECONDS = 120  # after which a probe counts as failed
_log = logging.getLogger("mien")


def load_mitsuba() -> Any:
    """Mitsuba with its fast variant where that works, with the plain one, and a line on the log, elsewhere.

    Raises `MienError` where Mitsuba is missing, too old, or works in neither.
    """
    _refuse_missing_or_old()
    variant = working_variant()
    try:
        import mitsuba

        mitsuba.set_variant(variant)
    except (ImportError, OSError, AttributeError) as error:
        raise MienError(f"mien render needs Mitsuba, which cannot be loaded ({error}); {INSTALL}") from error
    return mitsuba


@lru_cache(maxsize=1)
def working_variant() -> str:
    """Tried once a process."""
    wrong = what_is_wrong(FAST)
    if wrong is None:
        return FAST
    if plain := what_is_wrong(PLAIN):
        raise MienError(f"mien render needs Mitsuba, which does not work here ({plain}); {INSTALL}")
    _log.warning(
        "rendering takes about three times as long as it could, since Mitsuba's fast variant does not work "
        "here (%s); install LLVM 19 (apt-get install libllvm19), or set DRJIT_LIBLLVM_PATH to its libLLVM",
        wrong,
    )
    return PLAIN


def what_is_wrong(variant: str) -> str | None:
    """Why this variant cannot render here; None where it can."""
    try:
        done = subprocess.run(
            [sys.executable, str(_PROBE), variant], capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no picture within {_SECONDS} s"
    if done.returncode == 0:
        return None
    lines = done.stderr.decode(errors="replace").splitlines()
    told = [line.strip() for line in lines if re.search(r"error|llvm", line, re.IGNORECASE)]
    ended = f"signal {-done.returncode}" if done.returncode < 0 else f"exit {done.returncode}"
    reason = re.sub(r" ?0x[0-9a-f]+:?,?", "", (told or ["no reason given"])[0])
    return f"{reason[:100]}, {ended}"


def _refuse_missing_or_old() -> None:
    if importlib.util.find_spec("mitsuba") is None:
        raise MienError("mien render needs Mitsuba, which is not installed; run: pip install mitsuba")
    try:
        version = importlib.metadata.version("mitsuba")
    except importlib.metadata.PackageNotFoundError:  # built by hand: the probe will tell
        return
    if tuple(int(n) for n in re.findall(r"\d+", version)[:2]) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise MienError(f"mien render needs Mitsuba {oldest} or newer, got {version}; {INSTALL}")
