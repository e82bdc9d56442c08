"""A small textured subject for the tests of the view room."""

import numpy as np

from mien.render.materials import material_from_maps
from mien.render.renderable import Renderable
from mien.render.surface import Material, Surface
from mien.render.texture import constant_texture


def sphere(radius=0.1, rings=24, material=None):
    """A lat-long sphere with one UV square."""
    v, u = np.meshgrid(np.linspace(0, 1, rings + 1), np.linspace(0, 1, 2 * rings + 1), indexing="ij")
    polar, azimuth = (1 - v) * np.pi, (u - 0.5) * 2 * np.pi
    points = np.stack(
        [np.sin(polar) * np.sin(azimuth), np.cos(polar), np.sin(polar) * np.cos(azimuth)], axis=-1
    )
    index = np.arange(points[..., 0].size).reshape(v.shape)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    triangles = np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)]).reshape(-1, 3)
    corners = points.reshape(-1, 3)[triangles]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    triangles = triangles[area > 1e-9]
    uvs = np.stack([u, v], -1).reshape(-1, 2)
    surface = Surface(
        n_vertices=len(uvs),
        triangles=triangles,
        corner_uvs=uvs[triangles],
        triangle_material=np.zeros(len(triangles), np.int64),
        materials=(material or material_from_maps("face", {}),),
    )
    vertices = radius * points.reshape(-1, 3)
    return Renderable(surface, vertices, vertices)


def white_matte(kind="skin"):
    """Albedo one and nothing that shines."""
    return Material(
        "white",
        kind,
        constant_texture(np.ones(3)),
        constant_texture(np.array([1.0])),
        constant_texture(np.array([0.0])),
    )
