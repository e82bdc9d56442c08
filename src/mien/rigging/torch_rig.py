"""The torch twin of `Rig`: the same numbers, with gradients. `Rig` is the specification."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from mien.core.errors import MienError
from mien.rigging.names import check_names

if TYPE_CHECKING:
    from mien.rigging.rig import Rig

_SMALLEST_ANGLE = 1e-12


class PosedTensors(NamedTuple):
    """A posed head, metres: `vertices` (V, 3) or (B, V, 3), and the 68 `landmarks` of Multi-PIE likewise."""

    vertices: Tensor
    landmarks: Tensor


class TorchRig(nn.Module):
    """A rig as a module: `rig(weights, joint_rotations)` as `Rig`, with tensors, differentiable in both.

    Buffers are double, as `Rig` computes; `.float()` and `.to(device)` work as usual, and what is given is
    brought to the buffers' type and device.
    """

    neutral: Tensor
    shapes: Tensor
    places: Tensor
    joint_weights: Tensor
    landmark_corners: Tensor
    landmark_weights: Tensor
    faces: Tensor

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
        for name, indices in (("landmark_corners", rig.landmark_corners), ("faces", rig.faces)):
            self.register_buffer(name, torch.tensor(indices, dtype=torch.int64))

    def forward(
        self,
        weights: Tensor | Mapping[str, Tensor | float],
        joint_rotations: Tensor | Mapping[str, Tensor] | None = None,
    ) -> PosedTensors:
        """Poses heads. `weights`: (52,) or (B, 52), or by blendshape a number or (B,).

        `joint_rotations`: (J, 3) or (B, J, 3), or by joint (3,) or (B, 3); axis times angle in radians.
        Unknown names and wrong lengths raise `MienError`.
        """
        dense = self._dense(weights, self.names, "blendshape", ())
        vertices = self.neutral + (dense @ self.shapes).unflatten(-1, (-1, 3))
        if joint_rotations is not None:
            turned = self._dense(joint_rotations, self.joint_names, "joint", (3,))
            turns, shifts = self._motions(rotation_matrices(turned))
            turn = torch.einsum("vj,...jac->...vac", self.joint_weights, turns)
            shift = torch.einsum("vj,...ja->...va", self.joint_weights, shifts)
            vertices = (turn @ vertices[..., None])[..., 0] + shift
        corners = vertices[..., self.landmark_corners, :]
        return PosedTensors(vertices, torch.einsum("lk,...lkd->...ld", self.landmark_weights, corners))

    def _dense(
        self,
        given: Tensor | Mapping[str, Tensor | float],
        names: tuple[str, ...],
        kind: str,
        tail: tuple[int, ...],
    ) -> Tensor:
        """What is given by name, or as one tensor, as a tensor (*B, names, *tail) of the buffers' type."""
        if isinstance(given, Mapping):
            check_names(kind, given, names)
            parts = {name: torch.as_tensor(value).to(self.neutral) for name, value in given.items()}
            batch = torch.broadcast_shapes(*[part.shape[: part.ndim - len(tail)] for part in parts.values()])
            rest = self.neutral.new_zeros((*batch, *tail))
            return torch.stack(
                [parts[n].expand(rest.shape) if n in parts else rest for n in names], len(batch)
            )
        wanted = (len(names), *tail)
        if tuple(given.shape[given.ndim - len(wanted) :]) != wanted or given.ndim > len(wanted) + 1:
            raise MienError(f"{kind}s: a tensor of shape {tuple(given.shape)}, expected {wanted} or (B, ...)")
        return given.to(self.neutral)

    def _motions(self, rotations: Tensor) -> tuple[Tensor, Tensor]:
        """The rigid motion x -> R x + t of each joint, after its parents."""
        turned: list[Tensor] = []
        shifts: list[Tensor] = []
        for joint, parent in enumerate(self.parents):
            turn, place = rotations[..., joint, :, :], self.places[joint]
            shift = place - turn @ place
            if parent >= 0:
                shift = (turned[parent] @ shift[..., None])[..., 0] + shifts[parent]
                turn = turned[parent] @ turn
            turned.append(turn)
            shifts.append(shift)
        return torch.stack(turned, dim=-3), torch.stack(shifts, dim=-2)


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
