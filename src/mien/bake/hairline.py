"""Where the measured skin ends at hair, beard and collars: found where it is darker than the skin beside it.

A photograph darkens toward the hair long before it is all hair: single strands, their shadows, the shade
under a fringe. Taken for skin these leave a dark rim. The skin's own tone is therefore carried outward from
the middle of the face, and what falls below it away from there is left to be filled in.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy import sparse

from mien.core.face import Template
from mien.geometry.laplacian import cotangent_laplacian, lumped_mass
from mien.geometry.solve import SpdSolver
from mien.geometry.weights import smoothstep

DARKER = (0.22, 0.5)  # log light below the skin's own tone: still skin ... not
SHADED = (0.5, 0.8)  # the same where the form is surely skin's: shade
STRANDS = (0.14, 0.3)  # standard deviation of log light within a vertex's surroundings: skin ... strands
_CARRY = 0.03  # metres over which the skin's tone is carried outward
_INNER, _OUTER = 0.055, 0.08  # metres from the middle of the face: no hair grows ... it may


def hair_line(
    template: Template,
    vertices: Float[np.ndarray, "V 3"],
    light: Float[np.ndarray, " V"],
    spread: Float[np.ndarray, " V"],
    trust: Float[np.ndarray, " V"],
    kept: Float[np.ndarray, " V"],
    form: Float[np.ndarray, " V"] | None = None,
) -> Float[np.ndarray, " V"]:
    """1 where the observed colour is skin, 0 where hair or its shadow darkens it; per vertex.

    `light` is the mean log luminance round each vertex, `spread` its standard deviation, `trust` how far it
    was measured. `kept` is 1 where hair belongs to the face (brows, beard) and nothing is taken away.
    `form` is 1 where the scan's form is surely that of bare skin: there less light is shade, not hair.
    """
    outer = beyond_face(template) * (1.0 - kept)
    sure = trust * (1.0 - outer) * (1.0 - kept) * (trust > 0.7)
    if sure.sum() < 20:
        return np.ones(len(trust))
    own = _carried(template, vertices, light, sure)
    dark = 1.0 - smoothstep(own - light, *DARKER)
    if form is not None:
        dark = np.maximum(dark, form * (1.0 - smoothstep(own - light, *SHADED)))
    strands = 1.0 - smoothstep(spread, *STRANDS)
    return 1.0 - outer * (1.0 - dark * strands)


def beyond_face(template: Template) -> Float[np.ndarray, " V"]:
    """0 on the middle of the face, 1 beyond brows, cheeks and chin."""
    points = template.landmarks.on(template.vertices, template.topology)
    away = np.linalg.norm(template.vertices - points[27:].mean(axis=0), axis=1)
    return smoothstep(away, _INNER, _OUTER)


def _carried(
    template: Template, vertices: np.ndarray, light: np.ndarray, sure: np.ndarray
) -> Float[np.ndarray, " V"]:
    """The tone of sure skin, averaged over about `_CARRY` and carried on beyond it."""
    quads = np.zeros(len(template.topology.quads), bool)
    for name in ("face", "head"):
        quads[template.part(name).quads] = True
    triangles = template.topology.triangles[np.repeat(quads, 2)]
    used, local = np.unique(triangles, return_inverse=True)
    local = local.reshape(-1, 3)
    mass = np.maximum(lumped_mass(vertices[used], local), 1e-12)
    stiffness = cotangent_laplacian(vertices[used], local, max_cotangent=5.0)
    weight = mass * sure[used]
    # A little of the overall median everywhere: far away the tone falls back to it.
    solver = SpdSolver(sparse.diags(weight + 1e-3 * mass) + 0.05 * _CARRY**2 * stiffness)
    middle = float(np.average(light[sure > 0], weights=sure[sure > 0]))
    out = np.full(len(light), middle)
    out[used] = solver.solve(weight * light[used] + 1e-3 * mass * middle)
    return out
