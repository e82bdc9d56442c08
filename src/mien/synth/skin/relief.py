"""Displacement of skin in millimetres: texture lines, pores, fine creases, lips, wrinkles of age."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mien.synth.skin.cells import cell_noise
from mien.synth.skin.fields import grid_fields, vertex_fields
from mien.synth.skin.layout import COARSE, Layout, enlarged
from mien.synth.skin.lips import lip_relief
from mien.synth.skin.look import SkinLook
from mien.synth.skin.marks import CREASE, Marks
from mien.synth.skin.pores import pits
from mien.synth.skin.splat import splat
from mien.synth.skin.spots import Layer
from mien.synth.skin.traces import Courses, threads, wander
from mien.synth.skin.volume import mottle
from mien.synth.skin.wrinkles import wrinkle_marks, wrinkles_of

_LINES = 0.52  # mm from one line of the skin's own network to the next
_LINE_DEPTH = 0.018
_BUMPS = ((1.0, 0.019),)  # smallest size and standard deviation, mm: unevenness under the pores
_THREAD_STEP = 0.45  # millimetres
_FOLD_STAIN = 0.3  # share of a wrinkle's depth that counts as groove: wrinkles are skin, seen by their shade


@dataclass(frozen=True)
class Relief:
    """`height` is displacement (mm, outward); `groove` how far pores and creases (wrinkles in part) lie
    below the skin round them (mm, 0 or more); `network` the skin's own fine lines, about -1..0.5.
    """

    height: Float[np.ndarray, "R R"]
    groove: Float[np.ndarray, "R R"]
    network: Float[np.ndarray, "R R"]


def relief(layout: Layout, look: SkinLook, resolution: int, layers: list[Layer]) -> Relief:
    """Displacement of one tile; raised and sunken `layers` of `mien.synth.skin.spots` lift it too."""
    rng = np.random.default_rng([look.seed, len(layout.tile.triangles), 1])
    smooth = enlarged(layout.whole(_smoothness()), resolution)
    network = _network(layout, look, resolution) * (1.0 - smooth)
    groove = pits(layout, look, resolution, rng)
    lines = _creases(layout, look, resolution, rng) + lip_relief(layout, look, resolution)
    np.maximum(groove, lines, out=groove)
    height = _LINE_DEPTH * (0.7 + 0.9 * look.lines) * network
    for n, (size, deviation) in enumerate(_BUMPS):
        strength = deviation * (0.55 + 0.6 * look.pores + 0.6 * look.old)
        bumps = mottle(layout.places.reshape(-1, 3), size, look.seed + n, channels=1).reshape(COARSE, COARSE)
        height += strength * (1 - 0.6 * smooth) * enlarged(bumps, resolution)
    height -= groove
    if layout.grid.part == "face":
        folds = _wrinkles(layout, look, resolution, rng)
        height -= folds
        groove += _FOLD_STAIN * folds
    for layer in layers:
        if layer.height:
            splat(height, _lifted(layer), layer.profile)
    return Relief(height, groove, network)


def _lifted(layer: Layer) -> Marks:
    marks = layer.marks
    most = max(float(np.abs(marks.strength).max()), 1e-6)
    return Marks(marks.centre, marks.to_surface, marks.radius, layer.height * marks.strength / most)


def _smoothness() -> Float[np.ndarray, " V"]:
    """1 where skin has no network of lines: lips, wet rims, lids less so."""
    fields = vertex_fields()
    lids = np.maximum(fields.of("upper_lid"), fields.of("lower_lid"))
    return np.clip(fields.of("lips") + fields.of("eye_rim") + 0.35 * lids, 0.0, 1.0)


def _network(layout: Layout, look: SkinLook, resolution: int) -> Float[np.ndarray, "R R"]:
    """The skin's own fine lines: borders of cells, raised in their middle like cobbles; bent by noise so
    that no two cells are alike, and stronger in some places than in others.
    """
    half = layout.places[::2, ::2]
    flat = half.reshape(-1, 3)
    bend = mottle(flat, 0.9, look.seed + 11)
    amount = np.clip(1.0 + 0.35 * mottle(flat, 3.0, look.seed + 12, channels=1), 0.3, 1.8)
    bent = 0.16 * np.c_[bend, -bend.sum(axis=1) / 2].reshape(half.shape)
    places = layout.places + enlarged(bent, COARSE)
    if resolution < COARSE:
        places = enlarged(places, resolution)
    first, second = cell_noise(places, _LINES * look.fineness, look.seed, resolution)
    edge = np.minimum((second - first) * 1.9, 1.0)
    return enlarged(amount.reshape(half.shape[:2]), resolution) * (edge * (2.0 - edge) - 0.35 * first - 0.45)


def _creases(layout: Layout, look: SkinLook, resolution: int, rng: np.random.Generator) -> np.ndarray:
    """Fine threads along the skin's tension and, fainter, across it: short and faint in youth."""
    fields = grid_fields(layout.grid.part)
    lids = np.maximum(fields.of("upper_lid"), fields.of("lower_lid"))
    where = 0.030 + 0.06 * lids + 0.03 * fields.of("neck") + 0.02 * fields.of("forehead")
    where *= np.clip(1.0 - 2.0 * fields.of("lips") - fields.of("scalp"), 0.0, 1.0) * (0.6 + look.lines)
    canvas = np.zeros((resolution, resolution), np.float32)
    for across, share, faint in ((0.0, 1.0, 1.0), (1.05, 0.6, 0.6), (-1.05, 0.6, 0.6)):
        seeds = layout.grid.scatter(share * where, rng)
        count, steps = len(seeds), 14
        turn = across + 0.12 * rng.standard_normal((count, 1)) + 0.20 * wander(count, steps, 2.5, rng)
        courses = threads(layout.grid, seeds, layout.tension, steps, _THREAD_STEP, turn)
        depth = faint * (0.004 + 0.026 * look.lines) * rng.gamma(1.6, 0.6, count)
        marks = _thread_marks(layout, courses, 0.085, depth, resolution, rng)
        splat(canvas, marks, CREASE, deepest=True)
    return canvas


def _thread_marks(
    layout: Layout,
    courses: Courses,
    width: float,
    depth: np.ndarray,
    resolution: int,
    rng: np.random.Generator,
) -> Marks:
    """Courses of even steps as chains of creases of uneven depth that fade to both ends."""
    count, steps = courses.on.shape
    share = (np.arange(steps) + 0.5) / steps
    length = rng.uniform(0.4, 1.0, (count, 1))
    fade = np.clip(1.0 - (np.abs(share - 0.5) / (0.5 * length)) ** 2, 0.0, 1.0)
    strength = depth[:, None] * fade * np.clip(1.0 + 0.3 * wander(count, steps, 1.5, rng), 0.2, 1.8)
    wide = width * np.exp(0.25 * rng.standard_normal((count, 1))) * (0.7 + 0.3 * fade)
    keep = courses.on & (strength > 1e-4)
    radius = np.c_[np.full(int(keep.sum()), 2.0 * _THREAD_STEP), wide[keep]]
    return layout.grid.marks(courses.places[keep], courses.ahead[keep], radius, strength[keep], resolution)


def _wrinkles(layout: Layout, look: SkinLook, resolution: int, rng: np.random.Generator) -> np.ndarray:
    wrinkles = wrinkles_of(layout.grid, look, rng)
    total = np.zeros((resolution, resolution), np.float32)
    for marks, profile in wrinkle_marks(layout.grid, wrinkles, resolution, rng):
        canvas = np.zeros((resolution, resolution), np.float32)
        splat(canvas, marks, profile, deepest=True)
        total += canvas
    return total
