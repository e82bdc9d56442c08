"""Albedo at 256 texels a side, for training: the same skin as the full maps', in milliseconds.

Needs numpy, scipy and safetensors only (no numba, no OpenCV). What is smaller than a texel is its mean.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int, UInt8

from mien.core.conventions import linear_to_srgb
from mien.synth.skin.brows import brow_hairs, deposit_hairs, hair_colour, hair_colours
from mien.synth.skin.fields import Fields, grid_fields
from mien.synth.skin.grid import SIZE, Grid, grid
from mien.synth.skin.hairs import SHADE, grey_share, mean_stubble, shadow
from mien.synth.skin.look import SkinLook
from mien.synth.skin.marks import deposit
from mien.synth.skin.pigment import (
    BLOOD,
    MELANIN,
    OXYGEN,
    log_melanin,
    mottled,
    ragged,
    regional_pigment,
    vermilion,
)
from mien.synth.skin.spots import spots
from mien.synth.skin.tint import tint_of

_IN_GROOVES = 0.008  # log light that pores and creases take on average
_CODES = 4096  # steps of linear light in the table that encodes it


def albedo_256(look: SkinLook) -> UInt8[np.ndarray, "256 256 3"]:
    """sRGB albedo of the face tile: about the area average of `skin_maps(look, ...)["face_albedo"]`.

    Row 0 at the top. The first call sets up what all subjects share (about a second).
    """
    places, sparse = grid("face"), _every_other()
    half = regional_pigment(sparse, look)
    half[:, :2] += mottled(sparse.points, look, nearest=True)
    shade = shadow(sparse, look)[:, None] * np.log(SHADE)
    soft = np.concatenate([half, _log_colour(half, look), shade, mean_stubble(sparse, look)[:, None]], axis=1)
    whole = _doubled(soft.reshape(SIZE // 2, SIZE // 2, -1)).reshape(-1, soft.shape[1])
    made, log = whole[:, :3], whole[:, 3:6]
    changed = _add_spots(made, places, look)
    changed[_lips()[0]] = True
    made = _with_lips(made, look)
    rows = np.flatnonzero(changed)  # elsewhere colour is as soft as the pigment
    log[rows] = _log_colour(made[rows], look)
    colour = np.exp(log + whole[:, 6:9] - np.float32(_IN_GROOVES))
    _add_hair(colour, whole[:, 9:], places, look)
    return encode_srgb8(colour).reshape(SIZE, SIZE, 3)


def over_square(vertex_values: Float[np.ndarray, " V"]) -> Float[np.ndarray, "256 256"]:
    """Vertex values at the texels of the face tile, off it those of the nearest texel on it (float32)."""
    values = grid("face").at_texels(vertex_values).astype(np.float32)
    return values[_nearest()].reshape(SIZE, SIZE)


def _log_colour(made: np.ndarray, look: SkinLook) -> np.ndarray:
    return tint_of(look.skin).log_colour(log_melanin(made[:, MELANIN], look), made[:, BLOOD], made[:, OXYGEN])


def encode_srgb8(linear: Float[np.ndarray, "N 3"]) -> UInt8[np.ndarray, "N 3"]:
    """sRGB bytes of linear light, by table."""
    code = np.clip(np.sqrt(linear) * np.float32(_CODES - 1), 0, _CODES - 1).astype(np.int16)
    return _table()[code]


def _with_lips(made: np.ndarray, look: SkinLook) -> np.ndarray:
    rows, lips, lower, points = _lips()
    made[rows] = vermilion(made[rows], ragged(lips, points, look), lower, look)
    return made


def _add_spots(made: np.ndarray, places: Grid, look: SkinLook) -> np.ndarray:
    """Adds them in place; True where they changed anything."""
    layers = spots(places, look, SIZE)
    changed = np.zeros(len(made), bool)
    for column in {layer.column for layer in layers}:
        canvas = np.zeros((SIZE, SIZE), np.float32)
        for layer in layers:
            if layer.column == column:
                deposit(canvas, layer.marks, layer.profile)
        made[:, column] += canvas.ravel()
        changed |= np.abs(canvas.ravel()) > 1e-3
    return changed


def _add_hair(colour: np.ndarray, stubble: np.ndarray, places: Grid, look: SkinLook) -> None:
    pale, _ = hair_colours(look, 1, 1.0, np.random.default_rng(0))
    grey = grey_share(look)
    hair = (1 - grey) * hair_colour(look) + grey * pale[0]
    colour += stubble * (hair.astype(np.float32) - colour)
    share, mean = deposit_hairs(places, brow_hairs(places, look), SIZE)
    rows = np.flatnonzero(share.ravel() > 1e-3)
    part = share.ravel()[rows, None]
    colour[rows] += (part * (mean.reshape(-1, 3)[rows] - colour[rows])).astype(np.float32)


def _doubled(half: Float[np.ndarray, "H W C"]) -> Float[np.ndarray, "I J C"]:
    """Values at every other place of a square, and their means between."""
    height, width, channels = half.shape
    out = np.empty((2 * height, 2 * width, channels), np.float32)
    out[::2, ::2] = half
    out[::2, 1:-1:2] = 0.5 * (half[:, :-1] + half[:, 1:])
    out[::2, -1] = half[:, -1]
    out[1:-1:2] = 0.5 * (out[:-2:2] + out[2::2])
    out[-1] = out[-2]
    return out


@lru_cache(maxsize=1)
def _every_other() -> Fields:
    """Fields at every other texel, right and down, of the whole square."""
    return grid_fields("face").rows(_nearest().reshape(SIZE, SIZE)[::2, ::2].ravel())


@lru_cache(maxsize=1)
def _lips() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Texels that are lips or next to them: rows, weights of lips and of the lower lip, places (mm)."""
    fields = grid_fields("face")
    lips, lower = (fields.of(name)[_nearest()] for name in ("lips", "lower_lip"))
    rows = np.flatnonzero(lips > 0.01)
    return rows, lips[rows], lower[rows], fields.points[_nearest()][rows]


@lru_cache(maxsize=1)
def _nearest() -> Int[np.ndarray, " P"]:
    """For each texel of the square the nearest covered one, in the order of covered texels."""
    from scipy.ndimage import distance_transform_edt

    places = grid("face")
    row, column = distance_transform_edt(~places.covered, return_distances=False, return_indices=True)
    return places.texel_of[row, column].ravel()


@lru_cache(maxsize=1)
def _table() -> UInt8[np.ndarray, " T"]:
    linear = (np.arange(_CODES) / (_CODES - 1)) ** 2
    return np.round(255.0 * linear_to_srgb(linear)).astype(np.uint8)
