"""A lit subject as Mitsuba shapes: one mesh for each material, skin and eyes with their light baked in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from mien.geometry.normals import normalized
from mien.geometry.uvspace import fill_gutter
from mien.render.clay import CLAY_ALBEDO
from mien.render.lighting import LitSubject
from mien.render.samples import interpolate
from mien.render.surface import OPAQUE, Material
from mien.render.texture import Texture

# Mitsuba keeps rays about 1e-4 units off a surface: too far in metres, fine in millimetres.
SCALE = 1000.0
# Metres by which cornea and tears are kept off what they lie on, and the lids' strips off the turning ball.
_LIFTS = {"clear": 5.0e-5, "shade": 6.0e-4}
_EYE_RESOLUTION = 512
_UNDER_COAT = 0.965  # what a dielectric coat of F0 0.028 lets out of the skin, on average


def scene_shapes(mi: Any, lit: LitSubject, clay: bool) -> dict[str, Any]:
    """Entries for a Mitsuba scene dictionary."""
    surface = lit.subject.surface
    shapes: dict[str, Any] = {}
    for index, material in enumerate(surface.materials):
        drawn = (*OPAQUE, "clear") if clay else (*OPAQUE, "clear", "shade", "lash")
        if material.kind not in drawn:
            continue
        for name, own in _pieces(lit, index):
            shape: Any
            if clay:
                shape = _mesh(mi, lit, own, name, {"bsdf": _diffuse(mi, CLAY_ALBEDO)})
            else:
                shape = _mesh(mi, lit, own, name, _look(mi, lit, index, own))
            shapes[name] = shape
    return shapes


def _pieces(lit: LitSubject, index: int) -> Iterator[tuple[str, Int[np.ndarray, " S"]]]:
    """A material's triangles; both eyes apart, as they share one UV square."""
    surface = lit.subject.surface
    material = surface.materials[index]
    own = np.flatnonzero(surface.triangle_material == index)
    if len(own) == 0:
        return
    if material.kind != "eye":
        yield f"part_{index}", own
        return
    left = lit.subject.vertices[surface.triangles[own, 0], 0] > 0
    yield f"part_{index}_left", own[left]
    yield f"part_{index}_right", own[~left]


def _mesh(mi: Any, lit: LitSubject, own: Int[np.ndarray, " S"], name: str, look: dict[str, Any]) -> Any:
    """A mesh with a vertex a corner, since corners of one vertex may differ in UV."""
    surface = lit.subject.surface
    corners = surface.triangles[own].ravel()
    props = mi.Properties()
    for key, value in look.items():
        props[key] = value
    mesh = mi.Mesh(
        name,
        vertex_count=len(corners),
        face_count=len(own),
        has_vertex_normals=True,
        has_vertex_texcoords=True,
        props=props,
    )
    # Mitsuba's v of arrays grows downward.
    uv = surface.corner_uvs[own].reshape(-1, 2) * [1.0, -1.0] + [0.0, 1.0]
    params = mi.traverse(mesh)
    lift = _LIFTS.get(surface.materials[surface.triangle_material[own[0]]].kind, 0.0)
    params["vertex_positions"] = _flat(SCALE * (lit.subject.vertices + lift * lit.normals)[corners])
    params["vertex_normals"] = _flat(lit.normals[corners])
    params["vertex_texcoords"] = _flat(uv)
    params["faces"] = type(params["faces"])(np.arange(len(corners), dtype=np.uint32))
    params.update()
    return mesh


def _flat(values: np.ndarray) -> Any:
    return np.ascontiguousarray(values, np.float32).ravel()


