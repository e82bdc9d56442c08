"""`mien data bench`: how fast training's samples and sets of skin maps are made, and in how much memory."""

from __future__ import annotations

import resource
import time
from collections.abc import Sequence

from mien.core.errors import MienError
from mien.database.sampler import Sampler
from mien.synth.subject import draw_subject

LEAST = 26
SEED = 1


def measure_sampler(samples: int, resolution: int = 256, maps: str = "albedo") -> list[dict[str, object]]:
    """Seconds of one core a sample: all 26 expressions of each subject, and one each of fresh subjects.

    Raises `MienError` for fewer samples than one subject's expressions.
    """
    if samples < LEAST:
        raise MienError(f"{samples} samples: expected at least {LEAST}, one subject's expressions")
    start = time.process_time()
    sampler = Sampler(SEED, resolution, maps=maps)
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
    rows = (("26 expressions of each subject", reused), ("a fresh subject each", fresh))
    return [
        {
            "samples": name,
            "CPU ms a sample": round(1e3 * seconds, 1),
            "samples/s on a core": round(1 / seconds, 1),
            "set up, CPU s": round(ready, 1),
            "peak GB": round(_peak(), 2),
        }
        for name, seconds in rows
    ]


def measure_skin_maps(resolution: int, subjects: Sequence[int] = (24, 26, 39)) -> list[dict[str, object]]:
    """Seconds of the clock and of processors for all skin maps of a subject, and what the first one waits.

    Raises `MienError` where the resolution is no power of two from 64 to 4096.
    """
    if not 64 <= resolution <= 4096 or resolution & (resolution - 1):
        raise MienError(f"skin {resolution}: expected a power of two from 64 to 4096")
    from mien.synth.skin.look import draw_look
    from mien.synth.skin.maps import skin_maps

    start = time.perf_counter()
    skin_maps(draw_look(draw_subject(SEED, subjects[0])), 64)
    ready = time.perf_counter() - start
    rows: list[dict[str, object]] = []
    for index in subjects:
        clock, processor = time.perf_counter(), time.process_time()
        maps = skin_maps(draw_look(draw_subject(SEED, index)), resolution)
        clock, processor = time.perf_counter() - clock, time.process_time() - processor
        rows.append(
            {
                "subject": index,
                "maps": len(maps),
                "texels a side": resolution,
                "seconds": round(clock, 1),
                "CPU seconds": round(processor, 1),
                "set up, seconds": round(ready, 1),
                "peak GB": round(_peak(), 2),
            }
        )
    return rows


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
