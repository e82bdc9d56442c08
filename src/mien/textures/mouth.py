"""Procedural teeth, gums, palate and tongue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter

from mien.core.mesh import Image
from mien.template import mouth_tile
from mien.textures.noise import mix, normal_from_height, ramp, resized, smooth_noise

Rect = tuple[float, float, float, float]

_ENAMEL = np.array([0.89, 0.85, 0.765])
_NECK = np.array([0.82, 0.73, 0.565])
_EDGE = np.array([0.80, 0.805, 0.795])  # translucent: greyer and darker against the dark mouth
_GUM = np.array([0.74, 0.43, 0.42])
_GUM_PALE = np.array([0.82, 0.56, 0.53])
_MUCOSA = np.array([0.62, 0.27, 0.27])
_TONGUE = np.array([0.70, 0.38, 0.38])
_TONGUE_PALE = np.array([0.80, 0.56, 0.54])
_NOISE = 512  # noise is drawn at this size and scaled, so that a map looks alike at every size
# Warmth of the tooth types, incisor to third molar: canines are the darkest in front.
_WARMTH = (0.0, 0.06, 0.30, 0.16, 0.18, 0.24, 0.28, 0.30)


_DENTINE = np.array([0.80, 0.69, 0.47])  # sRGB: what shows through thin enamel
_STAIN = np.array([0.84, 0.80, 0.74])  # a factor
_GUM_BROWN = np.array([0.62, 0.50, 0.50])  # a factor: melanin of the gums


@dataclass(frozen=True)
class ToothLook:
    """One person's teeth and gums, each 0 to 1; the default is what `mouth_maps` gives without a look."""

    yellowed: float = 0.0
    dark: float = 0.0
    translucent: float = 0.6
    gum_melanin: float = 0.0


def mouth_maps(size: int = 1024, seed: int = 0, look: ToothLook | None = None) -> dict[str, Image]:
    """Maps `teeth_*` and `mouth_*`: albedo (sRGB), roughness and normal (linear); size x size.

    Layout: `mien.template.mouth_tile`. The same arguments give the same pixels.
    """
    rng = np.random.default_rng(seed)
    look = look or ToothLook()
    teeth, teeth_roughness, teeth_height = _teeth(size, rng, look)
    mouth, mouth_roughness, mouth_height = _soft(size, rng)
    mouth = mouth * (1.0 + look.gum_melanin * (_GUM_BROWN - 1.0))
    return {
        "teeth_albedo": _srgb(teeth),
        "teeth_roughness": Image(teeth_roughness[..., None].astype(np.float32)),
        "teeth_normal": Image(normal_from_height(teeth_height, 0.0012).astype(np.float32)),
        "mouth_albedo": _srgb(mouth),
        "mouth_roughness": Image(mouth_roughness[..., None].astype(np.float32)),
        "mouth_normal": Image(normal_from_height(mouth_height, 0.0012).astype(np.float32)),
    }


def _srgb(pixels: Float[np.ndarray, "H W 3"]) -> Image:
    return Image(np.clip(pixels, 0, 1).astype(np.float32), "srgb")


def _grid(size: int) -> tuple[Float[np.ndarray, "H W"], Float[np.ndarray, "H W"]]:
    centres = (np.arange(size) + 0.5) / size
    u, v = np.meshgrid(centres, 1 - centres)
    return u, v


def _noise(rng: np.random.Generator, size: int, sigma: tuple[float, float]) -> Float[np.ndarray, "H W"]:
    """Unit noise; `sigma` (rows, columns) in pixels of a tile of 512."""
    field = smooth_noise(rng, (_NOISE, _NOISE), sigma)
    return resized(field, size)


