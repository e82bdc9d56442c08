"""Materials by name: from an asset's maps, and sensible constants where a map is missing."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Float

from mien.anatomy.eyeball import UV_IRIS_RADIUS
from mien.core.mesh import Image, Scan
from mien.geometry.weights import smoothstep
from mien.render.surface import Material
from mien.render.texture import (
    Texture,
    constant_texture,
    roughen_mips,
    texture_from_image,
    texture_from_pixels,
)

# kind, albedo (sRGB), roughness, specular (F0 = 0.08 x specular)
_CONSTANTS: dict[str, tuple[str, tuple[float, float, float], float, float]] = {
    "face": ("skin", (0.80, 0.62, 0.54), 0.42, 0.35),
    "head": ("skin", (0.80, 0.62, 0.54), 0.52, 0.35),
    "mouth": ("wet", (0.62, 0.30, 0.29), 0.28, 0.35),
    "teeth": ("wet", (0.86, 0.82, 0.73), 0.18, 0.50),
    "eye": ("eye", (0.86, 0.83, 0.80), 0.20, 0.30),
    "eye_socket": ("wet", (0.55, 0.26, 0.24), 0.35, 0.30),
    "cornea": ("clear", (0.0, 0.0, 0.0), 0.0, 0.35),
    "lacrimal": ("clear", (0.0, 0.0, 0.0), 0.08, 0.30),
    "lash": ("lash", (0.08, 0.06, 0.05), 0.60, 0.30),
    "eye_occlusion": ("shade", (0.0, 0.0, 0.0), 1.0, 0.0),
    "eye_blend": ("none", (0.0, 0.0, 0.0), 1.0, 0.0),
}


def material_from_maps(name: str, maps: dict[str, Image], limit: int = 2048, like: str = "") -> Material:
    """The material `name` with whatever of `<name>_albedo`, `_roughness`, `_specular`, `_normal` exists."""
    kind, albedo, roughness, specular = _CONSTANTS.get(like or name, _CONSTANTS["head"])
    colour = _map(maps, f"{name}_albedo", limit)
    if colour is None:
        colour = _plain_eye() if kind == "eye" else texture_from_pixels(_one(*albedo), srgb=True)
    if kind == "shade" and colour.data.shape[1] < 4:
        kind = "none"  # without coverage there is nothing to blend by
    rough = _map(maps, f"{name}_roughness", limit) or constant_texture(np.array([roughness]))
    normal = _map(maps, f"{name}_normal", limit)
    return Material(
        name=name,
        kind=kind,
        albedo=colour,
        roughness=rough if normal is None else roughen_mips(rough, normal),
        specular=_map(maps, f"{name}_specular", limit) or _plain_specular(kind, specular),
        normal=normal,
    )


def scan_material(scan: Scan, index: int, normal: Image | None = None) -> Material:
    """Skin with the scan's texture; grey skin where it has none (vertex colours are not drawn)."""
    base = material_from_maps("face", {})
    albedo = base.albedo
    if scan.textures:
        albedo = texture_from_pixels(scan.textures[index].astype(np.float32) / 255.0, srgb=True)
    bumps = texture_from_image(normal) if normal is not None else None
    return Material(scan.name, "skin", albedo, base.roughness, base.specular, bumps)


def _map(maps: dict[str, Image], key: str, limit: int) -> Texture | None:
    return texture_from_image(maps[key], limit) if key in maps else None


def _one(*values: float) -> Float[np.ndarray, "1 1 C"]:
    return np.array(values, np.float32).reshape(1, 1, -1)


@lru_cache(maxsize=1)
def _plain_eye() -> Texture:
    """Sclera, iris and pupil as plain rings, for a head whose maps hold no eye."""
    size = 256
    y, x = (np.mgrid[:size, :size] + 0.5) / size - 0.5
    r = np.hypot(x, y) / UV_IRIS_RADIUS
    angle = np.arctan2(y, x)
    fibres = 0.5 + 0.25 * np.sin(37 * angle) + 0.25 * np.sin(61 * angle + 7 * r)
    iris = np.array([0.34, 0.25, 0.17]) * (0.65 + 0.5 * fibres * np.clip(r, 0, 1))[..., None]
    sclera = np.array([0.89, 0.86, 0.83]) - 0.10 * np.clip(r - 1.2, 0, 1)[..., None] * np.array(
        [0.4, 1.0, 1.0]
    )
    out = _mix(iris, sclera, _step(r, 0.95, 1.08))
    out = out * (1.0 - 0.45 * np.exp(-(((r - 1.0) / 0.09) ** 2)))[..., None]
    out = _mix(np.full(3, 0.015), out, _step(r, 0.32, 0.37))
    return texture_from_pixels(out.astype(np.float32), srgb=True)


def _plain_specular(kind: str, value: float) -> Texture:
    """A constant; on an eye none within the iris, which lies dry beneath the cornea."""
    if kind != "eye":
        return constant_texture(np.array([value]))
    y, x = (np.mgrid[:128, :128] + 0.5) / 128 - 0.5
    ring = _step(np.hypot(x, y) / UV_IRIS_RADIUS, 1.0, 1.15)
    return texture_from_pixels((value * ring).astype(np.float32), srgb=False)


def _step(r: np.ndarray, low: float, high: float) -> np.ndarray:
    return smoothstep(r, low, high)[..., None]


def _mix(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    return a + (b - a) * t
