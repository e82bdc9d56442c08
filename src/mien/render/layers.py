"""Layers before the opaque surface: the lids' shade, cornea and tears that reflect, lashes that cover."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from mien.render.camera import Camera, rasterize_view
from mien.render.environment import latlong_uv
from mien.render.lighting import LitSubject
from mien.render.occlusion import RAY_OFFSET
from mien.render.samples import VisibleSamples, visible_samples

_LID_ALBEDO = np.array([0.36, 0.20, 0.14])  # of the skin that a cornea mirrors
_SUNK = 6.0e-4  # metres by which the lids' strips may lie beneath a ball that turns under them
_FINE = 3  # lashes are drawn this much finer: they are thinner than a sample


def add_shade(
    lit: LitSubject, camera: Camera, depth: Float[np.ndarray, "H W"], radiance: Float[np.ndarray, "N 3"]
) -> None:
    """Blends the strips along the lids over the eyeballs by the fourth channel of their albedo.

    They stand for the shadow of lid and lashes, which rays cast from the coarse ball's vertices miss.
    """
    surface = lit.subject.surface
    window = _window(lit, camera, "shade")
    if window is None:
        return
    part, top, left = window
    behind = depth[top : top + part.height, left : left + part.width] + _SUNK
    found = _nearest(lit, part, behind, "shade")
    if found is None:
        return
    pixel = _whole_pixels(found, camera, window)
    for index, own in found.by(surface.triangle_material[found.triangle]):
        texel = surface.materials[index].albedo.sample(own.uv(surface.corner_uvs), np.zeros(len(own.pixel)))
        rows, alpha = pixel[np.searchsorted(found.pixel, own.pixel)], texel[:, 3:4]
        radiance[rows] = (1.0 - alpha) * radiance[rows] + alpha * texel[:, :3] * own.at(lit.light)


def add_clear_layers(
    lit: LitSubject, camera: Camera, depth: Float[np.ndarray, "H W"], radiance: Float[np.ndarray, "N 3"]
) -> None:
    """Adds what cornea and tears mirror of the surroundings: softboxes, or the lids that hide them."""
    window = _window(lit, camera, "clear")
    if window is None:
        return
    part, top, left = window
    found = _nearest(lit, part, depth[top : top + part.height, left : left + part.width], "clear")
    if found is None:
        return
    pixel = _whole_pixels(found, camera, window)
    normals = found.normals(lit.normals)
    cosine = np.maximum(np.einsum("nd,nd->n", normals, found.views), 0.0)
    mirrored = 2.0 * cosine[:, None] * normals - found.views
    # Schlick with F0 of water; held down at the rim, where the layer runs out into the sclera.
    fresnel = np.minimum(0.028 + 0.972 * (1.0 - cosine) ** 5, 0.25)[:, None]
    seen = lit.environment.mirror.sample(latlong_uv(mirrored), np.zeros(len(mirrored)))
    points = found.at(lit.subject.vertices) + RAY_OFFSET * normals
    blocked = lit.occluder.blocked(points, mirrored)
    shown = np.where(blocked[:, None], _LID_ALBEDO * found.at(lit.light), seen)
    radiance[pixel] = (1.0 - fresnel) * radiance[pixel] + fresnel * shown


def add_lashes(
    lit: LitSubject, camera: Camera, depth: Float[np.ndarray, "H W"], radiance: Float[np.ndarray, "N 3"]
) -> None:
    """Blends lashes over what lies behind them: by the share of a sample that they cover, and by the
    fourth channel of their albedo if it has one."""
    surface = lit.subject.surface
    window = _window(lit, camera, "lash")
    if window is None:
        return
    part, top, left = window
    rows, columns = part.height, part.width
    behind = depth[top : top + rows, left : left + columns].repeat(_FINE, 0).repeat(_FINE, 1)
    found = _nearest(lit, part.resized(_FINE), behind, "lash")
    if found is None:
        return
    uv = found.uv(surface.corner_uvs)
    cover = np.zeros((rows * _FINE * columns * _FINE, 4), np.float32)
    for index, own in found.by(surface.triangle_material[found.triangle]):
        material = surface.materials[index]
        texel = material.albedo.sample(own.uv(surface.corner_uvs), np.full(len(own.pixel), 1.0))
        alpha = texel[:, 3:4] if texel.shape[1] > 3 else np.ones((len(uv), 1), np.float32)
        cover[own.pixel] = np.hstack([texel[:, :3] * own.at(lit.light) * alpha, alpha])
    mean = cover.reshape(rows, _FINE, columns, _FINE, 4).mean(axis=(1, 3))
    view = radiance.reshape(camera.height, camera.width, 3)[top : top + rows, left : left + columns]
    view *= 1.0 - mean[..., 3:]
    view += mean[..., :3]


def _nearest(
    lit: LitSubject, camera: Camera, depth: Float[np.ndarray, "H W"], kind: str
) -> VisibleSamples | None:
    """The layer's nearest points that nothing opaque hides; None where there are none."""
    surface = lit.subject.surface
    own = np.flatnonzero(surface.of_kind(kind))
    if len(own) == 0:
        return None
    raster = rasterize_view(camera, lit.subject.vertices, surface.triangles[own])
    mask: Bool[np.ndarray, "H W"] = raster.covered & (raster.depth < depth)
    return visible_samples(camera, raster, own, surface.triangles, mask) if mask.any() else None


def _whole_pixels(
    found: VisibleSamples, camera: Camera, window: tuple[Camera, int, int]
) -> Int[np.ndarray, " N"]:
    """Indices in the whole picture of pixels found in a window of it."""
    part, top, left = window
    return (found.pixel // part.width + top) * camera.width + found.pixel % part.width + left


def _window(lit: LitSubject, camera: Camera, kind: str) -> tuple[Camera, int, int] | None:
    """The part of the picture in which a layer lies: its camera, top row, left column."""
    surface = lit.subject.surface
    own = surface.of_kind(kind)
    if not own.any():
        return None
    pixels, _ = camera.project(lit.subject.vertices[np.unique(surface.triangles[own])])
    low = np.clip(np.floor(pixels.min(axis=0)).astype(int), 0, [camera.width, camera.height])
    high = np.clip(np.ceil(pixels.max(axis=0)).astype(int), 0, [camera.width, camera.height])
    if (high <= low).any():
        return None
    (left, top), (right, bottom) = low.tolist(), high.tolist()
    return camera.cropped(left, top, right - left, bottom - top), top, left
