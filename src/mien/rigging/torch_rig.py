"""The torch twin of `Rig`: the same numbers, with gradients. `Rig` is the specification."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from mien.rigging.rig import Rig

_SMALLEST_ANGLE = 1e-12


class PosedTensors(NamedTuple):
    """A posed head, metres: `vertices` (B, V, 3) and `landmarks` (B, 68, 3)."""

    vertices: Tensor
    landmarks: Tensor


class TorchRig(nn.Module):
    """A rig as a module: `rig(weights, joint_rotations)`, batched, differentiable in both.

    Buffers are double, as `Rig` computes; `.float()` and `.to(device)` work as usual.
    """

    neutral: Tensor
    shapes: Tensor
    places: Tensor
    joint_weights: Tensor
    landmark_corners: Tensor
    landmark_weights: Tensor

    def __init__(self, rig: Rig) -> None:
        super().__init__()
        self.names, self.parents = rig.names, rig.parents
        self.joint_names = tuple(joint.name for joint in rig.joints)
        arrays = {
            "neutral": rig.neutral,
            "shapes": rig.shapes.reshape(len(rig.shapes), -1),
            "places": np.array([joint.position for joint in rig.joints]),
            "joint_weights": rig.joint_weights,
            "landmark_weights": rig.landmark_weights,
        }
        for name, array in arrays.items():
            self.register_buffer(name, torch.tensor(array, dtype=torch.float64))
        self.register_buffer("landmark_corners", torch.tensor(rig.landmark_corners, dtype=torch.int64))

    def forward(self, weights: Tensor, joint_rotations: Tensor | None = None) -> PosedTensors:
        """Poses heads: `weights` (B, 52); `joint_rotations` (B, J, 3), axis times angle in radians."""
        offsets = (weights @ self.shapes).unflatten(-1, (-1, 3))
        vertices = self.neutral + offsets
        if joint_rotations is not None:
            turns, shifts = self._motions(rotation_matrices(joint_rotations))
            turn = torch.einsum("vj,bjac->bvac", self.joint_weights, turns)
            shift = torch.einsum("vj,bja->bva", self.joint_weights, shifts)
            vertices = (turn @ vertices[..., None])[..., 0] + shift
        corners = vertices[:, self.landmark_corners]
        return PosedTensors(vertices, torch.einsum("lk,blkd->bld", self.landmark_weights, corners))

    def _motions(self, rotations: Tensor) -> tuple[Tensor, Tensor]:
        """The rigid motion x -> R x + t of each joint, after its parents."""
        turned: list[Tensor] = []
        shifts: list[Tensor] = []
        for joint, parent in enumerate(self.parents):
            turn, place = rotations[:, joint], self.places[joint]
            shift = place - turn @ place
            if parent >= 0:
                shift = (turned[parent] @ shift[..., None])[..., 0] + shifts[parent]
                turn = turned[parent] @ turn
            turned.append(turn)
            shifts.append(shift)
        return torch.stack(turned, dim=1), torch.stack(shifts, dim=1)


def rotation_matrices(axis_angle: Tensor) -> Tensor:
    """(..., 3) to (..., 3, 3): rotations about axes by the axes' lengths; smooth where these are zero."""
    angle = axis_angle.square().sum(dim=-1).clamp_min(_SMALLEST_ANGLE**2).sqrt()[..., None, None]
    x, y, z = axis_angle.unbind(dim=-1)
    zero = torch.zeros_like(x)
    rows = [torch.stack(row, dim=-1) for row in ((zero, -z, y), (z, zero, -x), (-y, x, zero))]
    cross = torch.stack(rows, dim=-2)
    first = torch.sinc(angle / torch.pi)
    second = 0.5 * torch.sinc(0.5 * angle / torch.pi) ** 2
    return torch.eye(3, dtype=cross.dtype, device=cross.device) + first * cross + second * (cross @ cross)
