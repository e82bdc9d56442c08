"""ICT-FaceKit's generic head, read from the user's own copy of it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mien.core.errors import MienError
from mien.core.mesh import PolygonMesh

MESH_FILE = "generic_neutral_mesh.obj"
ENVIRONMENT = "MIEN_ICT"
_VERTICES = 26719

# Vertices (0-based) of Multi-PIE's 68 points, as published in ICT-FaceKit's README (MIT).
LANDMARKS = (
    1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966, 3661, 4390, 3927, 3924, 2608, 3272, 4088, 3443,
    268, 493, 1914, 2044, 1401, 3615, 4240, 4114, 2734, 2509, 978, 4527, 4942, 4857, 1140, 2075, 1147,
    4269, 3360, 1507, 1542, 1537, 1528, 1518, 1511, 3742, 3751, 3756, 3721, 3725, 3732, 5708, 5695, 2081,
    0, 4275, 6200, 6213, 6346, 6461, 5518, 5957, 5841, 5702, 5711, 5533, 6216, 6207, 6470, 5517, 5966,
)  # fmt: skip


def ict_folder(given: Path | None) -> Path:
    """Where the user's ICT-FaceKit lies: the folder given, or what the environment names."""
    if given is not None:
        return given
    named = os.environ.get(ENVIRONMENT)
    if named:
        return Path(named)
    raise MienError(
        "--topology ict: ICT-FaceKit does not ship with Mien, expected your own copy of it; "
        f"give --ict-folder PATH/TO/FaceXModel or set {ENVIRONMENT}"
    )


def ict_mesh_file(path: Path) -> Path | None:
    """The generic head's file where `path` is it, the FaceXModel folder or one above; else None."""
    if path.is_dir():
        for candidate in (path / MESH_FILE, path / "FaceXModel" / MESH_FILE):
            if candidate.is_file():
                return candidate
        raise MienError(
            f"{path}: holds no {MESH_FILE}, expected ICT-FaceKit's folder FaceXModel; "
            "give that folder or a mesh file"
        )
    return path if path.name == MESH_FILE else None


def ict_landmarks(path: Path, mesh: PolygonMesh) -> Float[np.ndarray, "68 3"]:
    """The 68 landmarks on the generic head; refuses a file of another vertex count."""
    if len(mesh.vertices) != _VERTICES:
        raise MienError(
            f"{path}: has {len(mesh.vertices)} vertices, expected ICT-FaceKit's {_VERTICES}; "
            "copy the file again from ICT-FaceKit"
        )
    return mesh.vertices[list(LANDMARKS)]
