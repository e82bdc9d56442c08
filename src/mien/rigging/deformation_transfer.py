"""Deformation transfer: what a shape does to one head, done to another of the same topology.

Sumner and Popović 2004, in the Poisson form of Botsch et al. 2006: each source triangle's deformation
gradient F is prescribed for the target's triangle; one sparse system is factored and solved for all shapes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse

from mien.geometry.align import Similarity, fit_similarity_robust
from mien.geometry.normals import triangle_areas, triangle_cross
from mien.geometry.solve import SpdSolver

# Offsets are pulled to the source's own (scaled) with this stiffness at wavelengths beyond SCREEN_LENGTH:
# it replaces Sumner's fixed vertices, which differ from shape to shape and would cost a factor each.
SCREEN_LENGTH = 0.15
MOVING = 2e-4  # metres: below this the source's own offset takes over, so that still skin stays still


@dataclass(frozen=True)
class TriangleGradient:
    """Gradient of a per-vertex function on each triangle (piecewise linear).

    `matrix` (3T x V) gives the gradient's x, y, z of triangle t in rows 3t..3t+2; `areas` weight the
    triangles.
    """

    matrix: sparse.csr_matrix
    areas: Float[np.ndarray, " T"]

    def of(self, values: Float[np.ndarray, "V C"]) -> Float[np.ndarray, "T 3 C"]:
        """d values_c / d x_d, indexed [t, d, c]."""
        return (self.matrix @ values).reshape(len(self.areas), 3, values.shape[1])

    def divergence(self, fields: Float[np.ndarray, "T 3 C"]) -> Float[np.ndarray, "V C"]:
        """The adjoint of `of` under area weights: right-hand side of the Poisson system."""
        weighted = fields * self.areas[:, None, None]
        return self.matrix.T @ weighted.reshape(-1, fields.shape[2])

    @property
    def laplacian(self) -> sparse.csr_matrix:
        """Gᵀ A G: the cotangent Laplacian."""
        return (self.matrix.T @ sparse.diags(np.repeat(self.areas, 3)) @ self.matrix).tocsr()


def triangle_gradient(
    vertices: Float[np.ndarray, "V 3"], triangles: Int[np.ndarray, "T 3"]
) -> TriangleGradient:
    """The gradient operator; slivers are treated as if a thousandth of the median area."""
    cross = triangle_cross(vertices, triangles)
    doubled = np.linalg.norm(cross, axis=1)
    floor = 1e-3 * np.median(doubled)
    normal = cross / np.maximum(doubled, 1e-30)[:, None]
    doubled = np.maximum(doubled, floor)
    rows, columns, entries = [], [], []
    first_row = 3 * np.arange(len(triangles))
    for corner in range(3):
        opposite = vertices[triangles[:, (corner + 2) % 3]] - vertices[triangles[:, (corner + 1) % 3]]
        gradient = np.cross(normal, opposite) / doubled[:, None]
        for axis in range(3):
            rows.append(first_row + axis)
            columns.append(triangles[:, corner])
            entries.append(gradient[:, axis])
    matrix = sparse.csr_matrix(
        (np.concatenate(entries), (np.concatenate(rows), np.concatenate(columns))),
        shape=(3 * len(triangles), len(vertices)),
    )
    return TriangleGradient(matrix, doubled / 2)


def displacement_gradients(
    vertices: Float[np.ndarray, "V 3"],
    offsets: Float[np.ndarray, "V 3"],
    triangles: Int[np.ndarray, "T 3"],
    gradient: TriangleGradient,
) -> Float[np.ndarray, "T 3 3"]:
    """H = Fᵀ - I of each triangle, F mapping the normal too (Sumner and Popović eq. 2, section 3).

    The unit normal n goes to n' times the square root of the change of area; no motion gives zero.
    """
    cross = triangle_cross(vertices, triangles)
    moved = triangle_cross(vertices + offsets, triangles)
    length = np.maximum(np.linalg.norm(cross, axis=1, keepdims=True), 1e-30)
    moved_length = np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-30)
    normal = cross / length
    stretch = np.clip(np.sqrt(moved_length / length), 0.5, 2.0)
    along_normal = moved / moved_length * stretch - normal
    still = (np.abs(offsets[triangles]) == 0).all(axis=(1, 2))
    along_normal[still] = 0.0
    return gradient.of(offsets) + normal[:, :, None] * along_normal[:, None, :]


class Transfer:
    """Carries offsets from `source` to `target` (metres, same triangles). Factor once, apply often.

    Rotation and scale between the two heads are removed first (a robust similarity over `frame`, or over
    all vertices), so that a turned or scaled copy of the source gets turned or scaled offsets. Vertices
    outside `free` are anchored to the source's own offsets (turned and scaled); all are free by default.
    """

    def __init__(
        self,
        source: Float[np.ndarray, "V 3"],
        target: Float[np.ndarray, "V 3"],
        triangles: Int[np.ndarray, "T 3"],
        frame: Int[np.ndarray, " K"] | None = None,
        free: Bool[np.ndarray, " V"] | None = None,
    ) -> None:
        frame = np.arange(len(source)) if frame is None else frame
        self.pose: Similarity = fit_similarity_robust(source[frame], target[frame])[0]
        self.source, self.triangles = source, triangles
        self._source_gradient = triangle_gradient(source, triangles)
        self._target_gradient = triangle_gradient(target, triangles)
        mass = np.bincount(
            triangles.ravel(), np.repeat(triangle_areas(target, triangles) / 3, 3), minlength=len(target)
        )
        self._screen = (mass + 1e-12 * mass.max()) / SCREEN_LENGTH**2
        system = (self._target_gradient.laplacian + sparse.diags(self._screen)).tocsr()
        self._free = np.arange(len(source)) if free is None else np.flatnonzero(free)
        self._held = np.setdiff1d(np.arange(len(source)), self._free)
        rows = system[self._free]
        self._coupling = rows[:, self._held]
        self._solver = SpdSolver(rows[:, self._free])

    def gradients(self, offsets: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "T 3 3"]:
        """The gradients that the target's triangles are asked for."""
        wanted = displacement_gradients(self.source, offsets, self.triangles, self._source_gradient)
        turn = self.pose.rotation
        return turn @ wanted @ turn.T

    def apply(self, offsets: Float[np.ndarray, "K V 3"]) -> Float[np.ndarray, "K V 3"]:
        """The same deformations on the target: K offsets (metres); zero stays zero."""
        guess = self.pose.scale * offsets @ self.pose.rotation.T
        right = np.empty((len(self._free), len(offsets), 3))
        for k, shape in enumerate(offsets):
            wanted = (
                self._target_gradient.divergence(self.gradients(shape)) + self._screen[:, None] * guess[k]
            )
            right[:, k] = wanted[self._free] - self._coupling @ guess[k, self._held]
        solved = self._solver.solve(right.reshape(len(right), -1)).reshape(right.shape)
        moving = np.clip(np.linalg.norm(offsets, axis=2) / MOVING, 0.0, 1.0)[:, self._free, None]
        guess[:, self._free] += moving * (solved.transpose(1, 0, 2) - guess[:, self._free])
        return guess


