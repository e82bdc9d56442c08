"""`mien data synth`: a small database on disk, made, stopped, gone on with, damaged."""

from __future__ import annotations

import json
import multiprocessing
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from faces_fixture import FACES as OPTIONS
from mien.cli.data import Data, Info, Synth, run_data
from mien.core.conventions import EXPRESSIONS, shape_weights
from mien.core.errors import MienError
from mien.database.filesystem import Folder
from mien.database.record import encode_lengths
from mien.database.store import Database, Gaps
from mien.evaluate.measures.sampling_speed import measure_skin_maps
from mien.pipeline.describe_database import database_info, draw_database_sheet, info_text, refuse_sheet
from mien.pipeline.progress import counting_progress
from mien.pipeline.synth_database import DISPLACEMENT_MM, SynthOptions, shards_line, subject_of, synthesize
from mien.synth.expression.maker import expression_maker
from mien.synth.identity.basis import load_basis
from mien.synth.identity.heads import neutral_heads
from mien.synth.skin.expressed import dynamic_skin, strain_in
from mien.synth.skin.look import draw_look
from mien.synth.subject import draw_subject
from mien.synth.whole_head import mean_head, whole_expression, whole_head
from mien.template.load import load_template


@pytest.fixture
def made(faces):
    return faces


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
    assert synthesize(str(again), OPTIONS, 0) == Gaps([1], [])
    assert contents(again) == contents(made)
    assert synthesize(str(again), OPTIONS, 0) == Gaps([], [])


def test_a_damaged_shard_is_made_again(made, tmp_path):
    again = tmp_path / "again"
    shutil.copytree(made, again)
    path = again / "shards/00000.tar"
    path.write_bytes(path.read_bytes()[:-600] + b"!" + path.read_bytes()[-599:])
    gaps = synthesize(str(again), OPTIONS, 0)
    assert shards_line(gaps) == "0 shards made, 1 damaged shard made again"
    assert contents(again) == contents(made)


def test_more_subjects_and_another_range_are_the_same_people(made, tmp_path):
    grown, alone = tmp_path / "grown", tmp_path / "alone"
    two = replace(OPTIONS, count=1, per_shard=2)
    synthesize(str(grown), two, 0)
    assert synthesize(str(grown), replace(two, count=2), 0) == Gaps([0], [])
    synthesize(str(alone), replace(OPTIONS, count=1, start=1), 0)
    first, second = Database(str(made)).records()
    for record, other in zip(
        [first, second, second],
        [*Database(str(grown)).records(), *Database(str(alone)).records()],
        strict=True,
    ):
        assert record.key == other.key
        np.testing.assert_array_equal(record.neutral, other.neutral)


def test_the_mean_head_lies_beside_the_shards(made):
    template = load_template()
    database = Database(str(made))
    np.testing.assert_allclose(database.mean, mean_head(load_basis(), template), atol=1e-7)
    text = (made / "mean.obj").read_text()
    assert text.count("\nf ") == len(template.topology.quads)
    face = (
        np.array(
            [[c.split("/") for c in line.split()[1:]] for line in text.splitlines() if line[:2] == "f "], int
        )
        - 1
    )
    order = np.concatenate([np.arange(len(template.topology.quads))[part.quads] for part in template.parts])
    np.testing.assert_array_equal(face[..., 0], template.topology.quads[order])
    np.testing.assert_array_equal(face[..., 1], template.topology.quad_uvs[order])


def test_the_recipe_in_the_docs_reads_what_database_reads(made):
    page = (Path(__file__).parents[1] / "docs" / "database.md").read_text().partition("## Read a database")[2]
    with_mien, plain = page.split("```python\n")[1:3]
    ours: dict = {}
    exec(with_mien.partition("```")[0].replace('"DIR"', repr(str(made))), ours)
    recipe: dict = {}
    exec(plain.partition("```")[0].replace('"DIR"', repr(str(made))), recipe)
    record = Database(str(made)).record("000001")
    assert ours["record"].key == recipe["key"] == record.key
    np.testing.assert_array_equal(recipe["head"], ours["head"])
    np.testing.assert_array_equal(recipe["head"], Database(str(made)).mean + record.neutral)
    assert list(recipe["expressions"]) == list(record.expressions)
    for name, offsets in record.expressions.items():
        np.testing.assert_array_equal(recipe["expressions"][name], offsets)
    np.testing.assert_array_equal(recipe["albedo"], record.maps["albedo"])


def test_a_head_from_disk_is_the_whole_head(made):
    maker, subject = expression_maker(load_basis()), draw_subject(6, 1)
    head = maker.heads.head(subject)
    whole = whole_head(maker, maker.bind(head, maker.draw_form(subject, head)), subject).neutral
    database = Database(str(made))
    read = database.mean + database.record("000001").neutral
    np.testing.assert_allclose(read, whole, atol=0.03e-3)  # half floats
    drawn = neutral_heads(load_basis(), [subject], parts=True)[0]
    np.testing.assert_allclose(drawn, whole, atol=1e-6)


