"""Whole registrations: known truth, refusals, what an artist would notice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from mien.core.errors import MienError
from mien.core.face import PreparedScan, Registration
from mien.core.mesh import Scan
from mien.evaluate.measures.expected_error import measure_true_errors
from mien.evaluate.measures.registration_accuracy import measure_correspondence, measure_registration
from mien.geometry.closest import ClosestPoint
from mien.register.fitted_skin import template_skin
from mien.register.run import register
from mien.synth.scans.synthetic_scan import Recipe, SyntheticScan, synthetic
from mien.template.load import load_template


@pytest.fixture(scope="module")
def made() -> SyntheticScan:
    return synthetic(load_template(), seed=0)


@pytest.fixture(scope="module")
def registered(made: SyntheticScan) -> Registration:
    return register(load_template(), made.prepared)


def test_synthetic_scans_are_deterministic_and_differ_by_seed(made: SyntheticScan) -> None:
    again = synthetic(load_template(), seed=0)
    np.testing.assert_array_equal(again.prepared.scan.vertices, made.prepared.scan.vertices)
    assert not np.array_equal(synthetic(load_template(), seed=1).truth, made.truth)


def test_correspondence_with_known_truth(made: SyntheticScan, registered: Registration) -> None:
    numbers = measure_correspondence(load_template(), registered, made)
    assert numbers["correspondence_median_mm"] < 0.8
    assert numbers["correspondence_p95_mm"] < 2.0
    start = Registration(**{**vars(registered), "vertices": registered.linear})
    assert (
        numbers["correspondence_median_mm"]
        < 0.7 * measure_correspondence(load_template(), start, made)["correspondence_median_mm"]
    )


def test_surface_is_met_in_both_directions(made: SyntheticScan, registered: Registration) -> None:
    numbers = measure_registration(load_template(), registered, made.prepared, samples=20_000)
    for way in ("head_to_scan", "scan_to_head"):
        assert numbers[f"{way}_median_mm"] < 0.2
        assert numbers[f"{way}_p95_mm"] < 1.5
    assert numbers["measured_share"] > 0.85
    assert numbers["flipped_triangles"] == 0
    assert numbers["edge_stretch_p95"] < 1.5


def test_confidence_is_high_where_measured_and_falls_with_the_expected_error(
    registered: Registration,
) -> None:
    template = load_template()
    measured = ~np.isnan(registered.distance_mm)
    assert 0.0 <= registered.confidence.min() <= registered.confidence.max() <= 1.0
    assert np.median(registered.confidence[measured]) > 0.8
    unseen = template.regions["measured"] < 0.01
    assert registered.confidence[unseen].max() < 0.05
    assert np.isnan(registered.distance_mm[unseen]).all()
    face = template.vertex_mask("face") & (template.regions["measured"] > 0.99)
    holes = face & ~measured
    assert holes.any()  # the recipe tore some
    error = registered.expected_error_mm
    assert error is not None
    assert np.median(error[holes]) > 1.5 * np.median(error[face & measured])
    order = np.argsort(error[face])
    assert (np.diff(registered.confidence[face][order]) <= 1e-12).all()
    assert np.isnan(error[~template.vertex_mask("face", "head") & (template.regions["measured"] == 0)]).any()


def test_the_expected_error_tells_good_vertices_from_bad(
    made: SyntheticScan, registered: Registration
) -> None:
    template = load_template()
    skin = template_skin(template)
    seen = np.flatnonzero(skin.measured > 0.5)
    true = measure_true_errors(registered.vertices[skin.index], made.truth[skin.index], skin.triangles, seen)
    for target, predicted, ratio, rank in (
        # on a clean scan most vertices lie equally close, so ranks say less than the worst tenth does
        ("off_surface", registered.expected_error_mm, 2.5, 0.25),
        ("slip", registered.expected_slip_mm, 1.8, 0.4),  # it is more even over a head
    ):
        assert predicted is not None
        at, error = predicted[skin.index][seen], 1000 * true[target]
        assert spearmanr(at, error)[0] > rank
        order = np.argsort(at)
        worst, best = error[order[-len(order) // 10 :]], error[order[: len(order) // 10]]
        assert worst.mean() > ratio * best.mean()
        assert 0.5 < at.mean() / error.mean() < 2.0


def test_lips_and_lids_never_cross(registered: Registration) -> None:
    template, v = load_template(), registered.vertices
    for upper, lower in (("lid_upper_left", "lid_lower_left"), ("lid_upper_right", "lid_lower_right")):
        gap = (v[template.loops[upper]] - v[template.loops[lower]])[1:-1, 1]
        assert gap.min() > -2e-4


def lump(scale: float) -> tuple[np.ndarray, np.ndarray]:
    """An animal-like blob: an ellipsoid with two long ears and no face."""
    import igl

    vertices = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], float)
    triangles = np.array(
        [[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]]
    )
    for _ in range(5):
        vertices, triangles = igl.upsample(vertices, triangles)
        vertices /= np.linalg.norm(vertices, axis=1, keepdims=True)
    ears = np.exp(-((np.abs(vertices[:, 0]) - 0.4) ** 2 + vertices[:, 2] ** 2) / 0.05) * (vertices[:, 1] > 0)
    vertices = vertices * [0.075, 0.1, 0.09] * scale + ears[:, None] * [0, 0.12, 0]
    return vertices, triangles.astype(np.int64)


@pytest.mark.parametrize("scale", [0.6, 0.9, 1.2])
def test_a_bunny_with_a_faces_landmarks_is_refused(scale: float) -> None:
    template = load_template()
    landmarks = template.landmarks.on(template.vertices, template.topology)
    vertices, triangles = lump(scale)
    front = landmarks[27:].mean(axis=0)
    vertices = vertices - [0, 0, vertices[:, 2].max() - 0.01] + front
    prepared = PreparedScan(Scan("bunny", vertices, triangles), np.eye(4), landmarks, np.ones(68), "m")
    with pytest.raises(MienError, match=r"bunny: .*face"):
        register(template, prepared)


def test_a_landmark_moved_by_hand_is_met_and_the_rest_stays(
    made: SyntheticScan, registered: Registration
) -> None:
    template = load_template()
    scan = made.prepared.scan
    landmarks = made.prepared.landmarks.copy()
    aside = landmarks[48] + [-0.004, 0.001, 0.0]
    landmarks[48] = ClosestPoint(scan.vertices, scan.triangles).query(aside[None]).points[0]
    assert 0.003 < np.linalg.norm(landmarks[48] - made.prepared.landmarks[48]) < 0.006
    moved = replace(made.prepared, landmarks=landmarks, placed=np.arange(68) == 48)
    edited = register(template, moved)
    corner = template.landmarks.on(edited.vertices, template.topology)[48]
    assert np.linalg.norm(corner - landmarks[48]) < 0.0005
    assert edited.report["placed_landmarks"] == 1
    assert edited.report["placed_landmarks_max_mm"] < 0.5
    assert edited.report["flipped_triangles"] == 0
    seen = template.regions["measured"] > 0.5
    change = np.linalg.norm(edited.vertices - registered.vertices, axis=1)
    assert change[seen & (registered.vertices[:, 0] > 0.005)].max() < 0.0005
    far = np.linalg.norm(registered.vertices - landmarks[48], axis=1) > 0.03
    assert np.percentile(change[seen & far], 99) < 0.0005
    assert "placed_landmarks" not in registered.report


def test_landmarks_that_form_no_face_are_refused(made: SyntheticScan) -> None:
    prepared = made.prepared
    shuffled = prepared.landmarks[np.random.default_rng(0).permutation(68)]
    wrong = PreparedScan(prepared.scan, prepared.transform, shuffled, np.ones(68), prepared.unit_note)
    with pytest.raises(MienError, match="do not form a face"):
        register(load_template(), wrong)
    few = np.zeros(68)
    few[:20] = 1.0
    unseen = PreparedScan(prepared.scan, prepared.transform, prepared.landmarks, few, prepared.unit_note)
    with pytest.raises(MienError, match="landmarks found"):
        register(load_template(), unseen)


def test_a_scan_elsewhere_is_refused(made: SyntheticScan) -> None:
    far = made.prepared.landmarks + 5.0
    prepared = PreparedScan(made.prepared.scan, np.eye(4), far, np.ones(68), "metres")
    with pytest.raises(MienError, match="no scan surface"):
        register(load_template(), prepared)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_more_heads(seed: int) -> None:
    template = load_template()
    made = synthetic(template, seed, Recipe(holes=5, clutter=4))
    numbers = measure_correspondence(template, register(template, made.prepared), made)
    assert numbers["correspondence_median_mm"] < 1.0
    assert numbers["correspondence_p95_mm"] < 2.5


@pytest.mark.slow
def test_the_same_scan_gives_the_same_bytes(made: SyntheticScan, registered: Registration) -> None:
    again = register(load_template(), made.prepared)
    assert again.vertices.tobytes() == registered.vertices.tobytes()
    assert again.confidence.tobytes() == registered.confidence.tobytes()
