import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from mien.core.assets import asset_path
from mien.core.errors import MienError
from mien.synth.random_heads import random_head
from mien.template.load import PackedIdentity, load_template, read_template, write_template

FILES = asset_path("template.safetensors"), asset_path("identity.safetensors")


def test_sizes_of_the_files():
    assert FILES[0].stat().st_size <= 8e6
    assert FILES[1].stat().st_size <= 12e6


def test_load_is_fast_and_cached():
    script = (
        "import time; from mien.template.load import load_template\n"
        "t = time.process_time(); load_template(); print(time.process_time() - t)"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert float(out.stdout) < 0.5
    assert load_template() is load_template()


def test_all_arrays_are_finite():
    template = load_template()
    arrays = (
        template.vertices,
        template.shapes,
        template.joint_weights,
        template.identity.modes,
        template.topology.uvs,
    )
    assert all(np.isfinite(a).all() for a in arrays)


def test_write_then_read_gives_it_back_and_the_same_bytes(tmp_path: Path):
    template = load_template()
    count = len(template.identity.modes)
    n_skin = template.part("eye_socket_right").vertices.stop
    modes = template.identity.modes
    packed = PackedIdentity(modes[:, :n_skin], modes[:, n_skin:], sp.eye(n_skin, format="csr"))
    one, two = (tmp_path / "a", tmp_path / "a.id"), (tmp_path / "b", tmp_path / "b.id")
    write_template(template, packed, *one)
    again = read_template(*one)
    write_template(template, packed, *two)
    assert [f.read_bytes() for f in one] == [f.read_bytes() for f in two]
    np.testing.assert_allclose(again.shapes, template.shapes, atol=1e-9)
    assert again.identity.modes.shape == (count, *template.vertices.shape)
    assert np.abs(again.identity.modes - modes).max() < 1e-4
    assert again.parts == template.parts


def test_a_missing_file_is_named():
    with pytest.raises(MienError, match=r"none\.safetensors: missing"):
        read_template(Path("none.safetensors"), FILES[1])


def test_basis_modes_are_sorted_people():
    template = load_template()
    face = template.part("face").vertices
    sigma = np.sqrt((template.identity.modes[:, face] ** 2).sum(axis=2).mean(axis=1)) * 1000
    assert 60 <= len(sigma) <= 100
    assert sigma[0] > 1  # millimetres; size comes first
    total = np.sqrt((sigma**2).sum())
    assert 3 < total < 6  # the spread of real faces about their mean


def test_random_heads_are_repeatable_and_plausible():
    template = load_template()
    one, same, other = random_head(4, 0), random_head(4, 0), random_head(4, 1)
    assert (one == same).all()
    assert np.abs(one - other).max() > 1e-3
    points = template.landmarks.on(one, template.topology)
    assert 0.025 < points[42, 0] - points[39, 0] < 0.045
    triangles = template.topology.triangles
    p, q = template.vertices[triangles], one[triangles]
    normals = [np.cross(x[:, 1] - x[:, 0], x[:, 2] - x[:, 0]) for x in (p, q)]
    cosine = np.einsum("td,td->t", *normals) / np.prod([np.linalg.norm(n, axis=1) for n in normals], axis=0)
    run = template.part("face").quads
    assert np.mean(cosine[2 * run.start : 2 * run.stop] < 0) < 0.002
