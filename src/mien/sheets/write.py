"""Pictures as PNG files, put in place whole."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from mien.core.files import write_whole


def write_picture(path: Path, picture: np.ndarray, option: str = "--out") -> None:
    """An RGB uint8 picture as PNG, put in place whole; `option` is where the user named the place."""
    done, encoded = cv2.imencode(".png", picture[..., ::-1])
    assert done
    write_whole(path, encoded.tobytes(), option)
