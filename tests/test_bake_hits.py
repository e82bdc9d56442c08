"""Texels on the scan: retried triangles against traced rays, footprints against finite differences."""

from functools import cache

import igl
import numpy as np
import pytest

from mien.bake.colour import tile_of
from mien.bake.colour_confidence import skin_index, skin_triangles
from mien.bake.project import project_along_normals
from mien.bake.ray_hits import CoarseHits, footprints, texel_rays, texel_steps
from mien.geometry.closest import ClosestPoint
from mien.geometry.normals import normalized, vertex_normals
from mien.template.load import load_template

TEMPLATE = load_template()
NORMALS = vertex_normals(TEMPLATE.vertices, TEMPLATE.topology.triangles)


@cache
def surface() -> ClosestPoint:
    skin = TEMPLATE.vertices[skin_index(TEMPLATE)]
    fine, triangles = igl.loop(skin, skin_triangles(TEMPLATE).astype(np.int64), 1)
    return ClosestPoint(fine, triangles.astype(np.int64))


def coarse_hits(resolution: int) -> CoarseHits:
    tile = tile_of(TEMPLATE, "face", resolution)
    found = project_along_normals(
        surface(), tile.at_texels(TEMPLATE.vertices), normalized(tile.at_texels(NORMALS)).astype(np.float32)
    )
    image = np.full(tile.covered.shape, -1, np.int64)
    image[tile.covered] = found.triangle
    return CoarseHits(image, tile.image(found.offset))


@pytest.mark.parametrize("resolution", [128, 256])
def test_retried_triangles_are_those_that_rays_meet(resolution):
    tile = tile_of(TEMPLATE, "face", resolution)
    rays = texel_rays(tile, TEMPLATE.vertices, NORMALS, surface(), coarse_hits(128))
    hits = rays.hits(np.arange(len(tile.weights)))
    points = tile.at_texels(TEMPLATE.vertices)[hits.rows]
    direction = normalized(tile.at_texels(NORMALS)[hits.rows]).astype(np.float32)
    traced = project_along_normals(surface(), points, direction)
    assert len(hits.rows) > 0.98 * len(tile.weights)
    corners = surface().triangles[hits.triangle]
    place = np.einsum("nk,nkd->nd", hits.barycentric, surface().vertices[corners])
    apart = np.linalg.norm(place - points - traced.offset[:, None] * direction, axis=1)
    on = traced.triangle >= 0
    assert np.quantile(apart[on], 0.99) < 2e-6  # metres
    assert (hits.triangle == traced.triangle)[on].mean() > 0.97  # the others lie on an edge


def test_footprints_are_the_hits_differences():
    """On one scan triangle the step to the next texel is what `along_x` says."""
    tile = tile_of(TEMPLATE, "face", 512)
    rays = texel_rays(tile, TEMPLATE.vertices, NORMALS, surface(), coarse_hits(128))
    hits = rays.hits(np.arange(len(tile.weights)))
    place = rays.places[hits.rows]
    beside = (np.diff(place) == 1) & (np.diff(hits.triangle) == 0)
    beside &= np.diff(tile.texel_triangle[hits.rows]) == 0
    found = np.diff(hits.barycentric, axis=0)[beside]
    said = hits.along_x[:-1][beside]
    error = np.abs(found - said).max(axis=1)
    assert beside.sum() > 10_000
    assert np.quantile(error / np.abs(found).max(axis=1), 0.9) < 0.1  # the normal turns a little


def test_footprints_carry_steps_to_the_triangle_s_plane():
    rng = np.random.default_rng(0)
    vertices = rng.normal(size=(30, 3))
    corners = np.arange(30).reshape(10, 3)
    inside = rng.dirichlet(np.ones(3), 10).astype(np.float32)
    points = np.einsum("nk,nkd->nd", inside, vertices[corners])
    a, b, c = (vertices[corners[:, k]] for k in range(3))
    normal = normalized(np.cross(b - a, c - a))
    direction = normalized(normal + 0.3 * rng.normal(size=(10, 3))).astype(np.float32)
    steps = 0.1 * rng.normal(size=(10, 2, 3)).astype(np.float32)
    found, *along = footprints(vertices, corners, points, direction, steps)
    np.testing.assert_allclose(found, inside, atol=1e-5)
    for k in range(2):
        moved = np.einsum("nk,nkd->nd", along[k], vertices[corners])
        np.testing.assert_allclose(along[k].sum(axis=1), 0, atol=1e-5)
        np.testing.assert_allclose(np.einsum("nd,nd->n", moved, normal), 0, atol=1e-5)
        across = np.cross(moved - steps[:, k], direction)  # only along the direction may they differ
        slant = np.abs(np.einsum("nd,nd->n", normal, direction)) > 0.2
        np.testing.assert_allclose(across[slant], 0, atol=1e-4)


def test_texel_steps_add_up_to_the_surface():
    tile = tile_of(TEMPLATE, "face", 256)
    steps = texel_steps(tile, TEMPLATE.vertices)
    area = np.linalg.norm(np.cross(steps[:, 0], steps[:, 1]), axis=1)[tile.texel_triangle].sum()
    p = TEMPLATE.vertices[tile.triangles]
    true = 0.5 * np.linalg.norm(np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]), axis=1).sum()
    assert area == pytest.approx(true, rel=0.02)
