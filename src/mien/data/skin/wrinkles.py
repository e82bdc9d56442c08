"""Wrinkles of age: where they run, how deep they are, drawn as chains of creases.

Lines are given between landmarks of the face tile, so that they lie right on the template; every subject
has its own number, course and depth of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mien.data.skin.layout import Layout
from mien.data.skin.look import SkinLook
from mien.data.skin.splat import Marks
from mien.textures.hair import landmark_uvs

STEP = 0.7  # millimetres from mark to mark along a wrinkle


@dataclass(frozen=True)
class Line:
    """A wrinkle: points on the tile (0..1, right and down), half its width and its depth in millimetres."""

    points: Float[np.ndarray, "K 2"]
    half_width: float
    depth: float


def wrinkle_lines(layout: Layout, look: SkinLook, rng: np.random.Generator) -> list[Line]:
    """All wrinkles of one face, the faint ones of youth too."""
    marks = landmark_uvs(layout.template) * [1.0, -1.0] + [0.0, 1.0]
    age = look.wrinkles
    lines = _forehead(marks, age, rng)
    for side in (0, 1):
        lines += _crows_feet(marks, side, age, rng) + _under_eye(marks, side, age, rng)
        lines += _smile_fold(marks, side, age, rng) + _frown(marks, side, age, rng)
    return lines + _round_mouth(marks, age, rng)


def wrinkle_marks(layout: Layout, lines: list[Line], resolution: int, rng: np.random.Generator) -> Marks:
    """The lines as creases one after the other; depth falls off to both ends and varies on the way."""
    places, ahead, radius, depth = [], [], [], []
    for line in lines:
        at, forward, share = _resampled(layout, line.points)
        if len(at) == 0:
            continue
        fade = np.sin(np.pi * np.clip(share, 0, 1)) ** 0.6
        uneven = 1.0 + 0.25 * np.interp(share, np.linspace(0, 1, 9), rng.standard_normal(9))
        places.append(at)
        ahead.append(forward)
        depth.append(line.depth * fade * np.clip(uneven, 0.3, 1.6))
        radius.append(np.c_[np.full(len(at), 1.5 * STEP), line.half_width * (0.7 + 0.3 * fade)])
    if not places:
        empty = np.zeros((0, 2))
        return Marks(empty, np.zeros((0, 2, 2)), empty, np.zeros(0))
    at, forward, size, deep = (np.concatenate(a) for a in (places, ahead, radius, depth))
    return layout.marks(at, forward, size, deep, resolution)


def _resampled(layout: Layout, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places every `STEP` along a smooth course, the direction there in space, and how far along."""
    t = np.linspace(0, 1, 60)
    known = np.linspace(0, 1, len(points))
    fine = np.stack([_spline(known, points[:, k], t) for k in (0, 1)], axis=1)
    inside = (fine >= 0).all(axis=1) & (fine < 1).all(axis=1)
    size = layout.tile.resolution
    cell = np.minimum((fine * size).astype(int), size - 1)
    inside &= layout.texel_of[np.clip(cell[:, 1], 0, None), np.clip(cell[:, 0], 0, None)] >= 0
    fine, t = fine[inside], t[inside]
    if len(fine) < 4:
        return np.zeros((0, 2)), np.zeros((0, 3)), np.zeros(0)
    solid = layout.at(fine, layout.points)
    length = np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(solid, axis=0), axis=1))]
    along = np.arange(0.0, length[-1], STEP)
    at = np.stack([np.interp(along, length, fine[:, k]) for k in (0, 1)], axis=1)
    ahead = np.gradient(np.stack([np.interp(along, length, solid[:, k]) for k in range(3)], axis=1), axis=0)
    cell = np.minimum((at * size).astype(int), size - 1)
    keep = layout.texel_of[cell[:, 1], cell[:, 0]] >= 0
    return at[keep], ahead[keep], np.interp(along, length, t)[keep]


def _spline(known: np.ndarray, values: np.ndarray, at: np.ndarray) -> np.ndarray:
    from scipy.interpolate import CubicSpline

    return CubicSpline(known, values)(at)


def _forehead(marks: np.ndarray, age: float, rng: np.random.Generator) -> list[Line]:
    """Three to five lines across, following the brows, each with gaps and of its own reach."""
    lines = []
    left, right = marks[17], marks[26]
    middle, height = marks[[21, 22]].mean(axis=0), marks[30, 1] - marks[27, 1]
    for k in range(int(rng.integers(3, 6))):
        up = height * (0.42 + 0.30 * k + rng.normal(0, 0.04))
        reach = rng.uniform(0.55, 0.95) * (1.0 - 0.06 * k)
        across = np.linspace(-reach, reach, 9)
        x = middle[0] + across * (right[0] - left[0]) / 2
        y = middle[1] - up - 0.10 * height * np.cos(np.pi * across) + rng.normal(0, 0.012, 9) * height
        depth = age * rng.uniform(0.12, 0.34) + 0.012
        cut = sorted(rng.uniform(0, 9, 2).astype(int))
        for piece in (slice(0, 9),) if rng.random() < 0.5 else (slice(0, cut[0] + 2), slice(cut[0] + 1, 9)):
            if len(x[piece]) >= 3:
                lines.append(Line(np.c_[x, y][piece], rng.uniform(0.35, 0.7), depth))
    return lines


