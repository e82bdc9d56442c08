"""Heads as pose, identity and expression, and their derivatives at chosen vertices."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from mien.core.conventions import SHAPE_INDEX, SHAPE_NAMES
from mien.core.face import Template
from mien.geometry.align import Similarity

# Shapes that a still scan of a face shows on its skin. Gaze and tongue move other parts; the lips of
# `mouthClose` only make sense against an open jaw.
FITTED_SHAPES: tuple[str, ...] = tuple(
    name
    for name in SHAPE_NAMES
    if not name.startswith("eyeLook") and name not in ("tongueOut", "mouthClose", "cheekPuff")
)


@dataclass(frozen=True)
class LinearHead:
    """Parameters of a head: pose x -> s R x + t, identity in standard deviations, 52 weights."""

    pose: Similarity
    identity: Float[np.ndarray, " K"]
    expression: Float[np.ndarray, "52"]

    def vertices(self, template: Template) -> Float[np.ndarray, "V 3"]:
        """All vertices of the head in the scan's space."""
        return self.pose(self.unposed(template))

    def unposed(self, template: Template) -> Float[np.ndarray, "V 3"]:
        """All vertices before the pose."""
        head = template.fitted.heads(template.vertices, self.identity)
        active = np.flatnonzero(self.expression)
        return head + np.tensordot(self.expression[active], template.shapes[active], axes=1)


def posed_template(template: Template, pose: Similarity) -> LinearHead:
    """The template itself, posed."""
    return LinearHead(pose, np.zeros(len(template.fitted.modes)), np.zeros(len(SHAPE_NAMES)))


@dataclass(frozen=True)
class MorphableBasis:
    """The linear model at chosen points: `columns` are identity modes, then fitted shapes."""

    mean: Float[np.ndarray, "P 3"]
    columns: Float[np.ndarray, "C P 3"]
    n_identity: int

    def points(self, head: LinearHead) -> Float[np.ndarray, "P 3"]:
        """The chosen points, posed."""
        return head.pose(self.mean + np.tensordot(coefficients(head), self.columns, axes=1))

    def at(self, chosen: Int[np.ndarray, " Q"]) -> MorphableBasis:
        """The same at some of the points."""
        return MorphableBasis(self.mean[chosen], self.columns[:, chosen], self.n_identity)

    def jacobian(self, head: LinearHead, directions: Float[np.ndarray, "P 3"]) -> Float[np.ndarray, "P D"]:
        """d(direction . point) by (rotation vector, translation, log scale, coefficients)."""
        pose = head.pose
        arms = self.points(head) - pose.translation
        turned = pose.scale * directions @ pose.rotation  # s R^T d
        columns = np.einsum("cpd,pd->pc", self.columns, turned, optimize=True)
        return np.concatenate(
            [
                np.cross(arms, directions),
                directions,
                np.einsum("pd,pd->p", arms, directions)[:, None],
                columns,
            ],
            axis=1,
        )


def basis_at_vertices(template: Template, index: Int[np.ndarray, " P"]) -> MorphableBasis:
    """The model at vertices."""
    columns = np.concatenate([template.fitted.modes[:, index], template.shapes[_fitted()][:, index]])
    return MorphableBasis(template.vertices[index], columns, len(template.fitted.modes))


def basis_at_landmarks(template: Template) -> MorphableBasis:
    """The model at the 68 landmarks."""
    spots, topology = template.landmarks, template.topology
    corners = topology.triangles[spots.triangle]
    both = np.concatenate([template.fitted.modes[:, corners], template.shapes[_fitted()][:, corners]])
    columns = np.einsum("lk,clkd->cld", spots.barycentric, both)
    return MorphableBasis(spots.on(template.vertices, topology), columns, len(template.fitted.modes))


def coefficients(head: LinearHead) -> Float[np.ndarray, " C"]:
    """Identity, then the fitted shapes, in the order of `MorphableBasis.columns`."""
    return np.concatenate([head.identity, head.expression[_fitted()]])


def stepped(head: LinearHead, step: Float[np.ndarray, " D"]) -> LinearHead:
    """The head after a Gauss-Newton step in the order of `MorphableBasis.jacobian`."""
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_rotvec(step[:3]).as_matrix()
    pose = Similarity(
        head.pose.scale * float(np.exp(step[6])),
        turn @ head.pose.rotation,
        head.pose.translation + step[3:6],
    )
    n_identity = len(head.identity)
    expression = head.expression.copy()
    expression[_fitted()] = np.clip(expression[_fitted()] + step[7 + n_identity :], 0.0, 1.0)
    return replace(head, pose=pose, identity=head.identity + step[7 : 7 + n_identity], expression=expression)


def _fitted() -> Int[np.ndarray, " E"]:
    return np.array([SHAPE_INDEX[name] for name in FITTED_SHAPES])
