"""How much of a face's colour was measured."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from mien.geometry.uvspace import locate_texels
from mien.rigging.head import RiggedHead

_SIZE = 256  # texels of the square on which is counted


def colour_seen(asset: RiggedHead) -> float | None:
    """Mean confidence (0..1) over the texels of the face's skin, on any topology; None without a confidence.

    The insides of lids, lips and nostrils, which no scanner sees, do not count.
    """
    if asset.confidence is None:
        return None
    template = asset.template
    topology, regions = template.topology, template.regions
    inside = (regions["face"] > 0.5) & (regions.get("measured", np.ones(len(template.vertices))) > 0.5)
    quads = inside[topology.quads].all(axis=1)
    if not quads.any():
        return None
    udim = np.floor(np.median(topology.uvs[topology.quad_uvs[quads]].reshape(-1, 2), axis=0))
    tile = locate_texels(replace(topology, uvs=topology.uvs - udim), quads, _SIZE)
    pixels = asset.confidence.pixels[..., 0].astype(np.float32)
    small = cv2.resize(pixels, (_SIZE, _SIZE), interpolation=cv2.INTER_AREA)
    return float(small[tile.covered].mean())
