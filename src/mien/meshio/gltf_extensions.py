"""Which glTF extensions are read, which change neither form nor colour, and which must be refused by name."""

from __future__ import annotations

from typing import Any

from mien.core.errors import MienError
from mien.meshio.gltf_file import GltfFile
from mien.meshio.gltf_material import GLOSS

_READ = {
    "KHR_draco_mesh_compression", "KHR_mesh_quantization", "KHR_accessor_float64", "KHR_texture_transform",
    "KHR_node_visibility", "EXT_texture_webp", "EXT_texture_avif", GLOSS,
}  # fmt: skip
_IMAGES = ("EXT_texture_webp", "EXT_texture_avif")
# refused where such an image is really needed, since it may have a fallback, or --albedo replaces it
_UNREAD_IMAGES = {
    "KHR_texture_basisu": "a KTX2 texture",
    "MSFT_texture_dds": "a DDS texture",
    "GOOGLE_texture_basis": "a Basis texture",
}
# how light meets the surface, what moves or sounds, who owns it: neither form at rest nor base colour
_HARMLESS = (
    "KHR_materials_", "KHR_lights_", "KHR_xmp", "KHR_animation_", "KHR_audio", "KHR_physics_",
    "KHR_implicit_shapes", "KHR_interactivity", "KHR_node_hoverability", "KHR_node_selectability",
    "EXT_lights_", "EXT_mesh_features", "EXT_instance_features", "EXT_structural_metadata",
    "EXT_feature_metadata", "EXT_mesh_manifold", "ADOBE_materials_", "AGI_", "CESIUM_primitive_outline",
    "CESIUM_RTC", "FB_", "GODOT_", "MSFT_audio", "MSFT_lod", "MSFT_packing", "OMI_", "VRM",
    "NV_materials_mdl",
)  # fmt: skip
_MOVES_OR_PAINTS = {
    "EXT_mesh_gpu_instancing": "copies of a mesh",
    "EXT_meshopt_compression": "packed geometry; Draco is read",
    "KHR_meshopt_compression": "packed geometry; Draco is read",
    "KHR_gaussian_splatting": "splats instead of a surface",
    "KHR_techniques_webgl": "colour by a program",
}


def check_extensions(file: GltfFile) -> None:
    """Refuses what the file requires and what is not read, unless it changes neither form nor colour."""
    required = file.json.get("extensionsRequired", [])
    for name in sorted(required):
        if name in _READ or name in _UNREAD_IMAGES or name.startswith(_HARMLESS):
            continue
        what = f" ({_MOVES_OR_PAINTS[name]})" if name in _MOVES_OR_PAINTS else ""
        raise MienError(
            f"{file.path}: needs the glTF extension {name}{what}, which is not supported; export without it"
        )
    for name in _MOVES_OR_PAINTS:
        if name in file.json.get("extensionsUsed", []) and "meshopt" not in name:
            file.notes.append(f"its extension {name} ({_MOVES_OR_PAINTS[name]}) is not read")


def image_source(file: GltfFile, texture: dict[str, Any]) -> int | None:
    """The image of a texture, also behind an extension; None where it names none."""
    if "source" in texture:
        return texture["source"]
    extensions = texture.get("extensions", {})
    for name in _IMAGES:
        if name in extensions:
            return extensions[name]["source"]
    for name in extensions:
        what = _UNREAD_IMAGES.get(name, "a kind of image")
        raise MienError(
            f"{file.path}: its colour is {what} ({name}), which is not read; "
            "export it with PNG or JPEG, or give --albedo IMAGE"
        )
    return None
