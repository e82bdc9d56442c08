"""What ships is what was built: each asset is listed, and its bytes are verified when it is first loaded."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mien.core import assets
from mien.core.assets import ASSETS, asset_hashes, asset_path, read_manifest, record_asset
from mien.core.errors import MienError
from mien.core.files import sha256_of


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Assets of our own: one small file, and the manifest."""
    monkeypatch.setattr(assets, "ASSETS", tmp_path)
    (tmp_path / "manifest.json").write_text('{"assets": {}}')
    record_asset("small.json", b"[1, 2, 3]", card="docs/small.md")
    return tmp_path


def test_all_that_lies_there_is_listed_and_all_that_is_listed_lies_there() -> None:
    there = {path.name for path in ASSETS.iterdir() if path.is_file()}
    assert there == {"manifest.json", *asset_hashes()}
    for name, sha256 in asset_hashes().items():
        assert sha256_of(ASSETS / name) == sha256, name
        assert asset_path(name) == ASSETS / name


def test_an_asset_is_recorded_with_what_is_known_of_it(folder: Path) -> None:
    assert asset_path("small.json").read_bytes() == b"[1, 2, 3]"
    entry = json.loads((folder / "manifest.json").read_text())["assets"]["small.json"]
    assert (entry["bytes"], entry["card"]) == (9, "docs/small.md")
    record_asset("small.json", b"[4]")
    assert asset_path("small.json").read_bytes() == b"[4]"
    assert read_manifest(folder)["assets"]["small.json"]["card"] == "docs/small.md"


def test_a_changed_missing_or_unlisted_asset_is_refused_in_a_line(folder: Path) -> None:
    with pytest.raises(MienError, match=r"^other\.json: is not listed in .*, expected one of small\.json; "):
        asset_path("other.json")
    (folder / "small.json").write_bytes(b"[1, 2, 4]")
    with pytest.raises(MienError, match=r"small\.json: its sha256 is [0-9a-f]{12}…, the manifest's ") as told:
        asset_path("small.json")
    assert "\n" not in str(told.value)
    (folder / "small.json").unlink()
    with pytest.raises(MienError, match=r"small\.json: is missing, expected an asset that ships with Mien; "):
        asset_path("small.json")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"assets": []}', '{"assets": {"a": {}}}', '{"assets": {"a": {"sha256": "1"}}}']
)
def test_a_damaged_manifest_is_refused_in_a_line(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text)
    read_manifest.cache_clear()
    with pytest.raises(MienError, match=r"manifest\.json: is no manifest of assets .*; reinstall Mien$"):
        asset_path("small.json")
    (folder / "manifest.json").unlink()
    with pytest.raises(MienError, match="there is no such file"):
        asset_path("small.json")


def test_bytes_are_verified_once_and_only_of_what_is_loaded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_asset("large.bin", b"0" * 1000)
    hashed: list[str] = []
    monkeypatch.setattr(assets, "sha256_of", lambda path: hashed.append(path.name) or sha256_of(path))
    for _ in range(3):
        asset_path("small.json")
    assert hashed == ["small.json"]


LOADERS = {
    "template.safetensors": "mien.template.load:load_template",
    "identity.safetensors": "mien.template.load:load_template",
    "basis.safetensors": "mien.synth.identity.basis:load_basis",
    "landmarks.safetensors": "mien.scan.landmarks.networks:shipped",
    "expected_error.json": "mien.register.error_model:error_model",
    "skin_prior.safetensors": "mien.bake.skin_prior:_layers",
    "places.safetensors": "mien.geoimage.codec:face_codec",
    "people.safetensors": "mien.template.load:load_template",
    "database_v1.json": "mien.database.release:check",
}
LOAD = """
import importlib, sys
from pathlib import Path
from mien.core import assets
assets.ASSETS = Path(sys.argv[1])
from mien.core.errors import MienError
module, _, name = sys.argv[2].partition(":")
try:
    load = getattr(importlib.import_module(module), name)
    if name == "face_codec":
        from mien.template.load import load_template
        load(load_template())
    elif sys.argv[3] == "people.safetensors":
        load().fitted.modes
    else:
        load()
except MienError as error:
    print(error)
"""


def test_every_asset_has_a_loader_that_is_tried() -> None:
    assert set(LOADERS) == set(asset_hashes())


@pytest.mark.parametrize("name", LOADERS)
def test_loading_a_changed_asset_is_refused(name: str, tmp_path: Path) -> None:
    """One byte of each, last in the file, where no reader of the format would notice."""
    folder = tmp_path / "assets"
    shutil.copytree(ASSETS, folder)
    data = bytearray((folder / name).read_bytes())
    data[-2] ^= 1
    (folder / name).write_bytes(data)
    command = [sys.executable, "-c", LOAD, str(folder), LOADERS[name], name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"{folder / name}: its sha256 is ")
    assert done.stdout.count("\n") == 1


VERIFY = """
import time
from mien.core.assets import asset_hashes, asset_path
started = time.process_time()
for name in asset_hashes():
    asset_path(name)
print(time.process_time() - started)
"""


def test_verifying_all_assets_takes_less_than_30_ms() -> None:
    def seconds() -> float:
        done = subprocess.run([sys.executable, "-c", VERIFY], capture_output=True, text=True, check=True)
        return float(done.stdout)

    assert min(seconds() for _ in range(5)) < 0.03
