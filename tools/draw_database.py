"""`python -m tools.draw_database`: the pictures of docs/synthetic_people.md; minutes on two cores."""

from __future__ import annotations

import argparse
import multiprocessing
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mien.core.conventions import EXPRESSIONS
from mien.sheets.database_sheets import EXPRESSION_YAW, Picture, age_tiles, expression_tiles, person_tile
from mien.sheets.portraits import labelled
from mien.synth.subject import draw_subject

SEED, PEOPLE, COLUMNS = 11, 48, 8
EXPRESSIVE = (11, 29)  # seed and index
ROUND, ROUND_YAW = ("neutral", "smileOpen"), 42.0
AGED = (11, 35)
AGES = (20.0, 32.0, 44.0, 56.0, 68.0, 80.0)
FORMS = ((11, 13), (11, 9), (11, 34))  # the second is an old man
FORM_NAMES = ("neutral", "smile", "smileOpen", "browsUp", "squint", "pucker", "disgust", "surprise")
_QUALITY = 88

Map = Callable[..., Iterable[Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"))
    parser.add_argument("--only", choices=sorted(SHEETS), help="one of the pictures")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the workers are the threads
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.workers, context, cv2.setNumThreads, (1,)) as pool:
        for name in [options.only] if options.only else SHEETS:
            _write(options.out / f"database_{name}.jpg", SHEETS[name](pool.map))


def people(over: Map) -> Picture:
    """Subjects as they come, nobody chosen."""
    tiles = over(person_tile, [draw_subject(SEED, index) for index in range(PEOPLE)])
    return labelled([("", tile) for tile in tiles], COLUMNS)


def expressions(over: Map) -> Picture:
    """The 26 expressions of one subject, two of them from farther round."""
    names = list(EXPRESSIONS)
    jobs = (names[:13], EXPRESSION_YAW), (names[13:], EXPRESSION_YAW), (ROUND, ROUND_YAW)
    made = over(expression_tiles, [draw_subject(*EXPRESSIVE)] * len(jobs), *zip(*jobs, strict=True))
    tiles = [tile for part in made for tile in part]
    return labelled(list(zip([*names, *ROUND], tiles, strict=True)), 7)


def forms(over: Map) -> Picture:
    """Some expressions of three people, a row each."""
    people = [draw_subject(*who) for who in FORMS]
    rows = over(expression_tiles, people, repeat(FORM_NAMES), repeat(EXPRESSION_YAW), repeat((240, 283)))
    tiles = [(name, tile) for row in rows for name, tile in zip(FORM_NAMES, row, strict=True)]
    return labelled(tiles, len(FORM_NAMES))


def ages(over: Map) -> Picture:
    """One subject at six ages, from the front and from three quarters."""
    one = draw_subject(*AGED)
    columns = list(over(age_tiles, [replace(one, age=age) for age in AGES]))
    front = [("", column[0]) for column in columns]
    turned = [(f"{age:.0f} years", column[1]) for age, column in zip(AGES, columns, strict=True)]
    return np.vstack([labelled(front, len(AGES)), labelled(turned, len(AGES))])


SHEETS: dict[str, Callable[[Map], Picture]] = {
    "people": people,
    "expressions": expressions,
    "forms": forms,
    "ages": ages,
}


def _write(path: Path, picture: Picture) -> None:
    if not cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]):
        raise OSError(f"{path}: cannot be written")
    print(path, picture.shape, f"{path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
