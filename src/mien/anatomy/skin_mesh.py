"""The skin of a template: which vertices it is, and as a triangle mesh of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from mien.core.face import Template
from mien.core.mesh import split_quads

SKIN_PARTS = ("face", "head", "mouth_socket", "eye_socket_left", "eye_socket_right")
_SKULL_ABOVE = -0.03  # metres of height: below it a face moves with its jaw; chosen by eye


@dataclass(frozen=True)
class SkinMesh:
    """The skin alone, first among a template's vertices. `frame` are the face's, `outer` what is seen."""

    count: int
    triangles: Int[np.ndarray, "T 3"]
    frame: Int[np.ndarray, " K"]
    outer: Bool[np.ndarray, " S"]


def skin_mesh(template: Template) -> SkinMesh:
    """The skin of a template."""
    mask = template.vertex_mask(*SKIN_PARTS)
    count = int(mask.sum())
    assert mask[:count].all(), "the skin's parts come first"
    quads = template.topology.quads
    own = mask[quads].all(axis=1)
    face = template.part("face").vertices
    frame = np.arange(face.start, face.stop)
    outer = template.vertex_mask("face", "head")[:count]
    return SkinMesh(count, split_quads(quads[own]), frame, outer)


def skin_rows(template: Template) -> Int[np.ndarray, " S"]:
    """Indices of the vertices that belong to the skin."""
    return np.flatnonzero(template.vertex_mask(*SKIN_PARTS))


def skull_rows(template: Template) -> Int[np.ndarray, " U"]:
    """Indices of the face's vertices that go with the skull and tell how a head stands."""
    face = template.part("face").vertices
    rows = np.arange(face.start, face.stop)
    return rows[template.vertices[rows, 1] > _SKULL_ABOVE]
