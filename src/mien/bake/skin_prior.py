"""What skin looks like where nobody has measured it: colour by region for a given tone.

The regional pattern (lips, ears, nose and cheeks redder, stubbled scalp) is the mean of CC0 photograph-
based skins, kept as log ratios to the cheek; see `tools/make_skin_prior.py`.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Bool, Float
from safetensors.numpy import load_file

from mien.bake.hairline import beyond_face
from mien.core.assets import asset_path
from mien.core.conventions import srgb_to_linear
from mien.core.face import Template

_LID_DARKEST = -0.4
_GREYING = 0.8  # the sources' stubble is reddish; cropped hair of any colour looks grey on skin
_SHAVED = 0.5  # of the scalp's darkness that a completed head goes without
_EAR_PALER = 0.6  # of the ears' redness, the same
# Cheeks, sRGB, lightest to darkest; close to the steps of the Monk Skin Tone scale, less its yellow cast.
_TONES = np.array(
    [
        [236, 196, 178],
        [222, 174, 150],
        [205, 150, 122],
        [176, 119, 91],
        [137, 86, 62],
        [96, 57, 42],
        [58, 35, 28],
    ]
)


def tone_colour(tone: float) -> Float[np.ndarray, "3"]:
    """Linear colour of the cheek for a skin tone 0 (lightest) to 1 (darkest), even in log light."""
    steps = np.log(srgb_to_linear(_TONES / 255.0))
    at = np.clip(tone, 0.0, 1.0) * (len(steps) - 1)
    return np.exp(np.array([np.interp(at, np.arange(len(steps)), steps[:, c]) for c in range(3)]))


def tone_of_colour(colour: Float[np.ndarray, "3"]) -> float:
    """The tone whose cheek colour has this luminance (linear light)."""
    weights = np.array([0.2126, 0.7152, 0.0722])
    ladder = np.log(srgb_to_linear(_TONES / 255.0) @ weights)
    return float(
        np.interp(-np.log(max(float(colour @ weights), 1e-4)), -ladder, np.linspace(0, 1, len(ladder)))
    )


def regional_pattern(template: Template, tone: float, masculine: float = 0.5) -> Float[np.ndarray, "V 3"]:
    """Log ratio (linear light) of the skin of face and head to the cheek's (0 on other parts).

    The scalp is closely cropped, as in the source. `masculine` 0..1 mixes the means of both sexes.
    """
    layers = _layers()
    dark = float(np.clip((tone - 0.5) / 0.35, 0.0, 1.0))
    light = (1 - masculine) * layers["light_female"] + masculine * layers["light_male"]
    deep = (1 - masculine) * layers["dark_female"] + masculine * layers["dark_male"]
    out = np.zeros((len(template.vertices), 3))
    out[: len(light)] = (1 - dark) * light + dark * deep
    scalp = _region(template, "scalp")[:, None]
    out += _GREYING * scalp * (out.mean(axis=1, keepdims=True) - out)
    lids = _region(template, "lid")
    out = np.where(lids[:, None] > 0, np.maximum(out, _LID_DARKEST), out)  # painted lashes
    out = _like(out, _region(template, "rim"), lids)
    lips, measured = _region(template, "lips"), template.regions.get("measured", np.ones(len(out)))
    return _like(out, lips * (1.0 - measured), lips * measured)


def completion_pattern(template: Template, tone: float) -> Float[np.ndarray, "V 3"]:
    """`regional_pattern` for a head that is partly measured: all round the face is of the hue of the skin
    beside it, ears a little redder, and hair is cropped closer."""
    out = regional_pattern(template, tone)
    light = out.mean(axis=1, keepdims=True)
    ears, scalp = (_region(template, name)[:, None] for name in ("ear_", "scalp"))
    chroma = np.maximum(1.0 - beyond_face(template)[:, None], (1.0 - _EAR_PALER) * ears)
    return (1.0 - _SHAVED * scalp) * light + chroma * (out - light)


def _like(pattern: np.ndarray, inner: np.ndarray, outer: np.ndarray) -> np.ndarray:
    """Wet rims and the inside of the lips, which the sources do not show: as what is next, but redder."""
    outer = outer * (1.0 - inner)
    if outer.sum() == 0:
        return pattern
    mean = (outer[:, None] * pattern).sum(axis=0) / outer.sum()
    return pattern + inner[:, None] * (mean + np.array([-0.05, -0.25, -0.2]) - pattern)


def _region(template: Template, part_of_name: str) -> Float[np.ndarray, " V"]:
    """All regions with this in their name, together."""
    found = [weight for name, weight in template.regions.items() if part_of_name in name]
    return np.maximum.reduce(found) if found else np.zeros(len(template.vertices))


@cache
def _layers() -> dict[str, np.ndarray]:
    layers = load_file(asset_path("skin_prior.safetensors"))
    return {name: layer.astype(np.float64) for name, layer in layers.items()}


def cheek_vertices(template: Template) -> Bool[np.ndarray, " V"]:
    """The middle of both cheeks: bare skin in every face."""
    points = template.landmarks.on(template.vertices, template.topology)
    out = np.zeros(len(template.vertices), bool)
    face = np.flatnonzero(template.vertex_mask("face"))
    for side in ((31, 36, 2), (35, 45, 14)):  # wing of the nose, outer corner of the eye, jaw
        inside = points[list(side)].mean(axis=0)
        nearest = face[np.linalg.norm(template.vertices[face] - inside, axis=1).argmin()]
        out[face] |= np.linalg.norm(template.vertices[face] - template.vertices[nearest], axis=1) < 0.012
    return out
