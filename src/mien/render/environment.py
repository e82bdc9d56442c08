"""Light from all around: lat-long radiance, its irradiance in spherical harmonics, its glossy blurs.

Lat-long pictures have +Y at the top and +Z (where the face looks) in the middle column; +X, the
subject's left, lies to the right of it. All values are linear radiance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Float
from numba import njit

from mien.geometry.normals import normalized
from mien.render.texture import Texture, texture_from_pixels

# Roughness (perceptual; alpha is its square) of the prefiltered levels.
LEVEL_ROUGHNESS = (0.0, 0.2, 0.35, 0.5, 0.7, 1.0)
_SPECULAR_HEIGHT = 32


@dataclass(frozen=True)
class Light:
    """A distant round light: unit `direction` toward it, `irradiance` (RGB, on a surface that faces
    it), and the angular `radius` of its disc in radians."""

    direction: Float[np.ndarray, "3"]
    irradiance: Float[np.ndarray, "3"]
    radius: float


@dataclass(frozen=True)
class Environment:
    """What lights a subject: a few `lights` that cast shadows, and `ambient` for everything else.

    `full` is the picture with the lights in it, for mirrors and for the path tracer; `sh` are nine
    coefficients of the ambient *irradiance* (pi for a white furnace), `levels` the ambient as seen by
    GGX lobes of `LEVEL_ROUGHNESS`, view along the normal.
    """

    full: Float[np.ndarray, "H W 3"]
    ambient: Float[np.ndarray, "H W 3"]
    lights: tuple[Light, ...]
    sh: Float[np.ndarray, "9 3"]
    levels: Float[np.ndarray, "L h w 3"]
    mirror: Texture

    def irradiance(self, normals: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 3"]:
        """Ambient irradiance at unit normals, unshadowed."""
        out = np.empty((len(normals), 3), np.float32)
        _irradiance(np.asarray(normals, np.float32), self.sh, out)
        return out


def make_environment(
    ambient: Float[np.ndarray, "H W 3"], full: Float[np.ndarray, "H W 3"], lights: tuple[Light, ...]
) -> Environment:
    """Prefilters once what every picture then uses."""
    small = resize_latlong(ambient, _SPECULAR_HEIGHT)
    levels = np.stack([ggx_blur(small, roughness) for roughness in LEVEL_ROUGHNESS]).astype(np.float32)
    return Environment(
        full=full.astype(np.float32),
        ambient=ambient.astype(np.float32),
        lights=lights,
        sh=irradiance_sh(ambient),
        levels=levels,
        mirror=texture_from_pixels(np.asarray(full, np.float32), srgb=False),
    )


def latlong_directions(height: int) -> Float[np.ndarray, "H W 3"]:
    """Unit direction of each pixel's centre of a lat-long picture, height by twice the height."""
    polar = (np.arange(height) + 0.5) / height * np.pi
    azimuth = ((np.arange(2 * height) + 0.5) / (2 * height) - 0.5) * 2.0 * np.pi
    sine = np.sin(polar)[:, None]
    return np.stack(
        [sine * np.sin(azimuth), np.cos(polar)[:, None] * np.ones_like(azimuth), sine * np.cos(azimuth)],
        axis=-1,
    )


def latlong_solid_angles(height: int) -> Float[np.ndarray, "H W"]:
    """Solid angle of each pixel; they sum to 4 pi."""
    edges = np.cos(np.linspace(0.0, np.pi, height + 1))
    row = (edges[:-1] - edges[1:]) * np.pi / height
    return np.repeat(row[:, None], 2 * height, axis=1)


