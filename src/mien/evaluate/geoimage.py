"""What a 256² geometry image keeps of a face, beside positions by rasterisation (paper 1 §3.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import distance_transform_edt

from mien.core.conventions import EXPRESSIONS, MILLIMETRES_PER_METRE, shape_weights, uv_to_pixel
from mien.evaluate.measures.aims import DESIGN, Aim, Verdict, judge_columns
from mien.evaluate.measures.evaluation import Evaluation, Findings, Rows, Say
from mien.evaluate.measures.ict_facekit import NARROW_FACE, draw_ict_offsets, make_ict_codec
from mien.geoimage.codec import GeometryImageCodec, face_codec
from mien.geoimage.sampling_places import shift_texels
from mien.geometry.raster import rasterize
from mien.synth.expression.maker import expression_maker
from mien.synth.identity.basis import SynthBasis, load_basis
from mien.synth.person import SyntheticPerson
from mien.synth.subject import draw_subject
from mien.template.load import load_template

HEADS, SEED = 26, 31
ICT_HEADS = 8
ICT_EXAMPLES, ICT_EXAMPLE_SEED = 52, 77  # of which sampling places are made: other people than the measured

POINTS = 50_000  # inside triangles, a head
OURS = "least squares, spread"  # the way that Mien stores offsets
DATABASE, ICT = "database, face tile", "ICT-FaceKit's own UV, full face"

_PAPER = f"{DESIGN}; paper 1: 0.068 mean"


def _aims(name: str, mean: float, largest: float) -> dict[str, Aim]:
    """Both at the vertices and inside the triangles."""
    return {
        f"{where}_{column}": Aim(f"{name}, {where}, {said}, mm", at_most=bound, source=_PAPER)
        for where in ("vertices", "inside")
        for column, said, bound in (("mean_mm", "mean", mean), ("p99.9_mm", "99.9 %", largest))
    }


AIMS = {DATABASE: _aims("database", 0.03, 0.3), ICT: _aims("ICT-FaceKit", 0.1, 1.0)}


@dataclass(frozen=True, kw_only=True)
class EvaluateGeoimage(Evaluation):
    """Writes expressions of the database's people as geometry images of 256² texels, reads them back, and
    measures the error at vertices and at random points inside triangles: as Mien stores them, spread out in
    UV; in the layout of the textures; and rasterised as in paper 1. With --ict the same in ICT-FaceKit's own
    UV."""

    ict: Path | None = None
    """Your copy of ICT-FaceKit: its folder FaceXModel."""

    def measure(self, say: Say) -> Findings:
        """A row a layout and way; errors in millimetres, shifts in texels."""
        rows = measure_database_faces(say)
        if self.ict is not None:
            rows += measure_ict_faces(self.ict, say)
        return Findings({"geoimage": rows}, tuple(judge_rows(rows)))


def judge_rows(rows: Rows) -> list[Verdict]:
    """What Mien's own way reaches on the whole of each layout, beside the aims."""
    verdicts = []
    for layout, aims in AIMS.items():
        own = [row for row in rows if row["scan"] == layout and row["method"] == OURS]
        verdicts += judge_columns(aims, own)
    return verdicts


def measure_database_faces(say: Say, heads: int = HEADS) -> Rows:
    """The database's expressions on the template's layout: spread out and not, and rasterised."""
    say(f"{heads} expressions of the database")
    template = load_template()
    spread, plain = face_codec(template), face_codec(template, spread=False)
    people = list(make_database_offsets(load_basis(), heads, SEED))
    rows = _rows(DATABASE, spread, plain, people, None)
    return rows + _rows("database, what a scan shows", spread, plain, people, find_seen(plain))


def measure_ict_faces(folder: Path, say: Say, heads: int = ICT_HEADS) -> Rows:
    """ICT-FaceKit's people in its own layout, in the same ways."""
    say(f"{heads} people of ICT-FaceKit")
    plain, others = make_ict_codec(folder), list(draw_ict_offsets(folder, heads, SEED))
    spread = make_ict_codec(folder, list(draw_ict_offsets(folder, ICT_EXAMPLES, ICT_EXAMPLE_SEED)))
    rows = _rows(ICT, spread, plain, others, None)
    narrow = np.asarray((plain.triangles < NARROW_FACE).all(axis=1))
    return rows + _rows("ICT-FaceKit's own UV, narrow face", spread, plain, others, narrow)


