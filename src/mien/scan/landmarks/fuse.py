"""Landmarks from many views, made one set in 3D."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mien.geometry.align import fit_similarity
from mien.scan.landmarks.face_points import MIRROR_68, multi_pie
from mien.scan.landmarks.mediapipe import face_mesh
from mien.scan.landmarks.orthographic import Canvas, OrthographicView, Picture, draw
from mien.scan.landmarks.picture_search import (
    MEASURED_SHARE,
    FacePose,
    complete,
    frontal_view,
    in_space,
    lift_points,
)

FINAL_PIXELS = 320
VIEWS = (
    *((yaw, pitch) for yaw in (-25, -12, 0, 12, 25) for pitch in (-14, 0, 14)),
    (-40, 0),
    (40, 0),
)  # yaw, pitch in degrees
CONTOUR_YAW = 12
CROPS = (1.0, 0.9)  # crop widths over the view's: two looks at each picture
ROUNDS = 10


@dataclass(frozen=True)
class FusedFace:
    """The 68 points in the scan's coordinates (NaN where no view met the surface), the spread of the
    views about them in the same unit, and the share of the views that saw each."""

    points: Float[np.ndarray, "68 3"]
    spread: Float[np.ndarray, "68"]
    seen: Float[np.ndarray, "68"]
    presence: float


def fuse_picture_views(canvas: Canvas, pose: FacePose) -> FusedFace:
    """Draws the face from `VIEWS`, reads each picture upright and mirrored in two crops, and
    fuses the lifted points by an iteratively reweighted mean (Cauchy weights times the squared cosine of
    the viewing angle). The jaw's points lie on the outline of each view, where lifting means nothing:
    they come from the network's own depth instead."""
    samples, weights, shapes, presences = [], [], [], []
    for yaw, pitch in VIEWS:
        view = frontal_view(pose, np.radians(yaw), np.radians(pitch), FINAL_PIXELS)
        picture = draw(canvas, view)
        for mirrored in (False, True):
            for crop in CROPS:
                points, presence = _read(picture, crop, mirrored)
                shape = in_space(points, view)
                lifted, measured = complete(lift_points(canvas, picture, points[:, :2]), shape)
                trusted = measured & (presence > 0.5)
                presences.append(presence)
                samples.append(lifted)
                weights.append(_facing(canvas, picture, points[:, :2], view) * trusted)
                if presence > 0.5 and abs(yaw) <= CONTOUR_YAW:
                    shapes.append(shape)
    weight = np.stack(weights)
    points, spread = robust_mean(np.nan_to_num(np.stack(samples)), weight, 0.02 * pose.length)
    seen = (weight > 0).mean(axis=0)
    if shapes and (seen[17:] > 0).mean() >= MEASURED_SHARE:
        _carry_outline(points, spread, shapes)
    return FusedFace(points, spread, seen, float(np.mean(presences)))


def _carry_outline(points: np.ndarray, spread: np.ndarray, shapes: list[np.ndarray]) -> None:
    """In place: the jaw, and whatever no view could measure, from the network's own shapes, each carried onto
    the measured inner points by a similarity."""
    measured = np.isfinite(points).all(axis=1)
    inner = measured & (np.arange(68) >= 17)
    carried = np.stack([fit_similarity(shape[inner], points[inner])(shape) for shape in shapes])
    mean = np.mean(carried, axis=0)
    points[~inner] = mean[~inner]
    spread[~inner] = np.linalg.norm(carried - mean, axis=2).mean(axis=0)[~inner]


def _read(picture: Picture, crop: float, mirrored: bool) -> tuple[Float[np.ndarray, "68 3"], float]:
    size = picture.view.size
    image = np.ascontiguousarray(picture.image[:, ::-1]) if mirrored else picture.image
    mesh, presence = face_mesh(image, np.full(2, size / 2), crop * size)
    points = multi_pie(mesh)
    if mirrored:
        points = (points * [-1.0, 1.0, 1.0] + [size, 0.0, 0.0])[MIRROR_68]
    return points, presence


def _facing(
    canvas: Canvas, picture: Picture, pixels: Float[np.ndarray, "K 2"], view: OrthographicView
) -> Float[np.ndarray, " K"]:
    """Cosine between the surface's normal and the view, squared; 0 where the surface turns away."""
    cell = np.clip(pixels.astype(int), 0, view.size - 1)
    triangle = picture.raster.triangle[cell[:, 1], cell[:, 0]]
    normal = canvas.normals[canvas.triangles[np.maximum(triangle, 0)]].mean(axis=1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    return np.where(triangle >= 0, np.maximum(normal @ view.axes[2], 0.0) ** 2, 0.0)


def robust_mean(
    samples: Float[np.ndarray, "S K 3"], weight: Float[np.ndarray, "S K"], scale: float
) -> tuple[Float[np.ndarray, "K 3"], Float[np.ndarray, " K"]]:
    """For each of K points the mean of its samples with Cauchy weights 1 / (1 + (r / scale)^2), and the
    weighted mean distance to it. Starts at the coordinates' weighted medians; NaN without weight."""
    centre = _weighted_median(samples, weight)
    for _ in range(ROUNDS):
        distance = np.linalg.norm(samples - centre, axis=2)
        robust = weight / (1.0 + (distance / scale) ** 2)
        total = np.maximum(robust.sum(axis=0), 1e-30)
        centre = np.einsum("sk,skd->kd", robust, samples) / total[:, None]
    spread = (robust * np.linalg.norm(samples - centre, axis=2)).sum(axis=0) / total
    unseen = weight.sum(axis=0) == 0
    centre[unseen], spread[unseen] = np.nan, np.nan
    return centre, spread


def _weighted_median(
    samples: Float[np.ndarray, "S K 3"], weight: Float[np.ndarray, "S K"]
) -> Float[np.ndarray, "K 3"]:
    order = np.argsort(samples, axis=0)
    sorted_weight = np.take_along_axis(np.broadcast_to(weight[..., None], samples.shape), order, axis=0)
    running = np.cumsum(sorted_weight, axis=0)
    middle = np.argmax(running >= 0.5 * running[-1], axis=0)
    return np.take_along_axis(np.take_along_axis(samples, order, axis=0), middle[None], axis=0)[0]
