"""Neutral heads of the face database: laws that every head keeps."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from mien.anatomy.eyeball import signed_clearance
from mien.core.errors import MienError
from mien.synth.identity.apply_traits import trait_strengths
from mien.synth.identity.basis import load_basis, read_basis, write_basis
from mien.synth.identity.heads import head_maker, neutral_head, neutral_heads
from mien.synth.subject import draw_subject
from mien.template.load import load_template

HEAVY = ("numba", "igl", "embreex", "cv2", "torch", "mitsuba")


@pytest.fixture(scope="module")
def people():
    return [draw_subject(21, i) for i in range(12)]


@pytest.fixture(scope="module")
def heads(people):
    return [head_maker(load_basis()).head(person) for person in people]


def test_a_head_has_the_same_bits_in_every_batch(people):
    basis = load_basis()
    together = neutral_heads(basis, people[:3])
    np.testing.assert_array_equal(together[1], neutral_head(basis, people[1]))
    np.testing.assert_array_equal(neutral_heads(basis, people[1:3])[0], together[1])
    assert together.shape == (3, load_template().topology.n_vertices, 3)
    assert together.dtype == np.float32


def test_every_head_passes_the_stated_rules(heads):
    maker = head_maker(load_basis())
    for head in heads:
        assert maker.faults(head.skin, head.weights) == []
        assert np.isfinite(head.skin).all()


def test_the_rules_refuse_what_they_must(heads):
    maker = head_maker(load_basis())
    head = heads[0]
    assert any("turned over" in fault for fault in maker.faults(head.skin * [-1, 1, 1], head.weights))
    assert any("eye corners" in fault for fault in maker.faults(head.skin * 1.5, head.weights))
    far = replace(head.weights, stage=head.weights.stage + 2.0)
    assert any("standard deviations" in fault for fault in maker.faults(head.skin, far))
    crossed = head.skin.copy()
    lips = load_template().regions["lower_lip"][: len(crossed)] > 0.5
    crossed[lips, 1] += 3e-3
    assert any("lips" in fault for fault in maker.faults(crossed, head.weights))


def test_a_refused_draw_is_followed_by_calmer_ones(monkeypatch, people):
    maker = head_maker(load_basis())
    first = maker.head(people[0])
    verdicts = iter([["refused"], ["refused"], []])
    monkeypatch.setattr(maker, "faults", lambda skin, weights: next(verdicts))
    third = maker.head(people[0])
    assert third.attempts == first.attempts + 2
    assert not np.array_equal(third.skin, first.skin)


def test_eyeballs_measure_24_millimetres_and_lids_rest_on_them(heads):
    seat, gaps, beyond = head_maker(load_basis()).seat, [], []
    for head in heads:
        for side, ball in head.eyes.items():
            assert 23.0 <= 2e3 * ball.radius <= 25.0
            eye = seat.eye(side)
            margin = head.skin[eye.contact].astype(float)
            gap = signed_clearance(margin, ball.centre, ball.radius, ball.rotation[:, 2])
            gaps.append(gap)
            beyond.append(gap - eye.gap * ball.radius / eye.ball.radius)
    assert 1e3 * np.concatenate(gaps).min() > -0.01  # nothing inside the ball
    assert np.percentile(1e3 * np.abs(np.concatenate(beyond)), 95) < 0.1  # as in the template


def test_faces_are_uneven_but_not_crooked(heads):
    from mien.evaluate.measures.form_spread import measure_unevenness

    skins = np.stack([head.skin for head in heads]).astype(float)
    uneven = measure_unevenness(skins, load_template())
    assert uneven.min() > 0.3
    assert uneven.max() < 1.8


def test_age_deepens_folds_and_leaves_the_rest_to_chance(people):
    young = [trait_strengths(replace(p, age=20.0)) for p in people]
    old = [trait_strengths(replace(p, age=78.0)) for p in people]
    for name in ("nasolabial fold", "jowl", "tear trough", "drooping nose tip"):
        assert np.mean([o[name] for o in old]) > np.mean([y[name] for y in young]) + 0.3
    assert all(y == trait_strengths(replace(p, age=20.0)) for y, p in zip(young, people, strict=True))


def test_the_same_person_ages_without_becoming_another():
    person = draw_subject(21, 3)
    basis = load_basis()
    weights = [head_maker(basis).draw(replace(person, age=age), 0)[2] for age in (20.0, 78.0)]
    apart = np.linalg.norm(weights[0].stage - weights[1].stage)
    assert apart < 0.5 * np.linalg.norm(weights[0].stage)


def test_parts_are_set_in_when_asked(people):
    head = neutral_head(load_basis(), people[0], parts=True)
    template = load_template()
    teeth = template.part("teeth_upper").vertices
    assert np.abs(head[teeth] - template.vertices[teeth]).max() > 1e-4


def test_the_basis_survives_its_file_and_other_formats_are_refused(tmp_path):
    basis = load_basis()
    path = tmp_path / "basis.safetensors"
    write_basis(basis, path)
    first = path.read_bytes()
    again = read_basis(path)
    write_basis(again, path)
    assert path.read_bytes() == first
    np.testing.assert_array_equal(again.features, basis.features)
    assert len(first) < 20e6
    path.write_bytes(first.replace(b'\\"format\\": 2', b'\\"format\\": 9'))
    with pytest.raises(MienError, match="basis format 9"):
        read_basis(path)


def test_nothing_heavy_is_needed_in_memory():
    code = (
        "import sys; from mien.synth.identity.basis import load_basis; from mien.synth.identity.heads import neutral_heads;"
        "from mien.synth.subject import draw_subject; {extra};"
        "neutral_heads(load_basis(), [draw_subject(0, 0)]);"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    for extra, expected in (("pass", "[]"), ("import numba", "['numba']")):  # the check can fail
        done = subprocess.run(
            [sys.executable, "-c", code.format(extra=extra)], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == expected
