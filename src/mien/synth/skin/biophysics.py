"""The colour of skin from what it is made of: melanin, blood, carotene in an epidermis over a dermis.

Kubelka-Munk layers, wavelength by wavelength. Sources of the numbers: S. Jacques, "Optical properties of
biological tissues: a review", Phys. Med. Biol. 58 (2013), and "Skin optics" (1998), for scattering, baseline
and melanin; C. Donner and H. W. Jensen, "A spectral BSSRDF for shading human skin" (2006), for the two
melanins; S. Prahl's compilation of haemoglobin's extinction (Oregon Medical Laser Center);
A. Krishnaswamy and G. Baranoski, "A biophysically-based spectral model of light interaction with human skin"
(2004), for carotene; CIE S 014 for the illuminant D65, C. Wyman et al. (2013) for the observer.
Needs numpy only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from mien.core.conventions import XYZ_TO_SRGB, linear_to_lab

WAVELENGTHS = np.arange(400.0, 701.0, 10.0)  # nanometres
EPIDERMIS = 0.006  # centimetres, of the face
REFRACTIVE_INDEX = 1.4
HAEMOGLOBIN_PER_LITRE = 150.0  # grams in whole blood
HAEMOGLOBIN_MOLAR_MASS = 64_500.0
CAROTENE_MOLAR_MASS = 536.9

# Molar extinction, 1/(cm M), 400 to 700 nm in steps of 10 (Prahl).
_OXYGENATED = np.array(
    [
        266232,
        466840,
        480360,
        246072,
        102580,
        62816,
        44480,
        33209,
        26629,
        23684,
        20933,
        20035,
        24202,
        39957,
        53236,
    ]
    + [43016, 32613, 44496, 50104, 14401, 3200, 1506, 942, 610, 442, 368, 320, 294, 278, 276, 290],
    float,
)
_DEOXYGENATED = np.array(
    [
        223296,
        303956,
        407560,
        528600,
        413280,
        103292,
        23389,
        16156,
        14550,
        16684,
        20862,
        25774,
        31590,
        39036,
        46592,
    ]
    + [53412, 53788, 45072, 37020, 28324, 14677, 9444, 6510, 5149, 4345, 3750, 3227, 2795, 2408, 2052, 1794],
    float,
)
# Relative power of D65 (CIE).
_D65 = np.array(
    [
        82.75,
        91.49,
        93.43,
        86.68,
        104.86,
        117.01,
        117.81,
        114.86,
        115.92,
        108.81,
        109.35,
        107.80,
        104.79,
        107.69,
    ]
    + [
        104.41,
        104.05,
        100.0,
        96.33,
        95.79,
        88.69,
        90.01,
        89.60,
        87.70,
        83.29,
        83.70,
        80.03,
        80.21,
        82.28,
        78.28,
    ]
    + [69.72, 71.61]
)


@dataclass(frozen=True)
class SkinComposition:
    """What skin is made of at one or many places (arrays broadcast).

    `melanin` volume share of melanosomes in the epidermis (light 0.01, dark 0.4); `pheomelanin` the share of
    it that is reddish; `blood` volume share in the dermis (0.002 pressed out, 0.05 flushed); `oxygenation`
    0..1; `carotene` grams a litre, epidermis and dermis alike; `thickness` of the epidermis in centimetres.
    """

    melanin: Float[np.ndarray, "*N"] | float
    blood: Float[np.ndarray, "*N"] | float
    oxygenation: Float[np.ndarray, "*N"] | float = 0.75
    pheomelanin: Float[np.ndarray, "*N"] | float = 0.15
    carotene: Float[np.ndarray, "*N"] | float = 2e-4
    thickness: Float[np.ndarray, "*N"] | float = EPIDERMIS


def reflectance(skin: SkinComposition) -> Float[np.ndarray, "*N W"]:
    """Diffuse reflectance 0..1 at `WAVELENGTHS`: epidermis over an endless dermis, without surface gloss."""
    parts = (skin.melanin, skin.blood, skin.oxygenation, skin.pheomelanin, skin.carotene, skin.thickness)
    melanin, blood, oxygenation, pheo, carotene, thickness = (np.asarray(p, float)[..., None] for p in parts)
    wave = WAVELENGTHS
    base = 0.244 + 85.3 * np.exp(-(wave - 154.0) / 66.2)
    yellow = carotene * _carotene_per_gram(wave)
    absorb_epidermis = melanin * _melanin(wave, pheo) + (1 - melanin) * base + yellow
    absorb_dermis = blood * _blood(wave, oxygenation) + (1 - blood) * base + yellow
    scatter = 46.0 * (0.409 * (wave / 500.0) ** -4 + 0.591 * (wave / 500.0) ** -0.702)
    back, through = _layer(absorb_epidermis, scatter, thickness)
    below = _endless(absorb_dermis, scatter)
    inside = back + through**2 * below / (1.0 - back * below)
    return _through_surface(inside)


def linear_srgb(spectrum: Float[np.ndarray, "*N W"]) -> Float[np.ndarray, "*N 3"]:
    """The linear sRGB colour of a reflectance under D65; a perfect white is (1, 1, 1)."""
    weights = _observer() * _D65[:, None]
    rgb = spectrum @ weights / weights[:, 1].sum() @ XYZ_TO_SRGB.T
    white = weights.sum(axis=0) / weights[:, 1].sum() @ XYZ_TO_SRGB.T
    return np.clip(rgb / white, 0.0, 1.0)


def colour(skin: SkinComposition) -> Float[np.ndarray, "*N 3"]:
    """The linear sRGB albedo of skin."""
    return linear_srgb(reflectance(skin))


def typology_angle(linear: Float[np.ndarray, "*N 3"]) -> Float[np.ndarray, "*N"]:
    """ITA in degrees: atan2(L* - 50, b*); above 55 very light, 28 intermediate, -30 and below dark."""
    lab = linear_to_lab(linear)
    return np.degrees(np.arctan2(lab[..., 0] - 50.0, lab[..., 2]))


def _melanin(wave: np.ndarray, pheo: np.ndarray) -> np.ndarray:
    """Absorption of melanosomes, 1/cm (Donner and Jensen, eqs. 9 and 10)."""
    return (1 - pheo) * 6.6e11 * wave**-3.33 + pheo * 2.9e15 * wave**-4.75


def _blood(wave: np.ndarray, oxygenation: np.ndarray) -> np.ndarray:
    """Absorption of whole blood, 1/cm."""
    assert len(wave) == len(_OXYGENATED)
    molar = oxygenation * _OXYGENATED + (1 - oxygenation) * _DEOXYGENATED
    return np.log(10.0) * molar * HAEMOGLOBIN_PER_LITRE / HAEMOGLOBIN_MOLAR_MASS


def _carotene_per_gram(wave: np.ndarray) -> np.ndarray:
    """Absorption of beta-carotene, 1/cm for each gram a litre: bands at 425, 452 and 480 nm."""
    molar = (
        0.75e5 * np.exp(-(((wave - 425) / 20) ** 2))
        + 1.25e5 * np.exp(-(((wave - 452) / 17) ** 2))
        + 1.1e5 * np.exp(-(((wave - 480) / 15) ** 2))
    )
    return np.log(10.0) * molar / CAROTENE_MOLAR_MASS


def _layer(absorb: np.ndarray, scatter: np.ndarray, thickness: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Kubelka-Munk reflectance and transmittance of a layer; coefficients in 1/cm.

    K = 2 mu_a and S = 3/4 mu_s', as light that is diffuse travels twice as far.
    """
    k, s = 2.0 * absorb, 0.75 * scatter
    a = 1.0 + k / s
    b = np.sqrt(a**2 - 1.0)
    depth = np.minimum(b * s * thickness, 50.0)
    below = a * np.sinh(depth) + b * np.cosh(depth)
    return np.sinh(depth) / below, b / below


