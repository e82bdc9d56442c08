"""Photographs found in a texture, and places read from all that see them."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from mien.bake.photographs import find_photographs
from mien.bake.views import photograph_source
from mien.core.conventions import linear_to_srgb, pixel_to_uv
from mien.core.mesh import Scan
from mien.geometry.raster import rasterize

SIZE = 400
EXPOSURE = 1.4


def colour(points: np.ndarray) -> np.ndarray:
    """Linear, by place: broad and 6 mm waves."""
    x, y = points[..., 0], points[..., 1]
    wave = 0.2 * np.sin(40 * x + 1) * np.cos(30 * y) + 0.1 * np.sin(2 * np.pi * y / 0.006)
    return 0.25 * np.exp(wave)[..., None] * np.array([1.2, 0.9, 0.7])


def camera(yaw: float) -> np.ndarray:
    """0.6 m from the origin, looking at it; 400 pixels see about 0.2 m."""
    c, s = np.cos(yaw), np.sin(yaw)
    rotation = np.array([[c, 0, -s], [0, -1, 0], [-s, 0, -c]])  # right, down, forward
    focal, middle = 1150.0, SIZE / 2
    intrinsic = np.array([[focal, 0, middle], [0, focal, middle], [0, 0, 1]])
    return intrinsic @ np.column_stack([rotation, rotation @ -(0.6 * np.array([s, 0, c]))])


def bent_sheet(n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Half a cylinder of 60 mm radius, bulging toward +Z."""
    angle, y = (a.ravel() for a in np.meshgrid(np.linspace(-1.4, 1.4, n), np.linspace(-0.06, 0.06, n)))
    ids = np.arange(n * n).reshape(n, n)
    a, b, c, d = (p.ravel() for p in (ids[:-1, :-1], ids[:-1, 1:], ids[1:, 1:], ids[1:, :-1]))
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    return np.stack([0.06 * np.sin(angle), y, 0.06 * np.cos(angle)], axis=1), triangles


