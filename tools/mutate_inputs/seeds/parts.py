"""What the seeds are made of."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

_N = 5  # vertices along a side of the sheet that most of them hold


@dataclass(frozen=True)
class Seed:
    """Files by name. The first is read, as `readers.READERS` says for `reader`; all are mutated."""

    name: str
    reader: str
    files: dict[str, bytes]


def sheet() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A curved sheet over the unit square: vertices, triangles, one UV a vertex."""
    y, x = np.mgrid[0:_N, 0:_N] / (_N - 1.0)
    vertices = np.stack([x, y, 0.2 * np.sin(3 * x) * np.cos(2 * y)], axis=-1).reshape(-1, 3)
    i = np.arange(_N * _N).reshape(_N, _N)[:-1, :-1].ravel()
    corners = [np.stack([i, i + 1, i + _N + 1], axis=1), np.stack([i, i + _N + 1, i + _N], axis=1)]
    return vertices, np.concatenate(corners), vertices[:, :2].copy()


def face_points() -> np.ndarray:
    """68 points on the sheet."""
    at = np.random.default_rng(68).uniform(0.1, 0.9, (68, 2))
    return np.column_stack([at, 0.2 * np.sin(3 * at[:, 0]) * np.cos(2 * at[:, 1])])


def picture(form: str, size: int = 12, channels: int = 3, dtype: type = np.uint8) -> bytes:
    """An encoded image of smooth colours."""
    y, x = np.mgrid[0:size, 0:size] / size
    pixels = np.stack([x, y, 1 - x, 0.3 + 0.6 * (x > 0.3)], axis=-1)[..., :channels]
    full = 1.0 if dtype == np.float32 else np.iinfo(dtype).max
    return cv2.imencode(form, np.ascontiguousarray((pixels * full).astype(dtype)))[1].tobytes()


def text(lines: list[str]) -> bytes:
    """Lines as a file."""
    return ("\n".join(lines) + "\n").encode()
