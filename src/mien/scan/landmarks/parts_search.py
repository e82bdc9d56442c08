"""A head that is a small part of a scan: whole bodies, rooms, floors. The surface is cut into balls."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.spatial import cKDTree

from mien.geometry.normals import triangle_areas
from mien.geometry.sample import sample_surface
from mien.scan.landmarks.geometry_picture import FINDER_SIZE, FaceFrame
from mien.scan.landmarks.orthographic import Canvas, OrthographicView
from mien.scan.landmarks.picture_search import FacePose
from mien.scan.landmarks.shape_search import (
    Budget,
    Guess,
    candidates,
    directions,
    geometry,
    guesses_from,
    surest,
    within,
)

SCALES = 4  # each half as large as the one before; the first is half the scan
MOST_PARTS = 24  # a scale: the roundest
LOOKS = 6  # a scale
AWAY = 2.5  # face lengths from a face to where another's surface may begin
PART = 4.0  # face lengths: radius of a ball that holds a head
CLIP = 3.5  # face lengths from a face: what lies farther off may hide it and is not drawn
CLEAR = -2.6  # log of the finder's error: below -2.9 at second faces, above -2.4 at ears and shoulders
ALIKE = 2.0  # times as long a second face may be, or as short
SAMPLES = 20_000
LEAST_SURFACE = 0.15  # of the squared radius: less holds no face
FLATTEST = 0.05  # least deviation of a ball's surface from a plane, in radii: walls and floors are no heads


@dataclass(frozen=True)
class Part:
    """A ball of a scan, and how round what it holds is: 0 a plane or a rod ... 1."""

    centre: Float[np.ndarray, "3"]
    radius: float
    roundness: float


def find_face_in_parts(canvas: Canvas, budget: Budget) -> FacePose | None:
    """The face of a scan that is much larger than it; large parts first. None where there is none."""
    reach = float(np.linalg.norm(np.ptp(canvas.vertices, axis=0))) / 2
    for scale in range(1, SCALES + 1):
        guesses = glances_at(canvas, parts(canvas, 0.5**scale * reach))
        pose = surest(canvas, candidates(canvas, guesses, CLIP), budget, LOOKS, CLIP)
        if pose is not None:
            return pose
    return None


def find_another_face(canvas: Canvas, pose: FacePose, budget: Budget) -> FacePose | None:
    """A face of about the same size away from one that was found; None where there is none."""
    away = np.linalg.norm(canvas.vertices - pose.centre, axis=1) > AWAY * pose.length
    rest = canvas.triangles[away[canvas.triangles].all(axis=1)]
    if len(rest) == 0:
        return None
    beside = replace(canvas, triangles=rest)
    guesses = candidates(beside, glances_at(beside, parts(beside, PART * pose.length)), CLIP)
    alike = [(frame, error) for frame, error in guesses if error < CLEAR and _alike_long(frame, pose)]
    other = surest(beside, alike, budget, LOOKS, CLIP)
    return other if other is not None and _alike_long(other, pose) else None


def _alike_long(one: FaceFrame | FacePose, other: FacePose) -> bool:
    return 1 / ALIKE < one.length / other.length < ALIKE


def glances_at(canvas: Canvas, balls: list[Part]) -> list[Guess]:
    """What the finder sees in each ball alone, along the axes; the surest first."""
    images, views = [], []
    for ball in balls:
        piece = within(canvas, ball.centre, ball.radius)
        for axes in directions(0):
            views.append(OrthographicView(axes, ball.centre, ball.radius, FINDER_SIZE))
            images.append(geometry(piece, views[-1]))
    return guesses_from(images, views)


def parts(canvas: Canvas, radius: float) -> list[Part]:
    """Balls of this radius wherever the scan has surface enough, the roundest first."""
    samples = sample_surface(canvas.vertices, canvas.triangles, SAMPLES, seed=0).points
    density = SAMPLES / float(triangle_areas(canvas.vertices, canvas.triangles).sum())
    near, found = cKDTree(samples), []
    for centre in _cell_means(samples, radius):
        held = samples[near.query_ball_point(centre, radius)]
        if len(held) < max(LEAST_SURFACE * radius**2 * density, 4):
            continue
        spread = np.sqrt(np.maximum(np.linalg.eigvalsh(np.cov(held.T)), 0.0))
        if spread[0] > FLATTEST * radius:
            found.append(Part(centre, radius, float(spread[0] / spread[2])))
    return sorted(found, key=lambda part: -part.roundness)[:MOST_PARTS]


def _cell_means(points: Float[np.ndarray, "N 3"], width: float) -> Float[np.ndarray, "C 3"]:
    """The mean of the points in each cubic cell that holds any."""
    cells = np.floor((points - points.min(axis=0)) / width)
    cell = np.unique(cells, axis=0, return_inverse=True)[1].ravel()
    sums = np.stack([np.bincount(cell, points[:, k]) for k in range(3)], axis=1)
    return sums / np.bincount(cell)[:, None]
