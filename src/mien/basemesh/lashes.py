"""Hairs on a base mesh's lash cards: Mien models each hair, cards need them drawn."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial import cKDTree

from mien.basemesh.bind import BoundMesh
from mien.core.mesh import Image
from mien.geometry.uvspace import Tile
from mien.geometry.weights import smoothstep

_PITCH = 0.45e-3  # metres between hairs along the lid
_WIDTH = 0.34  # of the pitch, at the root
_COLOUR = (0.05, 0.04, 0.035)  # sRGB
_LEAN = 0.35  # how far hairs fan out: share of their length that they drift along the lid


def lash_albedo(bound: BoundMesh, tile: Tile, welded: np.ndarray, own: Bool[np.ndarray, " P"]) -> Image:
    """Colour and coverage (RGBA, sRGB) of lash cards: tapering hairs from the lid to the cards' far edge.

    `welded` are the tile's vertices as numbers of welded ones, `own` says which belong to cards.
    """
    along, height = _card_coordinates(bound, welded, own)
    s, h = (tile.at_texels(v).astype(np.float64) for v in (along, height))
    cell = (s + _LEAN * h * _PITCH * np.sin(s / _PITCH * 0.7)) / _PITCH
    jitter = 0.5 + 0.3 * np.sin(12.9898 * np.floor(cell)) ** 2
    length = 0.55 + 0.45 * np.abs(np.sin(78.233 * np.floor(cell)))
    taper = np.clip(1.0 - h / length, 0.0, 1.0)
    across = np.abs(cell - np.floor(cell) - jitter)
    half = 0.5 * _WIDTH * taper
    alpha = np.where(taper > 0, np.clip((half + 0.12 - across) / 0.12, 0.0, 1.0), 0.0) * smoothstep(
        taper, 0.0, 0.15
    )
    image = np.concatenate([np.tile(_COLOUR, (len(alpha), 1)), alpha[:, None]], axis=1)
    pixels = tile.image(image.astype(np.float32))
    pixels[~tile.covered, :3] = _COLOUR
    return Image(pixels, "srgb")


def _card_coordinates(
    bound: BoundMesh, welded: np.ndarray, own: Bool[np.ndarray, " P"]
) -> tuple[Float[np.ndarray, " P"], Float[np.ndarray, " P"]]:
    """Metres along the lid, and height over it as a share of the piece's largest, at the binding pose."""
    points = bound.vertices[welded]
    along, height = np.zeros(len(welded)), np.zeros(len(welded))
    distance = cKDTree(bound.vertices[bound.skin]).query(points)[0]
    for side in (-1.0, 1.0):
        rows = np.flatnonzero(own & (np.sign(points[:, 0]) == side))
        if len(rows) < 3:
            continue
        centre = points[rows].mean(axis=0)
        away = points[rows] - centre
        radius = float(np.median(np.linalg.norm(away[:, :2], axis=1)))
        along[rows] = radius * np.arctan2(away[:, 1], away[:, 0])
        height[rows] = distance[rows] / max(float(np.percentile(distance[rows], 98)), 1e-6)
    return along, np.clip(height, 0.0, 1.0)
