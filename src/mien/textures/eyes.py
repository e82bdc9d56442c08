"""Procedural eyes: iris fibres, crypts, collarette, limbal ring, pupil; sclera with veins."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter, map_coordinates

from mien.anatomy.eyeball import (
    IRIS_RADIUS,
    LIMBUS_ANGLE,
    PUPIL_RADIUS,
    SEEN_ANGLE,
    UV_IRIS_RADIUS,
    UV_RADIUS,
    angle_of_uv_radius,
)
from mien.core.errors import MienError
from mien.core.mesh import Image
from mien.textures.noise import mix, normal_from_height, ramp, resized, smooth_noise

# sRGB of common irises' middle zone.
IRIS_COLOURS: dict[str, tuple[float, float, float]] = {
    "brown": (0.36, 0.23, 0.13),
    "dark_brown": (0.20, 0.125, 0.08),
    "hazel": (0.42, 0.33, 0.18),
    "green": (0.37, 0.41, 0.27),
    "blue": (0.36, 0.47, 0.57),
    "grey": (0.45, 0.48, 0.49),
}
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_SCLERA = np.array([0.835, 0.800, 0.775])
_IVORY = np.array([0.81, 0.75, 0.66])  # the white of an old eye
_ARCUS = np.array([0.66, 0.68, 0.68])  # a pale ring of lipids in old corneas
_POLAR = (256, 2048)  # radius by angle: the iris is drawn unrolled and then wound up
_VEINS = 46


@dataclass(frozen=True)
class EyeLook:
    """One person's eyes: sRGB of the iris's middle zone; how yellow and how blood-shot the white is and how
    pale the old cornea's ring, each 0 to 1 (0.3 blood-shot is a rested eye).
    """

    iris: tuple[float, float, float] = IRIS_COLOURS["brown"]
    yellowed: float = 0.0
    bloodshot: float = 0.3
    arcus: float = 0.0


def iris_named(text: str) -> tuple[float, float, float]:
    """sRGB of an iris: one of `IRIS_COLOURS`, or #rrggbb. Raises `MienError` for anything else."""
    if text in IRIS_COLOURS:
        return IRIS_COLOURS[text]
    if not _HEX.fullmatch(text):
        raise MienError(
            f"--iris: {text} is not an eye colour, expected {', '.join(IRIS_COLOURS)} or #rrggbb; "
            "leave it out to have it measured"
        )
    red, green, blue = (int(text[k : k + 2], 16) / 255 for k in (1, 3, 5))
    return red, green, blue


def likely_iris(tone: float) -> str:
    """The name of an iris that goes with a skin tone, 0 lightest to 1 darkest: where nobody saw the eyes."""
    return "hazel" if tone < 0.25 else "brown" if tone < 0.5 else "dark_brown"


@dataclass(frozen=True)
class _Tile:
    """Per pixel: radius in the iris (metres, beyond it > IRIS_RADIUS), angle off the gaze, azimuth."""

    radius: Float[np.ndarray, "H W"]
    off_gaze: Float[np.ndarray, "H W"]
    azimuth: Float[np.ndarray, "H W"]


def eye_maps(
    size: int = 1024,
    iris_colour: tuple[float, float, float] = IRIS_COLOURS["brown"],
    seed: int = 0,
    look: EyeLook | None = None,
) -> dict[str, Image]:
    """`eye_albedo` (sRGB), `eye_roughness` and `eye_normal` (linear) on the eyes' shared tile.

    `iris_colour` is the sRGB colour of the iris's middle zone. The inner corner lies at u = 0. The same
    arguments give the same pixels. `look` (its iris is `iris_colour`) tints the white.
    """
    rng = np.random.default_rng(seed)
    look = look or EyeLook()
    tile = _tile(size)
    unrolled_colour, unrolled_height = _iris(np.asarray(iris_colour, dtype=float), rng)
    iris = np.stack([_wound(unrolled_colour[..., k], tile) for k in range(3)], axis=-1)
    relief = _wound(unrolled_height, tile)
    sclera = _sclera(tile, rng, look)
    # The limbus: cornea and sclera interlock over about a millimetre.
    wobble = 0.025e-3 * _around(smooth_noise(rng, (1, 2048), (0.0, 20.0), wrap=(False, True))[0], tile)
    on_sclera = ramp(IRIS_RADIUS - 0.55e-3, IRIS_RADIUS + 0.45e-3, tile.radius + wobble)
    albedo = mix(iris, sclera, on_sclera)
    ring = np.exp(-(((tile.radius - IRIS_RADIUS + 0.55e-3) / 0.4e-3) ** 2))
    albedo = mix(albedo, np.broadcast_to(_ARCUS, albedo.shape), 0.6 * look.arcus * ring)
    pupil = 1 - ramp(PUPIL_RADIUS - 0.03e-3, PUPIL_RADIUS + 0.09e-3, tile.radius)
    albedo = mix(albedo, np.full(3, 0.012), pupil)
    height = relief * (1 - on_sclera) * (1 - pupil)
    roughness = 0.55 * (1 - on_sclera) + 0.32 * on_sclera
    return {
        "eye_albedo": Image(np.clip(albedo, 0, 1).astype(np.float32), "srgb"),
        "eye_roughness": Image(roughness[..., None].astype(np.float32)),
        "eye_normal": Image(normal_from_height(height, 0.0022).astype(np.float32)),
    }


