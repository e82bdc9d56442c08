"""glTF materials from a material's name and its maps.

Metallic-roughness, with KHR_materials_ior and KHR_materials_specular where the surface needs them. glTF
has no ratified scattering: scatter and displacement are named in `extras` for those who can use them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mien.core.conventions import linear_to_srgb, srgb_to_linear
from mien.core.mesh import Image
from mien.export.buffers import Buffers
from mien.export.images import encode_jpeg, encode_png, in_colour_space, map_kind, map_stem


@dataclass(frozen=True)
class MaterialDefaults:
    """What a material is where no map says otherwise. `colour` is sRGB; below 1 `alpha` means blending."""

    colour: tuple[float, float, float]
    roughness: float
    ior: float = 1.5
    alpha: float = 1.0
    double_sided: bool = False


def film_ior(ior: float, alpha: float) -> float:
    """The index whose reflection, blended with `alpha`, is that of a clear film of index `ior`.

    Alpha blending fades highlights together with the surface, so that a cornea of little alpha would
    have no glint; F0 is divided by alpha to keep it.
    """
    root = (ior - 1) / (ior + 1) / alpha**0.5
    return (1 + root) / (1 - root)


SKIN_IOR = 1.4  # F0 = 0.028, where no specular map says otherwise
_SKIN = (0.78, 0.60, 0.52)
LOOKS: dict[str, MaterialDefaults] = {
    "face": MaterialDefaults(_SKIN, 0.45, SKIN_IOR),
    "head": MaterialDefaults(_SKIN, 0.5, SKIN_IOR),
    "eye_socket": MaterialDefaults((0.55, 0.33, 0.30), 0.5, SKIN_IOR),
    "mouth": MaterialDefaults((0.42, 0.20, 0.19), 0.35, SKIN_IOR, double_sided=True),
    "gums": MaterialDefaults((0.66, 0.36, 0.36), 0.28, SKIN_IOR),
    "tongue": MaterialDefaults((0.66, 0.36, 0.36), 0.4, SKIN_IOR),
    "teeth": MaterialDefaults((0.88, 0.84, 0.76), 0.2, 1.6),
    "eye": MaterialDefaults((0.90, 0.87, 0.84), 0.3, 1.376),
    # clear films: black, since a white one would veil the pupil
    "cornea": MaterialDefaults((0.0, 0.0, 0.0), 0.03, film_ior(1.376, 0.15), alpha=0.15),
    "lacrimal": MaterialDefaults((0.0, 0.0, 0.0), 0.05, film_ior(1.336, 0.15), alpha=0.15),
    "eye_blend": MaterialDefaults((0.75, 0.45, 0.42), 0.25, SKIN_IOR, alpha=0.25),
    "eye_occlusion": MaterialDefaults((0.05, 0.02, 0.02), 1.0, alpha=0.35),
    "lash": MaterialDefaults((0.05, 0.035, 0.03), 0.6, 1.55, double_sided=True),
}
_PLAIN = MaterialDefaults((0.7, 0.7, 0.7), 0.5)
EXTENSIONS = ("KHR_materials_ior", "KHR_materials_specular")


class MaterialWriter:
    """Makes materials, and the `images`, `textures` and `samplers` that they use."""

    def __init__(self, buffers: Buffers, maps: dict[str, Image]) -> None:
        self.images: list[dict[str, Any]] = []
        self.textures: list[dict[str, Any]] = []
        self.samplers = [{"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071}]
        self._buffers = buffers
        self._maps = maps

    def material(self, name: str, like: str = "") -> dict[str, Any]:
        """The glTF material of this name; `like`, if given, names the material that it looks like."""
        look = LOOKS.get(like or name, _PLAIN)
        made: dict[str, Any] = {"name": name, "pbrMetallicRoughness": self._metallic_roughness(name, look)}
        normal = self._maps.get(f"{name}_normal")
        if normal is not None:
            made["normalTexture"] = self._png(f"{name}_normal", normal.pixels)
        if self._blends(name, look):
            made["alphaMode"] = "BLEND"
        if look.double_sided:
            made["doubleSided"] = True
        made["extensions"] = self._extensions(name, look)
        extras = self._extras(name)
        return made | ({"extras": extras} if extras else {})

    def _metallic_roughness(self, name: str, look: MaterialDefaults) -> dict[str, Any]:
        pbr: dict[str, Any] = {"metallicFactor": 0.0}
        base = self._base_colour(name)
        if base is not None:
            pbr["baseColorTexture"] = base
            if look.alpha < 1 and not self._has_alpha_map(name):
                pbr["baseColorFactor"] = [1.0, 1.0, 1.0, look.alpha]
        else:
            pbr["baseColorFactor"] = [*_rounded(srgb_to_linear(np.array(look.colour))), look.alpha]
        roughness = self._maps.get(f"{name}_roughness")
        if roughness is None:
            pbr["roughnessFactor"] = look.roughness
        elif _is_constant(roughness):
            pbr["roughnessFactor"] = _mean(roughness)
        else:
            # grey: G holds the roughness; B (metal) is switched off by its factor, R (occlusion) not used
            pbr["metallicRoughnessTexture"] = self._jpeg(f"{name}_roughness", roughness.pixels[..., :1])
        return pbr

    def _base_colour(self, name: str) -> dict[str, Any] | None:
        albedo, alpha = self._maps.get(f"{name}_albedo"), self._maps.get(f"{name}_alpha")
        if albedo is None:
            if alpha is None:
                return None
            colour = np.broadcast_to(LOOKS.get(name, _PLAIN).colour, (*alpha.pixels.shape[:2], 3))
        else:
            colour = in_colour_space(albedo, "srgb")
        if alpha is not None:
            colour = np.concatenate([colour[..., :3], _resized_like(alpha.pixels[..., :1], colour)], axis=-1)
        encode = self._jpeg if colour.shape[2] == 3 else self._png
        return encode(f"{name}_albedo", colour)

    def _has_alpha_map(self, name: str) -> bool:
        albedo = self._maps.get(f"{name}_albedo")
        return f"{name}_alpha" in self._maps or (albedo is not None and albedo.pixels.shape[2] == 4)

    def _blends(self, name: str, look: MaterialDefaults) -> bool:
        return look.alpha < 1 or self._has_alpha_map(name)

    def _extensions(self, name: str, look: MaterialDefaults) -> dict[str, Any]:
        specular = self._maps.get(f"{name}_specular")
        if specular is None:
            return {"KHR_materials_ior": {"ior": round(look.ior, 6)}}
        # F0 = 0.08 x map, so that 0.5 is the 0.04 of ior 1.5: twice the map scales that F0 through the
        # colour, which leaves the grazing reflection whole (the strength, in A, would dim that too)
        colour = np.clip(2.0 * specular.pixels[..., :1], 0.0, 1.0)
        if _is_constant(specular):
            tint: dict[str, Any] = {"specularColorFactor": [round(float(colour.mean()), 6)] * 3}
        else:
            tint = {"specularColorTexture": self._jpeg(f"{name}_specular", linear_to_srgb(colour))}
        return {"KHR_materials_ior": {"ior": 1.5}, "KHR_materials_specular": tint}

    def _extras(self, name: str) -> dict[str, Any]:
        extras: dict[str, Any] = {}
        for kind in ("scatter", "displacement"):
            key = f"{name}_{kind}"
            if key in self._maps:
                extras[f"{kind}_map"] = f"maps/{map_stem(key)}{map_kind(key).suffix}"
        if "displacement_map" in extras:
            extras |= {"displacement_unit": "mm", "displacement_zero": 0.0}
        return extras

    def _jpeg(self, name: str, pixels: np.ndarray) -> dict[str, Any]:
        return self._texture(name, encode_jpeg(pixels), "image/jpeg")

    def _png(self, name: str, pixels: np.ndarray) -> dict[str, Any]:
        return self._texture(name, encode_png(pixels), "image/png")

    def _texture(self, name: str, encoded: bytes, mime: str) -> dict[str, Any]:
        view = self._buffers.add_bytes(encoded)
        self.images.append({"name": name, "bufferView": view, "mimeType": mime})
        self.textures.append({"name": name, "sampler": 0, "source": len(self.images) - 1})
        return {"index": len(self.textures) - 1}


def _resized_like(pixels: np.ndarray, other: np.ndarray) -> np.ndarray:
    import cv2

    height, width = other.shape[:2]
    if pixels.shape[:2] == (height, width):
        return pixels
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)[..., None]


def _is_constant(image: Image) -> bool:
    return bool(np.ptp(image.pixels[..., 0]) < 0.5 / 255)


def _mean(image: Image) -> float:
    return round(float(image.pixels[..., 0].mean()), 6)


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(v), 6) for v in values]
