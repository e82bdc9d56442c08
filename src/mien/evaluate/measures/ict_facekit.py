"""People of ICT-FaceKit and its UV layout, read from the user's own copy: the folder FaceXModel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from mien.basemesh.ict import LANDMARKS, ict_mesh_file
from mien.core.errors import MienError
from mien.core.face import PreparedScan
from mien.core.mesh import Scan, split_quads
from mien.geoimage.codec import GeometryImageCodec
from mien.geoimage.sampling_places import sampling_places
from mien.meshio.obj import read_obj

SKIN_END = 11248  # ICT's vertices of face, head and neck come first (its README)
# Of these the ones of the narrow face area come first, then what the full one adds (its README).
NARROW_FACE, FULL_FACE = 6706, 9409
METRES = 0.01  # ICT's unit is the centimetre
COMPACT = "ict_facekit.npz"  # the model in one file: vertices, faces, identity_deltas
FEWEST_MODES = 50  # of its 100: people of a few modes all look alike
ELSEWHERE = [*range(17, 27), 61, 63, 65, 67]  # landmarks that the template has at other places than ICT
_LIMIT = 2.0  # standard deviations of a mode


@dataclass(frozen=True)
class IctPeople:
    """Mean (metres), triangles of the skin, and an offset a mode of one standard deviation."""

    mean: Float[np.ndarray, "N 3"]
    triangles: Int[np.ndarray, "M 3"]
    modes: Float[np.ndarray, "K N 3"]

    def person(self, seed: int) -> PreparedScan:
        """A random person within two standard deviations of each mode, as a clean scan with landmarks."""
        weights = np.clip(np.random.default_rng(seed).normal(size=len(self.modes)), -_LIMIT, _LIMIT)
        vertices = self.mean + np.tensordot(weights, self.modes, axes=1)
        seen = np.ones(68)
        seen[ELSEWHERE] = 0.0
        return PreparedScan(
            Scan(f"ict-{seed}", vertices, self.triangles),
            np.eye(4),
            vertices[list(LANDMARKS)],
            seen,
            "ICT-FaceKit, in centimetres",
        )


def read_ict_people(folder: Path) -> IctPeople:
    """ICT-FaceKit's identities from the user's copy: the folder FaceXModel, or one with `ict_facekit.npz`."""
    if (folder / COMPACT).is_file():
        with np.load(folder / COMPACT, allow_pickle=False) as file:
            mean, quads = file["vertices"].astype(np.float64), file["faces"].astype(np.int64)
            modes = file["identity_deltas"].astype(np.float64)
        triangles = split_quads(quads[(quads >= 0).all(axis=1)])
    else:
        generic = ict_mesh_file(folder)
        if generic is None:
            raise MienError(
                f"{folder}: is a file, expected ICT-FaceKit's folder FaceXModel; give that folder"
            )
        raw = read_obj(generic, ignore_textures=True)
        mean, triangles = raw.vertices, raw.triangles
        files = sorted(generic.parent.glob("identity*.obj"))
        modes = np.array([read_obj(file, ignore_textures=True).vertices - mean for file in files])
    if len(modes) < FEWEST_MODES:
        raise MienError(
            f"{folder}: holds {len(modes)} identity*.obj, expected at least {FEWEST_MODES}; "
            "copy the whole of ICT-FaceKit's FaceXModel"
        )
    skin = triangles[(triangles < SKIN_END).all(axis=1)]
    return IctPeople(METRES * mean[:SKIN_END], skin, METRES * modes[:, :SKIN_END])


def make_ict_codec(folder: Path, examples: Sequence[Float[np.ndarray, "V 3"]] = ()) -> GeometryImageCodec:
    """The codec of ICT-FaceKit's full face area over all of its vertices, in its own UV layout.

    With `examples` at the sampling places made for these, without them texel for texel in that layout.
    Leaves out what its texture has in another tile than the face's (one triangle of an ear).
    """
    if (folder / COMPACT).is_file():
        with np.load(folder / COMPACT, allow_pickle=False) as file:
            count, uvs = len(file["vertices"]), file["uvs"].astype(np.float64)
            quads, quad_uvs = file["faces"].astype(np.int64), file["face_uvs"].astype(np.int64)
        halves = ([0, 1, 2], [0, 2, 3])
        triangles = np.concatenate([quads[:, half] for half in halves])
        corners = np.concatenate([quad_uvs[:, half] for half in halves])
        corner_uvs = uvs[corners]
        corner_uvs[(corners < 0).any(axis=1)] = np.nan
    else:
        raw = read_obj(_generic(folder), ignore_textures=True)
        if raw.corner_uvs is None:
            raise MienError(
                f"{folder}: its generic mesh has no UVs; copy the whole of ICT-FaceKit's FaceXModel"
            )
        count, triangles, corner_uvs = len(raw.vertices), raw.triangles, raw.corner_uvs
    face = (triangles >= 0).all(axis=1) & (triangles < FULL_FACE).all(axis=1)
    face &= ((corner_uvs >= 0) & (corner_uvs <= 1)).all(axis=(1, 2))
    places = corner_uvs[face]
    if examples:
        places = sampling_places(triangles[face], places, examples)
    return GeometryImageCodec(count, triangles[face], places)


def draw_ict_offsets(folder: Path, count: int, seed: int) -> Iterator[Float[np.ndarray, "V 3"]]:
    """Random people of ICT-FaceKit as offsets from its mean (metres), with expressions if it has some."""
    modes, expressions = _ict_modes(folder)
    rng = np.random.default_rng(seed)
    for index in range(count):
        weights = np.clip(rng.standard_normal(len(modes)), -_LIMIT, _LIMIT)
        out = np.tensordot(weights, modes, axes=1)
        if len(expressions):
            out = out + expressions[(9 * index) % len(expressions)]
        yield METRES * out


def _ict_modes(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    if (folder / COMPACT).is_file():
        with np.load(folder / COMPACT, allow_pickle=False) as file:
            return file["identity_deltas"].astype(np.float64), file["expression_deltas"].astype(np.float64)
    generic = _generic(folder)
    mean = read_obj(generic, ignore_textures=True).vertices
    identities = sorted(generic.parent.glob("identity*.obj"))
    others = sorted(set(generic.parent.glob("*.obj")) - set(identities) - {generic})
    read = [
        [read_obj(path, ignore_textures=True).vertices - mean for path in group]
        for group in (identities, others)
    ]
    if not read[0]:
        raise MienError(f"{folder}: holds no identity*.obj; copy the whole of ICT-FaceKit's FaceXModel")
    return np.array(read[0]), np.array(read[1])


def _generic(folder: Path) -> Path:
    generic = ict_mesh_file(folder)
    if generic is None:
        raise MienError(f"{folder}: is a file, expected ICT-FaceKit's folder FaceXModel; give that folder")
    return generic
