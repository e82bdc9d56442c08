"""Pictures as PNG files, put in place whole."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from mien.core.errors import MienError


def write_picture(path: Path, picture: np.ndarray, option: str = "--out") -> None:
    """An RGB uint8 picture as PNG, put in place whole; `option` is where the user named the place."""
    done, encoded = cv2.imencode(".png", picture[..., ::-1])
    assert done
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(encoded.tobytes())
        partial.replace(path)
    except OSError as error:
        raise MienError(f"{path}: cannot be written ({error.strerror}); choose another {option}") from error
