"""Do a scan's colours fit its face? What the landmarks alone can tell of a texture that lies upside down."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from mien.core.mesh import Scan
from mien.geometry.closest import ClosestPoint
from mien.scan.clean import select_faces
from mien.scan.landmarks.orthographic import sample_texture
from mien.scan.landmarks.picture_search import FacePose

# Pairs of landmarks, and shares along them, that give a spot on lips, brows and bare skin.
LIPS = ((51, 62, 0.5), (50, 61, 0.5), (52, 63, 0.5), (57, 66, 0.5), (58, 67, 0.5), (56, 65, 0.5))
BROWS = tuple((i, i, 0.0) for i in (18, 19, 20, 23, 24, 25)) + ((37, 41, 0.5), (44, 46, 0.5))
SKIN = (
    (36, 48, 0.5),
    (45, 54, 0.5),
    (41, 49, 0.5),
    (46, 53, 0.5),
    (8, 57, 0.4),
    (27, 29, 0.5),
    (31, 48, 0.4),
)
CLEARLY = 0.03


def colours_upside_down(head: Scan, pose: FacePose) -> bool:
    """Whether lips are red and brows dark only once v is flipped.

    glTF counts v from the top, OBJ from the bottom, and a picture given beside a file may follow either.
    """
    assert head.corner_uvs is not None
    flipped = replace(head, corner_uvs=head.corner_uvs * [1.0, -1.0] + [0.0, 1.0])
    return _likeness(flipped, pose) > _likeness(head, pose) + CLEARLY


def _likeness(head: Scan, pose: FacePose) -> float:
    """How much redder the lips and darker the brows and eyes are than the skin, with uniform skin."""
    lips, brows, skin = (_colours(head, pose, spots) for spots in (LIPS, BROWS, SKIN))
    red = np.median(_redness(lips)) - np.median(_redness(skin))
    dark = np.median(skin.mean(axis=1)) - np.median(brows.mean(axis=1))
    return float(np.clip(red, -0.1, 0.1) + np.clip(dark, -0.2, 0.2) - skin.std(axis=0).mean())


def _redness(colour: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, " N"]:
    return colour[:, 0] / np.maximum(colour.sum(axis=1), 1e-3)


def _colours(
    head: Scan, pose: FacePose, spots: tuple[tuple[int, int, float], ...]
) -> Float[np.ndarray, "N 3"]:
    a, b, share = (np.array(column) for column in zip(*spots, strict=True))
    marks = pose.landmarks
    points = marks[a] * (1 - share[:, None]) + marks[b] * share[:, None]
    near = np.linalg.norm(head.vertices - pose.centre, axis=1) < 2.0 * pose.length
    part = select_faces(head, near[head.triangles].any(axis=1))
    hits = ClosestPoint(part.vertices, part.triangles).query(points)
    assert part.corner_uvs is not None
    uv = np.einsum("nk,nkc->nc", hits.barycentric, part.corner_uvs[hits.triangle])
    picture = (
        part.triangle_texture[hits.triangle] if part.triangle_texture is not None else np.zeros(len(uv), int)
    )
    out = np.full((len(uv), 3), 0.5)
    for i, texture in enumerate(part.textures):
        mine = picture == i
        out[mine] = sample_texture(texture, uv[mine])
    return out
