"""`biophysics.colour` as a table, and back: millions of texels at a time.

Needs numpy and scipy only.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Float
from scipy.spatial import cKDTree

from mien.data.biophysics import Skin, colour, lightness_ab

MELANIN = (0.002, 0.5)  # volume shares at the table's ends; steps are even in the logarithm
BLOOD = (0.0005, 0.15)
OXYGENATION = (0.4, 0.95)
_SIZE = (64, 56, 5)


def table_colour(
    melanin: Float[np.ndarray, "*N"],
    blood: Float[np.ndarray, "*N"],
    oxygenation: Float[np.ndarray, "*N"] | float = 0.75,
) -> Float[np.ndarray, "*N 3"]:
    """Linear sRGB albedo, interpolated in the table (float32; within 0.002 of `colour`).

    Values outside the table's ranges are taken at its ends.
    """
    axes = (
        _place(np.log(np.maximum(melanin, 1e-6)), np.log(MELANIN), _SIZE[0]),
        _place(np.log(np.maximum(blood, 1e-6)), np.log(BLOOD), _SIZE[1]),
        _place(np.broadcast_to(oxygenation, np.shape(melanin)), OXYGENATION, _SIZE[2]),
    )
    low = [np.minimum(a.astype(np.int32), n - 2) for a, n in zip(axes, _SIZE, strict=True)]
    part = [a - i for a, i in zip(axes, low, strict=True)]
    out = np.zeros((*np.broadcast_shapes(*(a.shape for a in axes)), 3), np.float32)
    for i in (0, 1):
        for j in (0, 1):
            for k in (0, 1):
                weight = _side(part[0], i) * _side(part[1], j) * _side(part[2], k)
                out += weight[..., None] * _table()[low[0] + i, low[1] + j, low[2] + k]
    return out


def made_of(
    linear: Float[np.ndarray, "N 3"], oxygenation: float = 0.75
) -> tuple[Float[np.ndarray, " N"], Float[np.ndarray, " N"]]:
    """Melanin and blood whose colour is nearest in CIE L*a*b*: what a photograph of skin tells.

    Colours that no skin has get the nearest skin.
    """
    melanin, blood, tree = _tree(oxygenation)
    _, nearest = tree.query(lightness_ab(linear))
    return melanin[nearest], blood[nearest]


def _place(value: np.ndarray, ends: tuple[float, float] | np.ndarray, size: int) -> Float[np.ndarray, "*N"]:
    share = np.clip((value - ends[0]) / (ends[1] - ends[0]), 0.0, 1.0)
    return np.asarray(share * (size - 1), np.float32)


def _side(part: np.ndarray, upper: int) -> np.ndarray:
    return part if upper else 1.0 - part


@lru_cache(maxsize=1)
def _table() -> Float[np.ndarray, "M B O 3"]:
    melanin = np.geomspace(*MELANIN, _SIZE[0])[:, None, None]
    blood = np.geomspace(*BLOOD, _SIZE[1])[None, :, None]
    oxygenation = np.linspace(*OXYGENATION, _SIZE[2])[None, None, :]
    shape = np.broadcast_shapes(melanin.shape, blood.shape, oxygenation.shape)
    parts = [np.broadcast_to(p, shape) for p in (melanin, blood, oxygenation)]
    return colour(Skin(*parts)).astype(np.float32)


@lru_cache(maxsize=4)
def _tree(oxygenation: float) -> tuple[np.ndarray, np.ndarray, cKDTree]:
    steps = np.geomspace(*MELANIN, 300), np.geomspace(*BLOOD, 200)
    melanin, blood = (axis.ravel() for axis in np.meshgrid(*steps, indexing="ij"))
    return melanin, blood, cKDTree(lightness_ab(colour(Skin(melanin, blood, oxygenation))))
