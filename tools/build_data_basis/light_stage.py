"""ICT-FaceKit's mean and 100 identity modes carried to the skin (Li et al. 2020; MIT, USC ICT)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from tools.build_data_basis.rigid import without_rigid
from tools.build_template.identity import ict_modes
from tools.build_template.shapes_ict import Overlay, lay_over, load_ict
from tools.build_template.types import Skin

_EAR_CORE = 0.5


@dataclass(frozen=True)
class LightStage:
    """`mean` (V 3) offset of ICT's mean from the template, `modes` (100 V 3), one standard deviation each.

    `residual_mm`: distance of the carried modes' heads to ICT's own surface, by percentile.
    """

    mean: Float[np.ndarray, "V 3"]
    modes: Float[np.ndarray, "K V 3"]
    overlay: Overlay


def carry_light_stage(skin: Skin, regions: dict[str, np.ndarray]) -> LightStage:
    """Lays the skin over ICT's mean head and takes each vertex's offsets from the point that it lies on.

    Ears fold over themselves and closest points jump between their layers: an ear takes the affine motion
    that fits its offsets best, and keeps the template's own form.
    """
    overlay = lay_over(skin, load_ict())
    on_ict = overlay.pose.inverse()(overlay.vertices)
    shift = np.where(overlay.on_surface[:, None], on_ict - skin.vertices, 0.0)
    mean = _calm_ears(overlay.fill(shift)[None], skin, overlay, regions)[0]
    modes = _calm_ears(ict_modes(overlay), skin, overlay, regions)
    return LightStage(mean, without_rigid(modes, skin), overlay)


def _calm_ears(
    offsets: Float[np.ndarray, "K V 3"], skin: Skin, overlay: Overlay, regions: dict[str, np.ndarray]
) -> Float[np.ndarray, "K V 3"]:
    out = offsets.copy()
    for side in ("left", "right"):
        weight = regions[f"ear_{side}"]
        known = np.flatnonzero((weight > _EAR_CORE) & overlay.on_surface)
        rows = np.flatnonzero(weight > 0)
        affine = np.linalg.lstsq(_affine(skin.vertices[known]), _flat(offsets[:, known]), rcond=None)[0]
        moved = (_affine(skin.vertices[rows]) @ affine).reshape(len(rows), len(offsets), 3).transpose(1, 0, 2)
        share = np.clip(weight[rows] / _EAR_CORE, 0, 1)[None, :, None]
        out[:, rows] += share * (moved - offsets[:, rows])
    return out


def _affine(points: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 4"]:
    return np.concatenate([points, np.ones((len(points), 1))], axis=1)


def _flat(offsets: Float[np.ndarray, "K N 3"]) -> Float[np.ndarray, "N K3"]:
    return offsets.transpose(1, 0, 2).reshape(offsets.shape[1], -1)
