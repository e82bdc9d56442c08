"""Gums scalloped round the teeth, with the palate above and the floor of the mouth below."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mien.template import mouth_tile
from tools.build_template.parts_grid import Sheet, grid_quads
from tools.build_template.parts_teeth import CROWN_VERTICES

_FRONT = 8  # columns each side of the midline that form the palate's front edge; the rest its sides
_RIM_START = 25  # a crown's vertices: 25 of the cap, then five rings of 16

# Ring indices of a crown (see `rim_angles`) on its facial and lingual side: mesial, middle, distal.
_FACIAL, _LINGUAL = (12, 10, 8), (0, 2, 4)
_MESIAL, _DISTAL = 14, 6


@dataclass(frozen=True)
class GumShape:
    """Millimetres. The profile rows go from the gum's margin toward the root: (out, rootward, scallop).

    `scallop` is the share of the margin's waves that a row still shows.
    """

    facial: tuple[tuple[float, float, float], ...]
    lingual: tuple[tuple[float, float, float], ...]
    vault: float  # rise of the palate, or fall of the mouth's floor, over the last lingual row
    band: tuple[float, float, float, float]
    field: tuple[float, float, float, float]


UPPER_GUM = GumShape(
    facial=((0.55, 1.1, 0.9), (0.65, 3.0, 0.5), (-0.4, 5.5, 0.15), (-2.2, 8.0, 0.0)),
    lingual=((0.5, 1.2, 0.8), (1.4, 3.5, 0.3), (3.2, 6.5, 0.0)),
    vault=7.0,
    band=mouth_tile.GUMS_UPPER,
    field=mouth_tile.PALATE,
)
LOWER_GUM = GumShape(
    facial=((0.55, 1.0, 0.9), (0.8, 2.6, 0.5), (0.4, 4.6, 0.15), (-1.0, 6.4, 0.0)),
    lingual=((0.5, 1.1, 0.8), (0.9, 3.5, 0.3), (1.2, 6.5, 0.0)),
    vault=1.5,
    band=mouth_tile.GUMS_LOWER,
    field=mouth_tile.FLOOR,
)


def gum_sheet(teeth: Sheet, shape: GumShape, up: float) -> Sheet:
    """The gum of a jaw round its placed teeth (`teeth_sheet`'s order); `up` as there. Metres."""
    facial, lingual = _margins(teeth.vertices)
    outward = _plan_normals(0.5 * (facial + lingual))
    rows = _profile(facial, lingual, outward, shape, up)
    strip = grid_quads(np.arange(rows.shape[0] * rows.shape[1]).reshape(rows.shape[:2]))[:, [0, 3, 2, 1]]
    inner, field_quads = _field(rows, shape, up)
    quads = np.concatenate([strip, field_quads])
    uvs, quad_uvs = _uvs(rows.shape[:2], inner.shape[:2], strip, field_quads, shape)
    if up > 0:
        quads, quad_uvs = quads[:, [0, 3, 2, 1]], quad_uvs[:, [0, 3, 2, 1]]
    return Sheet(np.concatenate([rows.reshape(-1, 3), inner.reshape(-1, 3)]), quads, uvs, quad_uvs)


def _margins(
    vertices: Float[np.ndarray, "V 3"],
) -> tuple[Float[np.ndarray, "C 3"], Float[np.ndarray, "C 3"]]:
    """Facial and lingual gum margin, right end to left end: four columns a tooth, one at each contact."""
    crowns = vertices.reshape(16, CROWN_VERTICES, 3)
    left = _half_margins(crowns[:8])
    both = []
    for half in left:
        half[0, 0] = 0.0
        both.append(np.concatenate([half[:0:-1] * [-1, 1, 1], half]))
    return both[0], both[1]


def _half_margins(
    crowns: Float[np.ndarray, "8 P 3"],
) -> list[Float[np.ndarray, "33 3"]]:
    rings = crowns[:, _RIM_START:].reshape(8, 5, 16, 3)
    papilla = 0.40 * rings[:, 1] + 0.60 * rings[:, 2]  # between 0.60 and 0.32 of the crown's height
    sides = []
    for (mesial, middle, distal), bias in ((_FACIAL, 0.68), (_LINGUAL, 0.32)):
        quarter = 0.46 * rings[:, 2] + 0.54 * rings[:, 3]
        centre = 0.10 * rings[:, 2] + 0.90 * rings[:, 3]
        contact = _between(papilla, (mesial, distal), bias)
        columns = np.stack([contact[:-1], quarter[:, mesial], centre[:, middle], quarter[:, distal]], axis=1)
        sides.append(np.concatenate([columns.reshape(32, 3), contact[-1:]]))
    return sides


def _between(
    ring: Float[np.ndarray, "8 16 3"], corner: tuple[int, int], bias: float
) -> Float[np.ndarray, "9 3"]:
    """The papillae: points in the gaps between neighbours, `bias` toward this side of the contact."""
    mesial = 0.5 * ring[:, _MESIAL] + 0.5 * ring[:, corner[0]]
    distal = 0.5 * ring[:, _DISTAL] + 0.5 * ring[:, corner[1]]
    inner = 0.5 * (distal[:-1] + mesial[1:])
    last = 0.8 * distal[-1:] + 0.2 * ring[-1:, _DISTAL]
    return np.concatenate([mesial[:1], inner, last])


def _plan_normals(line: Float[np.ndarray, "C 3"]) -> Float[np.ndarray, "C 3"]:
    """Unit normals in the horizontal plane, away from the tongue; smoothed along the arch."""
    tangent = np.gradient(_smoothed(line, 6), axis=0)
    normal = np.stack([-tangent[:, 2], np.zeros(len(line)), tangent[:, 0]], axis=-1)
    return normal / np.linalg.norm(normal, axis=1, keepdims=True)


def _smoothed(line: Float[np.ndarray, "C K"], width: int) -> Float[np.ndarray, "C K"]:
    """Binomially smoothed along the columns; the ends are continued linearly."""
    head = 2 * line[:1] - line[width:0:-1]
    tail = 2 * line[-1:] - line[-2 : -width - 2 : -1]
    padded = np.concatenate([head, line, tail])
    for _ in range(width):
        padded[1:-1] = 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]
    return padded[width:-width]


