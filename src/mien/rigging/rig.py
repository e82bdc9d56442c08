"""The rig of one head: blendshapes, then joints by linear blend skinning, as glTF and FBX pose it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from mien.core.conventions import SHAPE_INDEX, SHAPE_NAMES
from mien.core.errors import MienError
from mien.core.face import Joint, SurfacePoints, Template
from mien.core.mesh import Topology
from mien.geometry.skinning import blend_skin, joint_motions, rotation_matrices
from mien.rigging.names import check_names

if TYPE_CHECKING:
    from mien.rigging.torch_rig import TorchRig

Numbers = Sequence[float | int] | np.ndarray
# Weights by name (a number or a batch of them each), or an array in the order of `SHAPE_NAMES`.
Weights = Mapping[str, float | int | Numbers] | np.ndarray
# Rotations by joint name, or an array in the order of `Rig.joints`: axis times angle, radians.
JointRotations = Mapping[str, Numbers] | np.ndarray


class PosedHead(NamedTuple):
    """A posed head, metres: `vertices` (V, 3) or (B, V, 3), and the 68 `landmarks` of Multi-PIE likewise."""

    vertices: np.ndarray
    landmarks: np.ndarray


@dataclass(frozen=True)
class Rig:
    """An animatable head: `rig(weights, joint_rotations)` gives its vertices and landmarks.

    `neutral` and the 52 offsets `shapes` are metres, in `SHAPE_NAMES` order; `joints` are at rest, parents
    first, and `joint_weights` sum to 1 at every vertex. A landmark is the weighted mean
    (`landmark_weights`) of the three vertices `landmark_corners`; a mesh without landmarks has none. `faces`
    are the mesh's triangles.

    Joints turn what the blendshapes have moved: `jawOpen` and the joint "jaw" both open the mouth, the
    `eyeLook` shapes and the eyes' joints both turn the eyes, and using both adds up. The shipped joints are
    neck, head (child of neck), jaw, eye_left and eye_right (children of head). Positive angles turn
    counter-clockwise seen from the axis's tip: (0, 0.3, 0) turns an eye to the subject's left, (0.3, 0, 0)
    turns it down and opens the jaw.
    """

    neutral: Float[np.ndarray, "V 3"]
    shapes: Float[np.ndarray, "52 V 3"]
    joints: tuple[Joint, ...]
    joint_weights: Float[np.ndarray, "V J"]
    landmark_corners: Int[np.ndarray, "L 3"]
    landmark_weights: Float[np.ndarray, "L 3"]
    faces: Int[np.ndarray, "T 3"]

    @classmethod
    def on(
        cls,
        template: Template,
        neutral: Float[np.ndarray, "V 3"] | None = None,
        shapes: Float[np.ndarray, "52 V 3"] | None = None,
        joints: tuple[Joint, ...] | None = None,
    ) -> Rig:
        """A rig on a template's topology; what is not given is the template's own."""
        return cls(
            template.vertices if neutral is None else neutral,
            template.shapes if shapes is None else shapes,
            template.joints if joints is None else joints,
            template.joint_weights,
            *landmark_points(template.landmarks, template.topology),
            template.topology.triangles,
        )

    def __call__(self, weights: Weights, joint_rotations: JointRotations | None = None) -> PosedHead:
        """Poses the head: blendshapes first, then joints, each about its own place at rest.

        `weights`: shapes by ARKit's names, 0 to 1, each a number or (B,); or an array (52,) or (B, 52).
        `joint_rotations`: by joint name, (3,) or (B, 3); or an array (J, 3) or (B, J, 3): axis times angle
        in radians, about the axes of the rest pose. With a batch in either, both results are batched.
        Unknown names and wrong lengths raise `MienError`.
        """
        vertices = self._blend(dense_weights(weights))
        if joint_rotations is not None:
            turns = rotation_matrices(self.dense_rotations(joint_rotations))
            places = np.array([joint.position for joint in self.joints])
            turns, shifts = joint_motions(turns, places, self.parents)
            vertices = blend_skin(vertices, turns, shifts, self.joint_weights)
        return PosedHead(vertices, self._landmarks_of(vertices))

    def pose(self, weights: Weights) -> Float[np.ndarray, "*B V 3"]:
        """The vertices alone, joints at rest; `weights` as for a call."""
        return self._blend(dense_weights(weights))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the 52 blendshapes, in the order of `shapes`."""
        return SHAPE_NAMES

    @cached_property
    def parents(self) -> tuple[int, ...]:
        """The place of each joint's parent among the joints, -1 at a root."""
        names = [joint.name for joint in self.joints]
        return tuple(-1 if j.parent is None else names.index(j.parent) for j in self.joints)

    def torch(self) -> TorchRig:
        """The same rig as a differentiable `torch.nn.Module` (needs torch, the extra `train`)."""
        from mien.rigging.torch_rig import TorchRig

        return TorchRig(self)

    def _blend(self, weights: Float[np.ndarray, "*B 52"]) -> Float[np.ndarray, "*B V 3"]:
        active = np.flatnonzero(weights.reshape(-1, len(SHAPE_NAMES)).any(axis=0))
        return self.neutral + np.tensordot(weights[..., active], self.shapes[active], axes=1)

    def dense_rotations(self, rotations: JointRotations) -> Float[np.ndarray, "*B J 3"]:
        """Joint rotations by name, or an array of them, as an array (J, 3) or (B, J, 3)."""
        names = [joint.name for joint in self.joints]
        if not isinstance(rotations, Mapping):
            dense = np.asarray(rotations, np.float64)
            if dense.shape[-2:] != (len(names), 3) or dense.ndim > 3:
                raise MienError(
                    f"joint_rotations: an array of shape {dense.shape}, expected ({len(names)}, 3) or "
                    f"(B, {len(names)}, 3) for the joints {', '.join(names)}"
                )
            return dense
        check_names("joint", rotations, names)
        given = {name: np.asarray(value, np.float64) for name, value in rotations.items()}
        for name, value in given.items():
            if value.shape[-1:] != (3,) or value.ndim > 2:
                raise MienError(f"joint {name}: rotation of shape {value.shape}, expected (3,) or (B, 3)")
        batch = np.broadcast_shapes(*[value.shape[:-1] for value in given.values()]) if given else ()
        dense = np.zeros((*batch, len(names), 3))
        for name, value in given.items():
            dense[..., names.index(name), :] = value
        return dense

    def _landmarks_of(self, vertices: Float[np.ndarray, "*B V 3"]) -> Float[np.ndarray, "*B L 3"]:
        corners = vertices[..., self.landmark_corners, :]
        return np.einsum("lk,...lkd->...ld", self.landmark_weights, corners)


