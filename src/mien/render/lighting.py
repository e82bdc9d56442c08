"""A subject in one pose under one environment: everything that does not depend on the camera."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.geometry.normals import normalized, triangle_areas
from mien.geometry.uvspace import blur_within
from mien.render.diffusion import diffuse_irradiance
from mien.render.environment import Environment
from mien.render.occlusion import Occluder, ambient_light
from mien.render.renderable import Renderable
from mien.render.samples import interpolate
from mien.render.surface import OPAQUE, SkinTile, Surface
from mien.render.texture import Texture, texture_from_pixels

_BOUNCE_ALBEDO = np.array([0.55, 0.36, 0.27])  # of what surrounds a point on a head

_CAVITY = np.array([0.15, 0.060, 0.048])  # red light that reaches the depth of a mouth through flesh


@dataclass(frozen=True)
class LitSubject:
    """`light` is diffuse radiance per unit albedo (irradiance / pi), at vertices and in skin tiles.

    `visibility` is the share of each light that a vertex sees, `openness` its ambient occlusion.
    `tiles` holds, per skin material, four channels: RGB `light` after diffusion and the key's visibility.
    """

    subject: Renderable
    environment: Environment
    occluder: Occluder
    normals: Float[np.ndarray, "V 3"]
    light: Float[np.ndarray, "V 3"]
    visibility: Float[np.ndarray, "V L"]
    openness: Float[np.ndarray, " V"]
    tiles: dict[int, Texture]

    @cached_property
    def tangents(self) -> tuple[Float[np.ndarray, "T 3"], Float[np.ndarray, "T 3"]]:
        """Unit directions of growing u and v on each triangle of this pose."""
        return self.subject.surface.tangents(self.subject.vertices)


def light_subject(
    subject: Renderable,
    environment: Environment,
    *,
    rays: int = 32,
    shadow_samples: int = 4,
    tile_resolution: int = 512,
    diffusion: bool = True,
    toward: Float[np.ndarray, "3"] | None = None,
) -> LitSubject:
    """Casts the shadows of one pose; with `diffusion` also lights and blurs the skin's UV squares.

    With one camera only, `toward` (the direction to it) saves the rays of what faces away from it.
    """
    surface, vertices = subject.surface, subject.vertices
    normals = surface.normals(vertices)
    occluder = Occluder(vertices, surface.triangles[surface.of_kind(*OPAQUE)])
    wanted = _seen_from(normals, toward)
    ratio, openness = np.ones((len(vertices), 3), np.float32), np.ones(len(vertices), np.float32)
    ratio[wanted], openness[wanted] = ambient_light(
        occluder, vertices[wanted], normals[wanted], environment, rays
    )
    for _ in range(2):
        ratio, openness = surface.smoother @ ratio, surface.smoother @ openness
    ratio = bounced(ratio)
    visibility = np.zeros((len(vertices), len(environment.lights)), np.float32)
    for k, lamp in enumerate(environment.lights):
        seen = occluder.visibility(vertices, normals, lamp.direction, lamp.radius, 4, wanted)
        visibility[:, k] = surface.smoother @ seen
    light = _inside_eyes(surface, reflected(environment, normals, ratio, visibility), openness)
    lit = LitSubject(subject, environment, occluder, normals, light, visibility, openness, {})
    if diffusion:
        for index, material in enumerate(surface.materials):
            if material.kind == "skin":
                tile = surface.tile(index, tile_resolution)
                lit.tiles[index] = _lit_tile(lit, index, tile, ratio, shadow_samples, toward)
    return lit


def _seen_from(normals: Float[np.ndarray, "N 3"], toward: np.ndarray | None) -> Bool[np.ndarray, " N"]:
    """False where a surface faces well away from the only camera."""
    return np.ones(len(normals), bool) if toward is None else normals @ toward > -0.3


def _inside_eyes(
    surface: Surface, light: Float[np.ndarray, "V 3"], openness: Float[np.ndarray, " V"]
) -> Float[np.ndarray, "V 3"]:
    """Light spread over the eyeballs, whose white scatters it over millimetres.

    Averaged over what is open to light alone: the ball's hidden back must not darken its front.
    """
    eyes = np.unique(surface.triangles[surface.of_kind("eye")])
    weighted = np.column_stack([light * openness[:, None], openness]).astype(np.float32)
    for _ in range(8):
        weighted = surface.smoother @ weighted
    spread = weighted[:, :3] / np.maximum(weighted[:, 3:], 1e-3)
    light[eyes] = 0.35 * light[eyes] + 0.65 * spread[eyes]
    return light


def bounced(ratio: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 3"]:
    """Occlusion brightened by light between surfaces of skin, so that creases turn red and not black.

    Jimenez et al., "Practical Realtime Strategies for Accurate Indirect Occlusion" (2016), eq. 10.
    """
    a = 2.0404 * _BOUNCE_ALBEDO - 0.3324
    b = -4.7951 * _BOUNCE_ALBEDO + 0.6417
    c = 2.7552 * _BOUNCE_ALBEDO + 0.6903
    brighter = np.maximum(ratio, ((ratio * a + b) * ratio + c) * ratio)
    return np.maximum(brighter, _CAVITY).astype(np.float32)


def reflected(
    environment: Environment,
    normals: Float[np.ndarray, "N 3"],
    ratio: Float[np.ndarray, "N 3"],
    visibility: Float[np.ndarray, "N L"],
) -> Float[np.ndarray, "N 3"]:
    """Irradiance over pi: shadowed ambient plus the lights."""
    total = environment.irradiance(normals) * ratio
    for k, light in enumerate(environment.lights):
        cosine = np.maximum(normals @ light.direction, 0.0) * visibility[:, k]
        total += cosine[:, None] * light.irradiance
    return (total / np.pi).astype(np.float32)


def _lit_tile(
    lit: LitSubject, index: int, tile: SkinTile, ratio: np.ndarray, samples: int, toward: np.ndarray | None
) -> Texture:
    """Lights every texel of a material's UV square, then lets the light diffuse."""
    subject, environment = lit.subject, lit.environment
    corners = subject.surface.triangles[tile.triangle]
    points = interpolate(corners, tile.barycentric, subject.vertices)
    smooth = normalized(interpolate(corners, tile.barycentric, lit.normals))
    visibility = interpolate(corners, tile.barycentric, lit.visibility)
    if environment.lights:
        key = environment.lights[0]
        seen = lit.occluder.visibility(
            points, smooth, key.direction, key.radius, samples, _seen_from(smooth, toward)
        )
        # A little blur takes the grain out of a few rays' penumbra; diffusion does the rest.
        soft = blur_within(tile.image(seen[:, None])[..., 0], tile.covered, 1.5)
        visibility[:, 0] = soft[tile.covered]
    normals = _bumped(lit, index, tile, smooth)
    light = reflected(environment, normals, interpolate(corners, tile.barycentric, ratio), visibility)
    diffused = diffuse_irradiance(tile.image(light), tile.covered, _texel_mm(subject, tile))
    key_seen = tile.image(visibility[:, :1]) if environment.lights else np.ones((*tile.covered.shape, 1))
    return texture_from_pixels(np.dstack([diffused, key_seen]).astype(np.float32), srgb=False)


