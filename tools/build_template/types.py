"""The types in which the builders of skin, parts and shapes meet.

Hooks (called by `assemble.py` when the modules are there):
    tools/build_template/parts_*.py   build_parts(skin: Skin, source: Source) -> list[PartMesh]
    tools/build_template/shapes_*.py  build_shapes(skin: Skin, source: Source) -> (52, V, 3) offsets
Everything is in metres in the template's own space (+Y up, face to +Z, the subject's left at +X).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int


@dataclass(frozen=True)
class SkinPart:
    """A contiguous run of the skin's vertices and quads."""

    name: str
    material: str
    vertices: slice
    quads: slice


@dataclass(frozen=True)
class EyeField:
    """Where an eyeball sits: its centre (metres) and the radius of the sclera's sphere."""

    centre: Float[np.ndarray, "3"]
    radius: float


@dataclass(frozen=True)
class Skin:
    """The subdivided skin of the head, neutral, exactly symmetric.

    `part_of_quad` indexes `parts`. `mirror` is an exact involution. `subdivision` (V x C) takes offsets
    of the cage to offsets of the fine skin; `cage_ids` are the cage vertices' ids in base.obj, so that
    `fine = subdivision @ (source_offsets[cage_ids] * scale)`. `neutral_correction` (V 3) is what cleaning
    added on top of the subdivided source, i.e. vertices = subdivision @ cage + neutral_correction.

    `loops` are ordered vertex loops, by name (left and right are the subject's, index-mirrored):
      lid_upper_left, lid_lower_left (and _right): lid margin's front edge, inner corner -> outer corner,
        both corners included, so that upper and lower share their first and last vertex;
      lid_inner_upper_left, ...: the same for the margin's back edge, where it meets the eyeball;
      lips_inner_upper, lips_inner_lower: the line where the lips touch, right corner -> left corner,
        corners included and shared;
      lips_outer_upper, lips_outer_lower: the vermilion border, right corner -> left corner, shared;
      nostril_left, nostril_right: closed loop at the rim of the nostril;
      neck: the closed loop at the open end.
    """

    vertices: Float[np.ndarray, "V 3"]
    quads: Int[np.ndarray, "F 4"]
    uvs: Float[np.ndarray, "T 2"]
    quad_uvs: Int[np.ndarray, "F 4"]
    parts: tuple[SkinPart, ...]
    part_of_quad: Int[np.ndarray, " F"]
    mirror: Int[np.ndarray, " V"]
    subdivision: sp.csr_matrix
    cage_ids: Int[np.ndarray, " C"]
    neutral_correction: Float[np.ndarray, "V 3"]
    loops: dict[str, Int[np.ndarray, " L"]]
    eyes: dict[str, EyeField]  # "left", "right"

    def from_source(self, offsets: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "V 3"]:
        """Offsets of base.obj's vertices (already in metres) subdivided onto the skin."""
        return self.subdivision @ offsets[self.cage_ids]


@dataclass(frozen=True)
class PartMesh:
    """A part beside the skin: an eyeball, a row of teeth, lashes, ...

    `mirror_part` names the part on the other side (its own name where the part is symmetric in itself),
    and `mirror` gives, for each vertex here, the local index of its twin in that part.
    `joint_weights` are per-vertex weights by joint name; they sum to one. `group_of_vertex` may number
    the rigid pieces (32 teeth) for those who need it.
    """

    name: str
    material: str
    vertices: Float[np.ndarray, "V 3"]
    quads: Int[np.ndarray, "F 4"]
    uvs: Float[np.ndarray, "T 2"]
    quad_uvs: Int[np.ndarray, "F 4"]
    mirror_part: str
    mirror: Int[np.ndarray, " V"]
    joint_weights: dict[str, Float[np.ndarray, " V"]]
    group_of_vertex: Int[np.ndarray, " V"] | None = None
    regions: dict[str, Float[np.ndarray, " V"]] = field(default_factory=dict)
