"""ICT-FaceKit's mean and 100 identity modes carried to the skin (Li et al. 2020; MIT, USC ICT)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Float

from mien.geometry.laplacian import graph_laplacian
from tools.build_data_basis.rigid import without_rigid
from tools.build_template.identity import ict_modes
from tools.build_template.shapes_ict import Fill, Overlay, lay_over, load_ict
from tools.build_template.shapes_mouth import at_corners
from tools.build_template.types import Skin

_EAR = 0.75  # weight of the ear's region above which a vertex surely belongs to it
_RINGS = 4  # of skin round the ears where closest points still jump


@dataclass(frozen=True)
class LightStage:
    """`mean` (V 3) offset of ICT's mean from the template, `modes` (100 V 3), one standard deviation each.

    `known` marks the skin that was carried; what lies between is continued from it.
    """

    mean: Float[np.ndarray, "V 3"]
    modes: Float[np.ndarray, "K V 3"]
    overlay: Overlay
    known: Bool[np.ndarray, " V"]


def carry_light_stage(skin: Skin, regions: dict[str, np.ndarray]) -> LightStage:
    """Lays the skin over ICT's mean head; each vertex takes the offsets of the point that it lies on.

    Ears fold over themselves, and closest points jump between their layers: an ear takes the affine motion
    that fits its offsets best and keeps the template's own form. At the corners of mouth and lids, in the
    nostrils and round the ears the offsets are continued as a thin plate from where they are sure.
    """
    overlay = lay_over(skin, load_ict())
    carrier = _Carrier(skin, overlay, regions)
    on_ict = overlay.pose.inverse()(overlay.vertices)
    mean = carrier(np.where(overlay.on_surface[:, None], on_ict - skin.vertices, 0.0))
    modes = np.stack([carrier(mode) for mode in ict_modes(overlay)])
    return LightStage(mean, without_rigid(modes, skin), overlay, carrier.known)


class _Carrier:
    """Offsets that are right on most of the skin made right on all of it."""

    def __init__(self, skin: Skin, overlay: Overlay, regions: dict[str, np.ndarray]) -> None:
        self._ears = []
        near_ears = np.zeros(len(skin.vertices), bool)
        for side in ("left", "right"):
            weight = regions[f"ear_{side}"]
            sure = np.flatnonzero(weight > _EAR)
            seen = sure[overlay.on_surface[sure]]
            to_affine = _affine(skin.vertices[sure]) @ np.linalg.pinv(_affine(skin.vertices[seen]))
            self._ears.append((sure, seen, to_affine))
            near_ears |= _grown(skin, weight > 0.01, _RINGS)
        known = overlay.on_surface & ~near_ears & ~at_corners(skin) & (regions["nostrils"] < 0.05)
        known[np.concatenate([sure for sure, _, _ in self._ears])] = True
        self.known, self._fill = known, Fill(skin, known)

    def __call__(self, offsets: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "V 3"]:
        out = offsets.copy()
        for sure, seen, to_affine in self._ears:
            out[sure] = to_affine @ offsets[seen]
        return self._fill(out)


def _grown(skin: Skin, mask: Bool[np.ndarray, " V"], rings: int) -> Bool[np.ndarray, " V"]:
    """The mask and so many rings of quads round it."""
    quads = skin.quads
    edges = np.concatenate([quads[:, [k, (k + 1) % 4]] for k in range(4)])
    touches = (abs(graph_laplacian(len(mask), edges)) > 0).astype(np.int8) + sp.eye(len(mask), dtype=np.int8)
    out = mask
    for _ in range(rings):
        out = (touches @ out.astype(np.int64)) > 0
    return out


def _affine(points: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 4"]:
    return np.concatenate([points, np.ones((len(points), 1))], axis=1)
