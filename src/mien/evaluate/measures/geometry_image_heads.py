"""What geometry images are measured on: the database's expressions, and ICT-FaceKit in its own UV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from mien.basemesh.ict import ict_mesh_file
from mien.core.conventions import EXPRESSIONS, shape_weights
from mien.core.errors import MienError
from mien.evaluate.measures.consistency import COMPACT, METRES
from mien.geoimage.codec import GeometryImageCodec
from mien.geoimage.places import sampling_places
from mien.meshio.obj import read_obj
from mien.synth.expression.maker import expression_maker
from mien.synth.identity.basis import SynthBasis
from mien.synth.person import SyntheticPerson
from mien.synth.subject import draw_subject
from mien.template.load import load_template

# ICT's vertices of the narrow face area come first, then what the full one adds (its README).
NARROW_FACE, FULL_FACE = 6706, 9409
_LIMIT = 2.0  # standard deviations


def database_offsets(basis: SynthBasis, count: int, seed: int) -> Iterator[Float[np.ndarray, "V 3"]]:
    """Expressions of random subjects as offsets from the template (metres), each expression in turn."""
    maker, template = expression_maker(basis), load_template()
    names = list(EXPRESSIONS)
    for index in range(count):
        person = SyntheticPerson(draw_subject(seed, index), maker=maker)
        weights = shape_weights(EXPRESSIONS[names[index % len(names)]])
        out = np.zeros_like(template.vertices)
        out[: basis.n_skin] = (
            person.head.skin + maker.expression(person.bound, weights) - template.vertices[: basis.n_skin]
        )
        yield out


def seen_triangles(codec: GeometryImageCodec) -> Bool[np.ndarray, " T"]:
    """The template's triangles that a scan shows: not inside of mouth, nostrils and lids."""
    seen = load_template().regions["measured"] > 0.5
    return seen[codec.triangles].all(axis=1)


def narrow_triangles(codec: GeometryImageCodec) -> Bool[np.ndarray, " T"]:
    """ICT-FaceKit's triangles of the narrow face area."""
    return np.asarray((codec.triangles < NARROW_FACE).all(axis=1))


def ict_codec(folder: Path, examples: Sequence[Float[np.ndarray, "V 3"]] = ()) -> GeometryImageCodec:
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


def ict_offsets(folder: Path, count: int, seed: int) -> Iterator[Float[np.ndarray, "V 3"]]:
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
