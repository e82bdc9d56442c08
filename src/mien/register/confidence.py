"""How far a registered head is expected to lie from the truth, and what was measured of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.core.face import Template
from mien.register.error_features import Evidence
from mien.register.error_model import ErrorModel, design, error_model
from mien.register.fitted_skin import FittedSkin

TOLERANCE_MM = 1.0  # expected error at which confidence has fallen to 1/e: a definition
MEASURED = 0.05  # raw weight from which a vertex counts as measured at all; chosen by eye


@dataclass(frozen=True)
class Trust:
    """Per skin vertex, millimetres: the distance to the scan (NaN where nothing was measured), the error
    expected off the true surface and the slip expected along it; and the confidence, 0..1."""

    distance_mm: Float[np.ndarray, " S"]
    error_mm: Float[np.ndarray, " S"]
    slip_mm: Float[np.ndarray, " S"]
    confidence: Float[np.ndarray, " S"]


def trust_in(
    template: Template, skin: FittedSkin, found: Evidence, size: float, model: ErrorModel | None = None
) -> Trust:
    """What the evidence of a fit is worth; `size` is the head's scale against the template's.

    Inside mouth, sockets and nostrils, which no scanner sees, confidence is zero.
    """
    model = model or error_model()
    columns = design(template, skin, found.features)
    error, slip = (size * model.expected(columns, target) for target in ("off_surface", "slip"))
    distance = np.where(found.raw > MEASURED, found.distance * MILLIMETRES_PER_METRE, np.nan)
    confidence = confidence_of(error / size) * np.minimum(1.0, 2.0 * skin.measured)
    return Trust(distance, error, slip, confidence)


def confidence_of(error_mm: Float[np.ndarray, "*N"]) -> Float[np.ndarray, "*N"]:
    """exp(-(error / 1 mm)^2): 0.96 at 0.2 mm, 0.78 at 0.5 mm, 0.37 at 1 mm, 0.02 at 2 mm."""
    return np.exp(-((np.asarray(error_mm) / TOLERANCE_MM) ** 2))


def error_at(confidence: float) -> float:
    """The expected error (mm) that a confidence above 0 stands for: `confidence_of` undone."""
    return float(TOLERANCE_MM * np.sqrt(-np.log(confidence)))
