"""A drawn person as an asset folder: judged like a scanned one, the same twice, refused before any work."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from mien.core.conventions import SHAPE_INDEX
from mien.core.errors import MienError
from mien.export.check import check_path
from mien.export.read_asset import read_asset
from mien.pipeline import synth_head as room
from mien.pipeline.synth_head import person_asset, write_person
from mien.synth.person import SyntheticPerson
from mien.synth.subject import draw_subject
from mien.template.load import load_template

RESOLUTION = 256


@pytest.fixture(scope="module")
def person():
    return SyntheticPerson.draw(12, 1, RESOLUTION)


@pytest.fixture(scope="module")
def folder(person, tmp_path_factory):
    out = tmp_path_factory.mktemp("drawn") / "somebody"
    with pytest.MonkeyPatch.context() as patch:  # drawn once for all tests
        patch.setattr(room.SyntheticPerson, "draw", lambda *_: person)
        write_person(1, 12, out, resolution=RESOLUTION)
    return out


def test_the_folder_passes_the_check(folder):
    report = check_path(folder)
    assert report.passed, report.as_table()
    assert (folder / "preview.png").exists()


def test_it_says_who_it_is_and_that_nobody_was_scanned(folder):
    manifest = json.loads((folder / "asset.json").read_text())
    someone = draw_subject(1, 12)
    assert manifest["provenance"]["attributes"]["age"] == someone.age
    assert manifest["scan_to_asset"] is None
    assert any("no person was scanned" in str(licence.get("consent")) for licence in manifest["licences"])


def test_head_and_maps_are_the_persons(folder, person):
    asset = person_asset(person, "somebody")
    read = read_asset(folder, load_template())
    np.testing.assert_allclose(read.rig.neutral, asset.rig.neutral, atol=1e-6)
    np.testing.assert_array_equal(asset.rig.neutral, person.whole.neutral)
    raised = SHAPE_INDEX["browOuterUpLeft"]
    own = person.pose({"browOuterUpLeft": 1.0}) - person.whole.neutral
    np.testing.assert_allclose(read.rig.shapes[raised], own, atol=1e-4)  # but for what crossed the midline
    for name, image in person.maps.items():
        assert asset.maps[name] is image
    assert {"face_normal", "face_scatter", "head_normal", "head_scatter"} <= set(asset.maps)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [({"formats": ("usd",)}, "usd"), ({"index": -1}, "index -1"), ({"seed": -2}, "seed -2")],
)
def test_wrong_wishes_are_refused_at_once(tmp_path, arguments, word):
    with pytest.raises(MienError, match=word):
        write_person(**{"seed": 1, "index": 0, "out": tmp_path / "head", **arguments})
    assert not (tmp_path / "head").exists()


def test_a_person_needs_nothing_that_only_databases_on_disk_need():
    blocked = "import sys; sys.modules.update(dict.fromkeys(('fsspec', 'pyarrow', 'zstandard')));"
    subprocess.run([sys.executable, "-c", f"{blocked} import mien.pipeline.synth_head"], check=True)