def _rows(
    name: str,
    spread: GeometryImageCodec,
    plain: GeometryImageCodec,
    offsets: list[Float[np.ndarray, "V 3"]],
    chosen: Bool[np.ndarray, " T"] | None,
) -> Rows:
    ways = {
        OURS: (spread, False),
        "least squares": (plain, False),
        "rasterised": (plain, True),
    }
    rows: Rows = []
    for way, (codec, raster) in ways.items():
        rows.append({"scan": name, "method": way})
        rows[-1] |= measure_surface_errors(codec, offsets, rasterised=raster, chosen=chosen)
    shift = shift_texels(spread.corner_uvs, plain.corner_uvs)
    rows[0] |= {"shift_mean_texels": float(shift.mean()), "shift_worst_texels": float(shift.max())}
    return rows


def make_database_offsets(basis: SynthBasis, count: int, seed: int) -> Iterator[Float[np.ndarray, "V 3"]]:
    """Expressions of random subjects as offsets from the template (metres), each expression in turn."""
    maker, template = expression_maker(basis), load_template()
    names = list(EXPRESSIONS)
    for index in range(count):
        person = SyntheticPerson(draw_subject(seed, index), maker=maker)
        weights = shape_weights(EXPRESSIONS[names[index % len(names)]])
        out = np.zeros_like(template.vertices)
        posed = person.head.skin + maker.expression(person.bound, weights)
        out[: basis.n_skin] = posed - template.vertices[: basis.n_skin]
        yield out


def find_seen(codec: GeometryImageCodec) -> Bool[np.ndarray, " T"]:
    """The template's triangles that a scan shows: not inside of mouth, nostrils and lids."""
    seen = load_template().regions["measured"] > 0.5
    return seen[codec.triangles].all(axis=1)


def measure_surface_errors(
    codec: GeometryImageCodec,
    offsets: Iterable[Float[np.ndarray, "V 3"]],
    *,
    rasterised: bool = False,
    chosen: Bool[np.ndarray, " T"] | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """Distance between offsets (metres) and what comes back, millimetres: mean, 99.9th percentile, worst.

    At the vertices and at random points inside the triangles, pooled over all heads. `rasterised` encodes
    as paper 1 does: each texel takes the position of the surface at its centre (whose codec should be that
    of the plain texture layout). `chosen` are the codec's triangles that are measured on, all when left out.
    """
    rng = np.random.default_rng(seed)
    encode = _rasteriser(codec) if rasterised else codec.encode
    asked = np.arange(len(codec.triangles)) if chosen is None else np.flatnonzero(chosen)
    used = np.unique(codec.triangles[asked])
    at_vertices, inside = [], []
    for offset in offsets:
        image = encode(offset)
        at_vertices.append(np.linalg.norm(codec.decode(image) - offset, axis=1)[used])
        triangle = asked[rng.integers(len(asked), size=POINTS)]
        weights = rng.dirichlet(np.ones(3), POINTS)
        true = np.einsum("nk,nkd->nd", weights, offset[codec.triangles[triangle]])
        inside.append(np.linalg.norm(codec.sample(image, triangle, weights) - true, axis=1))
    return _summary("vertices", at_vertices) | _summary("inside", inside)


def _summary(where: str, errors: list[np.ndarray]) -> dict[str, float]:
    error = np.concatenate(errors) * MILLIMETRES_PER_METRE
    return {
        f"{where}_mean_mm": float(error.mean()),
        f"{where}_p99.9_mm": float(np.percentile(error, 99.9)),
        f"{where}_worst_mm": float(error.max()),
    }


def _rasteriser(codec: GeometryImageCodec) -> Callable[[np.ndarray], np.ndarray]:
    """Paper 1's encoder: the surface at each covered texel's centre, its border repeated outwards."""
    size = codec.resolution
    pixels = uv_to_pixel(codec.corner_uvs.reshape(-1, 2), size, size)
    faces = np.arange(len(pixels)).reshape(-1, 3)
    raster = rasterize(pixels, np.zeros(len(pixels)), faces, size, size)
    row, column = distance_transform_edt(~raster.covered, return_distances=False, return_indices=True)

    def encode(offset: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "R R 3"]:
        return raster.interpolate(offset[codec.triangles])[row, column].astype(np.float64)

    return encode
