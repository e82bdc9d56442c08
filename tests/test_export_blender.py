"""Blender reads the GLB back: its Python module, in an environment of its own, as a subprocess."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from export_fixture import tiny_asset
from mien.core.conventions import SHAPE_NAMES
from mien.export.glb import glb_bytes
from mien.export.reader import read_glb
from mien.rigging.head import RiggedHead
from mien.rigging.rig import Rig

ROOT = Path(__file__).parent.parent
BLENDER = ROOT / ".venv-blender/bin/python"
TEN_MICROMETRES = 10e-6

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not BLENDER.exists(), reason="needs .venv-blender (make .venv-blender: bpy==5.0.1)"),
]


def _template_asset() -> RiggedHead:
    from mien.template.load import load_template

    template = load_template()
    rig = Rig.on(template)
    return replace(tiny_asset(64), name="template", template=template, rig=rig)


@pytest.fixture(scope="module", params=[tiny_asset, _template_asset], ids=["tiny", "template"])
def read_back(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    asset = request.param()
    folder = tmp_path_factory.mktemp("blender")
    glb, out = folder / "head.glb", folder / "head.npz"
    glb.write_bytes(glb_bytes(asset))
    script = ROOT / "tests/blender/read_glb.py"
    done = subprocess.run([BLENDER, script, glb, out], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return asset, read_glb(glb), dict(np.load(out))


def test_vertices_and_names_are_those_of_the_file(read_back):
    asset, glb, blender = read_back
    facts = json.loads(str(blender["facts"]))
    written = sum(glb.document["accessors"][p["indices"]]["count"] for p in glb.head["primitives"])
    assert len(blender["loop_vertex"]) == written
    assert set(blender["vertex_id"].astype(int)) == set(range(asset.template.topology.n_vertices))
    assert facts["keys"] == list(SHAPE_NAMES)
    assert not any(facts["values"])
    assert facts["bones"] == [joint.name for joint in asset.rig.joints]
    assert facts["object_scale"] == [1, 1, 1]


def test_positions_and_all_52_offsets_are_within_ten_micrometres(read_back):
    asset, _, blender = read_back
    ids = blender["vertex_id"].astype(int)
    assert np.abs(blender["positions"] - asset.rig.neutral[ids]).max() < TEN_MICROMETRES
    assert np.abs(blender["offsets"] - asset.rig.shapes[:, ids]).max() < TEN_MICROMETRES


def test_tangents_are_those_of_blenders_mikktspace(read_back):
    _, glb, blender = read_back
    first = 0
    for k, primitive in enumerate(glb.head["primitives"]):
        attributes = primitive["attributes"]
        if "TANGENT" in attributes:
            ours = glb.array(attributes["TANGENT"])
            of_material = blender["loop_material"] == k
            vertex = blender["loop_vertex"][of_material] - first
            cosine = (blender["loop_tangent"][of_material] * ours[vertex, :3]).sum(axis=1)
            assert np.degrees(np.arccos(cosine.clip(-1, 1))).max() < 0.1
            np.testing.assert_array_equal(blender["loop_sign"][of_material], ours[vertex, 3])
        first += glb.document["accessors"][attributes["POSITION"]]["count"]
