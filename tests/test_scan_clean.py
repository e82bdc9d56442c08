"""What cleaning drops, and what it must not."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.errors import MienError
from mien.core.mesh import Scan
from mien.scan.clean import clean_and_count, clean_scan
from scan_files import grid


def sheet(n=12, **fields):
    vertices, triangles, uvs = grid(n)
    return Scan("sheet", vertices, triangles, corner_uvs=uvs[triangles], **fields)


def with_faces(scan, vertices, triangles):
    extra = np.zeros((len(triangles), 3, 2))
    return Scan(
        scan.name,
        np.concatenate([scan.vertices, vertices]) if len(vertices) else scan.vertices,
        np.concatenate([scan.triangles, np.array(triangles)]),
        corner_uvs=np.concatenate([scan.corner_uvs, extra]),
    )


def test_a_clean_scan_is_unchanged():
    scan = sheet()
    cleaned, dropped = clean_and_count(scan)
    np.testing.assert_array_equal(cleaned.vertices, scan.vertices)
    np.testing.assert_array_equal(cleaned.triangles, scan.triangles)
    assert sum(vars(dropped).values()) == 0


def test_degenerate_and_duplicate_faces_go_and_cleaning_is_idempotent():
    n = 12
    dirty = with_faces(
        sheet(n), np.array([[5.0, 5, 5]]), [[0, 0, 1], [3, 3, 3], [1, n + 1, 0], [0, 1, n + 1]]
    )
    cleaned, dropped = clean_and_count(dirty)
    assert dropped.degenerate_faces == 2  # two or three corners the same
    assert dropped.duplicate_faces == 2
    assert dropped.unreferenced_vertices == 1
    np.testing.assert_array_equal(cleaned.triangles, sheet(n).triangles)
    assert len(cleaned.corner_uvs) == len(cleaned.triangles)
    assert sum(vars(clean_and_count(cleaned)[1]).values()) == 0


def test_far_small_pieces_go_and_near_or_large_ones_stay():
    base = sheet()
    n = len(base.vertices)
    small = np.array([[0.0, 0, 0], [0.1, 0, 0], [0, 0.1, 0]])
    above, inside = np.array([0, 0, 3.0]), np.array([0.5, 0.5, 0.15])
    far = with_faces(base, small + above, [[n, n + 1, n + 2]])
    assert clean_and_count(far)[1].floaters == 1
    near = with_faces(base, small + inside, [[n, n + 1, n + 2]])  # an eyeball, a strand of hair
    assert clean_and_count(near)[1].floaters == 0
    large = with_faces(base, 5 * small + above, [[n, n + 1, n + 2]])
    assert clean_and_count(large)[1].floaters == 0
    dust = with_faces(base, 0.1 * small + inside, [[n, n + 1, n + 2]])
    assert clean_and_count(dust)[1].floaters == 1


def test_holes_borders_and_non_manifold_edges_stay():
    base = sheet()
    fin = with_faces(base, np.array([[0.5, 0.5, 1.0]]), [[5, 6, len(base.vertices)]])
    assert len(clean_scan(fin).triangles) == len(fin.triangles)


def test_triangle_soup_stays():
    vertices, triangles, _ = grid(6)
    soup = Scan("soup", vertices[triangles].reshape(-1, 3), np.arange(triangles.size).reshape(-1, 3))
    assert len(clean_scan(soup).triangles) == len(triangles)


def test_nan_and_nothing_are_refused():
    scan = sheet()
    scan.vertices[7, 1] = np.nan
    scan.vertices[9, 2] = np.inf
    with pytest.raises(MienError, match=r"2 of 144 vertices.*first is vertex 7"):
        clean_scan(scan)
    with pytest.raises(MienError, match="none of its 1 faces has an area"):
        clean_scan(Scan("line", np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0]]), np.array([[0, 1, 2]])))
