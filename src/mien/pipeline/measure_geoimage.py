"""`mien evaluate geoimage`: what a 256² geometry image keeps of a face, beside positions by rasterisation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from mien.data.basis import load_basis
from mien.evaluate.geometry_image_heads import (
    database_offsets,
    ict_codec,
    ict_offsets,
    narrow_triangles,
    seen_triangles,
)
from mien.evaluate.geometry_images import surface_errors
from mien.geoimage.codec import GeometryImageCodec, face_codec
from mien.template.load import load_template

HEADS, SEED = 26, 31
ICT_HEADS = 8

Rows = list[dict[str, object]]


def evaluate_geoimage(ict: Path | None) -> Rows:
    """Errors (mm) at vertices and inside triangles: the template's layout, and ICT-FaceKit's own."""
    codec = face_codec(load_template())
    people = list(database_offsets(load_basis(), HEADS, SEED))
    rows = _rows("database, face tile", codec, people, None)
    rows += _rows("database, what a scan shows", codec, people, seen_triangles(codec))
    if ict is not None:
        theirs, others = ict_codec(ict), list(ict_offsets(ict, ICT_HEADS, SEED))
        rows += _rows("ICT-FaceKit's own UV, full face", theirs, others, None)
        rows += _rows("ICT-FaceKit's own UV, narrow face", theirs, others, narrow_triangles(theirs))
    return rows


def _rows(
    name: str,
    codec: GeometryImageCodec,
    offsets: list[Float[np.ndarray, "V 3"]],
    chosen: Bool[np.ndarray, " T"] | None,
) -> Rows:
    ways = {"least squares": False, "rasterised": True}
    return [
        {"scan": name, "method": way, **surface_errors(codec, offsets, rasterised=raster, chosen=chosen)}
        for way, raster in ways.items()
    ]
