"""Where a glTF material's colour is stored, and what its numbers and its alpha mode make of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mien.meshio.gltf_file import Broken

GLOSS = "KHR_materials_pbrSpecularGlossiness"
_BLACK = 0.004  # linear; 13 of 255 in sRGB

RGB = tuple[float, float, float]
WHITE: RGB = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class MaterialColour:
    """A texture slot of the file (empty where the colour is one flat value) and the linear factor on it.

    Of the texture's alpha, what lies below `cutoff`, or is 0, is no surface; None where alpha means nothing.
    `visible` is False where the material as a whole is cut out. `note` tells what had to be decided.
    """

    slot: dict[str, Any]
    factor: RGB
    cutoff: float | None = None
    visible: bool = True
    note: str = ""


def material_colour(material: dict[str, Any], has_vertex_colours: bool) -> MaterialColour:
    """The colour that comes closest to an albedo: base colour, then diffuse, then emission.

    Emission counts where the base colour is black, or is missing altogether (self-lit scans).
    """
    pbr = material.get("pbrMetallicRoughness", {})
    gloss = material.get("extensions", {}).get(GLOSS, {})
    base, base_factor = pbr.get("baseColorTexture", {}), _factor(pbr, "baseColorFactor", 4)
    if not base and gloss and (gloss.get("diffuseTexture") or "baseColorFactor" not in pbr):
        base, base_factor = gloss.get("diffuseTexture", {}), _factor(gloss, "diffuseFactor", 4)
        note = f"colour read from the diffuse texture of {GLOSS}" if base else ""
    else:
        note = ""
    black = max(base_factor[:3]) < _BLACK
    emission = _emission(material)
    if emission is not None and (black or not (base or has_vertex_colours)):
        return emission
    cutoff, visible = _alpha(material, base_factor[3])
    if base and black:
        base_factor, note = (*WHITE, 1.0), "the factor on its base colour is black and was ignored"
    return MaterialColour(base, _rgb(base_factor), cutoff, visible, note)


def _emission(material: dict[str, Any]) -> MaterialColour | None:
    """The emissive texture of a self-lit scan; without a texture, emission is no colour of a surface."""
    slot = material.get("emissiveTexture", {})
    factor = _factor(material, "emissiveFactor", 3)
    if not slot or "emissiveFactor" not in material or max(factor) < _BLACK:
        return None
    return MaterialColour(slot, _rgb(factor), note="colour read from the emissive texture (a self-lit scan)")


def _alpha(material: dict[str, Any], factor: float) -> tuple[float | None, bool]:
    """(what alpha of the texture is cut out, whether anything is left), by the material's alpha mode."""
    mode = material.get("alphaMode", "OPAQUE")
    if mode == "BLEND":
        return 0.0, factor > 0
    if mode != "MASK":
        return None, True
    cutoff = material.get("alphaCutoff", 0.5)
    if cutoff <= 0:
        return None, True
    return (cutoff / factor, factor >= cutoff) if factor > 0 else (None, False)


def _factor(owner: dict[str, Any], name: str, length: int) -> tuple[float, ...]:
    value = owner.get(name, [1.0] * length)
    if len(value) != length or not all(isinstance(v, int | float) for v in value):
        raise Broken(f"its {name} is {value}, expected {length} numbers")
    return tuple(float(v) for v in value)


def _rgb(factor: tuple[float, ...]) -> RGB:
    return factor[0], factor[1], factor[2]


def unread_images(document: dict[str, Any]) -> list[str]:
    """A note on images of a file that nothing took colour from, except those that hold no colour."""
    relief = set()
    for material in document.get("materials", []):
        pbr = material.get("pbrMetallicRoughness", {})
        slots = (
            material.get("normalTexture"),
            material.get("occlusionTexture"),
            pbr.get("metallicRoughnessTexture"),
        )
        relief |= {slot.get("index") for slot in slots if slot}
    textures = document.get("textures", [])
    images = len(document.get("images", []))
    colourless = {textures[i].get("source") for i in relief if i is not None and i < len(textures)}
    if images <= len(colourless):
        return []
    return [
        f"it holds images ({images}), but none is the colour of a material that is drawn: no colour was read"
    ]
