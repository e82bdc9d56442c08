"""The frozen database: nothing is drawn otherwise than version 1 was, unless the version says so."""

from __future__ import annotations

import copy
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mien
from mien.core import assets
from mien.core.errors import MienError
from mien.database import golden, release

FROZEN = json.loads((assets.ASSETS / release.release_asset()).read_text())


@pytest.fixture(scope="module")
def samples() -> golden.Samples:
    return golden.draw_samples(release.SEED)


@pytest.fixture
def other_assets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the assets that may be changed."""
    folder = tmp_path / "assets"
    shutil.copytree(assets.ASSETS, folder)
    monkeypatch.setattr(assets, "ASSETS", folder)
    return folder


def test_the_database_is_the_frozen_one(samples: golden.Samples) -> None:
    assert release.check(samples) == []


def test_the_frozen_file_is_small_and_holds_every_modality_and_no_code() -> None:
    assert (assets.ASSETS / release.release_asset()).stat().st_size <= 60_000
    assert set(FROZEN) == {"version", "seed", "split", "assets", "samples"}
    held = {name.partition("/")[0] for arrays in FROZEN["samples"].values() for name in arrays}
    assert held == set(golden.MODALITIES)
    assert {
        "albedo", "attributes", "dynamic albedo", "dynamic relief", "expressions", "eyes and mouth",
        "geometry image", "maps", "neutral", "parts", "relief",
    } == held  # fmt: skip


# A constant of each modality, and another value that is a little off.
CHANGES = [
    ("attributes", "mien.synth.subject", "_ANCESTRY_WEIGHT", 1.31),
    ("neutral", "mien.synth.identity.mode_weights", "STAGE_SPREAD", 0.885),
    ("neutral", "mien.anatomy.contact.linear_lids", "_LID_ROUNDS", 2),
    ("neutral", "mien.synth.identity.apply_traits", "AT_REST_SIGMA", 0.056),
    ("expressions", "mien.synth.expression.maker", "SQUEEZE", (0.74, 1.45)),
    ("parts", "mien.synth.identity.teeth", "_FRONT", 5),
    ("parts", "mien.anatomy.mouth_placement", "_BEHIND", 0.35e-3),
    ("geometry image", "mien.geoimage.codec", "SMOOTHNESS", 3e-4),
    ("albedo", "mien.synth.skin.fast", "_IN_GROOVES", 0.010),
    ("albedo", "mien.synth.skin.pigment", "_WAVER", 0.75),
    ("maps", "mien.textures.skin", "BASE", (0.36, 0.50, 0.45)),
    ("relief", "mien.synth.skin.pores", "_LARGEST", 0.16),
    ("dynamic albedo", "mien.synth.skin.dynamic", "_BLOOD_ENDS", (-1.2, 0.65)),
    ("dynamic relief", "mien.synth.skin.dynamic", "_SHARE", (0.10, 0.43)),
    ("eyes and mouth", "mien.textures.eyes", "_SCLERA", np.array([0.835, 0.805, 0.775])),
    ("eyes and mouth", "mien.textures.mouth", "_ENAMEL", np.array([0.89, 0.85, 0.76])),
]


def test_a_constant_of_every_modality_is_tried() -> None:
    assert {modality for modality, *_ in CHANGES} == set(golden.MODALITIES)


@pytest.mark.parametrize(("modality", "module", "name", "value"), CHANGES)
def test_a_changed_constant_is_noticed(
    modality: str, module: str, name: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen = {
        index: {array: numbers for array, numbers in arrays.items() if array.startswith(f"{modality}/")}
        for index, arrays in FROZEN["samples"].items()
    }
    room = importlib.import_module(module)
    assert hasattr(room, name)
    monkeypatch.setattr(room, name, value)
    lines = golden.drift(frozen, golden.draw_samples(release.SEED, [modality]))
    assert lines
    assert all(
        re.match(rf"subject \d+, {modality}/[\w ]+: (rows|means|spreads) are off by", x) for x in lines
    )


RENAMES = (
    ("synth/skin/fast.py", "synth/skin/small_albedo.py", "skin.fast", "skin.small_albedo"),
    (None, None, "albedo_256", "albedo_of_256"),
    (
        "synth/identity/mode_weights.py",
        "synth/identity/weights_drawn.py",
        "identity.mode_weights",
        "identity.weights_drawn",
    ),
    (None, None, "STAGE_SPREAD", "SPREAD_OF_STAGE"),
)
DRAWN = ("attributes", "neutral", "albedo")
CHECK = f"""
from mien.core.assets import asset_path
import json
from mien.database import golden, release
frozen = json.loads(asset_path(release.release_asset()).read_text())
now = golden.draw_samples(release.SEED, {DRAWN})
held = {{i: {{a: n for a, n in arrays.items() if a in now[i]}} for i, arrays in frozen["samples"].items()}}
assert sum(map(len, held.values())) == 9
assert release._changed_assets(frozen) == []
print(golden.drift(held, now))
"""


def test_renamed_files_and_functions_are_the_same_database(tmp_path: Path) -> None:
    package = tmp_path / "mien"
    shutil.copytree(
        Path(mien.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__", "*.safetensors")
    )
    for path in assets.ASSETS.glob("*.safetensors"):
        (package / "assets" / path.name).symlink_to(path)
    sources = {path: path.read_text() for path in package.rglob("*.py")}
    for path, text in sources.items():
        new = text
        for *_, old, other in RENAMES:
            new = re.sub(rf"\b{re.escape(old)}\b", other, new)
        path.write_text(new)
    assert sum(path.read_text() != text for path, text in sources.items()) > 5
    for old, other, *_ in RENAMES:
        if old is not None:
            (package / old).rename(package / str(other))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", CHECK], env=environment, capture_output=True, text=True)
    assert (done.stderr, done.stdout) == ("", "[]\n")


def test_a_changed_byte_of_an_asset_is_noticed(
    other_assets: Path, monkeypatch: pytest.MonkeyPatch, samples: golden.Samples
) -> None:
    path = other_assets / "skin_prior.safetensors"
    data = bytearray(path.read_bytes())
    data[-1000] ^= 1
    path.write_bytes(data)
    with pytest.raises(MienError, match=r"skin_prior\.safetensors: its sha256 is"):
        assets.asset_path(path.name)
    assets.record_asset(path.name, bytes(data))  # as if it had been rebuilt
    assert assets.asset_path(path.name) == path
    changed, told = release.check(samples)
    assert changed == "skin_prior.safetensors: is another than version 1 is drawn from"
    assert "raise DATABASE_VERSION" in told


def test_another_split_or_seed_is_noticed(monkeypatch: pytest.MonkeyPatch, samples: golden.Samples) -> None:
    monkeypatch.setitem(release.SPLIT, "test", (20_500, 22_000))
    assert release.check(samples)[0].startswith("split: ")
    monkeypatch.setattr(release, "SEED", 2)
    assert any(line.startswith("seed: 2, frozen with 1") for line in release.check(samples))


def test_rounding_is_borne_and_a_single_value_is_not(samples: golden.Samples) -> None:
    rounding, moved = copy.deepcopy(samples), copy.deepcopy(samples)
    rounding["0"]["neutral/skin"]["rows"][5] += 1
    rounding["20500"]["albedo/face"]["means"][7] -= 8
    assert golden.drift(samples, rounding) == []
    moved["0"]["neutral/skin"]["rows"][5] += 10
    moved["20500"]["albedo/face"]["means"][7] -= 40
    moved["20000"]["relief/face_displacement"]["spreads"][3] += 7
    assert golden.drift(samples, moved) == [
        "subject 0, neutral/skin: rows are off by 10 micrometres, expected at most 2",
        "subject 20000, relief/face_displacement: spreads are off by 0.007 micrometres, expected at most 0.002",
        "subject 20500, albedo/face: means are off by 0.04 codes of 255, expected at most 0.01",
    ]


def test_one_texel_and_one_vertex_count() -> None:
    """Whichever they are: no run of rows is left out."""
    rng = np.random.default_rng(0)
    for name, shape, change in (("albedo", (256, 256, 3), 255), ("neutral", (20_000, 3), 0.002)):
        modality = golden.MODALITIES[name]
        array = rng.random(shape) * (200 if name == "albedo" else 0.1)
        before = golden.sampled(array, modality)
        for _ in range(20):
            changed = array.copy()
            changed[tuple(rng.integers(0, n) for n in shape)] += change * 5
            after = {"0": {f"{name}/x": golden.sampled(changed, modality)}}
            assert golden.drift({"0": {f"{name}/x": before}}, after)


def test_missing_and_new_arrays_are_told(samples: golden.Samples) -> None:
    fewer = copy.deepcopy(samples)
    del fewer["0"]["parts/rest"]
    assert golden.drift(samples, fewer) == ["subject 0, parts/rest: was frozen, but is not drawn"]
    assert golden.drift(fewer, samples) == ["subject 0, parts/rest: is drawn, but was not frozen"]


def test_a_frozen_version_is_not_frozen_again(
    other_assets: Path, monkeypatch: pytest.MonkeyPatch, samples: golden.Samples
) -> None:
    changed = copy.deepcopy(samples)
    changed["0"]["neutral/skin"]["rows"][0] += 100
    monkeypatch.setattr(release, "draw_samples", lambda seed: changed)
    with pytest.raises(MienError, match=r"frozen already, and subject 0.*raise DATABASE_VERSION"):
        release.write()
    monkeypatch.setattr(release, "DATABASE_VERSION", 2)
    monkeypatch.setattr(release, "release_asset", lambda version=2: f"database_v{version}.json")
    path = release.write()
    assert path == other_assets / "database_v2.json"
    assert assets.asset_path("database_v2.json") == path
    assert release.check(changed) == []


def test_writing_again_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, samples: golden.Samples
) -> None:
    monkeypatch.setattr(release, "draw_samples", lambda seed: samples)
    first = release.write(tmp_path).read_bytes()
    assert release.write(tmp_path).read_bytes() == first


def test_the_split_shares_no_subject() -> None:
    parts = [set(release.split_indices(name)) for name in ("train", "validation", "test")]
    assert [len(part) for part in parts] == [20_000, 500, 1_000]
    assert len(set.union(*parts)) == 21_500
