"""Clay: no texture, one grazing light, crisp shadows, soft sky. The picture in which form is judged."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from mien.render.environment import Environment, cone_samples
from mien.render.lighting import LitSubject, reflected
from mien.render.occlusion import RAY_OFFSET, scrambled
from mien.render.samples import VisibleSamples

CLAY_ALBEDO = np.array([0.52, 0.50, 0.475])


def clay_radiance(
    lit: LitSubject, samples: VisibleSamples, environment: Environment
) -> Float[np.ndarray, "N 3"]:
    """Diffuse clay with a shadow ray for every sample of every pixel; the ambient part is only occluded."""
    points = samples.at(lit.subject.vertices)
    normals = samples.normals(lit.normals)
    # A scan's triangles may be wound either way; clay is lit from the side that is seen.
    flip = np.sign(np.einsum("nd,nd->n", normals, samples.views))[:, None]
    normals = normals * np.where(flip == 0, 1.0, flip)
    origins = np.where(flip > 0, samples.smoothed(lit.subject.vertices, lit.normals), points)
    ambient = samples.at(lit.openness)[:, None].repeat(3, axis=1)
    visibility = np.zeros((len(points), len(environment.lights)), np.float32)
    for k, light in enumerate(environment.lights):
        visibility[:, k] = _one_ray(lit, origins, normals, light.direction, light.radius)
    return (CLAY_ALBEDO * reflected(environment, normals, ambient, visibility)).astype(np.float32)


def _one_ray(
    lit: LitSubject, points: np.ndarray, normals: np.ndarray, direction: np.ndarray, radius: float
) -> Float[np.ndarray, " N"]:
    cosine = normals @ direction
    facing = np.flatnonzero(cosine > 0.0)
    spread = cone_samples(direction, radius, 16)
    rays = spread[scrambled(facing, 16)]
    seen = np.zeros(len(points), np.float32)
    seen[facing] = ~lit.occluder.blocked(points[facing] + RAY_OFFSET * normals[facing], rays)
    return seen