def _crows_feet(marks: np.ndarray, side: int, age: float, rng: np.random.Generator) -> list[Line]:
    corner, inner = (marks[36], marks[39]) if side == 0 else (marks[45], marks[42])
    width = abs(corner[0] - inner[0])
    out = np.sign(corner[0] - inner[0])
    lines = []
    for angle in np.linspace(-38, 42, int(rng.integers(4, 8))) + rng.normal(0, 5, 1):
        turn = np.radians(angle + rng.normal(0, 4))
        start = corner + width * 0.30 * np.array([out * np.cos(turn), np.sin(turn)])
        length = width * rng.uniform(0.3, 0.8)
        bend = np.radians(rng.normal(10, 6)) * np.sign(angle)
        steps = [start + length * s * np.array([out * np.cos(turn + bend * s), np.sin(turn + bend * s)])
                 for s in np.linspace(0, 1, 5)]  # fmt: skip
        lines.append(Line(np.array(steps), rng.uniform(0.22, 0.42), 0.008 + age * rng.uniform(0.06, 0.24)))
    return lines


def _under_eye(marks: np.ndarray, side: int, age: float, rng: np.random.Generator) -> list[Line]:
    eye = marks[36:42] if side == 0 else marks[42:48]
    low, high = eye[:, 0].min(), eye[:, 0].max()
    width, lines = high - low, []
    for k in range(int(rng.integers(3, 7))):
        x = np.linspace(low + width * rng.uniform(0.0, 0.25), high - width * rng.uniform(-0.1, 0.2), 6)
        drop = width * (0.17 + 0.085 * k + rng.normal(0, 0.012))
        arch = width * 0.10 * (1.0 - (2 * (x - low) / width - 1) ** 2)
        y = eye[:, 1].mean() + drop + arch + rng.normal(0, 0.008, 6) * width
        depth = 0.012 + age * rng.uniform(0.03, 0.13)
        lines.append(Line(np.c_[x, y], rng.uniform(0.18, 0.35), depth))
    return lines


def _smile_fold(marks: np.ndarray, side: int, age: float, rng: np.random.Generator) -> list[Line]:
    """The fold from the wing of the nose to the corner of the mouth, and on to the chin in age."""
    wing, corner, chin = (marks[31], marks[48], marks[7]) if side == 0 else (marks[35], marks[54], marks[9])
    out = np.sign(corner[0] - marks[33, 0])
    gap = abs(corner[0] - wing[0])
    start = wing + [out * 0.30 * gap, -0.30 * gap]
    middle = 0.5 * (wing + corner) + [out * 0.62 * gap, -0.05 * gap]
    end = corner + [out * 0.42 * gap, 0.10 * gap]
    jitter = rng.normal(0, 0.03, (3, 2)) * gap
    fold = Line(np.array([start, middle, end]) + jitter, rng.uniform(0.6, 1.0), 0.02 + 0.30 * age)
    below = np.array(
        [end + [0, 0.1 * gap], corner + [out * 0.40 * gap, 0.7 * gap], 0.55 * corner + 0.45 * chin]
    )
    return [fold, Line(below + jitter, rng.uniform(0.5, 0.9), 0.22 * max(age - 0.25, 0.0))]


def _frown(marks: np.ndarray, side: int, age: float, rng: np.random.Generator) -> list[Line]:
    brow, root = marks[21 if side == 0 else 22], marks[27]
    out = np.sign(brow[0] - root[0])
    gap = abs(brow[0] - root[0])
    x = root[0] + out * gap * np.array([0.62, 0.72, 0.80, 0.72]) + rng.normal(0, 0.06, 4) * gap
    y = np.linspace(root[1] - 0.1 * gap, brow[1] - 1.1 * gap * rng.uniform(0.5, 1.2), 4)
    return [Line(np.c_[x, y], rng.uniform(0.35, 0.6), 0.01 + age * rng.uniform(0.08, 0.34))]


def _round_mouth(marks: np.ndarray, age: float, rng: np.random.Generator) -> list[Line]:
    """Fine lines that run into the lips, in old age only."""
    lines = []
    upper = np.stack([np.interp(np.linspace(0, 6, 15), np.arange(7), marks[48:55, k]) for k in (0, 1)], 1)
    height = marks[51, 1] - marks[33, 1]
    for point in upper[1:-1] + rng.normal(0, 0.02, (13, 2)) * height:
        if rng.random() < 0.35:
            continue
        top = point - [0.12 * (marks[51, 0] - point[0]), height * rng.uniform(0.3, 0.7)]
        course = np.linspace(point - [0, 0.04 * height], top, 4) + rng.normal(0, 0.01, (4, 2)) * height
        lines.append(Line(course, rng.uniform(0.18, 0.3), max(age - 0.35, 0.0) * rng.uniform(0.05, 0.26)))
    return lines
