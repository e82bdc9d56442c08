"""Maps of the lashes and of the strips along the lids."""

from __future__ import annotations

import numpy as np

from mien.core.mesh import Image
from mien.textures.noise import ramp

LASH_COLOUR = (0.085, 0.060, 0.045)


def lash_maps(
    size: int = 256, colour: tuple[float, float, float] = LASH_COLOUR, seed: int = 0
) -> dict[str, Image]:
    """`lash_albedo` (sRGB) and `lash_roughness` (linear): one column a hair, root at v = 0.

    `colour` is the root's sRGB; hairs differ a little and lighten toward the tip. The hairs are geometry,
    so that there is no alpha.
    """
    rng = np.random.default_rng(seed)
    v = 1 - (np.arange(size)[:, None] + 0.5) / size
    tint = 1 + 0.22 * rng.standard_normal((1, size)).repeat(1, axis=0)
    value = np.clip(tint, 0.5, 1.6) * (1.0 + 0.55 * v**1.5)
    albedo = np.clip(value[..., None] * np.asarray(colour), 0, 1)
    roughness = np.full((size, size, 1), 0.45, np.float32)
    return {
        "lash_albedo": Image(albedo.astype(np.float32), "srgb"),
        "lash_roughness": Image(roughness),
    }


def occlusion_maps(size: int = 128) -> dict[str, Image]:
    """`eye_occlusion_albedo`: sRGB and, in the fourth channel, the lid's shadow on the ball (linear).

    The shadow is deepest at the lid (v = 1), stronger under the upper lid (u below one half) and gone at
    the strip's inner edge.
    """
    centres = (np.arange(size) + 0.5) / size
    u, v = np.meshgrid(centres, 1 - centres)
    upper = 1 - ramp(0.42, 0.58, u)
    depth = 0.40 + 0.36 * upper
    shadow = depth * ramp(0.0, 0.6, v) ** (1.3 - 0.5 * upper)
    colour = np.broadcast_to(np.array([0.16, 0.065, 0.05]), (size, size, 3))
    pixels = np.concatenate([colour, shadow[..., None]], axis=-1)
    return {"eye_occlusion_albedo": Image(pixels.astype(np.float32), "srgb")}