def _profile(
    facial: Float[np.ndarray, "C 3"],
    lingual: Float[np.ndarray, "C 3"],
    outward: Float[np.ndarray, "C 3"],
    shape: GumShape,
    up: float,
) -> Float[np.ndarray, "R C 3"]:
    """Rows from the facial vestibule over the margins, tucked into the teeth between, to the lingual."""
    root = np.array([0.0, -up, 0.0]) * 1e-3
    out = outward * 1e-3
    even_f, even_l = _smoothed(facial, 8), _smoothed(lingual, 8)
    rows = [s * facial + (1 - s) * even_f + o * out + d * root for o, d, s in reversed(shape.facial)]
    rows += [facial + 0.22 * out, facial - 0.55 * out + 0.35 * root]
    rows += [0.5 * (facial + lingual) + 0.4 * root]
    rows += [lingual + 0.55 * out + 0.35 * root, lingual - 0.22 * out]
    rows += [s * lingual + (1 - s) * even_l - o * out + d * root for o, d, s in shape.lingual]
    return _close_ends(np.stack(rows), up)


def _close_ends(rows: Float[np.ndarray, "R C 3"], up: float) -> Float[np.ndarray, "R C 3"]:
    """Adds a column at each end behind the last molar that turns the ridge down and in."""
    last = rows[:, -1]
    centre = 0.5 * (last[0] + last[-1])
    end = centre + 0.55 * (last - centre) + np.array([0.0, 0.0, -3.2e-3])
    ridge = np.clip((end[:, 1] - centre[1]) * up, 0, None)
    end[:, 1] -= up * 0.35 * ridge
    return np.concatenate([end[:, None] * [-1, 1, 1], rows, end[:, None]], axis=1)


