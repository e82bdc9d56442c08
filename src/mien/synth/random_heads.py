"""Random heads from the shipped identity basis: material for tests and demonstrations."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from mien.anatomy.parts import place_parts, settle_lids
from mien.template.load import load_template

_LIMIT = 2.5  # standard deviations; beyond it the linear model leaves what people look like


def random_head(seed: int, index: int = 0, *, amplitude: float = 1.0) -> Float[np.ndarray, "V 3"]:
    """A plausible head on the template's topology, metres; the same for the same seed and index.

    Weights are drawn from N(0, amplitude) and limited to 2.5 standard deviations; the eyes, teeth and other
    parts are set into the skin.
    """
    template = load_template()
    rng = np.random.default_rng([seed, index])
    weights = np.clip(rng.standard_normal(len(template.identity.modes)), -_LIMIT, _LIMIT) * amplitude
    skin = template.identity.heads(template.vertices, weights)
    return place_parts(template, settle_lids(template, skin))


def random_heads(seed: int, count: int, *, amplitude: float = 1.0) -> Float[np.ndarray, "N V 3"]:
    """`random_head` for the indices 0 .. count - 1."""
    return np.stack([random_head(seed, index, amplitude=amplitude) for index in range(count)])
