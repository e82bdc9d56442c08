"""Rigid and similarity alignment of point pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Similarity:
    """x -> scale * rotation @ x + translation."""

    scale: float
    rotation: Float[np.ndarray, "3 3"]
    translation: Float[np.ndarray, "3"]

    def __call__(self, points: Float[np.ndarray, "*N 3"]) -> Float[np.ndarray, "*N 3"]:
        """The points, moved."""
        return self.scale * points @ self.rotation.T + self.translation

    @property
    def matrix(self) -> Float[np.ndarray, "4 4"]:
        """As a homogeneous matrix."""
        out = np.eye(4)
        out[:3, :3] = self.scale * self.rotation
        out[:3, 3] = self.translation
        return out

    def inverse(self) -> Similarity:
        """The map back."""
        turned = self.rotation.T
        return Similarity(1.0 / self.scale, turned, -(turned @ self.translation) / self.scale)

    def after(self, first: Similarity) -> Similarity:
        """The map x -> self(first(x))."""
        return Similarity(self.scale * first.scale, self.rotation @ first.rotation, self(first.translation))


IDENTITY = Similarity(1.0, np.eye(3), np.zeros(3))


def fit_similarity(
    source: Float[np.ndarray, "N 3"],
    target: Float[np.ndarray, "N 3"],
    weights: Float[np.ndarray, " N"] | None = None,
    *,
    with_scale: bool = True,
) -> Similarity:
    """Weighted least squares map of `source` onto `target`, never a reflection. Umeyama 1991, eq. 40-42.

    Raises `ValueError` where fewer than three points carry weight.
    """
    weights = np.ones(len(source)) if weights is None else weights
    if np.count_nonzero(weights > 0) < 3:
        raise ValueError(f"{np.count_nonzero(weights > 0)} weighted point pairs, at least 3 are needed")
    share = weights / weights.sum()
    source_mean, target_mean = share @ source, share @ target
    x, y = source - source_mean, target - target_mean
    u, singular, vt = np.linalg.svd((y * share[:, None]).T @ x)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = (u * signs) @ vt
    scale = float(singular @ signs / (share @ (x**2).sum(axis=1))) if with_scale else 1.0
    return Similarity(scale, rotation, target_mean - scale * rotation @ source_mean)


def fit_similarity_robust(
    source: Float[np.ndarray, "N 3"],
    target: Float[np.ndarray, "N 3"],
    weights: Float[np.ndarray, " N"] | None = None,
    *,
    with_scale: bool = True,
    iterations: int = 20,
) -> tuple[Similarity, Float[np.ndarray, " N"]]:
    """As `fit_similarity`, with outliers weighted down (iterated, Geman-McClure at the median residual).

    Returns the map and the robust weights, 0..1, without `weights`.
    """
    weights = np.ones(len(source)) if weights is None else weights
    robust = np.ones(len(source))
    for _ in range(iterations):
        fit = fit_similarity(source, target, weights * robust, with_scale=with_scale)
        residual = np.linalg.norm(fit(source) - target, axis=1)
        size = 2.0 * np.median(residual[weights > 0]) + 1e-12 * np.abs(target).max()
        robust = (size**2 / (size**2 + residual**2)) ** 2
    return fit, robust


def nearest_rotations(matrices: Float[np.ndarray, "N 3 3"]) -> Float[np.ndarray, "N 3 3"]:
    """The rotation closest to each matrix (Frobenius norm), determinant +1."""
    u, _, vt = np.linalg.svd(matrices)
    u[:, :, 2] *= np.sign(np.linalg.det(u) * np.linalg.det(vt))[:, None]
    return u @ vt


def transformed(
    matrix: Float[np.ndarray, "4 4"], points: Float[np.ndarray, "N 3"]
) -> Float[np.ndarray, "N 3"]:
    """Points under an affine map in homogeneous coordinates (columns: the matrix stands on the left)."""
    return points @ matrix[:3, :3].T + matrix[:3, 3]
