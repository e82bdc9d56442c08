"""What skin is made of at every place: shares of melanin and blood, by region, blotch and spot.

Needs numpy and scipy only: coarse and fine maps are drawn from the same pigment.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from mien.geometry.weights import smoothstep
from mien.synth.skin.fields import NAMES, Fields
from mien.synth.skin.look import SkinLook
from mien.synth.skin.tint import slopes
from mien.synth.skin.volume import mottle

# Columns of pigment: melanin added to the subject's own (in units of `melanin_unit`), log share of blood, and
# a change of oxygenation. Melanin adds up, as it does in skin: a log share of very light skin would not.
MELANIN, BLOOD, OXYGEN = range(3)
_LEAST_UNIT = 0.03  # melanin of middling light skin
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
_BLOTCH = 2.4  # millimetres, the smallest blotches of `mottled`; the largest are eight times that
_WAVER = 0.7  # millimetres, the finest of the lips' border
_MOTTLED = (0.034, 0.020)  # standard deviation of log luminance by blood and by melanin
_LARGEST_SWING = 0.3  # where a pigment hardly shows, more of it would be no skin
_PATTERN_ENDS = ((-0.5, -0.8), (1.3, 1.2))  # what regions may add in melanin and log blood


def regional_pigment(fields: Fields, look: SkinLook) -> Float[np.ndarray, "P 3"]:
    """Added melanin, log blood, and change of oxygenation by region, lips left out.

    The pattern of photographs is a log ratio of colour; near the subject's own skin that is linear in both
    pigments, and told as such.
    """
    tone = 1.0 - look.light
    dark = np.clip((tone - 0.45) / 0.4, 0.0, 1.0)
    share = np.outer([1 - dark, dark], [1 - look.masculine, look.masculine]).ravel()
    pattern = share.astype(np.float32) @ fields.patterns.reshape(4, -1)
    told = np.linalg.pinv(_slopes(look), rcond=0.08).astype(np.float32)
    made = np.empty((len(fields.points), 3), np.float32)
    ends = np.array(_PATTERN_ENDS, np.float32)
    made[:, :2] = np.clip(pattern.reshape(-1, 3) @ told.T, *ends)
    made[:, OXYGEN] = 0.0
    made *= 1.0 - 0.6 * fields.of("scalp")[:, None]
    made += fields.regions @ _by_region(look)
    made[:, BLOOD] += np.float32(np.log(look.blood))
    return made


def _by_region(look: SkinLook) -> Float[np.ndarray, "K 3"]:
    """What each region adds for this subject: flush, sun, dark circles."""
    out = np.zeros((len(NAMES), 3), np.float32)

    def add(name: str, melanin: float = 0.0, blood: float = 0.0, oxygen: float = 0.0) -> None:
        out[NAMES.index(name)] += np.array([melanin, blood, oxygen], np.float32)

    flush = look.light**0.5 * (0.75 + 1.3 * (look.flush - 0.45))
    for name, share in (("cheek", 0.30), ("central", 0.45), ("nose", 0.42), ("ear", 0.6), ("chin", 0.3)):
        add(name, blood=share * flush)
    add("forehead", blood=-0.12 * look.light)
    add("beard", melanin=-0.02, blood=-0.08 * look.masculine, oxygen=-0.05 * look.shadow)
    for name, share in (("forehead", 1.0), ("nose", 0.8), ("cheek", 0.3), ("scalp", 0.6), ("neck", -0.4)):
        add(name, melanin=0.22 * (look.sun - 0.3) * share)
    for name, share in (("lower_lid", 1.0), ("upper_lid", 0.55)):
        add(name, 0.28 * look.circles * share, 0.30 * look.circles * share, -0.16 * look.circles * share)
    return out


def mottled(
    points: Float[np.ndarray, "P 3"], look: SkinLook, *, nearest: bool = False
) -> Float[np.ndarray, "P 2"]:
    """Gentle blotches, millimetres to centimetres across, in melanin and log blood."""
    light = np.abs(_LUMINANCE @ _slopes(look))  # how much each pigment shows
    swing = [
        min(wanted * (0.55 + 0.9 * look.mottling) / max(float(light[column]), 1e-3), _LARGEST_SWING)
        for column, wanted in ((MELANIN, _MOTTLED[1] * (0.7 + 0.6 * look.sun)), (BLOOD, _MOTTLED[0]))
    ]
    fields = mottle(points, _BLOTCH, look.seed, nearest=nearest)
    # Small blotches are blood alone; freckling and tan are broader.
    fields[:, BLOOD] = (
        0.8 * fields[:, BLOOD] + 0.5 * mottle(points, 0.9, look.seed + 1, nearest=nearest)[:, 1]
    )
    return fields * np.array(swing, np.float32)


def vermilion(
    made: Float[np.ndarray, "*P 3"],
    lips: Float[np.ndarray, "*P"],
    lower: Float[np.ndarray, "*P"],
    look: SkinLook,
) -> Float[np.ndarray, "*P 3"]:
    """Pigment with the lips' red: thin, bloody, with less melanin; a pale rim where it meets the skin.

    `lips` is the region's soft weight; the red has a definite border within it.
    """
    red = smoothstep(lips, 0.28, 0.66)
    blood = np.log(look.blood) + 1.0 + 0.65 * look.lips + 0.25 * look.light
    out = made.copy()
    out[..., MELANIN] -= (0.5 - 0.2 * look.light) * red * made[..., MELANIN]
    out[..., BLOOD] += 0.85 * red * (blood - 0.12 + 0.2 * lower - made[..., BLOOD])
    out[..., OXYGEN] += red * (0.12 * look.lips - 0.03)
    rim = np.exp(-(((lips - 0.14) / 0.09) ** 2)) * (lips > 0.01)
    out[..., BLOOD] -= 0.16 * rim
    return out


def ragged(
    lips: Float[np.ndarray, " P"], points: Float[np.ndarray, "P 3"], look: SkinLook
) -> Float[np.ndarray, " P"]:
    """The lips' weight with a border that wavers as furrows cross it; only to be asked near the lips."""
    waver = mottle(points, _WAVER, look.seed + 55, channels=1)[:, 0]
    return lips + (0.06 + 0.03 * look.lines) * waver * np.clip(6.0 * lips, 0.0, 1.0)


def melanin_unit(look: SkinLook) -> float:
    """The share of melanin that an added 1 stands for."""
    return max(look.melanin, _LEAST_UNIT)


def log_melanin(added: Float[np.ndarray, "*P"], look: SkinLook) -> Float[np.ndarray, "*P"]:
    """Log share of the subject's own melanin with what was added."""
    least = 0.3 * look.melanin
    return np.log(np.maximum(look.melanin + melanin_unit(look) * added, least)).astype(np.float32)


def _slopes(look: SkinLook) -> Float[np.ndarray, "3 2"]:
    """Change of log colour for a unit of added melanin and of log blood."""
    return slopes(look.skin) * np.array([melanin_unit(look) / look.melanin, 1.0])
