"""How much of unseen heads the linear model holds: variance curve and error by number of components."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.core.face import Template
from mien.core.mesh import split_quads
from mien.geometry.normals import vertex_normals
from mien.model.pca import PcaHeadModel

COMPONENTS = (10, 50, 100, 200)
_STRIP = 32


def measure_reconstruction(
    model: PcaHeadModel,
    heads: Float[np.ndarray, "B S 3"],
    template: Template,
    components: Sequence[int] = COMPONENTS,
) -> list[dict[str, float]]:
    """Error of aligned, unseen heads from so many components, millimetres, one row each.

    Over the face part: how far each vertex lies from where it belongs, and off the true surface (along its
    normal), mean and 95th percentile; `unseen_share` is the share of their weighted variance.
    """
    coefficients = model.coefficients(heads)
    return [_errors(model, heads, coefficients[:, :count], template) for count in components]


def _errors(
    model: PcaHeadModel,
    heads: Float[np.ndarray, "B S 3"],
    coefficients: Float[np.ndarray, "B C"],
    template: Template,
) -> dict[str, float]:
    face, quads = template.part("face").vertices, template.topology.quads
    triangles = split_quads(quads[(quads < len(model.mean)).all(axis=1)])
    vertex, surface, left, whole = [], [], 0.0, 0.0
    for start in range(0, len(heads), _STRIP):
        true = heads[start : start + _STRIP].astype(np.float64)
        away = model.heads(coefficients[start : start + _STRIP]) - true
        left += float(np.einsum("s,bsd->", model.weights, away**2))
        whole += float(np.einsum("s,bsd->", model.weights, (true - model.mean) ** 2))
        for one, head in zip(away[:, face], true, strict=True):
            normals = vertex_normals(head, triangles)[face]
            vertex.append(np.linalg.norm(one, axis=1))
            surface.append(np.abs(np.einsum("sd,sd->s", one, normals)))
    out = {"components": float(coefficients.shape[1]), "unseen_share": 1.0 - left / whole}
    for name, found in (("vertex", vertex), ("surface", surface)):
        error = np.concatenate(found) * MILLIMETRES_PER_METRE
        out |= {f"{name}_mean_mm": float(error.mean()), f"{name}_p95_mm": float(np.percentile(error, 95))}
    return out
