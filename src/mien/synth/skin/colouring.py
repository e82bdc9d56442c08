"""Pigment to colour for whole maps: `coloured` is the fast path of `Tint.log_colour`, texel by texel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Float
from numba import njit

from mien.core.conventions import linear_to_srgb
from mien.synth.skin.hairs import SHADE
from mien.synth.skin.look import SkinLook
from mien.synth.skin.pigment import BLOOD, MELANIN, OXYGEN, log_melanin, melanin_unit
from mien.synth.skin.tint import tint_of

GRAIN = 0.022  # of log light, with the network of lines
IN_GROOVES = (2.4, 2.2)  # log shares of melanin and blood that a millimetre of depth adds
_DEEPEST = 0.11
_CODES = 8192  # steps (of the root of light) of the table that encodes sRGB


@dataclass(frozen=True)
class Texels:
    """What colours a texel: pigment by column, depth of its groove (mm), the network of lines, and how much
    hair is hidden under it."""

    made: tuple[Float[np.ndarray, "R R"], Float[np.ndarray, "R R"], Float[np.ndarray, "R R"]]
    groove: Float[np.ndarray, "R R"]
    network: Float[np.ndarray, "R R"]
    hidden: Float[np.ndarray, "R R"]


def coloured(look: SkinLook, texels: Texels) -> Float[np.ndarray, "R R 3"]:
    """Linear sRGB. Grooves hold more of both pigments for their area."""
    tint = tint_of(look.skin)
    out = np.empty((*texels.groove.shape, 3), np.float32)
    numbers = np.array(
        [look.melanin, melanin_unit(look), *IN_GROOVES, _DEEPEST, GRAIN, *tint.low, *tint.step], np.float32
    )
    fields = (*texels.made, texels.groove, texels.network, texels.hidden)
    _colour(*(np.ascontiguousarray(f, np.float32) for f in fields), numbers, tint.table, tint.oxygen,
            np.log(SHADE), out)  # fmt: skip
    return out


def coloured_plain(look: SkinLook, texels: Texels) -> Float[np.ndarray, "R R 3"]:
    """`coloured` as a specification, on arrays."""
    deep = np.clip(texels.groove, 0.0, _DEEPEST)
    melanin = log_melanin(texels.made[MELANIN], look) + IN_GROOVES[0] * deep
    log = tint_of(look.skin).log_colour(
        melanin, texels.made[BLOOD] + IN_GROOVES[1] * deep, texels.made[OXYGEN]
    )
    return np.exp(log + GRAIN * texels.network[..., None] + texels.hidden[..., None] * np.log(SHADE))


def encode_srgb(linear: Float[np.ndarray, "R R 3"]) -> Float[np.ndarray, "R R 3"]:
    """sRGB 0..1 of linear light, by a table (within 2e-4)."""
    table = linear_to_srgb((np.arange(_CODES + 1) / (_CODES - 1)) ** 2).astype(np.float32)
    out = np.empty_like(linear)
    _encode(linear.reshape(-1), table, out.reshape(-1))
    return out


@njit(cache=True, nogil=True)
@no_type_check
def _encode(linear, table, out):
    last = table.shape[0] - 2
    for n in range(linear.shape[0]):
        at = np.sqrt(min(max(linear[n], np.float32(0.0)), np.float32(1.0))) * last
        low = int(at)
        out[n] = min(table[low] + (at - low) * (table[low + 1] - table[low]), np.float32(1.0))


@njit(cache=True, nogil=True)
@no_type_check
def _colour(melanin, blood, oxygen, groove, network, hidden, numbers, table, slope, shade, out):
    own, unit, in_melanin, in_blood, deepest, grain = numbers[:6]
    low_m, low_b, step_m, step_b = numbers[6:]
    rows, columns = table.shape[0], table.shape[1]
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            deep = min(max(groove[y, x], np.float32(0.0)), deepest)
            share = max(own + unit * melanin[y, x], np.float32(0.3) * own)
            m = (np.log(share) + in_melanin * deep - low_m) / step_m
            b = (blood[y, x] + in_blood * deep - low_b) / step_b
            m = min(max(m, np.float32(0.0)), np.float32(rows - 1.001))
            b = min(max(b, np.float32(0.0)), np.float32(columns - 1.001))
            i, j = int(m), int(b)
            m, b = m - i, b - j
            for c in range(3):
                lower = table[i, j, c] + b * (table[i, j + 1, c] - table[i, j, c])
                upper = table[i + 1, j, c] + b * (table[i + 1, j + 1, c] - table[i + 1, j, c])
                log = lower + m * (upper - lower) + oxygen[y, x] * slope[c]
                out[y, x, c] = np.exp(log + grain * network[y, x] + hidden[y, x] * shade[c])