def _teeth(
    size: int, rng: np.random.Generator, look: ToothLook
) -> tuple[Float[np.ndarray, "H W 3"], Float[np.ndarray, "H W"], Float[np.ndarray, "H W"]]:
    """Enamel from the warm neck to the grey edge; molars' fissures stained a little."""
    u, v = _grid(size)
    column = np.clip((u * mouth_tile.TOOTH_COLUMNS).astype(int), 0, mouth_tile.TOOTH_COLUMNS - 1)
    cell_u, cell_v = u * mouth_tile.TOOTH_COLUMNS % 1.0, v * 2 % 1.0
    low, high = mouth_tile.TOOTH_SIDES
    height = np.clip((cell_v - low) / (high - low), 0, 1)
    front = column < 3
    centre_u, centre_v, half_u, half_v = mouth_tile.TOOTH_CAP
    cap = np.hypot((cell_u - centre_u) / half_u, (cell_v - centre_v) / half_v)
    on_cap = cell_v > high

    mamelons = 0.05 * np.cos(cell_u * 12 * np.pi)
    neck = 1 - ramp(0.15, 0.62, height)
    edge = np.where(front, ramp(0.76 + mamelons, 1.0, height), 0.0)
    edge = np.where(on_cap, front.astype(float), edge)
    neck = np.where(on_cap, 0.0, neck)
    bands = _noise(rng, size, (30.0, 2.2))  # growth lines run from neck to edge
    clouds = _noise(rng, size, (9.0, 7.0))
    out = mix(np.broadcast_to(_ENAMEL, (*u.shape, 3)), _NECK, 0.75 * neck)
    out = mix(out, _EDGE, look.translucent * edge)
    warmth = np.array(_WARMTH)[column]
    out = mix(out, _NECK, 0.5 * warmth * (1 - 0.5 * edge))
    fissure = np.where(on_cap & ~front, np.exp(-((cap / 0.42) ** 2)), 0.0)
    fissure *= np.clip(0.6 + 0.4 * clouds, 0, 1.3)
    out = mix(out, np.array([0.66, 0.54, 0.37]), 0.5 * fissure)
    out = out + 0.55 * look.yellowed * (_DENTINE - out) * (0.6 + 0.4 * neck)[..., None]
    out = out * (1.0 + look.dark * (_STAIN - 1.0))
    out = out * (1 + 0.012 * bands + 0.010 * clouds)[..., None]
    roughness = 0.22 + 0.08 * neck + 0.12 * fissure + 0.01 * clouds
    relief = 0.10 * bands + 0.10 * clouds + 0.22 * np.sin(height * 90) * (0.25 + 0.3 * neck)
    return out, roughness, np.where(on_cap, 0.2 * clouds, relief)


def _soft(
    size: int, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "H W 3"], Float[np.ndarray, "H W"], Float[np.ndarray, "H W"]]:
    """Gum bands, palate, floor and tongue on mucosa that also lines the mouth socket."""
    u, v = _grid(size)
    clouds = _noise(rng, size, (16.0, 16.0))
    mottle = _noise(rng, size, (3.0, 3.0))
    out = _MUCOSA * (1 + 0.05 * clouds + 0.03 * mottle)[..., None]
    height = 0.25 * clouds + 0.12 * mottle
    roughness = np.full_like(u, 0.30)
    for band in (mouth_tile.GUMS_LOWER, mouth_tile.GUMS_UPPER):
        inside, _, across = _local(band, u, v)
        colour, relief = _gum(across, clouds, mottle, _noise(rng, size, (1.1, 1.1)))
        out, height = np.where(inside[..., None], colour, out), np.where(inside, relief, height)
    inside, along, across = _local(mouth_tile.PALATE, u, v)
    colour, relief = _palate(along, across, clouds, mottle)
    out, height = np.where(inside[..., None], colour, out), np.where(inside, relief, height)
    for rect, dorsum in ((mouth_tile.TONGUE_TOP, True), (mouth_tile.TONGUE_UNDER, False)):
        inside, along, across = _local(rect, u, v)
        colour, relief, rough = _tongue(rng, size, along, across, clouds, dorsum)
        out, height = np.where(inside[..., None], colour, out), np.where(inside, relief, height)
        roughness = np.where(inside, rough, roughness)
    return out, roughness + 0.02 * mottle, height


def _local(
    rect: Rect, u: Float[np.ndarray, "H W"], v: Float[np.ndarray, "H W"]
) -> tuple[np.ndarray, Float[np.ndarray, "H W"], Float[np.ndarray, "H W"]]:
    """Where a rectangle (with a bleed of 0.5 %) is, and the coordinates in it, 0 to 1."""
    u0, u1, v0, v1 = rect
    pad = 0.005
    inside = (u > u0 - pad) & (u < u1 + pad) & (v > v0 - pad) & (v < v1 + pad)
    return inside, np.clip((u - u0) / (u1 - u0), 0, 1), np.clip((v - v0) / (v1 - v0), 0, 1)


