"""Mottling: blocks of random values in space that repeat on all sides, read shifted and turned by chance.

A look-up a place, so that coarse and fine maps of one subject share it cheaply; it knows no UV and has no
seams. Read askew, the repeat never falls on the skin twice alike. Needs numpy and scipy only.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Float
from scipy.ndimage import map_coordinates
from scipy.spatial.transform import Rotation

_SIZE = 128  # values a side
_FINEST, _COARSEST = 8.0, 64.0  # wavelengths in values
_FALL = 1.75  # the amplitude of a wave falls with this power of its frequency (in space)


def mottle(
    points: Float[np.ndarray, "N 3"], size: float, seed: int, *, nearest: bool = False, channels: int = 2
) -> Float[np.ndarray, "N C"]:
    """Two independent fields of soft blotches from `size` to eight times `size` across (the points' unit).

    Zero mean and unit variance over space; larger blotches are the stronger. The seed chooses where in the
    block and how it is turned; `nearest` takes the nearest value instead of interpolating;
    `channels` 1 leaves the second out.
    """
    rng = np.random.default_rng([seed, 77])
    turn = Rotation.from_quat(rng.standard_normal(4)).as_matrix() * (_FINEST / (2.0 * size))
    shift = rng.uniform(0, _SIZE, 3).astype(np.float32)
    at = points.astype(np.float32) @ turn.T.astype(np.float32) + shift
    if nearest:
        cell = np.floor(at + np.float32(0.5)).astype(np.int32) & (_SIZE - 1)
        return _blocks()[(cell[:, 0] * _SIZE + cell[:, 1]) * _SIZE + cell[:, 2], :channels]
    blocks = _blocks().reshape(_SIZE, _SIZE, _SIZE, 2)
    read = [
        map_coordinates(blocks[..., k], at.T, order=1, mode="grid-wrap", output=np.float32)
        for k in range(channels)
    ]
    return np.stack(read, axis=1)


@lru_cache(maxsize=1)
def _blocks() -> Float[np.ndarray, "S3 2"]:
    f = np.fft.fftfreq(_SIZE)
    frequency = np.sqrt(f[:, None, None] ** 2 + f[:, None] ** 2 + np.fft.rfftfreq(_SIZE) ** 2)
    frequency[0, 0, 0] = 1.0
    gain = frequency**-_FALL * np.exp(-((frequency * _FINEST / 1.6) ** 4))
    gain *= 1.0 - np.exp(-((frequency * _COARSEST) ** 2))
    gain[0, 0, 0] = 0.0
    rng = np.random.default_rng(1905)
    out = np.empty((_SIZE**3, 2), np.float32)
    for k in (0, 1):
        white = rng.standard_normal((_SIZE, _SIZE, _SIZE), np.float32)
        block = np.fft.irfftn(np.fft.rfftn(white) * gain, s=white.shape, axes=(0, 1, 2))
        out[:, k] = (block / block.std()).ravel()
    return out
