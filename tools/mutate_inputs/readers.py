"""How each kind of input is read: as `mien rig` and its options read it, up to where faces are looked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from mien.core.face import PreparedScan
from mien.core.mesh import Scan
from mien.meshio.images import read_image
from mien.meshio.load import load_scan
from mien.meshio.polygon_mesh import read_polygon_mesh
from mien.scan.clean import clean_scan
from mien.scan.landmarks.file import read_given
from mien.scan.mask import check_mask_file, with_mask
from tools.mutate_inputs.seeds.parts import face_points, sheet


def _scan(path: Path) -> None:
    clean_scan(load_scan(path))


def _image(path: Path) -> None:
    read_image(path, "--albedo")


def _landmarks(path: Path) -> None:
    read_given(path, _prepared().scan)


def _mask(path: Path) -> None:
    check_mask_file(path)
    with_mask(_prepared(), path)


@cache
def _prepared() -> PreparedScan:
    """The sheet as a scan that is ready, for what is given beside a scan."""
    vertices, triangles, uvs = sheet()
    texture = np.full((32, 32, 3), 200, np.uint8)
    scan = Scan("sheet", vertices, triangles, uvs[triangles], np.zeros(len(triangles), np.int64), (texture,))
    return PreparedScan(scan, np.eye(4), face_points(), np.ones(68), "")


READERS: dict[str, Callable[[Path], object]] = {
    "scan": _scan,
    "base mesh": read_polygon_mesh,
    "image": _image,
    "landmarks": _landmarks,
    "mask": _mask,
}