def test_what_cannot_work_is_refused_before_the_work(tmp_path):
    with pytest.raises(MienError, match="other processes cannot write to this one's memory"):
        synthesize("memory://faces", OPTIONS, 2)
    with pytest.raises(MienError, match="-1 workers: expected 0 or more"):
        synthesize(str(tmp_path), OPTIONS, -1)
    with pytest.raises(MienError, match="workers 0: expected 1 or more"):
        run_data(Data(Synth(out=str(tmp_path), count=1, workers=0)))
    assert not any(tmp_path.iterdir())
    for shown, out, told in (
        (0, tmp_path / "a.png", "expected 1 to 48"),
        (49, tmp_path / "a.png", "expected 1 to 48"),
        (3, tmp_path / "a.tiff", r"ends in \.png"),
        (3, tmp_path / "none" / "a.png", "folder that exists"),
    ):
        with pytest.raises(MienError, match=told):
            run_data(Data(Info("nowhere", out=out, subjects=shown)))
    with pytest.raises(MienError, match="skin 300: expected a power of two"):
        measure_skin_maps(300)


def test_info_of_an_unfinished_database_says_so(made, tmp_path):
    again = tmp_path / "again"
    shutil.copytree(made, again)
    for name in ("manifest.parquet", "shards/00001.tar", "shards/00001.tar.json"):
        (again / name).unlink()
    found = database_info(str(again))
    assert (found["subjects"], found["of"], found["finished"]) == (1, 2, False)
    assert "unfinished: 1 of 2 subjects; the same `mien data synth` goes on" in info_text(found)
    (again / "shards/00000.tar.json").unlink()
    with pytest.raises(MienError, match="unfinished: 0 of 2 subjects"):
        database_info(str(again))


def test_without_a_terminal_a_line_now_and_then(capsys):
    with counting_progress("subjects", 40) as tell:
        for _ in range(40):
            tell(1)
    lines = capsys.readouterr().err.splitlines()
    assert (len(lines), lines[0], lines[-1]) == (20, "2 of 40 subjects", "40 of 40 subjects")


def test_the_neutrals_maps_are_kept_once(tmp_path):
    synthesize(str(tmp_path), SynthOptions(seed=6, count=1, expressions="none", per_shard=1, maps="all"), 0)
    assert set(next(Database(str(tmp_path)).records()).maps) == {"albedo", "displacement"}


@pytest.mark.slow
@pytest.mark.parametrize("per_shard", [12, 2])
def test_a_stop_ends_the_workers_within_the_subject_in_hand(tmp_path, per_shard):
    def stop(done):
        if done:
            raise KeyboardInterrupt

    options = SynthOptions(seed=6, count=12, expressions="none", per_shard=per_shard, resolution=64)
    with pytest.raises(KeyboardInterrupt):
        synthesize(str(tmp_path / "faces"), options, 1, stop)
    written = Folder(str(tmp_path / "faces")).names("shards")
    assert len(written) <= 2 * (per_shard == 2), "the worker went on"  # a shard and its summary
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
    with pytest.raises(MienError, match="seed 6 there, 7 asked for; ask for what is there, or give another"):
        synthesize(str(made), SynthOptions(seed=7, count=2, expressions="random:2", per_shard=1), 0)


def as_earlier_commits_wrote_it(folder, **changed):
    """The header's form before assets were told by name: hashes of basis and of the generator's code."""
    path = folder / "database.json"
    header = json.loads(path.read_text())
    held = header["fingerprint"]
    header["fingerprint"] = {
        "generator": "mien 0.0.9, database 1",
        "seed": held["seed"],
        "expressions": held["expressions"],
        "basis_sha256": held["assets"]["basis.safetensors"],
        "code_sha256": "0" * 64,
        **changed,
    }
    path.write_text(json.dumps(header))


def test_a_database_of_other_code_is_read_and_grown(made, tmp_path):
    old = tmp_path / "old"
    shutil.copytree(made, old)
    for name in ("manifest.parquet", "shards/00001.tar", "shards/00001.tar.json"):
        (old / name).unlink()
    as_earlier_commits_wrote_it(old)
    assert Database(str(old), unfinished=True).header.count == 2
    assert synthesize(str(old), OPTIONS, 0) == Gaps([1], [])
    assert contents(old) == contents(made)


def test_a_database_of_another_version_or_basis_is_read_but_not_grown(made, tmp_path):
    for changed, told in (
        ({"generator": "mien 0.1.0, database 0"}, "holds another database: version 0 there, 1 now; what is"),
        ({"basis_sha256": "0" * 64}, r"holds another database: drawn from another basis\.safetensors; what"),
    ):
        old = tmp_path / next(iter(changed))
        shutil.copytree(made, old)
        as_earlier_commits_wrote_it(old, **changed)
        assert len(list(Database(str(old)).records())) == 2
        with pytest.raises(MienError, match=told):
            synthesize(str(old), OPTIONS, 0)
    new = tmp_path / "new"
    shutil.copytree(made, new)
    header = json.loads((new / "database.json").read_text())
    header["fingerprint"]["assets"]["skin_prior.safetensors"] = "1" * 64
    (new / "database.json").write_text(json.dumps(header))
    with pytest.raises(MienError, match=r"drawn from another skin_prior\.safetensors"):
        synthesize(str(new), OPTIONS, 0)


def test_options_that_make_no_sense_are_refused():
    for wrong in (
        {"count": 0},
        {"count": 1, "start": -1},
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
    sheet = draw_database_sheet(str(made), 2)
    assert sheet.std() > 20
    with pytest.raises(MienError, match="expected 1 to 48"):
        refuse_sheet(Path("sheet.png"), 49)


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
