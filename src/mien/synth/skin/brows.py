"""Brows as hairs: each with its course, width and colour. Needs numpy only.

`mien.synth.skin.strokes` draws them finely; `deposit_hairs` gives what they cover of a coarse texel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mien.synth.skin.grid import Grid
from mien.synth.skin.look import SkinLook

_CHAINS = {"right": (21, 20, 19, 18, 17), "left": (22, 23, 24, 25, 26)}  # from the nose outward
_SPAN = 0.76  # of the landmarks' span: the unit of lengths here
_BELOW = 0.11  # the landmarks follow the upper edge of a brow: roots lie this much lower, in that unit
_HALF_HEIGHT = 0.098
_POINTS = 5  # on each hair
_FAIR, _BLACK, _RED, _GREY = (
    np.array(c)
    for c in ([0.23, 0.15, 0.075], [0.013, 0.010, 0.0085], [0.15, 0.05, 0.018], [0.34, 0.33, 0.31])
)


@dataclass(frozen=True)
class Hairs:
    """H hairs: points on the tile (0..1, right and down), half a width (mm), how much of what lies below a
    hair hides, linear colour.
    """

    points: Float[np.ndarray, "H P 2"]
    half_width: Float[np.ndarray, " H"]
    cover: Float[np.ndarray, " H"]
    colour: Float[np.ndarray, "H 3"]


def hair_colour(look: SkinLook) -> Float[np.ndarray, "3"]:
    """Linear sRGB of the hairs that are not grey."""
    own = np.exp((1 - look.hair_colour) * np.log(_FAIR) + look.hair_colour * np.log(_BLACK))
    return (1 - look.reddish) * own + look.reddish * _RED


def hair_colours(
    look: SkinLook, count: int, grey: float, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "H 3"], np.ndarray]:
    """Colours hair by hair, and which are grey: pigment is lost by whole hairs, not by shades."""
    own = hair_colour(look) * np.exp(0.22 * rng.standard_normal((count, 1)))
    is_grey = rng.random(count) < grey
    pale = _GREY * np.exp(0.12 * rng.standard_normal((count, 1)))
    return np.where(is_grey[:, None], pale, own), is_grey


def brow_hairs(grid: Grid, look: SkinLook) -> Hairs:
    """Both brows of a subject, on the face's grid."""
    rng = np.random.default_rng([look.seed, 30])
    template = grid.template
    corners = template.topology.uvs[template.topology.triangle_uvs[template.landmarks.triangle]]
    marks = np.einsum("lk,lkd->ld", template.landmarks.barycentric, corners) * [1, -1] + [0, 1]
    courses, widths, covers, colours = [], [], [], []
    for chain in _CHAINS.values():
        spine = marks[list(chain)]
        unit = _SPAN * float(np.linalg.norm(spine[0] - spine[-1]))
        points, edge = _courses(spine, unit, look, rng)
        count = len(points)
        colour, grey = hair_colours(look, count, 0.75 * look.grey**1.6, rng)
        courses.append(points)
        widths.append(0.038 * np.exp(0.2 * rng.standard_normal(count)) * (0.85 + 0.3 * look.masculine) * edge)
        covers.append(look.brows.darkness * rng.uniform(0.7, 1.0, count) * np.where(grey, 0.7, 1.0))
        colours.append(colour)
    parts = (np.concatenate(a) for a in (courses, widths, covers, colours))
    return Hairs(*parts)


