"""Pictures of a measurement, in the folder that --plots names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from mien.core.errors import MienError
from mien.sheets.write import write_picture


def make_folder(folder: Path) -> Path:
    """Makes the folder where it does not exist; raises `MienError` where it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MienError(f"{folder}: cannot be made ({error.strerror}); choose another --plots") from error
    return folder


def write_plot(path: Path, picture: UInt8[np.ndarray, "H W 3"]) -> None:
    """An sRGB picture as PNG; raises `MienError` where it cannot be written."""
    write_picture(path, picture, option="--plots")
