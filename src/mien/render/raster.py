"""Pictures of subjects: visibility, shading, layers that let light through, film."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, UInt8

from mien.core.errors import MienError
from mien.render.camera import Camera, orbit_camera, rasterize_view
from mien.render.clay import clay_radiance
from mien.render.environment import LEVEL_ROUGHNESS, Environment
from mien.render.layers import add_clear_layers, add_lashes, add_shade
from mien.render.lighting import LitSubject, light_subject
from mien.render.lights import clay_studio, studio
from mien.render.occlusion import mirror_openness
from mien.render.renderable import Viewable, as_subject
from mien.render.samples import VisibleSamples, visible_samples
from mien.render.shade import shade_points, turn_normals
from mien.render.surface import OPAQUE, Material
from mien.render.tone_mapping import develop

SUPERSAMPLING = 2
MODES = ("skin", "clay")
EXPOSURE = {"skin": 1.0, "clay": 1.0}
Background = tuple[tuple[float, float, float], tuple[float, float, float]]
# Background at the top and the bottom of the picture, sRGB 0..1.
BACKGROUND = ((0.205, 0.21, 0.218), (0.10, 0.102, 0.106))


def render_view(
    thing: Viewable,
    camera: Camera,
    weights: dict[str, float] | None = None,
    mode: str = "skin",
    environment: Environment | None = None,
) -> UInt8[np.ndarray, "H W 3"]:
    """A picture (sRGB) of an asset, template, scan or subject, in an expression, as "skin" or "clay"."""
    return render_lit(light_for(thing, weights, mode, environment, camera.height), camera, mode)


def light_for(
    thing: Viewable,
    weights: dict[str, float] | None = None,
    mode: str = "skin",
    environment: Environment | None = None,
    height: int = 768,
) -> LitSubject:
    """The part of `render_view` that cameras of one pose share; finer for taller pictures."""
    if mode not in MODES:
        raise MienError(f"mode {mode!r} is unknown, expected one of {', '.join(MODES)}; choose one")
    subject = as_subject(thing).posed(weights or {})
    if mode == "clay":
        return light_subject(subject, environment or clay_studio(), rays=32, diffusion=False)
    resolution = 1024 if height > 900 else 512
    rays = 48 if height > 900 else 24
    return light_subject(subject, environment or studio(), rays=rays, tile_resolution=resolution)


def render_lit(
    lit: LitSubject, camera: Camera, mode: str = "skin", background: Background = BACKGROUND
) -> UInt8[np.ndarray, "H W 3"]:
    """A picture of a subject that is already lit; `background` sRGB at the top and the bottom, 0..1."""
    fine = camera.resized(SUPERSAMPLING)
    surface = lit.subject.surface
    drawn = (*OPAQUE, "clear") if mode == "clay" else OPAQUE
    opaque = np.flatnonzero(surface.of_kind(*drawn))
    raster = rasterize_view(fine, lit.subject.vertices, surface.triangles[opaque])
    radiance = np.zeros((fine.height * fine.width, 3), np.float32)
    everything = visible_samples(fine, raster, opaque, surface.triangles, raster.covered)
    if mode == "clay":
        radiance[everything.pixel] = clay_radiance(lit, everything, clay_studio(float(round(camera.yaw))))
    else:
        mirror, footprint = _mirror(lit, camera), _footprint(lit, fine)
        for index, samples in everything.by(surface.triangle_material[everything.triangle]):
            radiance[samples.pixel] = _material_radiance(lit, index, samples, mirror, footprint)
        add_shade(lit, fine, raster.depth, radiance)
        add_clear_layers(lit, fine, raster.depth, radiance)
        add_lashes(lit, fine, raster.depth, radiance)
    return _develop(radiance, raster.covered, EXPOSURE[mode], background)


def turntable(
    thing: Viewable, size: int, count: int, weights: dict[str, float] | None = None, mode: str = "skin"
) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """`count` square pictures from all round, starting at the front and turning toward +X."""
    subject = as_subject(thing)
    lit = light_for(subject, weights, mode, None, size)
    for k in range(count):
        yield render_lit(lit, orbit_camera(subject.frame, size, size, 360.0 * k / count), mode)


def _material_radiance(
    lit: LitSubject,
    index: int,
    samples: VisibleSamples,
    mirror: Float[np.ndarray, " V"],
    footprints: Float[np.ndarray, " T"],
) -> Float[np.ndarray, "N 3"]:
    surface, environment = lit.subject.surface, lit.environment
    material = surface.materials[index]
    uv = samples.uv(surface.corner_uvs)
    footprint = footprints[samples.triangle]
    lod = _lod(footprint, material.albedo.shape)
    visibility = samples.at(lit.visibility)
    if index in lit.tiles:
        tile = lit.tiles[index]
        sampled = tile.sample(uv, np.clip(_lod(footprint, tile.shape), 0, 2))
        diffuse = np.ascontiguousarray(sampled[:, :3])
        visibility[:, :1] = sampled[:, 3:]
    else:
        diffuse = samples.at(lit.light)
    normals = _shading_normals(lit, material, samples, uv, footprint)
    out = np.empty((len(uv), 3), np.float32)
    shade_points(
        normals,
        samples.views,
        diffuse.astype(np.float32),
        material.albedo.sample(uv, lod)[:, :3],
        material.roughness.sample(uv, _lod(footprint, material.roughness.shape))[:, 0],
        0.08 * material.specular.sample(uv, _lod(footprint, material.specular.shape))[:, 0],
        samples.at(lit.openness),
        samples.at(mirror),
        visibility.astype(np.float32),
        *_light_arrays(environment),
        environment.levels,
        np.array(LEVEL_ROUGHNESS, np.float32),
        np.full(len(uv), material.kind == "skin"),
        out,
    )
    return out


def _mirror(lit: LitSubject, camera: Camera) -> Float[np.ndarray, " V"]:
    """Per vertex, what its reflection toward the camera sees past the subject, smoothed."""
    seen = mirror_openness(lit.occluder, lit.subject.vertices, lit.normals, camera.eye)
    smoother = lit.subject.surface.smoother
    return smoother @ (smoother @ seen)


def _light_arrays(environment: Environment) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    lights = environment.lights
    return (
        np.array([light.direction for light in lights], np.float32).reshape(-1, 3),
        np.array([light.irradiance for light in lights], np.float32).reshape(-1, 3),
        np.array([light.radius for light in lights], np.float32),
    )


def _footprint(lit: LitSubject, camera: Camera) -> Float[np.ndarray, " T"]:
    """Share of the UV square that one pixel covers, per triangle (isotropic)."""
    surface = lit.subject.surface
    pixels, _ = camera.project(lit.subject.vertices)
    a, b, c = (pixels[surface.triangles[:, k]] for k in range(3))
    u, v = b - a, c - a
    area = 0.5 * np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])
    # Never less than what a triangle seen at 75 degrees has: beyond, a mip level blurs too much.
    return surface.uv_area / np.maximum(area, 1e-6)


def _lod(footprint: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return 0.5 * np.log2(np.maximum(footprint * shape[0] * shape[1], 1e-6))


def _shading_normals(
    lit: LitSubject, material: Material, samples: VisibleSamples, uv: np.ndarray, footprint: np.ndarray
) -> Float[np.ndarray, "N 3"]:
    """Smooth normals, turned by the normal map, never facing away from the viewer."""
    normals = samples.at(lit.normals)
    bump = np.array([[0.5, 0.5, 1.0]], np.float32)
    if material.normal is not None:
        bump = material.normal.sample(uv, _lod(footprint, material.normal.shape))[:, :3]
    along_u, along_v = lit.tangents
    turn_normals(normals, np.ascontiguousarray(bump), along_u, along_v, samples.triangle, samples.views)
    return normals


def _develop(
    radiance: Float[np.ndarray, "N 3"], covered: np.ndarray, exposure: float, background: Background
) -> UInt8[np.ndarray, "H W 3"]:
    """Tone-maps each sample, lays it over the background, averages the samples of a pixel."""
    height, width = covered.shape
    picture = np.empty((height // SUPERSAMPLING, width // SUPERSAMPLING, 3), np.uint8)
    ends = np.array(background, np.float32)
    develop(radiance.reshape(height, width, 3), covered, exposure, ends, SUPERSAMPLING, picture)
    return picture
