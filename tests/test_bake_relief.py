"""Relief from scans with known bumps."""

from functools import cache

import fast_simplification
import igl
import numpy as np
import pytest

from mien.bake.colour import tile_of
from mien.bake.relief import enough_texels, scan_relief
from mien.core.face import PreparedScan
from mien.core.mesh import Scan
from mien.geometry.normals import vertex_normals
from mien.template.load import load_template

TEMPLATE = load_template()
HEIGHT = 0.15  # mm


def bumps(points: np.ndarray) -> np.ndarray:
    """Millimetres outward: waves of 8 mm."""
    return HEIGHT * np.sin(2 * np.pi * points[..., 0] / 0.008) * np.cos(2 * np.pi * points[..., 1] / 0.008)


def prepared(vertices: np.ndarray, triangles: np.ndarray) -> PreparedScan:
    landmarks = TEMPLATE.landmarks.on(TEMPLATE.vertices, TEMPLATE.topology)
    return PreparedScan(Scan("bumps", vertices, triangles), np.eye(4), landmarks, np.ones(68), "metres")


@cache
def face() -> tuple[np.ndarray, np.ndarray]:
    quads = np.zeros(len(TEMPLATE.topology.quads), bool)
    quads[TEMPLATE.part("face").quads] = True
    used, local = np.unique(TEMPLATE.topology.triangles[np.repeat(quads, 2)], return_inverse=True)
    return TEMPLATE.vertices[used], local.reshape(-1, 3).astype(np.int64)


def refined(times: int) -> tuple[np.ndarray, np.ndarray]:
    vertices, triangles = igl.upsample(*face(), times)
    return vertices, triangles.astype(np.int64)


def test_known_bumps_come_back_in_millimetres():
    vertices, triangles = refined(2)
    fine = vertices + 1e-3 * bumps(vertices)[:, None] * vertex_normals(vertices, triangles)
    relief = scan_relief(TEMPLATE, TEMPLATE.vertices, prepared(fine, triangles), 512)
    tile = tile_of(TEMPLATE, "face", 512)
    points = tile.at_texels(TEMPLATE.vertices)
    found = relief["face"].pixels[..., 0][tile.covered]
    normals = tile.at_texels(vertex_normals(TEMPLATE.vertices, TEMPLATE.topology.triangles))
    facing = (normals[:, 2] > 0.9) & (np.abs(found) > 0) & (points[:, 1] > 0.03)  # the forehead
    truth = bumps(points[facing])
    slope, offset = np.polyfit(truth, found[facing], 1)
    assert facing.sum() > 5000
    assert slope == pytest.approx(0.95, abs=0.1)
    assert -0.07 < offset < 0.01  # the scan is flat between the template's vertices, the head is not
    assert np.corrcoef(truth, found[facing])[0, 1] > 0.93
    assert relief["face"].unit == "mm"
    assert (relief["head"].pixels[..., 0] == 0).mean() > 0.9  # only the face was scanned


def test_what_the_mesh_did_not_follow_is_carried():
    """A scan a fifth of a millimetre outside the head, broadly: displacement says so."""
    vertices, triangles = refined(1)
    normals = vertex_normals(vertices, triangles)
    outside = prepared(vertices + 0.0002 * normals, triangles)
    found = scan_relief(TEMPLATE, TEMPLATE.vertices, outside, 256)["face"].pixels[..., 0]
    sure = found != 0
    assert sure.mean() > 0.4
    assert np.median(found[sure]) == pytest.approx(0.2, abs=0.03)


def test_a_coarse_scan_has_no_relief():
    vertices, triangles = face()
    points, faces = fast_simplification.simplify(
        vertices.astype(np.float32), triangles.astype(np.int32), target_reduction=0.95
    )
    coarse = prepared(points.astype(np.float64), faces.astype(np.int64))
    found = scan_relief(TEMPLATE, TEMPLATE.vertices, coarse, 256)
    assert np.abs(found["face"].pixels).mean() < 0.005


def test_a_large_map_is_the_small_one_enlarged():
    tile = tile_of(TEMPLATE, "face", 1024)
    assert enough_texels(tile, TEMPLATE.vertices, 0.0001) == 1024
    assert enough_texels(tile, TEMPLATE.vertices, 0.003) == 512
    assert enough_texels(tile, TEMPLATE.vertices, 1.0) == 256
