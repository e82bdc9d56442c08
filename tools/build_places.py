"""`python -m tools.build_places --out FILE`: where a geometry image holds each point of the face tile.

The face tile's texture coordinates, spread out (`geoimage/sampling_places.py`) where expressions of database
subjects bend inside a texel: nostrils, corners of mouth and eyes. Mirrored as the template is. A minute, the
same bytes each time; `python -m tools.build_assets places` puts them among the assets. Networks are bound to
these places: rebuild them only before everything is trained anew.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from mien.core.face import Template
from mien.database.release import SEED
from mien.evaluate.geoimage import make_database_offsets
from mien.geoimage.codec import face_codec
from mien.geoimage.sampling_places import face_rows, sampling_places, shift_texels, write_face_places
from mien.synth.identity.basis import load_basis
from mien.template.load import load_template

HEADS = 104  # four of each expression


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    template = load_template()
    plain = face_codec(template, spread=False)
    heads = list(make_database_offsets(load_basis(), HEADS, SEED))
    heads += [head[template.mirror] * np.array([-1.0, 1.0, 1.0]) for head in heads]
    places = sampling_places(plain.triangles, plain.corner_uvs, heads)
    uvs = mirrored(template, plain.triangles, places)
    write_face_places(given.out, uvs[face_rows(template)])
    shift = shift_texels(uvs[face_corners(template)], plain.corner_uvs)
    print(f"{given.out}: {np.mean(shift):.2f} texels off the texture on average, {shift.max():.2f} at most")


def mirrored(template: Template, triangles: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Places as texture coordinates of the template, each the mean of its own and its mirror image's."""
    vertex = np.zeros((template.topology.n_vertices, 2))
    vertex[triangles.ravel()] = places.reshape(-1, 2)
    other = vertex[template.mirror] * [-1.0, 1.0] + [1.0, 0.0]
    uvs = template.topology.uvs.copy()
    uvs[face_corners(template)] = ((vertex + other) / 2)[triangles]
    return uvs


def face_corners(template: Template) -> np.ndarray:
    """Rows of texture coordinates of the face tile's triangles (T, 3)."""
    quads = template.part("face").quads
    return template.topology.triangle_uvs[2 * quads.start : 2 * quads.stop]


if __name__ == "__main__":
    main()
