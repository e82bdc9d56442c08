"""Heads that are a small part of what was scanned, several heads, and searches that end."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from mien.core.errors import MienError
from mien.core.mesh import Scan
from mien.scan.clean import clean_scan, select_faces
from mien.scan.extent import KEPT, LIES_APART, about_the_head, size_in_words
from mien.scan.landmarks import shape_search as own
from mien.scan.landmarks.detect import LOOSE, detect_landmarks, simplify
from mien.scan.landmarks.face_points import face_length
from mien.scan.landmarks.orthographic import make_canvas
from mien.scan.landmarks.parts_search import parts
from mien.scan.prepare import prepare_scan
from mien.template.load import load_template


def grid(place, rows: int = 24, columns: int = 48) -> Scan:
    """A surface over u (round) and v (0..1), facing outward."""
    v, u = np.meshgrid(np.linspace(0, 1, rows), np.linspace(0, 2 * np.pi, columns), indexing="ij")
    a = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    triangles = np.concatenate(
        [np.stack([a, a + columns, a + columns + 1], 1), np.stack([a, a + columns + 1, a + 1], 1)]
    )
    return Scan("grid", np.stack(place(u, v), axis=-1).reshape(-1, 3), triangles)


def ball(centre, radii) -> Scan:
    c, r = np.array(centre), np.array(radii)
    made = grid(
        lambda u, v: (np.sin(np.pi * v) * np.sin(u), np.cos(np.pi * v), np.sin(np.pi * v) * np.cos(u))
    )
    return replace(made, vertices=made.vertices * r + c)


def floor(height: float, size: float = 2.0, n: int = 24) -> Scan:
    x, z = np.meshgrid(np.linspace(-size / 2, size / 2, n + 1), np.linspace(-size / 2, size / 2, n + 1))
    i = np.arange((n + 1) ** 2).reshape(n + 1, n + 1)[:-1, :-1].ravel()
    triangles = np.concatenate(
        [np.stack([i, i + n + 1, i + 1], 1), np.stack([i + 1, i + n + 1, i + n + 2], 1)]
    )
    return Scan("floor", np.stack([x.ravel(), np.full(x.size, height), z.ravel()], 1), triangles)


def joined(*scans: Scan) -> Scan:
    starts = np.cumsum([0, *(len(s.vertices) for s in scans[:-1])])
    triangles = np.concatenate([s.triangles + k for s, k in zip(scans, starts, strict=True)])
    return Scan("scan", np.concatenate([s.vertices for s in scans]), triangles)


def moved(scan: Scan, by) -> Scan:
    return replace(scan, vertices=scan.vertices + np.asarray(by, float))


@pytest.fixture(scope="module")
def head():
    """The template's skin and eyes (metres, the eyes about the origin), light, and its landmarks."""
    template = load_template()
    names = ("face", "head", "eye_left", "eye_right")
    quads = np.concatenate([template.topology.quads[template.part(n).quads] for n in names])
    triangles = quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3).astype(np.int64)
    scan = clean_scan(Scan("head", template.vertices.astype(np.float64), triangles))
    return simplify(scan, 8_000), template.landmarks.on(template.vertices, template.topology)


@pytest.fixture(scope="module")
def body(head):
    """A person with spread arms, 1.7 m tall."""
    limbs = [ball([s * 0.5, -0.38, -0.07], [0.33, 0.05, 0.05]) for s in (-1, 1)]
    limbs += [ball([s * 0.1, -1.15, -0.07], [0.08, 0.5, 0.09]) for s in (-1, 1)]
    return joined(head[0], ball([0, -0.55, -0.08], [0.2, 0.36, 0.12]), *limbs)


@pytest.fixture
def looks(monkeypatch):
    """Counts how often the landmark network looks."""
    seen: list[int] = []
    real = own.look
    monkeypatch.setattr(own, "look", lambda *given: (seen.append(1), real(*given))[1])
    return seen


def off(found: np.ndarray, truth: np.ndarray) -> float:
    """Median distance of the inner points, in face lengths."""
    return float(np.median(np.linalg.norm(found - truth, axis=1)[27:]) / face_length(truth))


