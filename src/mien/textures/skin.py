"""Static skin maps by region: specular, roughness, scatter; displacement and normal from the scan.

Specular is the usual intensity map: F0 = 0.08 x value (0.35 is skin's 0.028). Regional values follow
Weyrich et al. 2006, "Analysis of human faces using a measurement-based skin reflectance model": the
T-zone and the lips shine most, cheeks and neck least.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float

from mien.bake.colour import TILES, tile_of
from mien.bake.fill import to_log, typical_texel
from mien.core.conventions import srgb_to_linear
from mien.core.face import Template
from mien.core.mesh import Image
from mien.geometry.uvspace import Tile, blur_within, fill_gutter, smooth_gutter
from mien.template.regions import region
from mien.textures.tangent import normal_from_displacement

# Regions in the order in which they are laid over one another: specular, roughness, scatter.
BASE = (0.35, 0.50, 0.45)
BY_REGION: dict[str, tuple[float, float, float]] = {
    "neck": (0.33, 0.52, 0.40),
    "scalp": (0.34, 0.48, 0.35),
    "ear": (0.31, 0.50, 1.00),
    "cheek": (0.36, 0.49, 0.55),
    "forehead": (0.40, 0.41, 0.45),
    "chin": (0.38, 0.43, 0.50),
    "nose": (0.42, 0.37, 0.80),
    "upper_lid": (0.38, 0.42, 0.70),
    "lower_lid": (0.37, 0.44, 0.70),
    "eye_rim": (0.45, 0.30, 0.80),
    "nostrils": (0.25, 0.50, 0.80),
    "lips": (0.44, 0.34, 0.90),
    "brow": (0.26, 0.55, 0.30),
}
_PORE = (0.0008, 0.5)  # metres of wavelength kept of the albedo's detail; weight in roughness and specular
_SPECULAR_SWING, _ROUGHNESS_SWING = 0.12, 0.08  # largest relative / absolute change by pores


def static_maps(
    template: Template,
    vertices: Float[np.ndarray, "V 3"],
    albedo: dict[str, Image],
    relief: dict[str, Image] | None = None,
) -> dict[str, Image]:
    """All maps of "face" and "head": `<tile>_albedo`, `_specular`, `_roughness`, `_scatter`, `_displacement`
    (mm) and `_normal`, at the resolution of `albedo` (sRGB, by tile name).

    `relief` is the measured displacement by tile; without it displacement is zero and normals are flat.
    """
    fields = regional_fields(template)
    out: dict[str, Image] = {}
    for name in TILES:
        tile = tile_of(template, name, albedo[name].pixels.shape[0])
        out[f"{name}_albedo"] = albedo[name]
        out |= {f"{name}_{kind}": image for kind, image in _surface(tile, vertices, fields, albedo[name])}
        displacement = relief[name] if relief is not None else _zero(tile)
        out[f"{name}_displacement"] = displacement
        out[f"{name}_normal"] = normal_from_displacement(
            displacement, tile, vertices, template.topology.triangles
        )
    return out


def regional_fields(template: Template) -> Float[np.ndarray, "V 3"]:
    """Specular, roughness and scatter per vertex, regions laid over one another."""
    values = np.tile(np.array(BASE), (len(template.vertices), 1))
    for name, target in BY_REGION.items():
        weight = region(template, name)[:, None]
        values += weight * (np.array(target) - values)
    return values


def _surface(tile: Tile, vertices: np.ndarray, fields: np.ndarray, albedo: Image) -> list[tuple[str, Image]]:
    specular, roughness, scatter = tile.at_texels(fields).T
    pore = _pores(tile, vertices, albedo)
    specular = specular * (1 + _SPECULAR_SWING * pore)
    roughness = roughness - _ROUGHNESS_SWING * pore
    bounded = {
        "specular": np.clip(specular, 0.0, 0.5),
        "roughness": np.clip(roughness, 0.2, 0.9),
        "scatter": np.clip(scatter, 0.0, 1.0),
    }
    return [(kind, _spread(tile, values)) for kind, values in bounded.items()]


def _spread(tile: Tile, values: np.ndarray) -> Image:
    filled = fill_gutter(tile.image(values.astype(np.float32)), tile.covered)
    return Image(smooth_gutter(filled, tile.covered)[..., None])


def _pores(tile: Tile, vertices: np.ndarray, albedo: Image) -> Float[np.ndarray, " N"]:
    """The albedo's fine detail in -1..1: dark pores and hairs negative, which shine less and are rougher."""
    light = to_log(srgb_to_linear(albedo.pixels)).mean(axis=2).astype(np.float32)
    wave = max(_PORE[0] / typical_texel(tile, vertices), 1.0)
    fine = cv2.GaussianBlur(light, (0, 0), 0.35 * wave) - blur_within(light, tile.covered, 2.0 * wave)
    values = fine[tile.covered]
    return np.tanh(values / max(2.5 * float(values.std()), 1e-4))


def _zero(tile: Tile) -> Image:
    return Image(np.zeros((*tile.covered.shape, 1), np.float32), "linear", "mm")
