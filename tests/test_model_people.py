"""Heads added to the shipped model: their kind is held better, all others as before."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from mien.core.assets import asset_path
from mien.core.errors import MienError
from mien.database import release as freeze
from mien.export.folder import write_asset
from mien.model.pca import aligned_skins
from mien.model.pca_file import face_errors, grown, load_people, save_people
from mien.pipeline.grow_people import grow_people
from mien.rigging.head import RiggedHead
from mien.rigging.rig import Rig
from mien.synth.identity.basis import load_basis
from mien.synth.identity.heads import neutral_head
from mien.synth.subject import draw_subject
from mien.template.load import load_template, read_people, write_people


def heads(first: int, count: int) -> np.ndarray:
    """Neutral skins of test subjects, of whom none made the model."""
    people = [draw_subject(freeze.SEED, freeze.split_indices("test")[first + i]) for i in range(count)]
    n_skin = load_basis().n_skin
    return np.stack([neutral_head(load_basis(), one)[:n_skin] for one in people]).astype(np.float64)


def with_bumps(skins: np.ndarray, seed: int) -> np.ndarray:
    """Bumps on chin and nose, each as high as chance has it: two new directions."""
    rng, template = np.random.default_rng(seed), load_template()
    rest = template.vertices[: skins.shape[1]]
    middle = np.flatnonzero(
        template.mirror[: template.part("face").vertices.stop]
        == np.arange(template.part("face").vertices.stop)
    )
    middle = middle[np.argsort(rest[middle, 1])]
    out = skins.copy()
    for centre in (rest[middle[len(middle) // 4]], rest[middle[3 * len(middle) // 4]]):
        near = np.exp(-(((rest - centre) / 0.012) ** 2).sum(axis=1))
        out += rng.uniform(4e-3, 12e-3, (len(skins), 1, 1)) * (near[:, None] * [0.0, 0.3, 1.0])
    return out


@pytest.fixture(scope="module")
def people():
    return load_people(asset_path("people.safetensors"))


def test_a_new_kind_of_head_is_learnt_and_nothing_forgotten(people):
    taught, asked, others = with_bumps(heads(0, 6), 1), with_bumps(heads(6, 6), 2), heads(12, 6)
    who = tuple({"name": str(i), "scan_sha256": str(i)} for i in range(6))
    after = grown(people, taught, who)
    before = {name: face_errors(people, skins).mean() for name, skins in
              (("taught", taught), ("asked", asked), ("others", others))}  # fmt: skip
    assert before["asked"] > 1.2 * before["others"]
    assert face_errors(after, taught).mean() < 0.1 * before["taught"]
    assert face_errors(after, asked).mean() - before["others"] < 0.25 * (before["asked"] - before["others"])
    assert abs(face_errors(after, others).mean() / before["others"] - 1) < 0.03
    assert after.model.count == people.model.count + 6 * 20
    assert len(after.model.modes) == len(people.model.modes) + 6


def test_the_more_weight_the_more_usual_a_head_is(people):
    taught = with_bumps(heads(0, 2), 1)
    aligned = aligned_skins(list(taught), people.model.mean, load_template())
    who = ({"name": "a", "scan_sha256": "a"}, {"name": "b", "scan_sha256": "b"})
    light, heavy = (grown(people, taught, who, weight).model for weight in (0.1, 100.0))
    strange = [np.linalg.norm(model.coefficients(aligned), axis=1) for model in (light, heavy)]
    assert (strange[1] < 0.2 * strange[0]).all()
    np.testing.assert_allclose(light.mean, people.model.mean, atol=5e-6)


def test_a_model_comes_back_from_its_file(people, tmp_path):
    after = grown(people, heads(0, 1), ({"name": "a", "scan_sha256": "0"},))
    save_people(after, tmp_path / "a.safetensors")
    save_people(after, tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    again = load_people(tmp_path / "a.safetensors")
    np.testing.assert_allclose(again.model.mean, after.model.mean, atol=1e-5)
    np.testing.assert_allclose(again.model.modes, after.model.modes, atol=1e-5)
    assert again.added == ({"name": "a", "scan_sha256": "0", "weight": 20.0},)
    assert again.model.count == people.model.count + 20
    linear, _ = read_people(tmp_path / "a.safetensors")
    assert linear.modes.shape[1] == len(load_template().vertices)


@pytest.fixture(scope="module")
def asset(tmp_path_factory) -> Path:
    template = load_template()
    neutral = template.vertices.copy()
    skin = with_bumps(heads(0, 1), 1)[0]
    neutral[: len(skin)] = skin
    made = RiggedHead(
        name="someone",
        template=template,
        rig=Rig.on(template, neutral),
        maps={},
        provenance={"scan_sha256": "1" * 64, "options": {}},
        quality={},
    )
    folder = tmp_path_factory.mktemp("people") / "someone"
    write_asset(made, folder, formats=("glb",))
    return folder


def test_an_asset_folder_is_added(asset, tmp_path):
    out = tmp_path / "mine.safetensors"
    (row,) = grow_people([asset], out, None, 20.0, None)
    assert row["head"] == "someone"
    assert row["after_mm"] < 0.1 * row["before_mm"]
    assert load_people(out).added[0]["name"] == "someone"
    with pytest.raises(MienError, match="in the model already"):
        grow_people([asset], tmp_path / "more.safetensors", out, 20.0, None)
    with pytest.raises(MienError, match="in the model already"):
        grow_people([asset, asset], tmp_path / "more.safetensors", None, 20.0, None)
    assert not (tmp_path / "more.safetensors").exists()


def test_a_drawn_person_is_not_added(asset, tmp_path):
    drawn = tmp_path / "drawn"
    shutil.copytree(asset, drawn)
    manifest = json.loads((drawn / "asset.json").read_text())
    del manifest["provenance"]["scan_sha256"]
    (drawn / "asset.json").write_text(json.dumps(manifest))
    with pytest.raises(MienError, match="without a scan"):
        grow_people([drawn], tmp_path / "mine.safetensors", None, 20.0, None)


def test_what_cannot_be_added_is_refused_in_one_line(asset, tmp_path):
    out = tmp_path / "mine.safetensors"
    other = tmp_path / "other.safetensors"
    write_people(np.zeros((3, 50, 3)), other, {"heads": 1, "variance": 1})
    other_text = tmp_path / "text.safetensors"
    other_text.write_text(json.dumps({}))
    for message, arguments in {
        "no asset folder was given": ([], out, None, 20.0, None),
        "expected more than 0": ([asset], out, None, 0.0, None),
        "expected a file .safetensors": ([asset], tmp_path / "mine.obj", None, 20.0, None),
        "is no asset folder": ([tmp_path], out, None, 20.0, None),
        "there is no such file": ([asset], out, tmp_path / "none.safetensors", 20.0, None),
        "on this version's template": ([asset], out, other, 20.0, None),
        "is no model of heads": ([asset], out, other_text, 20.0, None),
    }.items():
        with pytest.raises(MienError, match=message):
            grow_people(*arguments)
        assert not out.exists()