def test_balls_are_put_where_there_is_surface_and_not_on_floors():
    one = make_canvas(joined(floor(-1.0), ball([0.3, 0.2, 0.1], [0.1, 0.12, 0.1])))
    radius = 0.3
    found = parts(one, radius)
    assert found
    for part in found:
        assert np.linalg.norm(part.centre - [0.3, 0.2, 0.1]) < radius
    assert parts(make_canvas(floor(0.0)), radius) == []


def test_a_head_apart_from_the_floor_below_it_is_found(head):
    scan, truth = head
    whole = clean_scan(joined(scan, floor(-1.3, 3.0)))
    assert len(whole.triangles) == len(floor(0.0).triangles)
    assert whole.apart is not None
    found = detect_landmarks(whole, networks="mien")
    assert LIES_APART in found.notes
    assert len(found.scan.triangles) == len(scan.triangles)
    assert off(found.landmarks, truth) < 0.06


def test_landmarks_may_be_given_on_a_piece_that_lies_apart(head):
    scan, truth = head
    prepared = prepare_scan(clean_scan(joined(scan, floor(-1.3, 3.0))), landmarks=truth)
    assert len(prepared.scan.triangles) == len(scan.triangles)
    assert prepared.scan.apart is None


def test_the_head_of_a_whole_body_is_found_and_the_rest_left_out(head, body):
    _, truth = head
    found = detect_landmarks(clean_scan(body), networks="mien")
    assert off(found.landmarks, truth) < 0.06
    (note,) = [n for n in found.notes if "more than a head" in n]
    assert size_in_words(body) in note
    reach = np.linalg.norm(found.scan.vertices - truth[30], axis=1).max() / face_length(truth)
    assert reach < KEPT + 1.5


def test_a_bust_is_not_cut(head):
    scan, truth = head
    assert about_the_head(scan, truth.mean(axis=0), face_length(truth)) == (scan, ())


def test_landmarks_far_off_cut_nothing(head):
    scan, truth = head
    assert about_the_head(scan, truth.mean(axis=0) + 50.0, face_length(truth)) == (scan, ())


@pytest.mark.parametrize("by", [(0.3, 0.0, 0.0), (0.0, 0.1, -0.5)])
def test_a_second_head_is_told_of(head, by):
    scan, truth = head
    found = detect_landmarks(clean_scan(joined(scan, moved(scan, by))), networks="mien")
    (note,) = [n for n in found.notes if "two faces" in n]
    here = min(off(found.landmarks, truth), off(found.landmarks, truth + by))
    assert here < 0.06
    places = np.array(re.findall(r"-?\d[\d.e-]*", note), float).reshape(2, 3)
    assert np.linalg.norm(np.abs(places[0] - places[1]) - np.abs(by)) < 0.03


def test_one_head_is_not_taken_for_two(head):
    assert detect_landmarks(clean_scan(head[0]), networks="mien").notes == ()


@pytest.mark.slow
def test_a_search_that_finds_nothing_ends_after_so_many_looks_and_names_the_size(looks, body):
    without = select_faces(body, body.vertices[body.triangles].mean(axis=1)[:, 1] < -0.2)
    with pytest.raises(MienError, match=r"at any scale.*it is 1\.66 x .* large: cut off") as refused:
        detect_landmarks(clean_scan(without), networks="mien")
    assert "\n" not in str(refused.value)
    assert len(looks) <= own.LOOKS_IN_A_SEARCH + own.LOOKS


def test_what_cannot_be_simplified_is_thinned(head):
    """Triangles that hang together nowhere."""
    scan, _ = head
    rng = np.random.default_rng(3)
    apart = scan.vertices[scan.triangles] + 0.02 * rng.normal(size=(len(scan.triangles), 1, 3))
    loose = Scan("loose", apart.reshape(-1, 3), np.arange(3 * len(scan.triangles)).reshape(-1, 3))
    assert len(simplify(loose, 500).triangles) <= LOOSE * 500
