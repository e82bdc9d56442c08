import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("pyarrow", reason='needs the extra "data"')

from mien.core.errors import MienError
from mien.data.database import (
    Database,
    Folder,
    Header,
    missing_shards,
    shard_name,
    write_manifest,
    write_shard,
)
from mien.data.record import Record, from_members, to_members
from mien.data.shards import pack_shard

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
    for number in missing_shards(folder, HEADER):
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
    assert missing_shards(folder, HEADER) == [0, 1, 2]
    write_shard(folder, 1, [made(2), made(3)])
    folder.write("shards/00002.tar", b"cut off before its summary was written")
    assert missing_shards(folder, HEADER) == [0, 2]


def test_another_database_is_not_gone_on_with(address):
    folder = Folder(address)
    missing_shards(folder, HEADER)
    with pytest.raises(MienError, match="holds another database"):
        missing_shards(folder, replace(HEADER, count=7))


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


def test_reading_unpickles_nothing(database, monkeypatch):
    import pickle

    def refuse(*_args, **_kwargs):
        raise AssertionError("pickle was used")

    monkeypatch.setattr(pickle, "loads", refuse)
    monkeypatch.setattr(pickle, "load", refuse)
    assert len(list(database.records())) == 5
