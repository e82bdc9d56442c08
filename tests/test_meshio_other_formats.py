"""Formats that are not read: one line that says what to convert with."""

from __future__ import annotations

import pytest

from mien.core.errors import MienError
from mien.meshio.load import load_scan


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        (".fbx", "an FBX file.*Blender.*glTF"), (".dae", "a COLLADA file.*MeshLab"),
        (".usdz", "a USD file.*Blender"), (".usd", "a USD file"), (".blend", "a Blender file.*export glTF"),
        (".abc", "an Alembic file.*Blender"), (".3ds", "a 3DS file.*MeshLab"), (".wrl", "an X3D or VRML file.*MeshLab"),
        (".x3d", "an X3D or VRML file"), (".ztl", "a ZBrush file.*polypaint"), (".ma", "a Maya scene"),
        (".mb", "a Maya scene.*export OBJ"), (".e57", "a point cloud.*mesh it"), (".xyz", "a point cloud.*mesh it"),
        (".off", "an OFF file.*MeshLab"), (".vrm", r"a VRM avatar.*rename it to \.glb"), (".zip", "an archive.*unpack"),
        (".JPG", "a picture.*--albedo"), (".qqq", r"a \.qqq file.*in one of these formats"), ("", "a file without an ending"),
    ],
)  # fmt: skip
def test_each_ending_says_what_to_do(tmp_path, ending, words):
    with pytest.raises(MienError, match=rf"head{ending}: is {words}") as refusal:
        load_scan(tmp_path / f"head{ending}")
    assert "expected one of .obj, .ply, .stl, .gltf, .glb" in str(refusal.value)
    assert "\n" not in str(refusal.value)
