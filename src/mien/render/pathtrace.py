"""Path-traced pictures with Mitsuba 3 (the extra "render").

Mitsuba has no subsurface scattering for surfaces. What skin scatters is diffuse, the same from every
side: so its diffused light is computed in texture space, as for the raster, and the skin *emits* it
beneath a path-traced dielectric coat. Eyes do the same, so that the clear cornea in front of them costs
no noise; teeth, mouth and lashes are path-traced altogether and lit by the skin around them, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from mien.render.camera import Camera, orbit_camera
from mien.render.environment import Environment, latlong_uv
from mien.render.lighting import light_subject
from mien.render.lights import clay_studio, studio
from mien.render.mitsuba_variant import load_mitsuba
from mien.render.pathtrace_scene import SCALE, scene_shapes
from mien.render.raster import BACKGROUND, EXPOSURE
from mien.render.renderable import Viewable, as_subject
from mien.render.tone_mapping import develop

_FINE = 2  # rendered at twice the resolution, so that film and edges equal the raster's
_DEPTH = 8


def path_trace(
    thing: Viewable,
    camera: Camera,
    weights: dict[str, float] | None = None,
    *,
    environment: Environment | None = None,
    clay: bool = False,
    samples: int = 64,
) -> UInt8[np.ndarray, "H W 3"]:
    """One picture (sRGB) of a subject in an expression; `samples` paths a pixel, the same on every run.

    Raises `MienError` where Mitsuba is not installed, or does not work.
    """
    mi = load_mitsuba()
    subject = as_subject(thing).posed(weights or {})
    light = environment or (clay_studio(float(round(camera.yaw))) if clay else studio())
    lit = light_subject(subject, light, rays=64, shadow_samples=12, tile_resolution=1024, diffusion=not clay)
    fine = camera.resized(_FINE)
    sensor = _sensor(mi, fine, max(samples // _FINE**2, 1))
    envmap = {"type": "envmap", "bitmap": mi.Bitmap(_mitsuba_latlong(light.full))}
    scene = mi.load_dict({"type": "scene", "light": envmap, "camera": sensor, **scene_shapes(mi, lit, clay)})
    seen = _rendered(mi, scene, _DEPTH)[..., :3]
    # In a scene without light the fourth channel is the share of a pixel that the subject covers. The plain
    # variant ends a path of one step before it says so, hence two.
    cover = _rendered(mi, mi.load_dict({"type": "scene", "camera": sensor, **scene_shapes(mi, lit, True)}), 2)
    return _finish(seen, cover[..., 3], fine, light, EXPOSURE["clay" if clay else "skin"])


def path_traced_turntable(
    thing: Viewable, size: int, count: int, **options: Any
) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """`count` square pictures from all round, starting at the front and turning toward +X."""
    subject = as_subject(thing)
    for k in range(count):
        yield path_trace(subject, orbit_camera(subject.frame, size, size, 360.0 * k / count), **options)


def _mitsuba_latlong(picture: Float[np.ndarray, "H W 3"]) -> Float[np.ndarray, "H W 3"]:
    """Mitsuba's azimuth grows the other way round."""
    return np.ascontiguousarray(picture[:, ::-1], np.float32)


def _sensor(mi: Any, camera: Camera, samples: int) -> dict[str, Any]:
    up = [0.0, 1.0, 0.0]
    return {
        "type": "perspective",
        "fov": camera.fov,
        "fov_axis": "y",
        "near_clip": 1e-3 * SCALE,
        "far_clip": 100.0 * SCALE,
        "to_world": mi.ScalarTransform4f().look_at(
            (SCALE * camera.eye).tolist(), (SCALE * camera.target).tolist(), up
        ),
        "film": {
            "type": "hdrfilm",
            "width": camera.width,
            "height": camera.height,
            "pixel_format": "rgba",
            "rfilter": {"type": "box"},
        },
        "sampler": {"type": "independent", "sample_count": samples},
    }


def _rendered(mi: Any, scene: Any, depth: int) -> Float[np.ndarray, "H W 4"]:
    """Every call takes the same samples within each pixel, so that two scenes' edges agree."""
    return np.array(mi.render(scene, integrator=mi.load_dict({"type": "path", "max_depth": depth}), seed=0))


def _finish(
    seen: Float[np.ndarray, "H W 3"],
    cover: Float[np.ndarray, "H W"],
    camera: Camera,
    light: Environment,
    exposure: float,
) -> UInt8[np.ndarray, "h w 3"]:
    """Takes the environment out from behind the subject, lays it over our background, develops it."""
    rows, columns = np.mgrid[: camera.height, : camera.width]
    pixels = np.stack([columns.ravel() + 0.5, rows.ravel() + 0.5], axis=1)
    behind = light.mirror.sample(latlong_uv(camera.ray_directions(pixels)), np.zeros(len(pixels)))
    share = np.clip(cover, 0.0, 1.0)[..., None]
    subject = (seen - (1.0 - share) * behind.reshape(seen.shape)) / np.maximum(share, 1e-3)
    covered = cover > 0.5
    out = np.empty((camera.height // _FINE, camera.width // _FINE, 3), np.uint8)
    radiance = np.clip(subject, 0.0, 50.0).astype(np.float32)
    develop(radiance, covered, exposure, np.array(BACKGROUND, np.float32), _FINE, out)
    return out
