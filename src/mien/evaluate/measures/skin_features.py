"""An albedo in a few numbers: colour, its variation and its fine grain, region by region."""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Float, UInt8
from scipy.ndimage import uniform_filter

from mien.core.conventions import srgb_to_linear
from mien.geoimage.codec import face_codec
from mien.template.load import load_template

REGIONS = ("forehead", "brow_left", "brow_right", "upper_lid_left", "upper_lid_right", "lower_lid_left",
           "lower_lid_right", "nose", "cheek_left", "cheek_right", "upper_lip", "lower_lip", "chin",
           "beard")  # fmt: skip
_GRAIN = 7  # texels a side of the neighbourhood whose mean is taken out
_FLOOR = 2e-3  # linear


def measure_skin(albedo: UInt8[np.ndarray, "256 256 3"]) -> Float[np.ndarray, " F"]:
    """Per region and channel of log linear light: mean, standard deviation, and that of what is fine."""
    log = np.log(np.maximum(srgb_to_linear(albedo / 255.0), _FLOOR)).astype(np.float32)
    fine = log - uniform_filter(log, size=(_GRAIN, _GRAIN, 1))
    out = []
    for weight in _masks():
        mean = np.tensordot(weight, log, axes=2)
        out += [mean, np.sqrt(np.tensordot(weight, (log - mean) ** 2, axes=2))]
        out.append(np.sqrt(np.tensordot(weight, fine**2, axes=2)))
    return np.concatenate(out).astype(np.float64)


def select_mean_colours(features: Float[np.ndarray, "B F"]) -> Float[np.ndarray, "B C"]:
    """Of these features the regions' mean log colours alone."""
    return features.reshape(len(features), -1, 3, 3)[:, :, 0].reshape(len(features), -1)


@cache
def _masks() -> Float[np.ndarray, "M 256 256"]:
    """Each region's weight at every texel of the face tile, summing to 1."""
    template = load_template()
    codec = face_codec(template, spread=False)
    weights = np.stack([template.regions[name] for name in REGIONS], axis=1)
    images = np.clip(codec.encode(weights), 0.0, 1.0) * codec.covered[..., None]
    images = np.where(images > 0.05, images, 0.0)
    return np.moveaxis(images / images.sum(axis=(0, 1)), -1, 0).astype(np.float32)