def dense_weights(weights: Weights) -> Float[np.ndarray, "*B 52"]:
    """Weights of the 52 blendshapes by name, or an array of them, as an array (52,) or (B, 52)."""
    if not isinstance(weights, Mapping):
        dense = np.asarray(weights, np.float64)
        if dense.shape[-1:] != (len(SHAPE_NAMES),) or dense.ndim > 2:
            raise MienError(f"weights: an array of shape {dense.shape}, expected (52,) or (B, 52)")
        return dense
    check_names("blendshape", weights, SHAPE_NAMES)
    given = {name: np.asarray(value, np.float64) for name, value in weights.items()}
    for name, value in given.items():
        if value.ndim > 1:
            raise MienError(f"weight {name}: an array of shape {value.shape}, expected a number or (B,)")
    dense = np.zeros((*np.broadcast_shapes(*[value.shape for value in given.values()]), len(SHAPE_NAMES)))
    for name, value in given.items():
        dense[..., SHAPE_INDEX[name]] = value
    return dense


def landmark_points(
    landmarks: SurfacePoints, topology: Topology
) -> tuple[Int[np.ndarray, "L 3"], Float[np.ndarray, "L 3"]]:
    """The vertices round each landmark and their weights."""
    return topology.triangles[landmarks.triangle], landmarks.barycentric
