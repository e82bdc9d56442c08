"""The head from which a database counts its neutrals, as an OBJ that lies beside the shards."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from mien.synth.identity.basis import load_basis
from mien.synth.whole_head import mean_head
from mien.template.load import load_template


def mean_obj() -> str:
    """The mean head with all parts as groups: metres, quads, UVs, vertices in the order of the offsets."""
    template = load_template()
    topology = template.topology
    lines = ["# metres, +Y up, face toward +Z; record.neutral + these vertices = a head"]
    lines += _rows("v", mean_head(load_basis(), template))
    lines += _rows("vt", topology.uvs)
    for part in template.parts:
        corners = np.stack([topology.quads[part.quads], topology.quad_uvs[part.quads]], axis=2)
        lines += [f"g {part.name}", f"usemtl {part.material}", *_faces(corners)]
    return "\n".join(lines) + "\n"


def _rows(keyword: str, values: Float[np.ndarray, "N K"]) -> list[str]:
    return [f"{keyword} " + " ".join(f"{x:.7f}" for x in row) for row in values.tolist()]


def _faces(corners: Int[np.ndarray, "F 4 2"]) -> list[str]:
    return ["f " + " ".join(f"{v}/{t}" for v, t in face) for face in (corners + 1).tolist()]
