"""Which parts of a coloured scan have the colour of the face's skin."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from mien.core.conventions import srgb_to_linear
from mien.core.mesh import Scan
from mien.geometry.weights import smoothstep

# Chosen by eye:
FACE_RADIUS = 0.055  # metres round the middle of the face: mostly skin
CHROMA_DEVIATIONS = 5.0  # robust deviations in log chroma at which a colour is no skin
PALE = (0.35, 0.6)  # of the face's log red over blue: surely white cloth ... as coloured as skin
DARKER = 1.5  # natural logarithm: skin in baked shade is less than 4.5 times darker than lit skin


def colour_likeness(
    scan: Scan, kept: Int[np.ndarray, " M"], centre: Float[np.ndarray, "3"]
) -> Float[np.ndarray, " N"] | None:
    """Per scan vertex 1 where its colour is the face's skin, 0 where it is another; None without colour.

    The skin's colour is learned from the scan itself, round `centre` (metres). `kept` are the triangles
    that matter; vertices outside them get 0.
    """
    colours = _vertex_colours(scan, kept)
    if colours is None:
        return None
    log = np.log(srgb_to_linear(colours) + 2e-3)
    features = np.stack([log[:, 0] - log[:, 1], log[:, 1] - log[:, 2], log.mean(axis=1)], axis=1)
    used = np.zeros(len(scan.vertices), bool)
    used[scan.triangles[kept].ravel()] = True
    near = used & (np.linalg.norm(scan.vertices - centre, axis=1) < FACE_RADIUS)
    if near.sum() < 20:
        return None
    middle = np.median(features[near], axis=0)
    spread = 1.48 * np.median(np.abs(features[near] - middle), axis=0) + 0.04
    chroma = np.linalg.norm(((features - middle) / spread)[:, :2], axis=1) / CHROMA_DEVIATIONS
    darker = (middle - features)[:, 2] / DARKER
    alike = 1.0 - smoothstep(np.maximum(chroma, darker), 0.5, 1.0)
    # A red face or a beard spreads chroma so wide that white lies within: white shirts have no colour at all.
    redness, bright = features[:, :2].sum(axis=1), smoothstep(features[:, 2] - middle[2], -0.5, 0.0)
    coloured = smoothstep(redness / max(float(middle[:2].sum()), 0.1), *PALE)
    return used * alike * (1.0 - bright * (1.0 - coloured))


def _vertex_colours(scan: Scan, kept: np.ndarray) -> np.ndarray | None:
    """sRGB in 0..1 per vertex; texture colours are averaged over a vertex's corners."""
    if scan.vertex_colours is not None:
        return scan.vertex_colours
    if not scan.textures or scan.corner_uvs is None or scan.triangle_texture is None:
        return None
    total, count = np.zeros((len(scan.vertices), 3)), np.zeros(len(scan.vertices))
    for number, texture in enumerate(scan.textures):
        ours = kept[scan.triangle_texture[kept] == number]
        height, width = texture.shape[:2]
        uv = scan.corner_uvs[ours].reshape(-1, 2)
        column = np.clip((uv[:, 0] * width).astype(np.int64), 0, width - 1)
        row = np.clip(((1.0 - uv[:, 1]) * height).astype(np.int64), 0, height - 1)
        corners = scan.triangles[ours].ravel()
        for channel in range(3):
            values = texture[row, column, channel] / 255.0
            total[:, channel] += np.bincount(corners, values, len(total))
        count += np.bincount(corners, minlength=len(count))
    return total / np.maximum(count, 1)[:, None]
