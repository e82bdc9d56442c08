"""Where the light comes from: a procedural studio, or a photograph of a place (--hdri)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mien.core.errors import MienError
from mien.geometry.normals import normalized
from mien.geometry.weights import smoothstep
from mien.render.environment import (
    Environment,
    Light,
    latlong_directions,
    latlong_solid_angles,
    make_environment,
    resize_latlong,
)

_HEIGHT = 128
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def direction_at(azimuth: float, elevation: float) -> Float[np.ndarray, "3"]:
    """Unit vector; azimuth in degrees from +Z toward +X (the subject's left), elevation upward."""
    a, e = np.radians(azimuth), np.radians(elevation)
    return np.array([np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)])


@lru_cache(maxsize=1)
def studio() -> Environment:
    """A portrait studio: warm key high on the subject's left, wide cool fill, two rims, grey room."""
    key = Light(direction_at(44.0, 34.0), np.array([4.9, 4.6, 4.22]), np.radians(8.0))
    rim = Light(direction_at(-140.0, 30.0), np.array([0.75, 0.80, 0.88]), np.radians(13.0))
    fill = _softbox(-46.0, 4.0, 40.0, 42.0, (0.36, 0.385, 0.43))
    back = _softbox(150.0, 15.0, 14.0, 40.0, (0.55, 0.58, 0.63))
    return _with_lights(_room() + fill + back, (key, rim))


@lru_cache(maxsize=1)
def portrait() -> Environment:
    """For portraits on a dark ground: a large warm key, broad fill, a cool edge on both sides."""
    key = Light(direction_at(42.0, 34.0), np.array([5.3, 5.03, 4.67]), np.radians(13.0))
    left = Light(direction_at(152.0, 26.0), np.array([1.1, 1.2, 1.36]), np.radians(12.0))
    right = Light(direction_at(-146.0, 26.0), np.array([1.9, 2.02, 2.25]), np.radians(12.0))
    fill = _softbox(-42.0, 4.0, 40.0, 46.0, (0.37, 0.39, 0.43))
    front = _softbox(6.0, -18.0, 30.0, 12.0, (0.20, 0.195, 0.19))  # a reflector under the chin
    return _with_lights(_room() + fill + front, (key, left, right))


@lru_cache(maxsize=8)
def clay_studio(yaw: float = 0.0) -> Environment:
    """For judging form: one grazing key and a soft sky, no colour; `yaw` (degrees) turns it with a camera."""
    key = Light(direction_at(yaw - 64.0, 32.0), np.array([3.6, 3.6, 3.6]), np.radians(1.5))
    up = latlong_directions(_HEIGHT)[..., 1]
    sky = (0.16 + 0.26 * np.clip(0.5 + 0.5 * up, 0, 1) ** 1.5)[..., None] * np.ones(3)
    return _with_lights(sky + _softbox(yaw + 100.0, 20.0, 30.0, 50.0, (0.30, 0.30, 0.30)), (key,))


@lru_cache(maxsize=8)
def macro_studio(yaw: float = 0.0) -> Environment:
    """For skin from near: a grazing key that shows relief, a softbox in which its gloss shows, a dim room."""
    key = Light(direction_at(yaw - 34.0, 30.0), np.array([5.6, 5.45, 5.25]), np.radians(4.0))
    gloss = _softbox(yaw + 40.0, 22.0, 22.0, 26.0, (1.9, 1.95, 2.05))
    return _with_lights(_room() + 0.22 + gloss, (key,))


def white_furnace() -> Environment:
    """Radiance 1 from everywhere and no lights: a white diffuse body vanishes in it."""
    return make_environment(np.ones((32, 64, 3)), np.ones((32, 64, 3)), ())


def _room() -> Float[np.ndarray, "H W 3"]:
    up = latlong_directions(_HEIGHT)[..., 1:2]
    ceiling, horizon, floor = (
        np.array([0.24, 0.25, 0.27]),
        np.array([0.11, 0.112, 0.118]),
        np.array([0.06, 0.056, 0.052]),
    )
    above = horizon + (ceiling - horizon) * np.clip(up, 0, 1) ** 0.8
    below = horizon + (floor - horizon) * np.clip(-up, 0, 1) ** 0.5
    return np.where(up > 0, above, below)


