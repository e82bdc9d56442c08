"""`python -m tools.draw_database`: the pictures of docs/data.md, in clay."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from mien.core.conventions import EXPRESSIONS
from mien.data.subject import draw_subject
from mien.pipeline.draw_database import clay_sheet, expression_sheet

SEED = 11
OLD = 1  # an old man
AGES = (20.0, 32.0, 44.0, 56.0, 68.0, 80.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"))
    options = parser.parse_args()
    people = [draw_subject(SEED, index) for index in range(48)]
    _write(options.out / "database_people.jpg", clay_sheet(people, 6, width=150))
    _write(options.out / "database_expressions.jpg", expressions())
    people = [draw_subject(5, 242), draw_subject(5, OLD), draw_subject(5, 20)]
    names = ("smile", "smileOpen", "browsUp", "squint", "pucker", "disgust", "surprise")
    _write(options.out / "database_forms.jpg", expression_sheet(people, names))
    one = draw_subject(1, 3)
    _write(options.out / "database_ages.jpg", clay_sheet([replace(one, age=age) for age in AGES], 3))


def expressions() -> np.ndarray:
    """The 26 expressions of one subject."""
    one, names = draw_subject(5, 242), list(EXPRESSIONS)
    sheets = [expression_sheet([one], names[k : k + 9]) for k in (0, 9, 18)]
    width = sheets[0].shape[1]
    return np.vstack([np.pad(s, ((0, 0), (0, width - s.shape[1]), (0, 0))) for s in sheets])


def _write(path: Path, picture: np.ndarray) -> None:
    if not cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88]):
        raise OSError(f"{path}: cannot be written")
    print(path, picture.shape, f"{path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