def _courses(
    spine: np.ndarray, unit: float, look: SkinLook, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "H P 2"], Float[np.ndarray, " H"]]:
    """Hairs of one brow and how strong each is. Inner hairs stand, later ones lie outward; those of the
    upper edge lean down and those of the lower edge up, so that they meet on the spine.
    """
    form = look.brows
    count = form.hairs
    form_length = form.outer - form.inner
    along = rng.beta(1.05, 0.95, count)
    t = form.inner + form_length * along
    across = 2.0 * rng.beta(1.9, 1.9, count) - 1.0
    stray = rng.random(count) < 0.03 + 0.08 * form.unruly
    across = np.where(stray, rng.uniform(-1.9, 1.9, count), across)
    half = _HALF_HEIGHT * unit * form.thickness * np.interp(along, *_TAPER)
    root = _spine(spine, t, form.arch, form.peak, unit)
    root[:, 1] += _BELOW * unit - half * across - 0.012 * unit * rng.standard_normal(count) * form.unruly
    upright = np.interp(along, (0.0, 0.1, 0.25, 0.5, 0.75, 1.0), (86.0, 68.0, 45.0, 24.0, 4.0, -16.0))
    lean = np.interp(along, (0.0, 0.2, 0.5, 1.0), (4.0, 16.0, 24.0, 12.0))
    turn = np.radians(upright - lean * across + rng.normal(0, 6.0 + 9.0 * form.unruly, count))
    length = unit * form.length * rng.uniform(0.11, 0.19, count)
    length *= np.interp(along, (0.0, 0.15, 0.6, 1.0), (0.7, 1.0, 1.0, 0.62)) * np.where(stray, 0.6, 1.0)
    bend = np.radians(rng.normal(-16.0, 8.0, count))
    outward = np.sign(spine[-1, 0] - spine[0, 0])
    points = [root]
    for k in range(_POINTS - 1):
        angle = turn + bend * k / (_POINTS - 2)
        step = np.stack([outward * np.cos(angle), -np.sin(angle)], axis=1)
        points.append(points[-1] + step * (length / (_POINTS - 1))[:, None])
    edge = np.interp(along, (0.0, 0.08, 0.9, 1.0), (0.75, 1.0, 0.95, 0.7)) * np.where(stray, 0.75, 1.0)
    return np.stack(points, axis=1), edge


_TAPER = ((0.0, 0.10, 0.35, 0.65, 0.88, 1.0), (0.66, 0.95, 1.0, 0.74, 0.42, 0.16))


def _spine(spine: np.ndarray, t: np.ndarray, arch: float, peak: float, unit: float) -> np.ndarray:
    """Places along a smooth line through the landmarks, bent to this subject's arch."""
    known = np.linspace(0, 1, len(spine))
    out = np.stack([np.polyval(np.polyfit(known, spine[:, k], 2), t) for k in (0, 1)], axis=1)
    rise = np.clip(t / peak, 0.0, 1.0) ** 1.4 - np.clip((t - peak) / (1.04 - peak), 0.0, 1.2) ** 1.3
    out[:, 1] -= 0.075 * arch * unit * rise
    return out


def deposit_hairs(grid: Grid, hairs: Hairs, size: int) -> tuple[Float[np.ndarray, "S S"], np.ndarray]:
    """The share of each texel that hairs cover (as of hairs that fall by chance) and their mean colour."""
    points = hairs.points
    step = np.diff(points, axis=1)
    middle = grid.texel(np.clip(points[:, 0], 0, 1 - 1e-6))
    frame = grid.frame[grid.texel_triangle[middle]]
    length = np.linalg.norm(np.einsum("hds,hks->hkd", frame, step), axis=-1)  # millimetres
    segments = step.shape[1]
    narrowing = 1.0 - 0.55 * (np.arange(segments) + 0.5) / segments
    area = 2.0 * hairs.half_width[:, None] * narrowing * length * hairs.cover[:, None]
    cell = grid.texel_area[middle] * (len(grid.covered) / size) ** 2
    at = (points[:, :-1] + 0.5 * step).reshape(-1, 2) * size - 0.5
    return _accumulate(at, (area / cell[:, None]).ravel(), np.repeat(hairs.colour, segments, axis=0), size)


def _accumulate(
    at: np.ndarray, weight: np.ndarray, colour: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    low = np.floor(at).astype(np.int64)
    part = at - low
    cells, weights = [], []
    for dx in (0, 1):
        for dy in (0, 1):
            weights.append(weight * np.abs(1 - dx - part[:, 0]) * np.abs(1 - dy - part[:, 1]))
            cell = np.clip(low + [dx, dy], 0, size - 1)
            cells.append(cell[:, 1] * size + cell[:, 0])
    flat, share = np.concatenate(cells), np.concatenate(weights)
    first = int(flat.min())  # the brows are a small part of the tile: sums run over their rows only
    total = np.zeros((4, size * size))
    count = int(flat.max()) - first + 1
    total[0, first : first + count] = np.bincount(flat - first, share, minlength=count)
    for k in range(3):
        summed = np.bincount(flat - first, share * np.tile(colour[:, k], 4), minlength=count)
        total[k + 1, first : first + count] = summed
    cover = 1.0 - np.exp(-total[0])
    mean = total[1:] / np.maximum(total[0], 1e-9)
    return cover.reshape(size, size), np.moveaxis(mean.reshape(3, size, size), 0, -1)
