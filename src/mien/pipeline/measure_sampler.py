"""`mien data bench`: how fast training's samples are made, and in how much memory."""

from __future__ import annotations

import resource
import time

from mien.core.errors import MienError
from mien.data.sampler import Sampler

LEAST = 26
SEED = 1


def measure_sampler(samples: int, resolution: int = 256) -> list[dict[str, object]]:
    """Seconds of one core a sample: all 26 expressions of each subject, and one each of fresh subjects."""
    if samples < LEAST:
        raise MienError(f"{samples} samples: expected at least {LEAST}, one subject's expressions")
    start = time.process_time()
    sampler = Sampler(SEED, resolution)
    sampler.batch([1])
    ready = time.process_time() - start
    count = len(sampler.names)
    first = 2 * count
    start = time.process_time()
    for index in range(first, first + samples):
        sampler.batch([index])
    reused = (time.process_time() - start) / samples
    subjects = range(1000, 1000 + max(samples // 4, 1))
    start = time.process_time()
    for number in subjects:
        sampler.batch([number * count + 9])
    fresh = (time.process_time() - start) / len(subjects)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    rows = (("26 expressions of each subject", reused), ("a fresh subject each", fresh))
    return [
        {
            "samples": name,
            "CPU ms a sample": round(1e3 * seconds, 1),
            "samples/s on a core": round(1 / seconds, 1),
            "set up, CPU s": round(ready, 1),
            "peak GB": round(peak, 2),
        }
        for name, seconds in rows
    ]
