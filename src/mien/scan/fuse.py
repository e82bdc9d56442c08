"""Landmarks from many views, made one set in 3D."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mien.scan.face_points import MIRROR_68, multi_pie
from mien.scan.nets import face_mesh
from mien.scan.render import Canvas, Picture, View, draw
from mien.scan.search import FacePose, frontal_view, lift_points

FINAL_PIXELS = 320
YAWS = (-40, -25, -12, 0, 12, 25, 40)
PITCHES = (-14, 0, 14)
CROPS = (1.0, 0.9)  # crop widths over the view's: two looks at each picture
ROUNDS = 10
CONTOUR_YAW = 12  # the jaw's points slide along the outline as the head turns: frontal views only


@dataclass(frozen=True)
class FusedFace:
    """The 68 points in the scan's coordinates (NaN where no view met the surface), the spread of the
    views about them in the same unit, and the share of the views that saw each."""

    points: Float[np.ndarray, "68 3"]
    spread: Float[np.ndarray, "68"]
    seen: Float[np.ndarray, "68"]
    presence: float


def fuse_views(canvases: tuple[Canvas, ...], pose: FacePose) -> FusedFace:
    """Draws the face from `YAWS` x `PITCHES`, each picture read upright and mirrored, and fuses the
    lifted points by an iteratively reweighted mean (Cauchy weights times the cosine of the viewing angle)."""
    positions, weights, presences = [], [], []
    for canvas in canvases:
        for yaw in YAWS:
            for pitch in PITCHES:
                if abs(yaw) > 30 and pitch:
                    continue
                view = frontal_view(pose, np.radians(yaw), np.radians(pitch), FINAL_PIXELS)
                picture = draw(canvas, view)
                for mirrored in (False, True):
                    for crop in CROPS:
                        pixels, presence = _points(picture, crop, mirrored)
                        positions.append(lift_points(canvas, picture, pixels))
                        weight = _facing(canvas, picture, pixels, view)
                        weight[:17] = np.sqrt(weight[:17]) * (abs(yaw) <= CONTOUR_YAW and pitch == 0)
                        weights.append(weight * (presence > 0.5))
                        presences.append(presence)
    samples, weight = np.stack(positions), np.stack(weights)
    weight[~np.isfinite(samples).all(axis=2)] = 0.0
    points, spread = robust_mean(np.nan_to_num(samples), weight, 0.02 * pose.length)
    return FusedFace(points, spread, (weight > 0).mean(axis=0), float(np.mean(presences)))


def _points(picture: Picture, crop: float, mirrored: bool) -> tuple[Float[np.ndarray, "68 2"], float]:
    size = picture.view.size
    image = np.ascontiguousarray(picture.image[:, ::-1]) if mirrored else picture.image
    points, presence = face_mesh(image, np.full(2, size / 2), crop * size)
    pixels = multi_pie(points[:, :2])
    if mirrored:
        pixels = np.stack([size - pixels[:, 0], pixels[:, 1]], axis=1)[MIRROR_68]
    return pixels, presence


def _facing(
    canvas: Canvas, picture: Picture, pixels: Float[np.ndarray, "K 2"], view: View
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
