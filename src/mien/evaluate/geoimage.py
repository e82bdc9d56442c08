"""`mien evaluate geoimage`: what a 256² geometry image keeps of a face, beside positions by rasterisation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from mien.evaluate.measures.geometry_image_heads import (
    database_offsets,
    ict_codec,
    ict_offsets,
    narrow_triangles,
    seen_triangles,
)
from mien.evaluate.measures.geometry_images import surface_errors
from mien.geoimage.codec import GeometryImageCodec, face_codec
from mien.geoimage.places import shift_texels
from mien.synth.identity.basis import load_basis
from mien.template.load import load_template

HEADS, SEED = 26, 31
ICT_HEADS = 8
ICT_EXAMPLES, ICT_EXAMPLE_SEED = 52, 77  # of which sampling places are made: other people than the measured

Rows = list[dict[str, object]]


def evaluate_geoimage(ict: Path | None) -> Rows:
    """Errors (mm) at vertices and inside triangles, and how far (texels) the image lies off the texture.

    On the template's layout and on ICT-FaceKit's own: spread out and not, and rasterised.
    """
    template = load_template()
    spread, plain = face_codec(template), face_codec(template, spread=False)
    people = list(database_offsets(load_basis(), HEADS, SEED))
    rows = _rows("database, face tile", spread, plain, people, None)
    rows += _rows("database, what a scan shows", spread, plain, people, seen_triangles(plain))
    if ict is not None:
        plain, others = ict_codec(ict), list(ict_offsets(ict, ICT_HEADS, SEED))
        spread = ict_codec(ict, list(ict_offsets(ict, ICT_EXAMPLES, ICT_EXAMPLE_SEED)))
        rows += _rows("ICT-FaceKit's own UV, full face", spread, plain, others, None)
        rows += _rows("ICT-FaceKit's own UV, narrow face", spread, plain, others, narrow_triangles(plain))
    return rows


def _rows(
    name: str,
    spread: GeometryImageCodec,
    plain: GeometryImageCodec,
    offsets: list[Float[np.ndarray, "V 3"]],
    chosen: Bool[np.ndarray, " T"] | None,
) -> Rows:
    ways = {
        "least squares, spread": (spread, False),
        "least squares": (plain, False),
        "rasterised": (plain, True),
    }
    rows: Rows = []
    for way, (codec, raster) in ways.items():
        rows.append({"scan": name, "method": way})
        rows[-1] |= surface_errors(codec, offsets, rasterised=raster, chosen=chosen)
    shift = shift_texels(spread.corner_uvs, plain.corner_uvs)
    rows[0] |= {"shift_mean_texels": float(shift.mean()), "shift_worst_texels": float(shift.max())}
    return rows
