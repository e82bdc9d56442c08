import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from mien.core.errors import MienError
from mien.database.filesystem import Folder
from mien.database.record import Record, from_members, to_members
from mien.database.shards import pack_shard
from mien.database.store import Database, Gaps, Header, open_to_write, shard_name, write_manifest, write_shard

HEADER = Header({"seed": 1}, "abc", 50, 5, 2, ["smile"], 8)


def made(number):
    rng = np.random.default_rng(number)
    return Record(
        key=f"{number:06d}",
        attributes={"age": 20.0 + number, "sex": 0.25},
        neutral=0.02 * rng.normal(size=(50, 3)),
        expressions={"smile": 0.003 * rng.normal(size=(50, 3)), "blink": np.zeros((50, 3))},
        maps={
            "albedo": rng.integers(0, 256, (8, 8, 3)).astype(np.uint8),
            "albedo/smile": rng.integers(0, 256, (8, 8, 3)).astype(np.uint8),
            "displacement": rng.normal(size=(8, 8, 1)).astype(np.float16),
            "roughness": rng.integers(0, 65536, (8, 8, 1)).astype(np.uint16),
        },
        provenance={"generator": "test"},
    )


@pytest.fixture(params=["disk", "memory"])
def address(request, tmp_path):
    return str(tmp_path / "faces") if request.param == "disk" else f"memory://{tmp_path.name}/faces"


@pytest.fixture
def database(address):
    folder = Folder(address)
    for number in open_to_write(folder, HEADER).numbers:
        write_shard(folder, number, [made(i) for i in range(2 * number, min(2 * number + 2, 5))])
    write_manifest(folder, [shard_name(n) for n in range(3)])
    return Database(address)


def assert_same(record, other):
    assert (record.key, record.attributes, record.provenance) == (
        other.key,
        other.attributes,
        other.provenance,
    )
    assert (record.licence, record.consent) == (other.licence, other.consent)
    np.testing.assert_allclose(record.neutral, other.neutral, atol=2e-5)  # half floats: 15 um at 30 mm
    assert list(record.expressions) == list(other.expressions)
    for name, offsets in record.expressions.items():
        np.testing.assert_allclose(offsets, other.expressions[name], atol=4e-6)
    assert set(record.maps) == set(other.maps)
    for name, pixels in record.maps.items():
        np.testing.assert_array_equal(pixels, other.maps[name])


def test_a_record_survives_its_files():
    assert_same(from_members("000003", to_members(made(3))), made(3))


def test_every_subject_comes_back(database):
    records = list(database.records())
    assert len(records) == len(database) == 5
    for number, record in enumerate(records):
        assert_same(record, made(number))


def test_one_subject_is_read_alone(database):
    assert_same(database.record("000003"), made(3))
    with pytest.raises(MienError, match="no subject '000009'; the first is '000000'"):
        database.record("000009")


def test_the_manifest_can_be_asked(database):
    table = database.manifest
    assert table.column("attribute_age").to_pylist() == [20.0, 21.0, 22.0, 23.0, 24.0]
    assert table.column("expressions").to_pylist()[0] == ["smile", "blink"]
    assert set(table.column("licence").to_pylist()) == {"CC0-1.0"}


def test_the_same_records_give_the_same_bytes():
    assert pack_shard("00000.tar", [made(0)])[0] == pack_shard("00000.tar", [made(0)])[0]
    assert pack_shard("00000.tar", [made(0)])[0] != pack_shard("00000.tar", [made(1)])[0]


def test_what_is_complete_is_not_made_again(address):
    folder = Folder(address)
    assert open_to_write(folder, HEADER) == Gaps([0, 1, 2], [])
    write_shard(folder, 1, [made(2), made(3)])
    folder.write("shards/00002.tar", b"cut off before its summary was written")
    assert open_to_write(folder, HEADER) == Gaps([0, 2], [])


def test_what_is_damaged_is_found_to_be_made_again(database):
    folder = database.folder
    assert open_to_write(folder, HEADER) == Gaps([], [])
    data = folder.read("shards/00000.tar")
    folder.write("shards/00000.tar", data[:700] + bytes([data[700] ^ 1]) + data[701:])
    folder.write("shards/00001.tar.json", b"{")
    system, root = folder._root
    system.rm(f"{root}/shards/00002.tar")
    assert open_to_write(folder, HEADER) == Gaps([], [0, 1, 2])