def _field(
    rows: Float[np.ndarray, "R C 3"], shape: GumShape, up: float
) -> tuple[Float[np.ndarray, "M N 3"], np.ndarray]:
    """The palate or the floor inside the last lingual row: a Coons patch with an arch on it.

    Returns its inner vertices and the quads in ids that continue those of the strip.
    """
    count = rows.shape[1]
    side = (count - 1) // 2 - _FRONT
    base = (rows.shape[0] - 1) * count
    edge = rows[-1]
    # Grid rows run from the front backward, columns from right to left.
    right = edge[side::-1]
    left = edge[count - 1 - side :]
    front = edge[side : count - side]
    n = len(front)
    u, v = np.linspace(0, 1, n), np.linspace(0, 1, side + 1)
    back = right[-1] + (left[-1] - right[-1]) * u[:, None]
    grid = _coons(front, back, right, left)
    arch = (4 * u * (1 - u)) ** 0.7 * (np.sin(np.pi / 2 * np.clip(v * 1.8, 0, 1))[:, None])
    grid[..., 1] -= up * shape.vault * 1e-3 * arch
    ids = np.empty(grid.shape[:2], dtype=np.int64)
    ids[0] = base + np.arange(side, count - side)
    ids[:, 0] = base + np.arange(side, -1, -1)
    ids[:, -1] = base + np.arange(count - 1 - side, count)
    inner = grid[1:, 1:-1]
    ids[1:, 1:-1] = rows.shape[0] * count + np.arange(inner.shape[0] * inner.shape[1]).reshape(
        inner.shape[:2]
    )
    return inner, grid_quads(ids)[:, [0, 3, 2, 1]]


def _coons(
    front: Float[np.ndarray, "N 3"],
    back: Float[np.ndarray, "N 3"],
    right: Float[np.ndarray, "M 3"],
    left: Float[np.ndarray, "M 3"],
) -> Float[np.ndarray, "M N 3"]:
    """The bilinear Coons patch of four edges."""
    u = np.linspace(0, 1, len(front))[None, :, None]
    v = np.linspace(0, 1, len(right))[:, None, None]
    ruled = (1 - v) * front + v * back + (1 - u) * right[:, None] + u * left[:, None]
    corners = (1 - v) * ((1 - u) * front[0] + u * front[-1]) + v * ((1 - u) * back[0] + u * back[-1])
    return ruled - corners


def _uvs(
    strip_shape: tuple[int, int],
    inner_shape: tuple[int, int],
    strip: np.ndarray,
    field_quads: np.ndarray,
    shape: GumShape,
) -> tuple[Float[np.ndarray, "T 2"], np.ndarray]:
    """The strip unrolled into a band, the palate or floor into a rectangle of the mouth's tile."""
    count, columns = strip_shape
    left, right, low, high = shape.band
    u, v = np.meshgrid(np.linspace(left, right, columns), np.linspace(low, high, count))
    band = np.column_stack([u.ravel(), v.ravel()])
    u0, u1, v0, v1 = shape.field
    height, width = inner_shape[0] + 1, inner_shape[1] + 2
    # Corners of the field's quads in grid order, so that they index a grid of their own.
    grid = np.arange(height * width).reshape(height, width)
    gu, gv = np.meshgrid(np.linspace(u1, u0, width), np.linspace(v1, v0, height))
    field = np.column_stack([gu.ravel(), gv.ravel()])
    field_uvs = grid_quads(grid)[:, [0, 3, 2, 1]] + len(band)
    assert len(field_quads) == len(field_uvs)
    return np.concatenate([band, field]), np.concatenate([strip, field_uvs])
