"""What is no change of form taken out of offsets: shift and small turn of the face."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from tools.build_template.types import Skin


def without_rigid(offsets: Float[np.ndarray, "K V 3"], skin: Skin) -> Float[np.ndarray, "K V 3"]:
    """Offsets less the shift and the linearised turn that fit them best on the face part."""
    face = skin.parts[0].vertices
    motions = _rigid_motions(skin.vertices)
    basis = motions[:, face].reshape(6, -1).T
    fit = np.linalg.lstsq(basis, offsets[:, face].reshape(len(offsets), -1).T, rcond=None)[0]
    return offsets - np.tensordot(fit.T, motions, axes=1)


def _rigid_motions(vertices: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "6 V 3"]:
    centred = vertices - vertices.mean(axis=0)
    shifts = [np.broadcast_to(axis, vertices.shape) for axis in np.eye(3)]
    turns = [np.cross(axis, centred) / 0.1 for axis in np.eye(3)]
    return np.stack([*shifts, *turns])
