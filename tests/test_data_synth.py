"""`mien data synth`: a small database on disk, made, stopped, gone on with, damaged."""

from __future__ import annotations

import json
import multiprocessing
import shutil

import numpy as np
import pytest

pytest.importorskip("pyarrow", reason='needs the extra "data"')

from mien.core.conventions import EXPRESSIONS, shape_weights
from mien.core.errors import MienError
from mien.data.basis import load_basis
from mien.data.database import Database
from mien.data.expression import expression_maker
from mien.data.record import encode_lengths
from mien.data.skin.expressed import dynamic_skin, strain_in
from mien.data.skin.look import draw_look
from mien.data.subject import draw_subject
from mien.data.whole import mean_head, whole_expression, whole_head
from mien.pipeline.database_build import DISPLACEMENT_MM, SynthOptions, subject_of, synthesize
from mien.pipeline.database_info import contact_sheet, database_info, info_text
from mien.template.load import load_template

OPTIONS = SynthOptions(seed=6, count=2, expressions="random:2", per_shard=1)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faces")
    told = []
    assert synthesize(str(folder), OPTIONS, 0, told.append) == 2
    assert sum(told) == 2
    return folder


def contents(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def test_records_hold_what_the_makers_make(made):
    database = Database(str(made))
    assert len(database) == 2
    template, maker = load_template(), expression_maker(load_basis())
    for index, record in enumerate(database.records()):
        subject = draw_subject(6, index)
        head = maker.heads.head(subject)
        skin = mean_head(load_basis(), template) + record.neutral
        np.testing.assert_allclose(skin[: maker.count], head.skin, atol=0.03e-3)  # half floats
        assert (record.attributes["age"], record.attributes["monk"]) == (subject.age, subject.monk)
        assert record.provenance["index"] == index
        bound = maker.bind(head, maker.draw_form(subject, head))
        for name, code in record.provenance["codes"].items():
            offsets = maker.expression(bound, shape_weights(code))
            np.testing.assert_allclose(record.expressions[name][: maker.count], offsets, atol=0.03e-3)
        assert record.maps["albedo"].shape == (256, 256, 3)
        assert record.licence == "CC0-1.0"


def test_a_stopped_run_goes_on_and_gives_the_same_bytes(made, tmp_path):
    again = tmp_path / "again"
    shutil.copytree(made, again)
    for name in ("manifest.parquet", "shards/00001.tar", "shards/00001.tar.json"):
        (again / name).unlink()
    assert synthesize(str(again), OPTIONS, 0) == 1
    assert contents(again) == contents(made)
    assert synthesize(str(again), OPTIONS, 0) == 0


@pytest.mark.slow
def test_a_stop_ends_the_workers_within_the_subject_in_hand(tmp_path):
    def stop(done):
        if done:
            raise KeyboardInterrupt

    options = SynthOptions(seed=6, count=12, expressions="none", per_shard=12, resolution=64)
    with pytest.raises(KeyboardInterrupt):
        synthesize(str(tmp_path / "faces"), options, 1, stop)
    assert not (tmp_path / "faces" / "shards").exists(), "the worker went on to the shard's end"
    assert multiprocessing.active_children() == []


def test_dynamic_maps_are_the_makers(tmp_path):
    options = SynthOptions(seed=6, count=1, expressions="random:1", per_shard=1, maps="all")
    synthesize(str(tmp_path), options, 0)
    record = next(Database(str(tmp_path)).records())
    (name,) = record.expressions
    names = {"albedo", "displacement", f"albedo/{name}", f"displacement/{name}"}
    assert set(record.maps) == names
    skin = dynamic_skin(draw_look(draw_subject(6, 0)), record.maps["albedo"], displacement=True)
    whole = mean_head(load_basis(), load_template()) + record.neutral
    strain = strain_in(whole, record.expressions[name])  # of half floats: off by microns
    step = np.ptp(DISPLACEMENT_MM) / 65535
    np.testing.assert_allclose(record.lengths("displacement"), skin.displacement, atol=step)
    found, expected = record.lengths(f"displacement/{name}"), skin.displacement_in(strain)
    assert np.abs(found - expected).mean() < 0.05 * np.abs(expected - skin.displacement).mean() + step
    moved = record.maps[f"albedo/{name}"].astype(int) - record.maps["albedo"]
    assert np.abs(moved - (skin.albedo_in(strain).astype(int) - skin.albedo)).mean() < 0.3
    assert np.abs(moved).max() > 3
    with pytest.raises(ValueError, match=r"expected -2\.5 to 2\.5"):
        encode_lengths(np.array([[0.0, 2.6]]), list(DISPLACEMENT_MM))


def test_another_database_in_the_folder_is_refused(made):
    with pytest.raises(MienError, match="holds another database"):
        synthesize(str(made), SynthOptions(seed=7, count=2, expressions="random:2", per_shard=1), 0)


def test_options_that_make_no_sense_are_refused():
    for wrong in (
        {"count": 0},
        {"count": 1, "resolution": 300},
        {"count": 1, "expressions": "some"},
        {"count": 1, "maps": "some"},
    ):
        with pytest.raises(MienError, match="expected"):
            SynthOptions(seed=1, **wrong)


def test_info_counts_and_names_damage(made, tmp_path):
    found = database_info(str(made))
    assert (found["subjects"], found["expressions"], found["licences"]) == (2, 2, {"CC0-1.0": 2})
    assert json.loads(json.dumps(found)) == found
    assert "CC0-1.0: 2" in info_text(found)
    rows = Database(str(made)).manifest.to_pylist()
    assert subject_of(rows[1], 6) == draw_subject(6, 1)
    broken = tmp_path / "broken"
    shutil.copytree(made, broken)
    path = broken / "shards/00000.tar"
    path.write_bytes(path.read_bytes()[:-700] + bytes(700))
    path.write_bytes(b"\1" + path.read_bytes()[1:])
    with pytest.raises(MienError, match=r"00000\.tar: the shard is damaged"):
        database_info(str(broken))
    left = database_info(str(broken), skip_damaged=True)
    assert (left["subjects"], len(left["damaged"])) == (1, 1)


@pytest.mark.slow
def test_a_contact_sheet_shows_its_subjects(made):
    sheet = contact_sheet(str(made), 2)
    assert sheet.std() > 20
    with pytest.raises(MienError, match="expected 1 to 48"):
        contact_sheet(str(made), 49)


def test_eyeballs_turn_and_the_lower_teeth_go_with_the_jaw():
    template, maker = load_template(), expression_maker(load_basis())
    subject = draw_subject(6, 0)
    head = maker.heads.head(subject)
    whole = whole_head(maker, maker.bind(head, maker.draw_form(subject, head)))
    looks = whole_expression(maker, whole, shape_weights({"eyeLookUpLeft": 1.0}))
    rows = maker.heads.seat.eye("left").rows
    arm = whole.neutral[rows] - head.eyes["left"].centre
    moved = arm + looks[rows]
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), np.linalg.norm(arm, axis=1), rtol=1e-4)
    assert np.abs(looks[rows]).max() > 3e-3
    opened = whole_expression(maker, whole, shape_weights(EXPRESSIONS["jawOpen"]))
    assert opened[template.part("teeth_lower").vertices, 1].max() < -3e-3
    assert not opened[template.part("teeth_upper").vertices].any()
    assert not whole_expression(maker, whole, np.zeros(52)).any()
    blink = whole_expression(maker, whole, shape_weights(EXPRESSIONS["blink"]))
    assert np.abs(blink[template.part("lashes_left").vertices]).max() > 3e-3
