"""The linear identity basis: PCA of heads that join ICT-FaceKit's statistics with the source's features.

ICT-FaceKit's 100 identity modes (Li et al. 2020; MIT, USC Institute for Creative Technologies) are real
people's statistics; they are carried to the skin by `shapes_ict.lay_over`. The source's attribute and
feature targets add what they lack (ears, neck, age, single features).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from mien.core.face import LinearModel
from mien.core.mesh import split_quads
from mien.geometry.laplacian import lumped_mass
from mien.geometry.normals import triangle_normals
from mien.geometry.solve import SpdSolver
from mien.template.load import PackedIdentity
from tools.build_template.random_heads import HeadGenerator
from tools.build_template.shapes_ict import Overlay
from tools.build_template.source import Source
from tools.build_template.types import Skin

SAMPLES, MODES, SEED = 700, 80, 1
ICT_SHARE, FEATURE_SHARE = 0.92, 0.50  # amplitudes: variance about 3.4 to 1
_HEAD_WEIGHT, _HIDDEN_WEIGHT = 0.25, 0.02  # of area outside the face part, in the PCA


@dataclass(frozen=True)
class SkinBasis:
    """Modes of the skin (K, V, 3), one standard deviation each, and the share of variance they explain."""

    modes: np.ndarray
    explained: float


def ict_modes(overlay: Overlay) -> np.ndarray:
    """(100, V, 3) offsets a standard deviation each, on the skin; needs `$MIEN_DATA/ict-facekit`."""
    path = Path(os.environ["MIEN_DATA"]) / "ict-facekit/ict_facekit.npz"
    count = overlay.carry.shape[1]
    with np.load(path) as file:
        deltas = file["identity_deltas"][:, :count].astype(float) * 0.01
    return np.stack([overlay.offsets(delta) for delta in deltas])


def build_skin_basis(skin: Skin, source: Source, overlay: Overlay) -> SkinBasis:
    """PCA of `SAMPLES` heads and their mirror images, so that the basis has no preferred side."""
    modes = ict_modes(overlay)
    generator = HeadGenerator(source)
    rng = np.random.default_rng(SEED)
    features = np.stack([_plausible(skin, generator, rng) for _ in range(SAMPLES)])
    features = _aligned(features, skin) - _aligned(features, skin).mean(axis=0)
    weights = np.clip(rng.standard_normal((SAMPLES, len(modes))), -2.5, 2.5)
    people = _aligned(np.tensordot(weights, modes, axes=1), skin)
    samples = ICT_SHARE * (people - people.mean(axis=0)) + FEATURE_SHARE * features
    mirrored = samples[:, skin.mirror] * [-1, 1, 1]
    samples = np.concatenate([samples, mirrored]).reshape(2 * SAMPLES, -1)
    leading, explained = principal_modes(samples, _importance(skin), MODES)
    return SkinBasis(leading.reshape(MODES, -1, 3), explained)


def _plausible(skin: Skin, generator: HeadGenerator, rng: np.random.Generator) -> np.ndarray:
    """Draws until no triangle of the face turns more than 75 degrees against the mean's."""
    triangles = split_quads(skin.quads[skin.parts[0].quads])
    rest = triangle_normals(skin.vertices, triangles)
    while True:
        offsets = skin.from_source(generator.offsets(rng))
        turned = np.einsum("td,td->t", rest, triangle_normals(skin.vertices + offsets, triangles))
        if np.mean(turned < 0.26) < 0.01:
            return offsets


def _aligned(offsets: np.ndarray, skin: Skin) -> np.ndarray:
    """Heads turned and shifted (not scaled) onto the mean by their face parts; as offsets again."""
    face = skin.parts[0].vertices
    goal = skin.vertices[face]
    centre = goal.mean(axis=0)
    out = np.empty_like(offsets)
    for i, offset in enumerate(offsets):
        head = skin.vertices + offset
        own = head[face].mean(axis=0)
        u, _, vt = np.linalg.svd((head[face] - own).T @ (goal - centre))
        turn = u @ np.diag([1, 1, np.sign(np.linalg.det(u @ vt))]) @ vt
        out[i] = (head - own) @ turn + centre - skin.vertices
    return out


def _importance(skin: Skin) -> np.ndarray:
    """Weight of each vertex in the PCA: its area, less outside the face."""
    mass = lumped_mass(skin.vertices, split_quads(skin.quads))
    weight = np.full(len(mass), _HIDDEN_WEIGHT)
    weight[skin.parts[0].vertices] = 1.0
    weight[skin.parts[1].vertices] = _HEAD_WEIGHT
    return weight * mass / mass.sum()


def principal_modes(samples: np.ndarray, importance: np.ndarray, count: int) -> tuple[np.ndarray, float]:
    """Leading principal directions of (S, 3 V), scaled to one standard deviation, and their variance share.

    Inner products are weighted by `importance` (per vertex); each mode's largest entry is positive.
    """
    centred = samples - samples.mean(axis=0)
    weighted = centred * np.repeat(np.sqrt(importance), 3)
    values, vectors = np.linalg.eigh(weighted @ weighted.T / len(samples))
    lead = np.argsort(values)[::-1][:count]
    modes = vectors[:, lead].T @ centred / np.sqrt(len(samples))
    peak = np.take_along_axis(modes, np.abs(modes).argmax(axis=1)[:, None], axis=1)
    return modes * np.sign(peak), float(values[lead].sum() / values.sum())


def with_parts(
    modes: np.ndarray, vertices: np.ndarray, place: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Skin modes (K, V_skin, 3) to whole heads: the parts' rows are what `place` does at +-1 sigma."""
    n_skin = modes.shape[1]
    out = np.zeros((len(modes), *vertices.shape))
    out[:, :n_skin] = modes
    for full in out:
        ends = [place(vertices + sign * full)[n_skin:] for sign in (1.0, -1.0)]
        full[n_skin:] = (ends[0] - ends[1]) / 2
    return out


def pack_identity(model: LinearModel, subdivision: sp.csr_matrix) -> PackedIdentity:
    """Skin modes as the cage modes that subdivide closest to them: a quarter of the size, micrometres off."""
    n_skin, n_cage = subdivision.shape
    normal = (subdivision.T @ subdivision + 1e-6 * sp.eye(n_cage)).tocsc()
    flat = model.modes[:, :n_skin].transpose(1, 0, 2).reshape(n_skin, -1)
    cage = SpdSolver(normal).solve(subdivision.T @ flat)
    cage = cage.reshape(n_cage, -1, 3).transpose(1, 0, 2)
    return PackedIdentity(cage, model.modes[:, n_skin:], subdivision)