def _softbox(
    azimuth: float,
    elevation: float,
    half_width: float,
    half_height: float,
    colour: tuple[float, float, float],
) -> Float[np.ndarray, "H W 3"]:
    """A rectangle with soft edges; half angles in degrees."""
    centre = direction_at(azimuth, elevation)
    right = normalized(np.cross([0.0, 1.0, 0.0], centre))
    frame = np.stack([right, np.cross(centre, right), centre])
    local = latlong_directions(_HEIGHT) @ frame.T
    x = np.degrees(np.arctan2(local[..., 0], local[..., 2])) / half_width
    y = np.degrees(np.arcsin(np.clip(local[..., 1], -1, 1))) / half_height
    edge = _smooth_below(np.abs(x)) * _smooth_below(np.abs(y))
    return edge[..., None] * np.asarray(colour)


def _smooth_below(x: np.ndarray) -> np.ndarray:
    return smoothstep(-x, -1.12, -0.88)


def _with_lights(ambient: Float[np.ndarray, "H W 3"], lights: tuple[Light, ...]) -> Environment:
    """Paints the lights as softboxes of the same irradiance into the full picture."""
    full = ambient.copy()
    for light in lights:
        azimuth = float(np.degrees(np.arctan2(light.direction[0], light.direction[2])))
        elevation = float(np.degrees(np.arcsin(light.direction[1])))
        half = float(np.degrees(light.radius))
        shape = _softbox(azimuth, elevation, 0.8 * half, 1.0 * half, (1.0, 1.0, 1.0))
        cosine = np.maximum(latlong_directions(_HEIGHT) @ light.direction, 0.0)
        irradiance = (shape[..., 0] * cosine * latlong_solid_angles(_HEIGHT)).sum()
        full += shape * light.irradiance / irradiance
    return make_environment(ambient, full, lights)


def load_hdri(path: Path) -> Environment:
    """A lat-long .hdr or .exr as light; its brightest spot becomes a light that casts sharp shadows.

    Exposed so that the mean irradiance is that of the studio. Raises `MienError` for what cannot be read.
    """
    picture = resize_latlong(_read_hdri(path), 256)
    mean = float((picture @ _LUMINANCE * latlong_solid_angles(256)).sum() / (4 * np.pi))
    if not np.isfinite(mean) or mean <= 0:
        raise MienError(f"{path}: is black or not finite, expected radiance above 0; choose another --hdri")
    picture = picture * (0.42 / mean)
    ambient, lights = split_sun(picture)
    return make_environment(ambient, picture, lights)


def split_sun(
    picture: Float[np.ndarray, "H W 3"], threshold: float = 12.0
) -> tuple[Float[np.ndarray, "H W 3"], tuple[Light, ...]]:
    """Takes what exceeds `threshold` times the mean out of a picture and makes one light of it.

    The light keeps the energy: ambient + light have the irradiance of the picture toward the light.
    """
    luminance = picture @ _LUMINANCE
    limit = threshold * float((luminance * latlong_solid_angles(len(picture))).sum() / (4 * np.pi))
    kept = np.minimum(1.0, limit / np.maximum(luminance, 1e-9))[..., None]
    ambient, excess = picture * kept, picture * (1.0 - kept)
    weight = (excess @ _LUMINANCE) * latlong_solid_angles(len(picture))
    if weight.sum() < 0.02 * limit:
        return picture, ()
    directions = latlong_directions(len(picture))
    mean = np.einsum("hw,hwd->d", weight, directions) / weight.sum()
    direction = normalized(mean)
    cosine = np.maximum(directions @ direction, 0.0) * latlong_solid_angles(len(picture))
    radius = float(
        np.clip(np.arccos(min(float(np.linalg.norm(mean)), 1.0)), np.radians(0.5), np.radians(15.0))
    )
    return ambient, (Light(direction, np.einsum("hw,hwc->c", cosine, excess), radius),)


def _read_hdri(path: Path) -> Float[np.ndarray, "H W 3"]:
    if not path.is_file():
        raise MienError(f"{path}: does not exist, expected a lat-long .hdr or .exr; check --hdri")
    if path.suffix.lower() == ".hdr":
        import cv2

        pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if pixels is None or pixels.ndim != 3:
            raise MienError(f"{path}: is no Radiance picture, expected lat-long .hdr; export it again")
        return pixels[..., ::-1].astype(np.float32)
    if path.suffix.lower() == ".exr":
        return _read_exr(path)
    raise MienError(f"{path}: ends in {path.suffix!r}, expected .hdr or .exr; convert it")


def _read_exr(path: Path) -> Float[np.ndarray, "H W 3"]:
    import OpenEXR

    try:
        channels = OpenEXR.File(str(path), separate_channels=True).channels()
        return np.stack([channels[c].pixels for c in "RGB"], axis=-1).astype(np.float32)
    except (RuntimeError, KeyError, ValueError) as error:
        raise MienError(f"{path}: cannot be read as EXR ({error}), expected channels R, G, B") from error
