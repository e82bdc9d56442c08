"""Sizes of heads: calipers on known changes, sizes that are brought to their goals, looks that stray."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mien.evaluate.measures.anthropometry import SURVEYS, compare_with_surveys, measure_ageing
from mien.synth.identity.basis import load_basis
from mien.synth.identity.calipers import Calipers
from mien.synth.identity.heads import head_maker
from mien.synth.identity.looks import looks
from mien.synth.identity.survey_sizes import SIZES, Build
from mien.synth.subject import draw_subject
from mien.template.load import load_template


@pytest.fixture(scope="module")
def build():
    return Build(load_template(), load_basis().mean)


@pytest.fixture(scope="module")
def subjects():
    return [draw_subject(31, i) for i in range(40)]


def test_calipers_grow_with_the_head_and_do_not_see_where_it_stands():
    mean = load_basis().mean.astype(np.float64)
    take = Calipers(load_template(), mean)
    measures = (take.head_length, take.head_breadth, take.head_circumference, take.tragion_to_top,
                take.neck_circumference, take.nose_length, take.nose_breadth, take.bizygomatic_breadth)  # fmt: skip
    for measure in measures:
        size = measure(1e3 * mean)
        assert measure(1e3 * mean + [3.0, -7.0, 11.0]) == pytest.approx(size, rel=1e-9)
        tape = measure in (take.head_circumference, take.neck_circumference)  # a band catches other rows
        assert measure(1.1e3 * mean) == pytest.approx(1.1 * size, rel=0.02 if tape else 1e-9)
    assert take.head_breadth(1e3 * mean * [1.2, 1, 1]) == pytest.approx(1.2 * take.head_breadth(1e3 * mean))


def test_sizes_become_what_their_goals_ask(build):
    someone = replace(draw_subject(31, 0), sex=0.8)
    skin = load_basis().mean.copy()
    before = build.measure(skin)
    build.resize(skin, someone)
    after = build.measure(skin)
    for name, size in SIZES.items():
        wanted = before[name] + size.change(before[name], 0.6)
        assert abs(after[name] - wanted) < 0.35 * abs(wanted - before[name]) + 1.5, name


def test_a_field_changes_its_own_measure_and_leaves_eyes_and_mouth(build):
    skin, marks = load_basis().mean, load_template().landmarks
    corners = load_template().topology.triangles[marks.triangle]
    for name, field in build._fields.items():
        moved = 1e3 * skin.astype(np.float64)
        start = build._measures[name](moved)
        moved[field.rows] += 4.0 * field.move
        assert build._measures[name](moved) - start == pytest.approx(4.0, abs=1.0), name
        if name not in ("nose length", "nose breadth"):
            eyes = corners[36:48].ravel()
            assert np.abs(moved[eyes] - 1e3 * skin[eyes]).max() < 1.0


def test_heads_measure_as_surveyed_adults_do(subjects):
    maker = head_maker(load_basis())
    heads = [maker.head(subject) for subject in subjects]
    rows = compare_with_surveys(maker.build.calipers, subjects, heads)
    assert [row["measure, mm"] for row in rows] == list(SURVEYS)
    for row in rows:
        for who in ("men", "women"):
            (found, _), (wanted, spread) = (
                [float(part.strip("()")) for part in str(row[key]).split()]
                for key in (who, f"{who}, surveyed")
            )
            assert abs(found - wanted) < 1.3 * spread, (row["measure, mm"], who)


def test_looks_stray_but_stay_the_persons_own(subjects):
    shown = [looks(subject) for subject in subjects]
    assert shown == [looks(subject) for subject in subjects]
    for subject, look in zip(subjects, shown, strict=True):
        assert sum(look.ancestry) == pytest.approx(1.0)
        assert min(look.ancestry) >= 0.0
        assert (look.tone, look.weight, look.index) == (subject.tone, subject.weight, subject.index)
    young = [looks(replace(subject, age=20.0)).age for subject in subjects]
    assert young == [20.0] * len(subjects)
    old = np.array([looks(replace(subject, age=80.0)).age for subject in subjects])
    assert 4.0 < old.std() < 12.0


def test_some_women_look_like_men_and_most_do_not():
    people = [draw_subject(32, i) for i in range(1500)]
    wrong = np.mean([(looks(p).sex > 0.5) != (p.sex > 0.5) for p in people])
    assert 0.01 < wrong < 0.06


def test_age_reaches_the_neck(subjects):
    """The neck of a lean person is less smooth at 80 than at 25: bands, rings and loose skin."""
    maker = head_maker(load_basis())
    rough = []
    for subject in subjects[:10]:
        young, old = (
            maker.draw(replace(subject, age=age, weight=0.4), 0)[0].astype(np.float64) for age in (25.0, 80.0)
        )
        neck = maker.template.regions["neck"][: len(young)] > 0.8
        front = neck & (load_basis().mean[:, 2] > -0.08) & (load_basis().mean[:, 1] > -0.17)
        change = 1e3 * (old - young)[front]
        rough.append((change - change.mean(axis=0)).std())
    assert np.mean(rough) > 0.8


def test_lips_thin_and_ears_grow_with_the_years(subjects):
    rows = {
        row["mean of the same people, mm"]: row
        for row in measure_ageing(head_maker(load_basis()), subjects[:6])
    }
    lips, ear, face = (
        rows[name]
        for name in ("height of both lips' red", "ear, top to lobe", "face, away from what it was at 20")
    )
    assert float(str(lips["at 80"])) < float(str(lips["at 40"])) < float(str(lips["at 20"]))
    assert float(str(ear["at 80"])) > float(str(ear["at 20"])) + 4.0
    assert face["at 20"] == 0.0
    assert 2.0 < float(str(face["at 80"])) < 8.0