def transfer_plain(
    source: Float[np.ndarray, "V 3"],
    target: Float[np.ndarray, "V 3"],
    triangles: Int[np.ndarray, "T 3"],
    offsets: Float[np.ndarray, "V 3"],
) -> Float[np.ndarray, "V 3"]:
    """`Transfer.apply` for one shape as a specification: dense least squares, triangle after triangle."""
    pose = fit_similarity_robust(source, target)[0]
    guess = pose.scale * offsets @ pose.rotation.T
    rows, right = [], []
    mass = np.zeros(len(target))
    for corners in triangles:
        wanted = pose.rotation @ _gradient_plain(source[corners], offsets[corners]) @ pose.rotation.T
        basis, area = _hat_gradients_plain(target[corners])
        for axis in range(3):
            row = np.zeros(len(target))
            row[corners] = basis[:, axis]
            rows.append(np.sqrt(area) * row)
            right.append(np.sqrt(area) * wanted[axis])
        mass[corners] += area / 3
    for i, m in enumerate(mass):
        rows.append(np.sqrt(m) / SCREEN_LENGTH * np.eye(len(target))[i])
        right.append(np.sqrt(m) / SCREEN_LENGTH * guess[i])
    solved = np.linalg.lstsq(np.array(rows), np.array(right), rcond=None)[0]
    moving = np.clip(np.linalg.norm(offsets, axis=1) / MOVING, 0.0, 1.0)[:, None]
    return guess + moving * (solved - guess)


def _hat_gradients_plain(corners: Float[np.ndarray, "3 3"]) -> tuple[Float[np.ndarray, "3 3"], float]:
    """Gradients of the three hat functions (rows) and the triangle's area."""
    cross = np.cross(corners[1] - corners[0], corners[2] - corners[0])
    doubled = float(np.linalg.norm(cross))
    rows = [
        np.cross(cross / doubled, corners[(k + 2) % 3] - corners[(k + 1) % 3]) / doubled for k in range(3)
    ]
    return np.array(rows), doubled / 2


def _gradient_plain(
    corners: Float[np.ndarray, "3 3"], offsets: Float[np.ndarray, "3 3"]
) -> Float[np.ndarray, "3 3"]:
    """(F - I)ᵀ from Sumner and Popović's four-vertex frames: F = Ṽ V⁻¹, the fourth along the normal."""

    def frame(x: np.ndarray, height: float) -> np.ndarray:
        cross = np.cross(x[1] - x[0], x[2] - x[0])
        return np.stack([x[1] - x[0], x[2] - x[0], cross / np.linalg.norm(cross) * height], axis=1)

    moved = corners + offsets
    area, moved_area = _hat_gradients_plain(corners)[1], _hat_gradients_plain(moved)[1]
    stretch = np.clip(np.sqrt(moved_area / area), 0.5, 2.0)
    return (frame(moved, stretch) @ np.linalg.inv(frame(corners, 1.0)) - np.eye(3)).T
