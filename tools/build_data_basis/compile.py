"""Light stage, attributes and features put together as one `SynthBasis`."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float

from mien.core.face import Template
from mien.core.mesh import split_quads
from mien.geometry.laplacian import lumped_mass
from mien.geometry.solve import SpdSolver
from mien.synth.identity.attribute_modes import attribute_weights, mean_attribute_weights
from mien.synth.identity.basis import Axis, SynthBasis
from mien.synth.subject import draw_subject
from tools.build_data_basis.light_stage import LightStage, carry_light_stage
from tools.build_data_basis.targets import attribute_targets, feature_targets
from tools.build_data_basis.units import expression_units
from tools.build_template.source import Source
from tools.build_template.types import Skin

RIDGE = 0.8e-3  # metres: misfit on the face that is worth one standard deviation of a stage weight
ATTRIBUTE_SHARE = 0.85  # of what the attributes ask of the light stage's modes
LEAST_VARIANCE = 0.25  # of a stage weight, left open by the attributes
_SUBJECTS = 4000


def compile_basis(skin: Skin, source: Source, template: Template) -> tuple[SynthBasis, LightStage]:
    """The basis and the carried light stage (for the report)."""
    regions = {name: weight[: len(skin.vertices)] for name, weight in template.regions.items()}
    stage = carry_light_stage(skin, regions)
    targets = attribute_targets(skin, source)
    followed = follow(stage.modes, targets, face_area(skin))
    rest = targets - np.tensordot(followed, stage.modes, axes=1)
    features = feature_targets(skin, source)
    units = expression_units(skin, source, template)
    to_cage = CageFit(skin.subdivision)
    attribute_stage = ATTRIBUTE_SHARE * followed
    basis = SynthBasis(
        mean=(skin.vertices + stage.mean).astype(np.float32),
        subdivision=skin.subdivision.astype(np.float32),
        stage=to_cage(stage.modes),
        attributes=to_cage(rest),
        attribute_stage=attribute_stage,
        spread=open_spread(attribute_stage),
        features=to_cage(features.modes),
        axes=tuple(Axis(a.name, a.minus, a.plus) for a in features.axes),
        units=tuple(unit for unit, _ in units),
        unit_modes=to_cage(np.stack([mode for _, mode in units])),
    )
    return basis, stage


def face_area(skin: Skin) -> Float[np.ndarray, " V"]:
    """Each vertex's share of the face part's area; zero elsewhere."""
    area = lumped_mass(skin.vertices, split_quads(skin.quads))
    out = np.zeros(len(area))
    face = skin.parts[0].vertices
    out[face] = area[face] / area[face].sum()
    return out


def follow(
    modes: Float[np.ndarray, "K V 3"], targets: Float[np.ndarray, "T V 3"], area: Float[np.ndarray, " V"]
) -> Float[np.ndarray, "T K"]:
    """Stage weights closest to each target on the face: ridge regression, small weights preferred."""
    root = np.sqrt(area)[:, None]
    a = (modes * root).reshape(len(modes), -1)
    b = (targets * root).reshape(len(targets), -1)
    normal = a @ a.T + RIDGE**2 * np.eye(len(a))
    return np.linalg.solve(normal, a @ b.T).T


def open_spread(attribute_stage: Float[np.ndarray, "24 K"]) -> Float[np.ndarray, "K K"]:
    """Cholesky factor of I - (covariance that the attributes bring): in all, weights keep unit variance."""
    people = [draw_subject(0, i) for i in range(_SUBJECTS)]
    weights = np.stack([attribute_weights(p.age, p.sex, np.array(p.ancestry), p.weight) for p in people])
    brought = (weights - mean_attribute_weights()) @ attribute_stage
    values, vectors = np.linalg.eigh(np.eye(brought.shape[1]) - np.cov(brought.T))
    clipped = (vectors * np.maximum(values, LEAST_VARIANCE)) @ vectors.T
    return np.linalg.cholesky(clipped)


class CageFit:
    """Offsets of the skin as the cage offsets that subdivide closest to them, flattened, single precision."""

    def __init__(self, subdivision: sp.csr_matrix) -> None:
        self._matrix = subdivision
        n_cage = subdivision.shape[1]
        self._solver = SpdSolver((subdivision.T @ subdivision + 1e-6 * sp.eye(n_cage)).tocsc())

    def __call__(self, modes: Float[np.ndarray, "K V 3"]) -> Float[np.ndarray, "K C3"]:
        flat = modes.transpose(1, 0, 2).reshape(modes.shape[1], -1)
        cage = self._solver.solve(self._matrix.T @ flat).reshape(-1, len(modes), 3)
        return cage.transpose(1, 0, 2).reshape(len(modes), -1).astype(np.float32)