def _endless(absorb: np.ndarray, scatter: np.ndarray) -> np.ndarray:
    ratio = 2.0 * absorb / (0.75 * scatter)
    return 1.0 + ratio - np.sqrt(ratio**2 + 2.0 * ratio)


def _through_surface(inside: np.ndarray) -> np.ndarray:
    """Light that is turned back at the inner side of the surface gets another chance (Saunderson)."""
    inner = 1.0 - (1.0 - 0.0278) / REFRACTIVE_INDEX**2  # of diffuse light, total reflection included
    return (1.0 - inner) * inside / (1.0 - inner * inside)


@lru_cache(maxsize=1)
def _observer() -> Float[np.ndarray, "W 3"]:
    """CIE 1931 colour matching functions (Wyman, Sloan and Shirley's fit by lobes)."""

    def lobe(mean: float, below: float, above: float) -> np.ndarray:
        width = np.where(mean > WAVELENGTHS, below, above)
        return np.exp(-0.5 * ((WAVELENGTHS - mean) * width) ** 2)

    x = 0.362 * lobe(442.0, 0.0624, 0.0374) + 1.056 * lobe(599.8, 0.0264, 0.0323)
    x -= 0.065 * lobe(501.1, 0.0490, 0.0382)
    y = 0.821 * lobe(568.8, 0.0213, 0.0247) + 0.286 * lobe(530.9, 0.0613, 0.0322)
    z = 1.217 * lobe(437.0, 0.0845, 0.0278) + 0.681 * lobe(459.0, 0.0385, 0.0725)
    return np.stack([x, y, z], axis=1)