def _gum(
    across: Float[np.ndarray, "H W"],
    clouds: Float[np.ndarray, "H W"],
    mottle: Float[np.ndarray, "H W"],
    stipple: Float[np.ndarray, "H W"],
) -> tuple[Float[np.ndarray, "H W 3"], Float[np.ndarray, "H W"]]:
    """Pale, stippled attached gum by the teeth; red, smooth and wet toward the fold.

    Across a band the facial fold is 0, the margins lie near 0.37 and 0.7, the lingual end is 1.
    """
    attached = np.exp(-(((across - 0.30) / 0.14) ** 2)) + np.exp(-(((across - 0.80) / 0.16) ** 2))
    attached = np.clip(attached, 0, 1)
    margin = np.exp(-(((across - 0.40) / 0.035) ** 2)) + np.exp(-(((across - 0.69) / 0.035) ** 2))
    fold = 1 - ramp(0.02, 0.24, across)
    colour = mix(np.broadcast_to(_GUM, (*across.shape, 3)), _GUM_PALE, 0.7 * attached)
    colour = mix(colour, _MUCOSA, 0.75 * fold)
    colour = mix(colour, np.array([0.70, 0.36, 0.36]), 0.35 * np.clip(margin, 0, 1))
    colour = colour * (1 + 0.035 * clouds + 0.02 * mottle)[..., None]
    return colour, 0.3 * clouds + (0.10 + 0.22 * attached) * stipple


def _palate(
    along: Float[np.ndarray, "H W"],
    across: Float[np.ndarray, "H W"],
    clouds: Float[np.ndarray, "H W"],
    mottle: Float[np.ndarray, "H W"],
) -> tuple[Float[np.ndarray, "H W 3"], Float[np.ndarray, "H W"]]:
    """Pale hard palate with its raphe and, in front, the rugae; the soft palate behind is redder."""
    sideways = np.abs(along - 0.5) * 2
    depth = 1 - across
    waves = np.sin(58 * (depth + 0.10 * sideways) + 1.2 * clouds)
    rugae = waves * ramp(0.03, 0.10, depth) * (1 - ramp(0.28, 0.42, depth)) * ramp(0.04, 0.15, sideways)
    raphe = np.exp(-((sideways / 0.035) ** 2)) * (1 - ramp(0.6, 0.8, depth))
    colour = mix(np.broadcast_to(_GUM_PALE, (*along.shape, 3)), _MUCOSA, 0.8 * ramp(0.45, 0.95, depth))
    colour = colour * (1 + 0.04 * clouds + 0.02 * mottle + 0.04 * rugae - 0.05 * raphe)[..., None]
    return colour, 0.3 * clouds + 1.6 * rugae + 0.8 * raphe


def _tongue(
    rng: np.random.Generator,
    size: int,
    along: Float[np.ndarray, "H W"],
    across: Float[np.ndarray, "H W"],
    clouds: Float[np.ndarray, "H W"],
    dorsum: bool,
) -> tuple[Float[np.ndarray, "H W 3"], Float[np.ndarray, "H W"], Float[np.ndarray, "H W"]]:
    """Filiform papillae (a pale nap), scattered red fungiform ones, a median sulcus; smooth below."""
    nap = _noise(rng, size, (1.0, 0.8))
    spots = ramp(2.2, 3.0, _noise(rng, size, (1.6, 1.3)))
    sideways = np.abs(along - 0.5) * 2
    middle = (1 - ramp(0.25, 0.95, sideways)) * ramp(0.05, 0.45, across)
    sulcus = np.exp(-((sideways / 0.05) ** 2)) * ramp(0.08, 0.3, across)
    if not dorsum:
        veins = np.exp(-(((sideways - 0.35 - 0.03 * clouds) / 0.08) ** 2))
        colour = mix(_MUCOSA * (1 + 0.05 * clouds)[..., None], np.array([0.46, 0.22, 0.30]), 0.4 * veins)
        return colour, 0.3 * clouds + 0.3 * veins, np.full_like(along, 0.25)
    coat = np.clip(0.55 * middle + 0.10 * clouds, 0, 0.8)
    colour = mix(np.broadcast_to(_TONGUE, (*along.shape, 3)), _TONGUE_PALE, coat)
    colour = colour * (1 + 0.055 * nap + 0.04 * clouds - 0.10 * sulcus)[..., None]
    colour = mix(colour, np.array([0.72, 0.27, 0.28]), 0.6 * spots * (1 - 0.5 * middle))
    relief = 0.9 * nap + 1.2 * spots - 1.5 * sulcus + 0.3 * clouds
    return colour, gaussian_filter(relief, size / 2400), 0.36 + 0.10 * middle