def _tile(size: int) -> _Tile:
    y, x = 0.5 - (np.arange(size)[:, None] + 0.5) / size, (np.arange(size)[None] + 0.5) / size - 0.5
    distance = np.hypot(x, y)
    off_gaze = angle_of_uv_radius(distance)
    beyond = IRIS_RADIUS * off_gaze / LIMBUS_ANGLE
    inside = IRIS_RADIUS * distance / UV_IRIS_RADIUS
    radius = np.where(distance < UV_IRIS_RADIUS, inside, beyond)
    return _Tile(radius, off_gaze, np.arctan2(y, x))


def _wound(polar: Float[np.ndarray, "R A"], tile: _Tile) -> Float[np.ndarray, "H W"]:
    """A picture over radius (0 to 1.1 iris radii) and angle, wound up onto the tile."""
    rows, columns = polar.shape
    out = np.zeros_like(tile.radius)
    near = tile.radius < 1.1 * IRIS_RADIUS
    row = tile.radius[near] / (1.1 * IRIS_RADIUS) * (rows - 1)
    column = (tile.azimuth[near] / (2 * np.pi) % 1.0) * columns
    wrapped = np.concatenate([polar, polar[:, :1]], axis=1)
    out[near] = map_coordinates(wrapped, [row, column], order=1, mode="nearest")
    return out


def _around(values: Float[np.ndarray, " A"], tile: _Tile) -> Float[np.ndarray, "H W"]:
    at = (tile.azimuth / (2 * np.pi) % 1.0) * len(values)
    return np.interp(at, np.arange(len(values) + 1), np.append(values, values[0]))


def _iris(
    colour: Float[np.ndarray, "3"], rng: np.random.Generator
) -> tuple[Float[np.ndarray, "R A 3"], Float[np.ndarray, "R A"]]:
    """Colour (sRGB) and relief of the unrolled iris, pupil at row 0."""
    around = (False, True)
    r = np.linspace(0, 1.1, _POLAR[0])[:, None] * IRIS_RADIUS * 1e3  # mm
    collarette = 3.05 + 0.16 * _rows(rng, 34.0) + 0.10 * _rows(rng, 11.0)
    ciliary = ramp(-0.40, 0.50, r - collarette)

    strands = smooth_noise(rng, _POLAR, (46.0, 3.0), wrap=around)
    threads = smooth_noise(rng, _POLAR, (22.0, 1.3), wrap=around)
    clouds = smooth_noise(rng, _POLAR, (20.0, 90.0), wrap=around)
    fibres = 0.62 * strands + 0.38 * threads
    ridges = np.exp(-((fibres - 0.9) ** 2) / 0.5)  # the bright, raised trabeculae
    crypts = ramp(1.15, 2.0, smooth_noise(rng, _POLAR, (11.0, 17.0), wrap=around))
    crypts *= np.exp(-(((r - 3.5) / 0.55) ** 2)) + 0.4 * np.exp(-(((r - 5.0) / 0.4) ** 2))
    furrows = sum(
        np.exp(-(((r - at + 0.06 * _rows(rng, 60.0)) / 0.07) ** 2)) for at in (4.25, 4.75, 5.15)
    ) * ramp(-0.4, 0.8, clouds)
    ring = np.exp(-(((r - collarette) / 0.17) ** 2))

    warm = np.clip(colour * np.array([1.16, 0.93, 0.68]) + np.array([0.04, 0.02, 0.0]), 0, 1)
    base = colour + (warm - colour) * (0.70 * (1 - ciliary) + 0.10)[..., None]
    value = (
        0.84 + 0.15 * fibres + 0.26 * ridges + 0.07 * clouds + 0.22 * ring - 0.55 * crypts - 0.14 * furrows
    )
    out = base * np.clip(value, 0.18, 1.7)[..., None]
    pale = np.clip(0.5 * (ridges * ciliary - 0.25), 0, 0.4)[..., None]
    out = out + pale * (0.65 * colour + 0.25 - out)
    ruff = np.exp(-(((r - PUPIL_RADIUS * 1e3 - 0.05) / 0.10) ** 2)) * (0.7 + 0.3 * np.sign(threads))
    out *= 1 - 0.75 * ruff[..., None]
    limbal = ramp(4.85, 5.85, r + 0.05 * _rows(rng, 40.0))  # the dark ring toward the sclera
    out = out * (1 - 0.58 * limbal[..., None])
    relief = 0.35 * fibres + 0.9 * ridges + 1.1 * ring - 1.6 * crypts - 0.8 * furrows
    return out, gaussian_filter(relief, (1.0, 1.0), mode=("nearest", "wrap"))


