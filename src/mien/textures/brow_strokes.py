"""Brows painted as hair strokes."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float

from mien.core.conventions import uv_to_pixel
from mien.core.face import Template

_HAIRS = 560  # per brow at fullness 1
_SHIFT = 4  # binary places of sub-pixel positions in OpenCV's drawing
_STROKE = 0.76  # length that hairs are scaled by, over the landmarks' span
_BELOW = 0.11  # the landmarks follow the upper edge of a brow: roots lie this much lower, of that length
_BROWS = {"right": (21, 20, 19, 18, 17), "left": (22, 23, 24, 25, 26)}  # from the nose outward


def brow_strokes(
    template: Template, resolution: int, rng: np.random.Generator, fullness: float = 1.0
) -> Float[np.ndarray, "R R"]:
    """How much brow hair covers each texel of the face tile, 0..1.

    Hairs grow upward at the inner end and lean outward along the arch; the upper edge leans down.
    """
    uv = landmark_uvs(template)
    scale = 2
    canvas = np.zeros((resolution * scale, resolution * scale), np.float32)
    width = _STROKE * float(np.linalg.norm(uv[17] - uv[21]))
    for chain in _BROWS.values():
        arch = _smooth(uv[list(chain)])
        outward = np.sign(arch[-1, 0] - arch[0, 0])
        for along in np.sort(rng.beta(1.1, 1.0, int(_HAIRS * fullness))):
            _hair(canvas, arch, along, outward, width, rng)
    small = cv2.resize(canvas, (resolution, resolution), interpolation=cv2.INTER_AREA)
    return np.clip(1.0 - np.exp(-2.0 * small), 0.0, 0.93)


def landmark_uvs(template: Template) -> Float[np.ndarray, "68 2"]:
    """Where the 68 landmarks lie in the face tile."""
    corners = template.topology.uvs[template.topology.triangle_uvs[template.landmarks.triangle]]
    return np.einsum("lk,lkd->ld", template.landmarks.barycentric, corners)


def _smooth(points: np.ndarray) -> np.ndarray:
    """Sixty-four points along a quadratic through the landmarks."""
    t = np.linspace(0, 1, len(points))
    fine = np.linspace(-0.02, 1.02, 64)
    return np.stack([np.polyval(np.polyfit(t, points[:, c], 2), fine) for c in range(2)], axis=1)


def _hair(
    canvas: np.ndarray,
    arch: np.ndarray,
    along: float,
    outward: float,
    width: float,
    rng: np.random.Generator,
) -> None:
    size = canvas.shape[0]
    centre = arch[min(int(along * 63), 62)]
    taper = np.interp(along, [0.0, 0.12, 0.6, 1.0], [0.55, 1.0, 0.8, 0.18])
    across = rng.uniform(-1, 1)
    root = centre + np.array([0.0, 0.095 * width * taper * across - _BELOW * width])
    upright = np.interp(along, [0.0, 0.15, 0.5, 1.0], [80.0, 55.0, 22.0, -12.0])
    angle = np.radians(upright - 18.0 * across * along + rng.normal(0, 7.0))
    length = width * rng.uniform(0.12, 0.2) * np.interp(along, [0, 0.5, 1], [0.8, 1.0, 0.75])
    bend = np.radians(rng.uniform(-22, -6))
    points = [root]
    for step in range(4):
        turn = angle + bend * step / 3
        points.append(points[-1] + 0.25 * length * np.array([outward * np.cos(turn), np.sin(turn)]))
    pixels = uv_to_pixel(np.array(points), size, size) * 2**_SHIFT
    layer_strength = float(rng.uniform(0.5, 1.0) * np.interp(along, [0, 0.1, 0.85, 1], [0.5, 1, 0.9, 0.5]))
    box = _box(pixels / 2**_SHIFT, size)
    local = np.zeros((box[1].stop - box[1].start, box[0].stop - box[0].start), np.uint8)
    offset = np.array([box[0].start, box[1].start]) * 2**_SHIFT
    thickness = max(1, round(size / 1400))
    path = [np.round(pixels - offset).astype(np.int32)]
    cv2.polylines(local, path, False, 255, thickness, cv2.LINE_AA, _SHIFT)
    canvas[box[1], box[0]] += layer_strength * local / 255.0


def _box(pixels: np.ndarray, size: int) -> tuple[slice, slice]:
    low = np.clip(np.floor(pixels.min(axis=0)) - 3, 0, size).astype(int)
    high = np.clip(np.ceil(pixels.max(axis=0)) + 4, 0, size).astype(int)
    return slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1]))