def latlong_uv(directions: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 2"]:
    """UV (origin bottom-left) of directions in a lat-long picture."""
    u = np.arctan2(directions[:, 0], directions[:, 2]) / (2.0 * np.pi) + 0.5
    v = 1.0 - np.arccos(np.clip(directions[:, 1], -1.0, 1.0)) / np.pi
    return np.stack([u, v], axis=1)


def resize_latlong(picture: Float[np.ndarray, "H W 3"], height: int) -> Float[np.ndarray, "h w 3"]:
    """Area-averaged to `height` by twice the height."""
    import cv2

    if picture.shape[:2] == (height, 2 * height):
        return np.asarray(picture, np.float32)
    mode = cv2.INTER_AREA if picture.shape[0] > height else cv2.INTER_LINEAR
    return cv2.resize(np.asarray(picture, np.float32), (2 * height, height), interpolation=mode)


def sh_basis(directions: Float[np.ndarray, "*N 3"]) -> Float[np.ndarray, "*N 9"]:
    """The nine real spherical harmonics up to degree two, orthonormal on the sphere."""
    x, y, z = directions[..., 0], directions[..., 1], directions[..., 2]
    one = np.full_like(x, 0.28209479177387814)
    return np.stack(
        [
            one,
            0.4886025119029199 * y,
            0.4886025119029199 * z,
            0.4886025119029199 * x,
            1.0925484305920792 * x * y,
            1.0925484305920792 * y * z,
            0.31539156525252005 * (3.0 * z * z - 1.0),
            1.0925484305920792 * x * z,
            0.5462742152960396 * (x * x - y * y),
        ],
        axis=-1,
    )


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _irradiance(normals, sh, out):
    """`sh_basis(normals) @ sh`, not below zero."""
    for n in range(normals.shape[0]):
        x, y, z = normals[n, 0], normals[n, 1], normals[n, 2]
        for k in range(3):
            value = 0.28209479177387814 * sh[0, k]
            value += 0.4886025119029199 * (sh[1, k] * y + sh[2, k] * z + sh[3, k] * x)
            value += 1.0925484305920792 * (sh[4, k] * x * y + sh[5, k] * y * z + sh[7, k] * x * z)
            value += 0.31539156525252005 * sh[6, k] * (3.0 * z * z - 1.0)
            value += 0.5462742152960396 * sh[8, k] * (x * x - y * y)
            out[n, k] = max(value, 0.0)


def irradiance_sh(picture: Float[np.ndarray, "H W 3"]) -> Float[np.ndarray, "9 3"]:
    """Irradiance of a lat-long radiance picture in nine coefficients.

    Ramamoorthi and Hanrahan, "An Efficient Representation for Irradiance Environment Maps" (2001),
    eq. 8: the clamped cosine scales degrees 0, 1, 2 by pi, 2 pi / 3, pi / 4.
    """
    height = picture.shape[0]
    weights = latlong_solid_angles(height)[..., None] * sh_basis(latlong_directions(height))
    radiance = np.einsum("hwb,hwc->bc", weights, picture)
    cosine = np.pi * np.array([1.0] + [2.0 / 3.0] * 3 + [0.25] * 5)
    return cosine[:, None] * radiance


def ggx_blur(picture: Float[np.ndarray, "h w 3"], roughness: float) -> Float[np.ndarray, "h w 3"]:
    """The picture as a GGX lobe sees it, with normal = view = reflection (Karis 2013, "split sum")."""
    if roughness == 0.0:
        return picture
    height = picture.shape[0]
    directions = latlong_directions(height).reshape(-1, 3).astype(np.float32)
    area = latlong_solid_angles(height).reshape(-1).astype(np.float32)
    cosine = np.clip(directions @ directions.T, -1.0, 1.0)
    alpha2 = np.float32(max(roughness, 0.12) ** 4)
    half2 = 0.5 * (1.0 + cosine)  # (n.h)^2 where h halves the angle between n and l
    lobe = 1.0 / (half2 * (alpha2 - 1.0) + 1.0) ** 2
    weight = lobe * np.maximum(cosine, 0.0) * area
    total = weight.sum(axis=1, keepdims=True)
    return ((weight @ picture.reshape(-1, 3)) / total).reshape(picture.shape)


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def lookup_levels(levels, x, y, z, level, out):
    """Bilinear in a lat-long stack (L h w 3) along a direction, linear between levels; wraps in azimuth."""
    count, h, w = levels.shape[0], levels.shape[1], levels.shape[2]
    u = (np.arctan2(x, z) * np.float32(0.15915494309189535) + 0.5) * w - 0.5
    v = np.arccos(min(max(y, -1.0), 1.0)) * np.float32(0.3183098861837907) * h - 0.5
    v = min(max(v, 0.0), h - 1.0)
    x0 = int(np.floor(u))
    fx = u - x0
    xa, xb = x0 % w, (x0 + 1) % w
    ya = int(v)
    yb = min(ya + 1, h - 1)
    fy = v - ya
    level = min(max(level, 0.0), count - 1.0)
    la = int(level)
    lb = min(la + 1, count - 1)
    fl = level - la
    for k in range(3):
        a = levels[la, ya, xa, k] * (1 - fx) + levels[la, ya, xb, k] * fx
        b = levels[la, yb, xa, k] * (1 - fx) + levels[la, yb, xb, k] * fx
        c = levels[lb, ya, xa, k] * (1 - fx) + levels[lb, ya, xb, k] * fx
        d = levels[lb, yb, xa, k] * (1 - fx) + levels[lb, yb, xb, k] * fx
        out[k] = (a * (1 - fy) + b * fy) * (1 - fl) + (c * (1 - fy) + d * fy) * fl


def cone_samples(direction: Float[np.ndarray, "3"], radius: float, count: int) -> Float[np.ndarray, "K 3"]:
    """Directions spread evenly (Vogel spiral) over a disc of angular `radius` about `direction`."""
    side = np.cross(direction, [0.0, 1.0, 0.0] if abs(direction[1]) < 0.9 else [1.0, 0.0, 0.0])
    side = normalized(side)
    over = np.cross(direction, side)
    index = np.arange(count)
    r = np.tan(radius) * np.sqrt((index + 0.5) / count)
    angle = index * np.pi * (3.0 - np.sqrt(5.0))
    spread = np.cos(angle)[:, None] * side + np.sin(angle)[:, None] * over
    return normalized(direction + r[:, None] * spread)