def _rows(rng: np.random.Generator, sigma: float) -> Float[np.ndarray, "1 A"]:
    """Periodic noise along the angle alone."""
    return smooth_noise(rng, (1, _POLAR[1]), (0.0, sigma), wrap=(False, True))


def _sclera(tile: _Tile, rng: np.random.Generator, look: EyeLook) -> Float[np.ndarray, "H W 3"]:
    """Ivory, warmer and redder toward the corners, bluish by the limbus, with faint vessels."""
    size = len(tile.radius)
    from_limbus = np.clip((tile.off_gaze - LIMBUS_ANGLE) / (SEEN_ANGLE - LIMBUS_ANGLE), 0, 1)
    sideways = np.cos(tile.azimuth) ** 2
    redness = ramp(0.15, 1.0, from_limbus) * (0.35 + 0.65 * sideways)
    inner = ramp(0.3, 0.8, from_limbus) * sideways * (np.cos(tile.azimuth) < 0)
    clouds = resized(smooth_noise(rng, (256, 256), (9.0, 9.0)), size)
    white = _SCLERA + look.yellowed * (_IVORY - _SCLERA)
    red = look.bloodshot / 0.3
    out = white + 0.012 * clouds[..., None] * np.array([0.6, 1.0, 1.0])
    out = out - (0.5 + 0.5 * red) * redness[..., None] * np.array([0.03, 0.15, 0.16])
    out = out - inner[..., None] * np.array([0.04, 0.12, 0.11])
    cool = np.exp(-(((tile.off_gaze - LIMBUS_ANGLE) / 0.09) ** 2))
    out = out - 0.05 * cool[..., None] * np.array([1.6, 1.1, 0.6])
    fine, coarse = _vessels(size, rng)
    strength = min(0.4 + 0.6 * red, 1.6)
    out = out - strength * fine[..., None] * np.array([0.07, 0.26, 0.24])
    return out - strength * coarse[..., None] * np.array([0.12, 0.36, 0.32])


def _vessels(
    size: int, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "H W"], Float[np.ndarray, "H W"]]:
    """Coverage of fine and of coarse blood vessels: wandering, forking paths from the fornix inward."""
    layers = [np.zeros((size, size), np.uint8) for _ in range(2)]
    for _ in range(_VEINS):
        side = np.pi if rng.random() < 0.55 else 0.0  # most run in from the corners
        azimuth = side + rng.normal(0, 0.55) if rng.random() < 0.8 else rng.uniform(0, 2 * np.pi)
        stop = UV_IRIS_RADIUS + rng.uniform(0.02, 0.15)
        start = rng.uniform(0.34, UV_RADIUS)
        coarse = rng.random() < 0.3
        path = _wander(azimuth, start, stop, rng)
        _draw(layers[int(coarse)], path, size, 1.3 if coarse else 0.8)
        for _ in range(rng.integers(1, 4)):
            at = int(rng.integers(len(path) // 4, len(path) - 8))
            fork_radius = float(np.hypot(*path[at]))
            if fork_radius - stop > 0.02:
                turned = float(np.arctan2(path[at][1], path[at][0]))
                fork = _wander(turned, fork_radius, stop + 0.01, rng, lean=rng.choice([-1, 1]) * 0.5)
                _draw(layers[0], fork, size, 0.7)
    blur = max(0.35, size / 2600)
    fine, coarse_layer = (gaussian_filter(layer / 255.0, blur) for layer in layers)
    return 0.55 * fine, 0.60 * gaussian_filter(coarse_layer, blur)


def _wander(
    azimuth: float, start: float, stop: float, rng: np.random.Generator, lean: float = 0.0
) -> Float[np.ndarray, "N 2"]:
    """A path in tile units about the centre, from one radius inward to another."""
    count = 60
    radius = np.linspace(start, stop, count)
    drift = gaussian_filter(rng.standard_normal(count), 4.0) * 0.045
    angle = (
        azimuth
        + np.cumsum(drift - 0.8 * np.mean(drift)) * (0.25 / radius)
        + lean * 0.3 * np.linspace(0, 1, count)
    )
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


def _draw(layer: np.ndarray, path: Float[np.ndarray, "N 2"], size: int, width: float) -> None:
    """An anti-aliased polyline; thin vessels on small tiles are drawn fainter, not thicker."""
    import cv2

    pixels = np.column_stack([0.5 + path[:, 0], 0.5 - path[:, 1]]) * size
    wanted = width * size / 1024
    value = round(255 * min(1.0, max(wanted, 0.25)))
    fixed = [np.round(pixels * 16).astype(np.int32)]
    cv2.polylines(layer, fixed, False, value, max(1, round(wanted)), cv2.LINE_AA, shift=4)
