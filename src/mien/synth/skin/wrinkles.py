"""Wrinkles: where they run, how deep they are. Each is a groove that wanders, thins out, forks and has
companions; the head's form carries the wide folds (`trait_lines.py`), these lie along the same lines.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mien.synth.identity.fields import smooth_line
from mien.synth.identity.trait_lines import LINES
from mien.synth.skin.grid import Grid
from mien.synth.skin.look import SkinLook
from mien.synth.skin.marks import CREASE, SPOT, Marks
from mien.synth.skin.traces import laid, wander

STEP = 0.3  # millimetres from mark to mark along a wrinkle
# Half a groove's width and its depth (mm) at strength 1, for lines that the head's form has too.
_GROOVES = {
    "nasolabial fold": (0.55, 0.075),
    "marionette line": (0.5, 0.07),
    "tear trough": (0.3, 0.03),
    "lower lid crease": (0.26, 0.05),
    "crow's foot, upper": (0.28, 0.085),
    "crow's foot, middle": (0.30, 0.09),
    "crow's foot, lower": (0.26, 0.075),
    "frown line": (0.38, 0.12),
    "nose root line": (0.32, 0.08),
    "forehead line 1": (0.36, 0.10),
    "forehead line 2": (0.36, 0.10),
    "forehead line 3": (0.36, 0.10),
    "forehead line 4": (0.34, 0.085),
    "cheek crease": (0.32, 0.05),
    "lip line 1": (0.26, 0.05),
    "lip line 2": (0.26, 0.05),
    "lip line 3": (0.26, 0.05),
}


@dataclass(frozen=True)
class Wrinkle:
    """Points near the surface (mm at rest, even steps of about `STEP`), half its width, its depth (mm)."""

    points: Float[np.ndarray, "N 3"]
    half_width: float
    depth: float


def wrinkles_of(grid: Grid, look: SkinLook, rng: np.random.Generator) -> list[Wrinkle]:
    """All wrinkles of one face, the faint ones of youth too."""
    out: list[Wrinkle] = []
    by_name = {line.name: line for line in LINES}
    for name, (half, depth) in _GROOVES.items():
        strength = look.folds.get(name, 0.0) ** 1.3 * (0.35 + 1.5 * look.wrinkles)
        for flip in (-1.0, 1.0) if by_name[name].paired else (1.0,):
            course = _on_skin(grid, np.array(by_name[name].points, float) * [flip, 1.0])
            if strength > 0.03:
                out += _family(course, half, depth * strength * rng.uniform(0.75, 1.25), rng)
    return out + _fans(grid, look, rng) + _under_eyes(grid, look, rng)


def wrinkle_marks(
    grid: Grid, wrinkles: list[Wrinkle], resolution: int, rng: np.random.Generator
) -> list[tuple[Marks, int]]:
    """Grooves, and the wide soft hollows round them, as marks one after the other."""
    places, ahead, width, depth = [], [], [], []
    for wrinkle in wrinkles:
        course = laid(grid, wrinkle.points)
        on = course.on[0]
        count = len(on)
        share = np.linspace(0, 1, count)
        fade = np.clip(share / 0.3, 0, 1) ** 0.8 * np.clip((1 - share) / 0.35, 0, 1) ** 0.8
        uneven = 0.95 + 0.38 * wander(1, count, 9.0, rng)[0] + 0.16 * wander(1, count, 2.5, rng)[0]
        places.append(course.places[0][on])
        ahead.append(course.ahead[0][on])
        depth.append((wrinkle.depth * fade * np.clip(uneven, 0.15, 1.7))[on])
        width.append((wrinkle.half_width * (0.6 + 0.4 * fade) * np.clip(0.5 + 0.5 * uneven, 0.6, 1.4))[on])
    if not places or sum(len(p) for p in places) == 0:
        return []
    at, way, half, deep = (np.concatenate(a) for a in (places, ahead, width, depth))
    long = np.full(len(at), 1.6 * STEP)
    groove = grid.marks(at, way, np.c_[np.maximum(long, half), half], 0.85 * deep, resolution)
    hollow = grid.marks(at, way, np.c_[3.4 * half, 3.0 * half], 0.85 * deep, resolution)
    return [(groove, CREASE), (hollow, SPOT)]


def _on_skin(grid: Grid, flat: Float[np.ndarray, "P 2"]) -> Float[np.ndarray, "N 3"]:
    """A smooth course through points (x, y) mm, laid on the front of the face, in even steps."""
    points = grid.points[grid.template.part("face").vertices]
    front = points[points[:, 2] > -25.0]
    gap = np.linalg.norm(flat[:, None] - front[None, :, :2], axis=2)
    near = np.argsort(gap, axis=1)[:, :4]
    weight = 1.0 / (np.take_along_axis(gap, near, 1) + 0.1)
    depth = (weight * front[near, 2]).sum(axis=1) / weight.sum(axis=1)
    fine = smooth_line(np.concatenate([flat, depth[:, None]], axis=1))
    length = float(np.linalg.norm(np.diff(fine, axis=0), axis=1).sum())
    at = np.linspace(0, len(fine) - 1, max(int(length / STEP), 6))
    return np.stack([np.interp(at, np.arange(len(fine)), fine[:, k]) for k in range(3)], axis=1)


def _family(
    course: Float[np.ndarray, "N 3"], half: float, depth: float, rng: np.random.Generator
) -> list[Wrinkle]:
    """A wrinkle in one or two pieces, its companions beside it and its forks."""
    main = _strayed(course, 0.55, rng)
    out = [Wrinkle(piece, half, depth) for piece in _pieces(main, rng)]
    for _ in range(int(rng.integers(0, 3))):
        part = _part(course, rng.uniform(0.25, 0.7), rng)
        beside = _strayed(_shifted(part, rng.choice([-1, 1]) * rng.uniform(0.9, 2.4)), 0.4, rng)
        out.append(Wrinkle(beside, half * rng.uniform(0.45, 0.7), depth * rng.uniform(0.2, 0.5)))
    for _ in range(int(rng.poisson(len(course) * STEP / 22.0))):
        start = int(rng.integers(len(main) // 6, max(5 * len(main) // 6, len(main) // 6 + 1)))
        fork = _fork(main, start, rng)
        if len(fork) >= 6:
            out.append(Wrinkle(fork, half * 0.6, depth * rng.uniform(0.3, 0.6)))
    return out


def _pieces(course: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    if rng.random() < 0.45 or len(course) < 40:
        return [course]
    cut = int(len(course) * rng.uniform(0.35, 0.65))
    lap = int(rng.integers(3, 14))
    second = _shifted(course[cut:], rng.choice([-1, 1]) * rng.uniform(0.3, 1.1))
    return [course[: cut + lap], second]


def _part(course: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    count = max(int(share * len(course)), 6)
    start = int(rng.integers(0, max(len(course) - count, 1)))
    return course[start : start + count]


def _shifted(course: np.ndarray, by: float) -> np.ndarray:
    """Beside itself in the frontal plane (the surface is found again when it is laid)."""
    along = np.gradient(course, axis=0)
    across = np.stack([-along[:, 1], along[:, 0], np.zeros(len(along))], axis=1)
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    return course + by * across


def _strayed(course: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """With a course of its own: slow drift and a little jitter, millimetres."""
    count = len(course)
    by = amount * wander(1, count, 16.0, rng)[0] + 0.22 * amount * wander(1, count, 3.0, rng)[0]
    along = np.gradient(course, axis=0)
    across = np.stack([-along[:, 1], along[:, 0], np.zeros(count)], axis=1)
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    return course + by[:, None] * across


def _fork(course: np.ndarray, start: int, rng: np.random.Generator) -> np.ndarray:
    count = int(rng.uniform(2.5, 8.0) / STEP)
    part = course[start : start + count]
    share = np.linspace(0, 1, len(part))
    aside = rng.choice([-1, 1]) * np.tan(np.radians(rng.uniform(10, 28))) * count * STEP
    along = np.gradient(part, axis=0) if len(part) >= 2 else part
    across = np.stack([-along[:, 1], along[:, 0], np.zeros(len(along))], axis=1)
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    return part + (aside * share**1.3)[:, None] * across


def _fans(grid: Grid, look: SkinLook, rng: np.random.Generator) -> list[Wrinkle]:
    """Finer lines between the main ones at the outer corners of the eyes."""
    out = []
    strength = (0.15 + 1.6 * look.wrinkles) * (0.5 + 0.5 * look.folds.get("crow's foot, middle", 0.5))
    for flip in (-1.0, 1.0):
        for angle in np.radians(np.linspace(-46, 44, int(rng.integers(5, 10))) + rng.normal(0, 5)):
            start = np.array([49.5, -1.6]) + rng.uniform(1.0, 5.0) * np.array([np.cos(angle), np.sin(angle)])
            length, bend = rng.uniform(4.0, 12.0), np.radians(rng.normal(8, 8)) * np.sign(angle)
            s = np.linspace(0, 1, 4)[:, None]
            flat = start + length * s * np.c_[np.cos(angle + bend * s), np.sin(angle + bend * s)]
            course = _strayed(_on_skin(grid, flat * [flip, 1.0]), 0.3, rng)
            out.append(Wrinkle(course, rng.uniform(0.13, 0.22), 0.055 * strength * rng.uniform(0.3, 1.1)))
    return out


def _under_eyes(grid: Grid, look: SkinLook, rng: np.random.Generator) -> list[Wrinkle]:
    """Thin skin under the eyes lies in fine crossing lines, at any age a few."""
    out = []
    for flip in (-1.0, 1.0):
        for _ in range(int(9 + 14 * look.wrinkles)):
            x = rng.uniform(20.0, 44.0)
            reach, drop = rng.uniform(4.0, 11.0), rng.uniform(-16.0, -7.5)
            s = np.linspace(-0.5, 0.5, 4)
            sag = 0.055 * (np.abs(x + reach * s - 32.0)) ** 1.35
            tilt = rng.normal(0.0, 0.12)
            flat = np.c_[x + reach * s, drop - 3.0 + sag + tilt * reach * s]
            course = _strayed(_on_skin(grid, flat * [flip, 1.0]), 0.3, rng)
            depth = (0.012 + 0.075 * look.wrinkles) * rng.uniform(0.35, 1.0)
            out.append(Wrinkle(course, rng.uniform(0.10, 0.2), depth))
    return out
