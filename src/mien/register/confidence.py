"""Where the registered head was measured, and how surely."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy import sparse

from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.geometry.normals import vertex_normals
from mien.geometry.solve import SpdSolver
from mien.register.skin import Skin
from mien.register.surface import ScanSurface, pair

REACH = 0.006  # metres: farther away nothing counts as measured
TOLERANCE = 0.0015  # metres: the distance at which confidence has fallen to 1/e
BLEND = 0.003  # metres over which confidence is smoothed


def measured_distance(
    skin: Skin,
    vertices: Float[np.ndarray, "S 3"],
    surface: ScanSurface,
    trusted: Float[np.ndarray, " S"],
) -> tuple[Float[np.ndarray, " S"], Float[np.ndarray, " S"]]:
    """Distance to the scan (millimetres, NaN where nothing was measured) and confidence 0..1.

    Confidence falls with distance, disagreeing normals, nearness of a scan border, doubt about
    hair and cloth (`trusted`), and is zero where the template has nothing to measure.
    """
    normals = vertex_normals(vertices, skin.triangles)
    pairs = pair(surface, vertices, normals, reach=REACH, min_cosine=0.4)
    raw = pairs.weight * trusted * skin.measured
    distance = np.where(raw > 0.05, pairs.hits.distance * MILLIMETRES_PER_METRE, np.nan)
    raw = np.minimum(raw * 1.5, 1.0) * np.exp(-((pairs.hits.distance / TOLERANCE) ** 2))
    return distance, _smoothed(skin, raw) * np.minimum(1.0, skin.measured * 2.0)


def _smoothed(skin: Skin, values: np.ndarray) -> np.ndarray:
    system = sparse.diags(skin.mass) + BLEND**2 * skin.stiffness
    return np.clip(SpdSolver(system).solve(skin.mass * values), 0.0, 1.0)