def test_a_larger_count_goes_on(database):
    more = replace(HEADER, count=8)
    assert open_to_write(database.folder, more) == Gaps([2, 3], [])  # shard 2 held one subject of two
    assert json.loads(database.folder.read("database.json"))["count"] == 8
    with pytest.raises(MienError, match="unfinished: 5 of 8 subjects; the same `mien data synth` goes on"):
        len(Database(database.folder.address))
    assert len(Database(database.folder.address, unfinished=True)) == 5


def test_another_database_is_not_gone_on_with_and_only_what_differs_is_said(address):
    folder = Folder(address)
    open_to_write(folder, HEADER)
    for changed, told in (
        ({"count": 3}, "another database: count 5 there, 3 asked for; "),
        ({"resolution": 16}, "another database: resolution 8 there, 16 asked for; "),
        (
            {"resolution": 16, "per_shard": 3},
            "shard 2 there, 3 asked for, resolution 8 there, 16 asked for; ",
        ),
        ({"fingerprint": {"seed": 2}}, "another database: seed 1 there, 2 asked for; "),
        ({"start": 4}, "another database: start 0 there, 4 asked for; "),
        (
            {"topology_sha256": "abd"},
            r"database: drawn from another template\.safetensors; what is there can",
        ),
        ({"vertices": 51}, "another database: vertices 50 there, 51 now; "),
    ):
        with pytest.raises(MienError, match=told):
            open_to_write(folder, replace(HEADER, **changed))
    assert json.loads(folder.read("database.json")) == asdict(HEADER)


def test_what_is_no_databases_folder_is_not_written_into(address):
    folder = Folder(address)
    folder.write("thesis.txt", b"do not touch")
    with pytest.raises(MienError, match="is not empty and holds no face database; give another --out"):
        open_to_write(folder, HEADER)
    assert folder.names() == ["thesis.txt"]
    folder.write("database.json", b"[]")
    with pytest.raises(MienError, match=r"its database\.json is no face database's"):
        open_to_write(folder, HEADER)


def test_what_cannot_be_reached_is_refused_in_a_line(tmp_path):
    (tmp_path / "file").write_text("a file")
    for address, told in (
        ("nonsense://faces", "nonsense:// is not known, expected a path"),
        (str(tmp_path / "file" / "faces"), "cannot be written"),
        ("/proc/faces", "cannot be written"),
    ):
        with pytest.raises(MienError, match=told):
            open_to_write(Folder(address), HEADER)


def test_a_missing_package_is_named(monkeypatch):
    def missing(_address):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", missing)
    with pytest.raises(MienError, match="s3:// needs a package; Install s3fs to access S3"):
        Folder("s3://bucket/faces").exists("database.json")


def test_what_is_none_of_the_databases_is_named(database):
    assert database.extra_files() == []
    database.folder.write("shards/00009.tar", b"?")
    assert database.extra_files() == ["00009.tar"]


def test_a_damaged_shard_is_named_and_skipped_only_if_asked(database):
    data = bytearray(database.folder.read("shards/00001.tar"))
    data[700] ^= 1
    database.folder.write("shards/00001.tar", bytes(data))
    with pytest.raises(MienError, match=r"00001\.tar: the shard is damaged"):
        list(database.records())
    told = []
    assert [r.key for r in database.records(on_damaged=told.append)] == ["000000", "000001", "000004"]
    assert len(told) == 1
    assert "00001.tar" in told[0]


def test_a_truncated_record_is_refused(database):
    data = database.folder.read("shards/00000.tar")
    database.folder.write("shards/00000.tar", data[:900])
    with pytest.raises(MienError, match=r"00000\.tar: the shard is damaged"):
        database.record("000000")


def test_what_is_no_database_is_refused(tmp_path):
    with pytest.raises(MienError, match=r"no database\.json, expected a face database"):
        Database(str(tmp_path))
    folder = Folder(str(tmp_path / "old"))
    folder.write("database.json", json.dumps({"schema_version": 0}).encode())
    with pytest.raises(MienError, match="schema version 0, expected 1"):
        Database(str(tmp_path / "old"))
    for content in (b"{", b"[]", b'{"schema_version": 1}'):
        folder.write("database.json", content)
        with pytest.raises(MienError, match=r"its database\.json is no face database's"):
            Database(str(tmp_path / "old"))


def test_reading_unpickles_nothing(database, monkeypatch):
    import pickle

    def refuse(*_args, **_kwargs):
        raise AssertionError("pickle was used")

    monkeypatch.setattr(pickle, "loads", refuse)
    monkeypatch.setattr(pickle, "load", refuse)
    assert len(list(database.records())) == 5
