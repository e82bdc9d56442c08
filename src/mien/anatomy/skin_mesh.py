"""The skin of a template as a triangle mesh of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from mien.anatomy.parts import SKIN_PARTS
from mien.core.face import Template
from mien.core.mesh import split_quads


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
