"""Flattening of a disk-like patch into a rounded square with low stretch and no flips.

Projected Newton on the symmetric Dirichlet energy (Smith & Schaefer 2015, eq. 3; Hessian projection after
Teran et al. 2005), against a rest metric per triangle. Border vertices slide along a superellipse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla


@dataclass(frozen=True)
class Rest:
    """Rest shapes of triangles: (T, 3) vertex ids, (T, 2, 2) inverse flat rest edges, weights (areas)."""

    triangles: np.ndarray
    inverse_edges: np.ndarray
    weight: np.ndarray


def rest_edges(position: np.ndarray, triangles: np.ndarray, shortest: float = 0.0) -> np.ndarray:
    """(T, 2, 2): each triangle laid flat, columns its edges from corner 0 to corners 1 and 2.

    `triangles` come two by two from quads (a b c), (a c d); quad sides below `shortest` are lengthened
    smoothly to about that, angles kept, so that slender cells at lids and lips get room in both directions.
    """
    p = position[triangles]
    sides = np.stack([p[:, 1] - p[:, 0], p[:, 2] - p[:, 1]], axis=1)
    second = np.arange(len(p)) % 2 == 1 if shortest else np.zeros(len(p), bool)
    sides[second] = np.stack([p[second, 2] - p[second, 1], p[second, 0] - p[second, 2]], axis=1)
    length = np.maximum(np.linalg.norm(sides, axis=2), 1e-9)
    cosine = np.clip((sides[:, 0] * sides[:, 1]).sum(axis=1) / length.prod(axis=1), -0.98, 0.98)
    longer = (length**4 + shortest**4) ** 0.25
    a = np.stack([longer[:, 0], np.zeros(len(p))], axis=1)
    b = longer[:, 1:] * np.stack([cosine, np.sqrt(1 - cosine**2)], axis=1)
    edges = np.stack([a, a + b], axis=2)
    edges[second] = np.stack([-a - b, -b], axis=2)[second]  # corners c d a: seen from a
    return edges


def rest_metric(triangles: np.ndarray, edges: np.ndarray, weight: float = 1.0) -> Rest:
    """Rest triangles from flat edges; each counts with its area times `weight`."""
    return Rest(triangles, np.linalg.inv(edges), weight * np.linalg.det(edges) / 2)


def joined(*rests: Rest) -> Rest:
    return Rest(
        np.concatenate([r.triangles for r in rests]),
        np.concatenate([r.inverse_edges for r in rests]),
        np.concatenate([r.weight for r in rests]),
    )


@dataclass(frozen=True)
class Border:
    """A superellipse |2u-1|^p + |2v-1|^p = 1 (within the margin) that vertices `sliding` stay on."""

    sliding: np.ndarray
    exponent: float
    margin: float

    def project(self, uv: np.ndarray) -> np.ndarray:
        """Sliding vertices put back onto the curve, along the ray from the centre."""
        out = uv.copy()
        p = out[self.sliding] - 0.5
        radius = (np.abs(p) ** self.exponent).sum(axis=1, keepdims=True) ** (1 / self.exponent)
        out[self.sliding] = 0.5 + p / radius * (0.5 - self.margin)
        return out

    def tangents(self, uv: np.ndarray) -> np.ndarray:
        p = uv[self.sliding] - 0.5
        normal = np.sign(p) * np.abs(p) ** (self.exponent - 1)
        tangent = np.stack([-normal[:, 1], normal[:, 0]], axis=1)
        return tangent / np.linalg.norm(tangent, axis=1, keepdims=True)


def flatten(
    uv: np.ndarray,
    rest: Rest,
    border: Border,
    midline: np.ndarray,
    iterations: int = 60,
    tolerance: float = 1e-7,
) -> np.ndarray:
    """Minimises the energy from a flip-free start; `midline` vertices keep u = 0.5 exactly."""
    uv = border.project(uv)
    uv[midline, 0] = 0.5
    energy = _energy(uv, rest)
    if not np.isfinite(energy):
        raise ValueError("the start of the flattening has flipped triangles")
    for _ in range(iterations):
        step = _newton_step(uv, rest, border, midline)
        uv, previous, energy = (*_line_search(uv, step, rest, border, midline, energy),)
        if previous - energy < tolerance * abs(energy):
            break
    return uv


def _jacobians(uv: np.ndarray, rest: Rest) -> np.ndarray:
    """(T, 2, 2): d uv / d rest."""
    t = rest.triangles
    edges = np.stack([uv[t[:, 1]] - uv[t[:, 0]], uv[t[:, 2]] - uv[t[:, 0]]], axis=2)
    return edges @ rest.inverse_edges


def _energy(uv: np.ndarray, rest: Rest) -> float:
    j = _jacobians(uv, rest)
    det = j[:, 0, 0] * j[:, 1, 1] - j[:, 0, 1] * j[:, 1, 0]
    if det.min() <= 0:
        return float("inf")
    return float((rest.weight * (j**2).sum(axis=(1, 2)) * (1 + det**-2)).sum())


def _gradient_and_hessian(uv: np.ndarray, rest: Rest) -> tuple[np.ndarray, sp.csc_matrix]:
    """Gradient (2 V) and the positive part of the Hessian; unknowns are u0 v0 u1 v1 ..."""
    j = _jacobians(uv, rest).reshape(-1, 4)
    det = j[:, 0] * j[:, 3] - j[:, 1] * j[:, 2]
    norm = (j**2).sum(axis=1)
    cofactor = np.stack([j[:, 3], -j[:, 2], -j[:, 1], j[:, 0]], axis=1)
    grad = 2 * (1 + det**-2)[:, None] * j - 2 * (norm * det**-3)[:, None] * cofactor
    twist = np.zeros((4, 4))
    twist[0, 3] = twist[3, 0] = 1
    twist[1, 2] = twist[2, 1] = -1
    mixed = j[:, :, None] * cofactor[:, None, :]
    hessian = (
        2 * (1 + det**-2)[:, None, None] * np.eye(4)
        - 4 * (det**-3)[:, None, None] * (mixed + mixed.transpose(0, 2, 1))
        + 6 * (norm * det**-4)[:, None, None] * cofactor[:, :, None] * cofactor[:, None, :]
        - 2 * (norm * det**-3)[:, None, None] * twist
    )
    values, vectors = np.linalg.eigh(hessian)
    hessian = (vectors * np.maximum(values, 1e-9)[:, None, :]) @ vectors.transpose(0, 2, 1)
    return _assemble(grad, hessian, rest, len(uv))


def _assemble(grad: np.ndarray, hessian: np.ndarray, rest: Rest, n: int) -> tuple[np.ndarray, sp.csc_matrix]:
    """Chain rule from Jacobian entries (row-major) to the six coordinates of each triangle."""
    b = rest.inverse_edges
    to_corner = np.stack([-(b[:, 0] + b[:, 1]), b[:, 0], b[:, 1]], axis=1)  # (T, corner, column)
    chain = np.zeros((len(b), 6, 4))
    chain[:, 0::2, 0:2] = to_corner
    chain[:, 1::2, 2:4] = to_corner
    local_grad = rest.weight[:, None] * np.einsum("tik,tk->ti", chain, grad)
    local = rest.weight[:, None, None] * (chain @ hessian @ chain.transpose(0, 2, 1))
    index = np.stack([2 * rest.triangles, 2 * rest.triangles + 1], axis=2).reshape(-1, 6)
    gradient = np.bincount(index.ravel(), local_grad.ravel(), 2 * n)
    rows = np.repeat(index, 6, axis=1).ravel()
    columns = np.tile(index, (1, 6)).ravel()
    return gradient, sp.csc_matrix((local.ravel(), (rows, columns)), (2 * n, 2 * n))


def _newton_step(uv: np.ndarray, rest: Rest, border: Border, midline: np.ndarray) -> np.ndarray:
    gradient, hessian = _gradient_and_hessian(uv, rest)
    basis = _free_directions(uv, border, midline)
    reduced = (basis.T @ hessian @ basis).tocsc()
    reduced += 1e-10 * reduced.diagonal().mean() * sp.eye(reduced.shape[0], format="csc")
    solve = spla.splu(
        reduced, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0, options={"SymmetricMode": True}
    )
    return (basis @ solve.solve(-(basis.T @ gradient))).reshape(-1, 2)


def _free_directions(uv: np.ndarray, border: Border, midline: np.ndarray) -> sp.csc_matrix:
    """Columns: both axes for free vertices, the tangent for sliding ones, v alone on the midline."""
    n = len(uv)
    kind = np.zeros(n, np.int64)
    kind[border.sliding] = 1
    kind[midline] += 2
    both, only_v, slide = np.flatnonzero(kind == 0), np.flatnonzero(kind == 2), np.flatnonzero(kind == 1)
    tangent = np.zeros((n, 2))
    tangent[border.sliding] = border.tangents(uv)
    rows = np.concatenate([2 * both, 2 * both + 1, 2 * only_v + 1, 2 * slide, 2 * slide + 1])
    first = 2 * len(both) + len(only_v)
    columns = np.concatenate([np.arange(first), np.tile(first + np.arange(len(slide)), 2)])
    values = np.concatenate([np.ones(first), tangent[slide, 0], tangent[slide, 1]])
    return sp.csc_matrix((values, (rows, columns)), (2 * n, first + len(slide)))


def _line_search(
    uv: np.ndarray, step: np.ndarray, rest: Rest, border: Border, midline: np.ndarray, energy: float
) -> tuple[np.ndarray, float, float]:
    """Halves the step until the energy falls (a flip counts as infinite): (uv, old energy, new energy)."""
    size = 1.0
    for _ in range(40):
        trial = border.project(uv + size * step)
        trial[midline, 0] = 0.5
        new = _energy(trial, rest)
        if new < energy:
            return trial, energy, new
        size *= 0.6
    return uv, energy, energy
