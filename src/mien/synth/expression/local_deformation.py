"""How a head differs from the template round each point of its skin: local deformation gradients."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse
from scipy.spatial import cKDTree

SIGMA = 13e-3  # metres over which a gradient is measured: finer than that is skin, not form
BLEND = 8e-3  # metres over which neighbouring gradients are mixed
_SPACING = 7e-3  # of the points at which gradients are measured
_SAMPLES = 4  # every fourth vertex is measured
_RIDGE = 0.15  # pull toward the whole face's gradient, against the spread of the points round a place


class LocalGradients:
    """F of places on the skin, with x' = F x + t round each by weighted least squares.

    Neighbourhoods are balls in space, so both lips and both lids get the gradient of where they are; what the
    points round a place leave open is as in the whole face. Bound to one source skin; `rows` (outer skin) are
    measured, `wanted` rows get a gradient.
    """

    def __init__(
        self, source: Float[np.ndarray, "S 3"], rows: Int[np.ndarray, " N"], wanted: Int[np.ndarray, " R"]
    ) -> None:
        self._rows = rows[::_SAMPLES]
        points = source[self._rows]
        self._source = points
        centred = points - points.mean(axis=0)
        self._whole = np.linalg.solve(centred.T @ centred, centred.T)
        places = _spread_out(np.concatenate([points, source[wanted][::_SAMPLES]]), _SPACING)
        self._local = np.stack([_gradient_operator(points, place) for place in places]).reshape(
            -1, len(points)
        )
        self._blend = _mixture(source[wanted], places)

    def __call__(self, target: Float[np.ndarray, "S 3"]) -> Float[np.ndarray, "R 3 3"]:
        """F at the wanted rows, single precision; the identity on the source itself."""
        moved = target[self._rows] - self._source
        whole = self._whole @ (moved - moved.mean(axis=0))
        rest = moved - self._source @ whole
        local = (self._local @ rest).reshape(-1, 9) + whole.ravel()
        gradients = (self._blend @ local).reshape(-1, 3, 3).transpose(0, 2, 1) + np.eye(3)
        return gradients.astype(np.float32)


def _gradient_operator(
    points: Float[np.ndarray, "N 3"], place: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "3 N"]:
    """Takes values at the points to their gradient at the place (ridge regression, Gaussian weights)."""
    squared = ((points - place) ** 2).sum(axis=1)
    weight = np.exp(0.5 * (squared.min() - squared) / SIGMA**2)
    weight /= weight.sum()
    centred = points - weight @ points
    moment = (centred * weight[:, None]).T @ centred
    return np.linalg.solve(moment + _RIDGE * SIGMA**2 * np.eye(3), (centred * weight[:, None]).T)


def _spread_out(points: Float[np.ndarray, "N 3"], spacing: float) -> Float[np.ndarray, "P 3"]:
    """Cell means of a grid: about `spacing` apart."""
    cells, group = np.unique(np.round(points / spacing).astype(int), axis=0, return_inverse=True)
    group = group.ravel()
    count = np.bincount(group, minlength=len(cells))
    return np.stack([np.bincount(group, points[:, k], len(cells)) / count for k in range(3)], axis=1)


def _mixture(points: Float[np.ndarray, "R 3"], places: Float[np.ndarray, "P 3"]) -> sparse.csr_matrix:
    """R x P: normalised Gaussians of the distance to the places near each point."""
    distance, near = cKDTree(places).query(points, k=16)
    weight = np.exp(-0.5 * (distance**2 - distance[:, :1] ** 2) / BLEND**2)
    weight /= weight.sum(axis=1, keepdims=True)
    starts = np.arange(0, near.size + 1, near.shape[1])
    return sparse.csr_matrix((weight.ravel(), near.ravel(), starts), (len(points), len(places)))
