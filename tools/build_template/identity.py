"""The linear identity basis: PCA of random heads (version 0: attribute and feature targets alone)."""

from __future__ import annotations

import numpy as np

from mien.core.face import LinearModel
from tools.build_template.random_heads import HeadGenerator
from tools.build_template.source import Source
from tools.build_template.types import Skin

SAMPLES, MODES, SEED = 400, 40, 1


def build_identity(skin: Skin, source: Source, n_vertices: int) -> LinearModel:
    """Modes (K, V, 3), one standard deviation each; zero outside the skin."""
    generator = HeadGenerator(source)
    rng = np.random.default_rng(SEED)
    heads = np.stack([skin.from_source(generator.offsets(rng)).ravel() for _ in range(SAMPLES)])
    modes = principal_modes(heads, MODES).reshape(MODES, -1, 3)
    out = np.zeros((MODES, n_vertices, 3))
    out[:, : modes.shape[1]] = modes
    return LinearModel(out)


def principal_modes(samples: np.ndarray, count: int) -> np.ndarray:
    """Leading principal directions of (S, D), scaled to one standard deviation; sign fixed."""
    centred = samples - samples.mean(axis=0)
    values, vectors = np.linalg.eigh(centred @ centred.T / len(samples))
    lead = np.argsort(values)[::-1][:count]
    modes = vectors[:, lead].T @ centred / np.sqrt(len(samples))
    peak = np.take_along_axis(modes, np.abs(modes).argmax(axis=1)[:, None], axis=1)
    return modes * np.sign(peak)
