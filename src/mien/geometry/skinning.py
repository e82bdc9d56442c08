"""Linear blend skinning: rotations of joints, carried down their tree and blended at every vertex."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

_SMALLEST_ANGLE = 1e-12  # radians: below it a rotation is the identity to double precision


def rotation_matrices(axis_angle: Float[np.ndarray, "*B 3"]) -> Float[np.ndarray, "*B 3 3"]:
    """Rotations about axes by the axes' lengths, radians (Rodrigues' formula)."""
    angle = np.sqrt(np.maximum((axis_angle**2).sum(axis=-1), _SMALLEST_ANGLE**2))[..., None, None]
    cross = cross_matrices(axis_angle)
    # sin(a)/a and (1 - cos a)/a^2 as sinc, so that both are exact where the angle goes to zero.
    first, second = np.sinc(angle / np.pi), 0.5 * np.sinc(0.5 * angle / np.pi) ** 2
    return np.eye(3) + first * cross + second * (cross @ cross)


def cross_matrices(vectors: Float[np.ndarray, "*B 3"]) -> Float[np.ndarray, "*B 3 3"]:
    """Matrices K with K @ w == cross(v, w)."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    zero = np.zeros_like(x)
    rows = [np.stack(row, axis=-1) for row in ((zero, -z, y), (z, zero, -x), (-y, x, zero))]
    return np.stack(rows, axis=-2)


def joint_motions(
    rotations: Float[np.ndarray, "*B J 3 3"], places: Float[np.ndarray, "J 3"], parents: Sequence[int]
) -> tuple[Float[np.ndarray, "*B J 3 3"], Float[np.ndarray, "*B J 3"]]:
    """The rigid motion x -> R x + t of each joint, about its place at rest and after its parents.

    `parents` holds -1 at a root; a parent stands before its children. Axes are those of the rest pose.
    """
    turned: list[np.ndarray] = []
    shifts: list[np.ndarray] = []
    for joint, parent in enumerate(parents):
        if parent >= joint:
            raise ValueError(f"joint {joint} stands before its parent {parent}, expected parents first")
        turn, place = rotations[..., joint, :, :], places[joint]
        shift = place - turn @ place
        if parent >= 0:
            turn, shift = turned[parent] @ turn, _apply(turned[parent], shift) + shifts[parent]
        turned.append(turn)
        shifts.append(shift)
    return np.stack(turned, axis=-3), np.stack(shifts, axis=-2)


def blend_skin(
    vertices: Float[np.ndarray, "*#B V 3"],
    turns: Float[np.ndarray, "*#B J 3 3"],
    shifts: Float[np.ndarray, "*#B J 3"],
    weights: Float[np.ndarray, "V J"],
) -> Float[np.ndarray, "... V 3"]:
    """Vertices moved by the weighted mean of their joints' motions; weights sum to 1 at every vertex."""
    turn = np.einsum("vj,...jab->...vab", weights, turns, optimize=True)
    shift = np.einsum("vj,...ja->...va", weights, shifts, optimize=True)
    return _apply(turn, vertices) + shift


def _apply(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    return (matrix @ vector[..., None])[..., 0]
