"""The generator of large scans: the same surface and colours in every format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.meshio.load import load_scan
from mien.scan.clean import clean_and_count
from mien.scan.landmarks.orthographic import sample_texture
from mien.synth.scans.large import FORMATS, large_scan, split_triangles, write_large_scan
from mien.template.load import load_template


@pytest.fixture(scope="module")
def made():
    return large_scan(load_template(), 3, 100_000, 128)


def test_split_triangles_share_their_edges():
    triangles = np.array([[5, 2, 9], [9, 2, 4], [4, 2, 7]])
    faces, corners, weights = split_triangles(triangles, 4)
    assert len(faces) == 3 * 16
    edges, counts = np.unique(
        np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0, return_counts=True
    )
    assert counts.max() == 2
    assert (counts == 1).sum() == 5 * 4  # the outline of three triangles in a fan
    assert len(corners) - len(edges) + len(faces) == 1  # Euler's number of a disc
    plane = np.random.default_rng(0).normal(size=(10, 2))
    p = np.einsum("nk,nkd->nd", weights, plane[corners])[faces]
    e1, e2 = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]
    area = (e1[:, 0] * e2[:, 1] - e1[:, 1] * e2[:, 0]).reshape(3, 16)
    whole = plane[triangles]
    e1, e2 = whole[:, 1] - whole[:, 0], whole[:, 2] - whole[:, 0]
    expected = (e1[:, 0] * e2[:, 1] - e1[:, 1] * e2[:, 0]) / 16
    np.testing.assert_allclose(area, np.repeat(expected[:, None], 16, axis=1), atol=1e-12)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_the_same_scan(tmp_path, made, kind):
    path, albedo = write_large_scan(made, tmp_path, kind)
    scan, dropped = clean_and_count(load_scan(path, Path(albedo) if albedo else None))
    assert dropped.duplicate_faces == dropped.degenerate_faces == dropped.floaters == 0
    assert len(scan.triangles) == len(made.triangles)
    unit = 1.0 if kind == "glb" else 1000.0
    order = (
        np.argsort(made.material, kind="stable") if kind in ("obj", "glb") else np.arange(len(made.triangles))
    )
    np.testing.assert_allclose(
        scan.vertices[scan.triangles] / unit, made.vertices[made.triangles[order]], atol=2e-8
    )
    some = np.random.default_rng(0).integers(0, len(order), 500)
    for t in some:
        uv = made.uvs[made.corner[order[t]]].mean(axis=0)[None]
        truth = sample_texture(made.textures[made.material[order[t]]], uv)[0]
        if kind == "ply":
            assert np.abs(scan.vertex_colours[scan.triangles[t]].mean(axis=0) - truth).max() < 0.35
            continue
        read = sample_texture(scan.textures[scan.triangle_texture[t]], scan.corner_uvs[t].mean(axis=0)[None])
        assert np.abs(read - truth).max() < 0.12  # JPEG
