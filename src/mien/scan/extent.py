"""How much of a scan is a head: pieces that lie apart, and all that is too far from the face."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from jaxtyping import Float
from scipy.spatial import cKDTree

from mien.core.mesh import Scan
from mien.scan.clean import clean_scan, select_faces

LARGE = (
    12.0  # face lengths (0.85 m) from the face: a scan that goes on farther is more than head and shoulders
)
KEPT = 8.0  # face lengths (0.55 m): what is kept of such a scan

LIES_APART = "the face lies apart from the scan's largest piece, which was left out"


def pieces(scan: Scan) -> Iterator[Scan]:
    """The scan, then what cleaning found to lie apart from it, cleaned likewise."""
    yield scan
    apart = scan.apart
    while apart is not None:
        whole = replace(apart, textures=scan.textures, masks=scan.masks, sources=scan.sources)
        piece = clean_scan(whole)
        yield piece
        apart = piece.apart


def piece_with(scan: Scan, points: Float[np.ndarray, "K 3"]) -> Scan:
    """The one of `pieces` that these points lie nearest to."""
    if scan.apart is None:
        return scan
    away = lambda piece: float(np.median(cKDTree(piece.vertices).query(points)[0]))  # noqa: E731
    return min(pieces(scan), key=away)


def about_the_head(scan: Scan, centre: Float[np.ndarray, "3"], length: float) -> tuple[Scan, tuple[str, ...]]:
    """The scan round a face of this centre and length, and a note; as it is where it is no more than a bust
    or lies elsewhere."""
    away = np.linalg.norm(scan.vertices - centre, axis=1) / length
    if len(away) == 0 or away.max() <= LARGE:
        return scan, ()
    near = (away < KEPT)[scan.triangles].any(axis=1)
    if not near.any():
        return scan, ()
    kept = select_faces(scan, near)
    note = (
        f"the scan is {size_in_words(scan)} large, more than a head: "
        f"{len(kept.triangles):,} of its {len(scan.triangles):,} triangles, those about the face, were used"
    )
    return kept, (note,)


def size_in_words(scan: Scan) -> str:
    """Width, height and depth of the scan, in metres where the file says what a unit is."""
    sides = np.ptp(scan.vertices, axis=0) * (scan.unit_metres or 1.0)
    unit = "m" if scan.unit_metres else "units"
    return " x ".join(f"{side:.3g}" for side in sides) + f" {unit}"