def projected(matrix: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    image = points @ matrix[:, :3].T + matrix[:, 3]
    return image[:, :2] / image[:, 2:], image[:, 2]


def photographed(vertices: np.ndarray, triangles: np.ndarray, paint: np.ndarray | None = None) -> Scan:
    """Two photographs side by side in one texture; each triangle given to the one on its own side."""
    texture = np.zeros((SIZE, 2 * SIZE, 3))
    uvs = np.zeros((len(triangles), 3, 2))
    own = np.where(vertices[triangles][..., 0].mean(axis=1) > 0, 0, 1)
    for k, yaw in enumerate((0.6, -0.6)):
        pixel, depth = projected(camera(yaw), vertices)
        raster = rasterize(pixel, depth, triangles, SIZE, SIZE)
        place = raster.interpolate(vertices[triangles])
        seen = colour(place) * (EXPOSURE if k else 1.0)
        if paint is not None:
            seen = np.where((paint[raster.triangle])[..., None], [0.5, 0.01, 0.01], seen)
        texture[:, k * SIZE : (k + 1) * SIZE] = np.where(raster.covered[..., None], seen, 0.02)
        mine = own == k
        uvs[mine] = pixel_to_uv(pixel[triangles[mine]] + [k * SIZE, 0], SIZE, 2 * SIZE)
    stored = np.round(255 * linear_to_srgb(np.clip(texture, 0, 1))).astype(np.uint8)
    return Scan("two", vertices, triangles, uvs, np.zeros(len(triangles), np.int64), (stored,))


@cache
def scan() -> Scan:
    return photographed(*bent_sheet())


def test_the_cameras_are_found():
    found = find_photographs(scan())
    assert len(found) == 2
    points = scan().vertices
    errors = []
    for photograph in found:
        k = int(photograph.frame[[0, 2]].mean() > SIZE)
        truth = projected(camera((0.6, -0.6)[k]), points)[0] + [k * SIZE, 0]
        errors.append(np.abs(photograph.project(points) - truth).max())
        centre = 0.6 * np.array([np.sin((0.6, -0.6)[k]), 0, np.cos(0.6)])
        toward = centre - points
        toward /= np.linalg.norm(toward, axis=1, keepdims=True)
        np.testing.assert_allclose(photograph.toward(points), toward, atol=1e-3)
    assert max(errors) < 0.05


def test_steps_are_the_projection_s_derivative():
    photograph = find_photographs(scan())[0]
    points = scan().vertices[:50]
    step = np.random.default_rng(0).normal(size=(50, 3))
    pixel, by_step, _ = photograph.project_steps(points, step, step)
    np.testing.assert_allclose(pixel, photograph.project(points), rtol=1e-5)
    h = 1e-6
    difference = (photograph.project(points + h * step) - photograph.project(points - h * step)) / (2 * h)
    np.testing.assert_allclose(by_step, difference, rtol=2e-3, atol=2.0)


def test_an_atlas_has_no_photographs():
    vertices, triangles = bent_sheet()
    around = np.arctan2(vertices[:, 0], vertices[:, 2]) / 3 + 0.5
    unrolled = np.stack([around, 0.5 + 7 * vertices[:, 1]], axis=1)[triangles]
    atlas = replace(scan(), corner_uvs=unrolled)
    assert find_photographs(atlas) == ()
    assert find_photographs(replace(scan(), textures=())) == ()


def test_exposures_are_levelled_and_the_seam_is_gone():
    source = photograph_source(scan(), find_photographs(scan()))
    vertices, triangles = scan().vertices, scan().triangles
    rows = np.flatnonzero(np.abs(vertices[triangles][..., 1]).max(axis=1) < 0.045)
    middle = np.full((len(rows), 3), 1 / 3, np.float32)
    points = vertices[triangles[rows]].mean(axis=1)
    shown = np.abs(points[:, 0]) < 0.04
    found = np.log(source.read(rows, middle, np.full(len(rows), 1e-4, np.float32)) / colour(points))
    found = found.mean(axis=1)[shown]
    left, right = (found[side] for side in (points[shown, 0] < 0, points[shown, 0] > 0))
    assert abs(left.mean() - right.mean()) < 0.1 * np.log(EXPOSURE)
    near = np.abs(points[shown, 0]) < 0.01
    assert found[near].std() < 0.03
    # Neither photograph is right: the truth is given back up to the mean of both exposures.
    assert found.mean() == pytest.approx(0.5 * np.log(EXPOSURE), abs=0.03)


def test_fine_detail_survives_the_blend_without_ghosts():
    source = photograph_source(scan(), find_photographs(scan()))
    vertices, triangles = scan().vertices, scan().triangles
    points = vertices[triangles].mean(axis=1)
    rows = np.flatnonzero((np.abs(points[:, 0]) < 0.02) & (np.abs(points[:, 1]) < 0.045))
    middle = np.full((len(rows), 3), 1 / 3, np.float32)
    light = np.log(source.read(rows, middle, np.full(len(rows), 1e-4, np.float32))).mean(axis=1)
    phase = 2 * np.pi * points[rows, 1] / 0.006
    basis = np.stack([np.sin(phase), np.cos(phase), np.ones(len(rows)), points[rows, 0]], axis=1)
    assert np.linalg.lstsq(basis, light, rcond=None)[0][0] == pytest.approx(0.1, rel=0.15)


def test_what_stands_in_between_is_not_read():
    """A red plate hides a part of the sheet from one camera; the other's colour is taken there."""
    vertices, triangles = bent_sheet()
    toward = np.array([np.sin(0.6), 0, np.cos(0.6)])
    right = np.array([np.cos(0.6), 0, -np.sin(0.6)])
    middle = 0.06 * np.array([0, 0, 1.0]) + 0.03 * toward
    plate = np.array([middle + 0.006 * (i * right + j * np.array([0, 1.0, 0])) for i, j in
                      ((-1, -1), (1, -1), (1, 1), (-1, 1))])  # fmt: skip
    both = np.concatenate([vertices, plate])
    faces = np.concatenate([triangles, np.array([[0, 1, 2], [0, 2, 3]]) + len(vertices)])
    paint = np.zeros(len(faces), bool)
    paint[-2:] = True
    hidden = photographed(both, faces, paint)
    source = photograph_source(hidden, find_photographs(hidden))
    points = vertices[triangles].mean(axis=1)
    behind = np.flatnonzero(np.linalg.norm(points - [0, 0, 0.06], axis=1) < 0.005)
    read = source.read(behind, np.full((len(behind), 3), 1 / 3, np.float32))
    assert len(behind) > 5
    assert (read[:, 1] > 0.3 * read[:, 0]).all()  # the plate's green is a fiftieth of its red