def _look(mi: Any, lit: LitSubject, index: int, own: Int[np.ndarray, " S"]) -> dict[str, Any]:
    """BSDF and, for skin and eyes, emission."""
    material = lit.subject.surface.materials[index]
    if material.kind == "clear":
        return {"bsdf": mi.load_dict({"type": "thindielectric", "int_ior": 1.376})}
    if material.kind in ("lash", "shade"):
        return {"bsdf": _lash(mi, material)}
    if material.kind == "wet":
        return {"bsdf": _coated(mi, material, _bitmap(mi, material.albedo.level(0)[..., :3]))}
    glow = _skin_glow(lit, index) if material.kind == "skin" else _eye_glow(lit, material, own)
    emitter = {"type": "area", "radiance": _bitmap(mi, glow), "sampling_weight": 1e-4}
    black = {"type": "rgb", "value": [0.0, 0.0, 0.0]}
    # Beneath the cornea a coat could only be found by chance, as noise; the cornea's own shine stands for it.
    under = _diffuse(mi, np.zeros(3)) if material.kind == "eye" else _coated(mi, material, black)
    return {"bsdf": under, "emitter": mi.load_dict(emitter)}


def _skin_glow(lit: LitSubject, index: int) -> Float[np.ndarray, "H W 3"]:
    """Albedo times diffused light, at the albedo's resolution."""
    albedo = lit.subject.surface.materials[index].albedo
    height, width = albedo.shape
    if height * width == 1:
        height = width = 1024
    uv = _texel_uvs(height, width)
    colour = albedo.sample(uv, np.zeros(len(uv)))[:, :3]
    light = lit.tiles[index].sample(uv, np.zeros(len(uv)))[:, :3]
    return (_UNDER_COAT * colour * light).reshape(height, width, 3)


def _eye_glow(lit: LitSubject, material: Material, own: Int[np.ndarray, " S"]) -> Float[np.ndarray, "H W 3"]:
    surface = lit.subject.surface
    tile = surface.tile_of(own, _EYE_RESOLUTION)
    light = interpolate(surface.triangles[tile.triangle], tile.barycentric, lit.light)
    filled = fill_gutter(tile.image(light), tile.covered)
    uv = _texel_uvs(_EYE_RESOLUTION, _EYE_RESOLUTION)
    colour = material.albedo.sample(uv, np.zeros(len(uv)))[:, :3].reshape(filled.shape)
    return _UNDER_COAT * colour * filled


def _texel_uvs(height: int, width: int) -> Float[np.ndarray, "N 2"]:
    rows, columns = np.mgrid[:height, :width]
    return np.stack([(columns.ravel() + 0.5) / width, 1.0 - (rows.ravel() + 0.5) / height], axis=1)


def _coated(mi: Any, material: Material, base_colour: Any) -> Any:
    """A principled surface; Mitsuba's `specular` takes no texture, so the map's mean stands for it."""
    bsdf: dict[str, Any] = {
        "type": "principled",
        "base_color": base_colour,
        "specular": float(np.clip(material.specular.data.mean(), 0.01, 1.0)),
        "roughness": _bitmap(mi, material.roughness.level(0)[..., :1]),
    }
    if material.normal is not None:
        normals = _bitmap(mi, normalized(2.0 * material.normal.level(0)[..., :3] - 1.0) * 0.5 + 0.5)
        bsdf = {"type": "normalmap", "normalmap": normals, "bsdf": bsdf}
    return mi.load_dict({"type": "twosided", "bsdf": bsdf})


def _lash(mi: Any, material: Material) -> Any:
    texel: Texture = material.albedo
    pixels = texel.level(0)
    dark = {"type": "diffuse", "reflectance": _bitmap(mi, pixels[..., :3])}
    hair: dict[str, Any] = {"type": "twosided", "bsdf": dark}
    if pixels.shape[2] < 4:
        return mi.load_dict(hair)
    return mi.load_dict({"type": "mask", "opacity": _bitmap(mi, pixels[..., 3:4]), "bsdf": hair})


def _diffuse(mi: Any, colour: np.ndarray) -> Any:
    reflectance = {"type": "rgb", "value": colour.tolist()}
    return mi.load_dict({"type": "twosided", "bsdf": {"type": "diffuse", "reflectance": reflectance}})


def _bitmap(mi: Any, pixels: Float[np.ndarray, "H W C"]) -> Any:
    """A linear texture, clamped at its border."""
    array = np.ascontiguousarray(pixels, np.float32)
    return {"type": "bitmap", "bitmap": mi.Bitmap(array), "raw": True, "wrap_mode": "clamp"}
