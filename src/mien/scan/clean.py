"""Dropping what is no surface of the head, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial import cKDTree

from mien.core.errors import MienError
from mien.core.mesh import Scan
from mien.geometry.cluster import connected_pieces, first_of_each
from mien.geometry.normals import fast_areas
from mien.meshio.load import check_finite, used_vertices

# Shares of the whole area. Dust is dropped wherever it is; a floater only where it lies apart: scanned
# eyeballs, hair and collars are separate pieces too, but close to the head.
DUST_SHARE = 2e-4
FLOATER_SHARE = 0.05
FLOATER_GAP = 0.05  # of the main piece's diagonal
FACE_TRIANGLES = 500  # a piece apart with fewer shows no face; with one of more, all are kept in mind
SOUP_SHARE = 0.2  # no piece larger than this: loose triangles, not a head with floaters


@dataclass(frozen=True)
class Dropped:
    """What `clean_scan` took out."""

    degenerate_faces: int = 0
    duplicate_faces: int = 0
    floaters: int = 0
    floater_faces: int = 0
    unreferenced_vertices: int = 0


def clean_scan(scan: Scan) -> Scan:
    """The scan without degenerate and duplicate faces, floaters and unreferenced vertices.

    Holes, open borders, hair, clothes and non-manifold edges stay. NaN or infinite coordinates and a
    scan of which nothing remains are refused with `MienError`.
    """
    return clean_and_count(scan)[0]


def clean_and_count(scan: Scan) -> tuple[Scan, Dropped]:
    """`clean_scan`, and how much it dropped."""
    check_finite(scan.name, scan.vertices, used_vertices(len(scan.vertices), scan.triangles))
    proper, areas = _proper_faces(scan)
    single = first_of_each(scan.triangles, proper)
    if not single.any():
        raise MienError(
            f"{scan.name}: none of its {len(scan.triangles)} faces has an area, expected a surface; "
            "export the scan again"
        )
    attached, faces_apart, n_floaters = _without_floaters(scan, single, areas)
    used = np.zeros(len(scan.vertices), bool)
    used[scan.triangles[attached]] = True
    dropped = Dropped(
        degenerate_faces=int((~proper).sum()),
        duplicate_faces=int((proper & ~single).sum()),
        floaters=n_floaters,
        floater_faces=int((single & ~attached).sum()),
        unreferenced_vertices=int((~used).sum()),
    )
    kept = select_faces(scan, attached)
    if faces_apart.any():  # the textures are not kept twice
        kept = replace(kept, apart=replace(select_faces(scan, faces_apart), textures=(), masks=()))
    return kept, dropped


def select_faces(scan: Scan, keep: Bool[np.ndarray, " M"]) -> Scan:
    """The scan with only these faces and the vertices that they use."""
    used = np.zeros(len(scan.vertices), bool)
    used[scan.triangles[keep]] = True
    if keep.all() and used.all():
        return scan
    index = np.cumsum(used) - 1
    return replace(
        scan,
        vertices=scan.vertices[used],
        triangles=index[scan.triangles[keep]],
        corner_uvs=None if scan.corner_uvs is None else scan.corner_uvs[keep],
        triangle_texture=None if scan.triangle_texture is None else scan.triangle_texture[keep],
        vertex_colours=None if scan.vertex_colours is None else scan.vertex_colours[used],
        vertex_mask=None if scan.vertex_mask is None else scan.vertex_mask[used],
    )


def _proper_faces(scan: Scan) -> tuple[Bool[np.ndarray, " M"], Float[np.ndarray, " M"]]:
    """Three different corners and an area above rounding noise; and the areas."""
    t = scan.triangles
    distinct = (t[:, 0] != t[:, 1]) & (t[:, 1] != t[:, 2]) & (t[:, 2] != t[:, 0])
    used = scan.vertices[used_vertices(len(scan.vertices), t)]
    size = float(np.ptp(used, axis=0).max()) if len(used) else 0.0
    areas = fast_areas(scan.vertices, t)
    return distinct & (areas > 1e-14 * size * size), areas


def _without_floaters(
    scan: Scan, among: Bool[np.ndarray, " M"], areas: Float[np.ndarray, " M"]
) -> tuple[Bool[np.ndarray, " M"], Bool[np.ndarray, " M"], int]:
    """(faces that stay, dropped faces if a piece of them may show a face, number of pieces dropped)."""
    piece = connected_pieces(len(scan.vertices), scan.triangles if among.all() else scan.triangles[among])
    of_face = piece[scan.triangles[:, 0]]
    area = np.bincount(of_face, areas * among, int(piece.max()) + 1)
    share = area / area.sum()
    main = int(np.argmax(share))
    small = (share > 0) & (share < FLOATER_SHARE)
    small[main] = False
    if share[main] < SOUP_SHARE or not small.any():
        return among, np.zeros_like(among), 0
    drop = small & ((share < DUST_SHARE) | _apart(scan, piece, small, main))
    dropped = among & drop[of_face]
    if np.bincount(of_face[dropped]).max(initial=0) < FACE_TRIANGLES:
        return among & ~dropped, np.zeros_like(among), int(drop.sum())
    return among & ~dropped, dropped, int(drop.sum())


def _apart(scan: Scan, piece: np.ndarray, small: np.ndarray, main: int) -> np.ndarray:
    """Of the small pieces, those whose every vertex is far from the main one."""
    body = scan.vertices[piece == main]
    limit = FLOATER_GAP * np.linalg.norm(np.ptp(body, axis=0))
    members = np.flatnonzero(small[piece])
    thinned = body[:: max(1, len(body) // 200_000)]
    gap = cKDTree(thinned).query(scan.vertices[members], distance_upper_bound=2 * limit)[0]
    nearest = np.full(len(small), np.inf)
    np.minimum.at(nearest, piece[members], gap)
    return small & (nearest > limit)