def _bumped(lit: LitSubject, index: int, tile: SkinTile, normals: np.ndarray) -> np.ndarray:
    """Normals turned by the normal map, read at the tile's own resolution."""
    texture = lit.subject.surface.materials[index].normal
    if texture is None:
        return normals
    rows, columns = np.nonzero(tile.covered)
    r = tile.covered.shape[0]
    uv = np.stack([(columns + 0.5) / r, 1.0 - (rows + 0.5) / r], axis=1)
    lod = np.full(len(uv), np.log2(max(texture.shape[0] / r, 1.0)))
    bump = 2.0 * texture.sample(uv, lod) - 1.0
    along_u, along_v = lit.tangents
    turned = (
        bump[:, :1] * along_u[tile.triangle] + bump[:, 1:2] * along_v[tile.triangle] + bump[:, 2:] * normals
    )
    return normalized(turned)


def _texel_mm(subject: Renderable, tile: SkinTile) -> Float[np.ndarray, "R R"]:
    """Width of each texel on the surface (square root of its area), in millimetres."""
    surface = subject.surface
    area = triangle_areas(subject.vertices, surface.triangles)
    resolution = tile.covered.shape[0]
    width = np.sqrt(area / np.maximum(surface.uv_area, 1e-12)) / resolution * MILLIMETRES_PER_METRE
    values = np.clip(width[tile.triangle], 0.02, 10.0).astype(np.float32)
    picture = tile.image(values[:, None])[..., 0]
    picture[~tile.covered] = np.median(values)
    return picture
