"""The template's builders: closed forms and laws of what they are made of; no source data is needed."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from tools.build_people import to_cage
from tools.build_template.dense_landmarks import _at_vertices
from tools.build_template.edgeloops import QuadGraph, boundary_loops, ring_edges
from tools.build_template.flatten import (
    Border,
    _energy,
    _gradient_and_hessian,
    flatten,
    rest_edges,
    rest_metric,
)
from tools.build_template.identity import principal_modes, with_parts
from tools.build_template.parts_grid import (
    Sheet,
    disc_grid,
    grid_quads,
    join,
    loft_rings,
    mirrored,
    rim_angles,
)
from tools.build_template.parts_teeth import LOWER_ARCH, UPPER_ARCH, Tooth, crown
from tools.build_template.random_heads import _both, _ends, attribute_weights
from tools.build_template.source import _both_sides, _read_mirror, _read_obj, _read_target
from tools.build_template.tutte import tutte
from tools.build_template.uv import _areas, _areas_2d, _smooth_on
from tools.build_template.uv_patches import Patch, _arc, outer_loop

from mien.core.mesh import split_quads
from mien.geometry.subdivision import catmull_clark


def plane(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """A grid of unit squares in z = 0: vertices and quads."""
    y, x = np.mgrid[0 : rows + 1, 0 : columns + 1].astype(float)
    ids = np.arange(x.size).reshape(x.shape)
    return np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], axis=1), grid_quads(ids)


def tube(rings: int, around: int) -> np.ndarray:
    """Quads of an open tube."""
    ids = np.arange(rings * around).reshape(rings, around)
    return grid_quads(np.concatenate([ids, ids[:, :1]], axis=1))


def test_edge_lines_go_straight_on_and_stop_at_borders_and_close_round_a_tube():
    graph = QuadGraph(plane(4, 6)[1])  # rows of seven vertices
    assert graph.straight(8, 9) == 10
    assert graph.walk(8, 9) == [8, 9, 10, 11, 12, 13]
    with pytest.raises(ValueError, match="does not close"):
        graph.ring(8, 9)
    assert QuadGraph(tube(4, 8)).ring(8, 9) == list(range(8, 16))


def test_a_flood_stops_at_its_barrier():
    quads = tube(5, 8)
    graph = QuadGraph(quads)
    below = graph.flood(graph.face_with(0, 1), ring_edges(range(16, 24)))
    assert len(below) == 16
    assert quads[below].max() == 23
    assert len(graph.flood(0, set())) == len(quads)


def test_borders_are_loops_in_winding_order_longest_first():
    quads = tube(3, 6)
    one, other = boundary_loops(quads)
    assert [sorted(one), sorted(other)] == [list(range(6)), list(range(12, 18))]
    hole = np.delete(plane(5, 5)[1], 12, axis=0)
    assert [len(loop) for loop in boundary_loops(hole)] == [20, 4]
    assert _arc(np.arange(10), 8, 3) == [8, 7, 6, 5, 4, 3]  # the shorter way, whichever that is
    assert _arc(np.arange(10), 8, 1) == [8, 9, 0, 1]


def patch_of(vertices: np.ndarray, quads: np.ndarray) -> Patch:
    ids = np.arange(len(vertices))
    return Patch(ids, quads, vertices, np.full(len(ids), -1), 4.0)


def test_tuttes_embedding_has_no_flips_and_its_outline_on_the_curve():
    vertices, quads = plane(6, 6)
    bent = vertices + np.stack([0 * vertices[:, 0], 0 * vertices[:, 0], np.sin(3 * vertices[:, 0])], axis=1)
    patch = patch_of(bent - [3.0, 3.0, 0.0], quads)
    uv = tutte(patch, 0.02)
    assert _areas_2d(uv, split_quads(quads)).min() > 0
    outline = uv[outer_loop(patch)] - 0.5
    np.testing.assert_allclose((np.abs(outline / 0.48) ** 4).sum(axis=1), 1.0, atol=1e-3)


def test_flattening_a_flat_patch_that_fits_its_border_changes_nothing_and_a_bent_start_comes_back():
    vertices, quads = plane(8, 8)
    triangles = split_quads(quads)
    uv = 0.1 + 0.8 * vertices[:, :2] / 8
    rest = rest_metric(triangles, 0.8 / 8 * rest_edges(vertices, triangles))
    free = Border(np.zeros(0, np.int64), 4.0, 0.02)
    nobody = np.zeros(0, np.int64)
    np.testing.assert_allclose(flatten(uv, rest, free, nobody), uv, atol=1e-9)
    start = uv + 0.02 * np.sin(9 * uv[:, ::-1])
    found = flatten(start, rest, free, nobody)
    np.testing.assert_allclose(_areas_2d(found, triangles), _areas_2d(uv, triangles), rtol=1e-4)
    with pytest.raises(ValueError, match="flipped"):
        flatten(uv * [-1, 1], rest, free, nobody)


def test_the_energys_gradient_is_its_derivative():
    vertices, quads = plane(3, 3)
    triangles = split_quads(quads)
    rest = rest_metric(triangles, rest_edges(vertices, triangles))
    rng = np.random.default_rng(0)
    uv = vertices[:, :2] + 0.1 * rng.standard_normal((16, 2))
    gradient, hessian = _gradient_and_hessian(uv, rest)
    assert np.linalg.eigvalsh(hessian.toarray()).min() > -1e-9
    for place in range(0, 32, 5):
        step = np.zeros(32)
        step[place] = 1e-6
        ahead, behind = (_energy(uv + sign * step.reshape(16, 2), rest) for sign in (1, -1))
        assert gradient[place] == pytest.approx((ahead - behind) / 2e-6, rel=1e-5, abs=1e-6)


def test_rest_edges_keep_lengths_and_areas_and_lengthen_what_is_too_short():
    vertices, quads = plane(2, 2)
    turned = vertices @ np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))[0].T
    triangles = split_quads(quads)
    edges = rest_edges(turned, triangles)
    np.testing.assert_allclose(np.linalg.det(edges) / 2, _areas(turned, triangles), rtol=1e-9)
    longer = rest_edges(0.01 * turned, triangles, shortest=0.5)
    np.testing.assert_allclose(np.linalg.norm(longer[0][:, 0]), 0.5, rtol=1e-3)


def test_a_spread_factor_is_nowhere_below_itself():
    vertices, quads = plane(5, 5)
    values = np.random.default_rng(2).random(len(vertices))
    out = _smooth_on(split_quads(quads), values, 3)
    assert (out >= values).all()
    assert (out > values).any()


def outward(points: np.ndarray, quads: np.ndarray) -> np.ndarray:
    corners = points[quads]
    return np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])


def test_a_disc_and_the_rings_round_it_are_one_sheet_that_faces_one_way():
    points, quads, rim = disc_grid(4)
    assert len(rim) == 16
    assert len(rim_angles(4)) == 16
    flat = np.c_[points, np.zeros(len(points))]
    assert outward(flat, quads)[:, 2].min() > 0
    angle = rim_angles(4)
    rings = np.stack([np.c_[k * np.cos(angle), k * np.sin(angle), 0 * angle] for k in (1.2, 1.5)])
    vertices, whole = loft_rings(flat, rings, 4)
    assert len(vertices) == 25 + 32
    assert len(whole) == 16 + 32
    assert outward(vertices, whole)[:, 2].min() > 0
    assert [len(loop) for loop in boundary_loops(whole)] == [16]


def test_a_mirrored_sheet_still_faces_outward_and_two_are_joined_in_order():
    vertices, quads = plane(2, 3)
    sheet = Sheet(vertices, quads, vertices[:, :2], quads)
    other = mirrored(sheet)
    assert outward(other.vertices, other.quads)[:, 2].min() > 0
    both = join([sheet, other])
    assert len(both.vertices) == 2 * len(vertices)
    np.testing.assert_array_equal(both.vertices[both.quads[len(quads) :]], other.vertices[other.quads])
    np.testing.assert_array_equal(both.uvs[both.quad_uvs[len(quads) :]], other.uvs[other.quad_uvs])


@pytest.mark.parametrize("kind", ["incisor", "canine", "premolar", "molar"])
def test_a_crown_has_its_toothes_width_and_length(kind: str):
    tooth = Tooth(kind, width=8.0, length=9.0, depth=7.0, neck=6.0)
    points = crown(tooth)
    assert np.ptp(points[:, 0]) == pytest.approx(8.0, abs=0.2)
    assert 9.0 <= np.ptp(points[:, 2]) < 10.5
    assert points[:, 2].max() < 0.6  # the tip is the origin, cusps a little above


def test_the_upper_arch_goes_round_the_lower_one():
    along = np.linspace(2.0, 40.0, 20)
    (upper, outside), (lower, _) = UPPER_ARCH.at(along), LOWER_ARCH.at(along)
    np.testing.assert_allclose(np.linalg.norm(outside, axis=1), 1.0, atol=1e-2)
    assert (np.abs(upper[:, 0]) > np.abs(lower[:, 0]) - 0.3).all()


def test_principal_modes_of_known_directions_come_back_in_order():
    rng = np.random.default_rng(3)
    truth = np.linalg.qr(rng.standard_normal((12, 3)))[0].T * np.array([5.0, 2.0, 0.5])[:, None]
    samples = 1.0 + rng.standard_normal((6000, 3)) @ truth
    modes, share = principal_modes(samples, np.ones(4), 2)
    for found, known in zip(modes, truth, strict=False):
        assert abs(found @ known) / np.linalg.norm(found) / np.linalg.norm(known) > 0.99
        assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(known), rel=0.05)
        assert found[np.abs(found).argmax()] > 0
    assert share == pytest.approx(29.0 / 29.25, abs=0.01)


def test_parts_follow_the_skin_by_central_differences():
    vertices = np.zeros((5, 3))
    modes = np.random.default_rng(4).standard_normal((2, 3, 3))

    def place(head: np.ndarray) -> np.ndarray:
        out = head.copy()
        out[3:] = 2.0 * head[:2]
        return out

    whole = with_parts(modes, vertices, place)
    np.testing.assert_allclose(whole[:, :3], modes)
    np.testing.assert_allclose(whole[:, 3:], 2.0 * modes[:, :2], atol=1e-12)


def test_offsets_that_come_of_a_cage_give_the_cage_back():
    quads = plane(3, 3)[1]
    subdivision = sp.csr_matrix(catmull_clark(quads, 16).matrix)
    cage = np.random.default_rng(5).standard_normal((2, 16, 3))
    fine = np.stack([subdivision @ mode for mode in cage])
    np.testing.assert_allclose(to_cage(fine, subdivision), cage, atol=1e-3)


def test_landmarks_at_vertices_have_all_their_weight_there():
    triangles = split_quads(plane(3, 3)[1])
    points = _at_vertices(triangles, np.array([0, 5, 15]))
    np.testing.assert_array_equal(points.barycentric.sum(axis=1), 1.0)
    chosen = triangles[points.triangle][points.barycentric > 0]
    np.testing.assert_array_equal(chosen, [0, 5, 15])


@pytest.mark.parametrize(("age", "sex", "weight"), [(20.0, 0.0, 0.5), (57.5, 0.3, 0.8), (90.0, 1.0, 0.1)])
def test_attribute_weights_share_out_one_person_twice(age: float, sex: float, weight: float):
    """Once among the ancestries, once among the builds."""
    weights = attribute_weights(age, sex, np.array([0.2, 0.5, 0.3]), weight)
    builds = sum(w for path, w in weights.items() if "averagemuscle" in path)
    assert builds == pytest.approx(1.0)
    assert sum(weights.values()) - builds == pytest.approx(1.0)
    male = sum(w for path, w in weights.items() if "-male-" in path)
    assert male == pytest.approx(2 * sex)


def test_two_ends_of_an_axis_are_found_once():
    known = {"nose-scale-incr", "nose-scale-decr", "chin-jut"}
    assert _ends("nose-scale-incr", known) == ("nose-scale-incr", "nose-scale-decr")
    assert _ends("nose-scale-decr", known) == (None, None)
    assert _ends("chin-jut", known) == ("chin-jut", None)
    assert _both("eyes", "l-eye-up") == ("eyes/l-eye-up", "eyes/r-eye-up")
    assert _both("eyes", None) == ()
    assert _both_sides({"ear/?-lobe": 0.5}) == {"ear/l-lobe": 0.5, "ear/r-lobe": 0.5}


def test_source_files_are_read(tmp_path: Path):
    (tmp_path / "a.obj").write_text("# x\nv 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\ng body\nf 1/1 2/2 3/3 4/4\n")
    vertices, quads, groups = _read_obj(tmp_path / "a.obj")
    assert vertices.tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
    assert (quads.tolist(), groups.tolist()) == ([[0, 1, 2, 3]], ["body"])
    (tmp_path / "mirror").write_text("# pairs\n0 1\n1 0\n")
    assert _read_mirror(tmp_path / "mirror", 4).tolist() == [1, 0, 2, 3]
    (tmp_path / "t.target.gz").write_bytes(gzip.compress(b"# made\n2 0.5 -.25 0\n9 1 1 1\n"))
    offsets = _read_target(tmp_path / "t.target.gz", 4)
    assert offsets[2].tolist() == [0.5, -0.25, 0.0]
    assert np.count_nonzero(offsets) == 2
