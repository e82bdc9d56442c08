"""Where a lid's texels show no lid: eyeball, wet rim and lashes beside the margin of an open eye.

A scan's surface runs over lid and eyeball without an edge, so that the texels of a lid that rolls inward read
the white of the eye or its glint, and a blink stretches these over the closed lid. Skin beside the margin is
therefore believed only where it looks like the lid's own skin a few millimetres away.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial import cKDTree

from mien.core.conventions import linear_to_lab
from mien.core.face import Template
from mien.geometry.weights import smoothstep

ZONE = (0.0055, 0.0085)  # metres from the margin: judged ... left alone
REFERENCE = (0.006, 0.013)  # metres from the margin where there surely is skin
LIGHTER, DARKER = (5.0, 12.0), (18.0, 32.0)  # CIE L beside the lid's skin: skin ... glint, white; lash, iris
PALER = (0.6, 0.8)  # chroma along the skin's hue over what the light leaves of the skin's: eyeball ... skin
STRANDS = (0.25, 0.5)  # standard deviation of log light about a vertex: skin ... lashes, glints
_FEWEST = 12  # vertices of a lid's skin to compare with


def lid_skin(
    template: Template,
    vertices: Float[np.ndarray, "V 3"],
    linear: Float[np.ndarray, "V 3"],
    spread: Float[np.ndarray, " V"],
    trust: Float[np.ndarray, " V"],
) -> Float[np.ndarray, " V"]:
    """0 beside the margins of the lids where the observed colour is not the lid's skin, 1 elsewhere.

    `linear` is the mean colour round each vertex, `spread` the standard deviation of log light there, `trust`
    how far it was measured so far. Light eyes in dark skin and dark ones in light skin are told alike: all is
    relative to the same lid.
    """
    out = np.ones(len(trust))
    lab = linear_to_lab(np.clip(linear, 0.0, 1.0))
    for side in ("left", "right"):
        rim = template.regions.get(f"eye_rim_{side}")
        if rim is None or not (rim > 0.5).any():
            continue
        away, _ = cKDTree(vertices[rim > 0.5]).query(vertices, distance_upper_bound=REFERENCE[1])
        upper = _nearer(template, vertices, f"upper_lid_{side}", f"lower_lid_{side}")
        for half in (upper, ~upper):
            here = half & (away < REFERENCE[1]) & template.vertex_mask("face")
            known = here & (away > REFERENCE[0]) & (trust > 0.6) & (template.regions[f"brow_{side}"] < 0.2)
            if known.sum() < _FEWEST:
                continue
            zone = 1.0 - smoothstep(away[here], *ZONE)
            out[here] = 1.0 - zone * (1.0 - _like(lab[here], np.median(lab[known], axis=0), spread[here]))
    return out


def _nearer(template: Template, vertices: np.ndarray, one: str, other: str) -> Bool[np.ndarray, " V"]:
    """Where the first of two regions is nearer than the second."""
    first, second = (
        cKDTree(vertices[template.regions[name] > 0.5]).query(vertices)[0] for name in (one, other)
    )
    return np.asarray(first < second)


def _like(
    lab: Float[np.ndarray, "N 3"], skin: Float[np.ndarray, "3"], spread: Float[np.ndarray, " N"]
) -> Float[np.ndarray, " N"]:
    """1 where a colour is this lid's skin in its own or less light, 0 where it is not."""
    over = lab[:, 0] - skin[0]
    hue = skin[1:]
    light = np.minimum((lab[:, 0] + 16.0) / (skin[0] + 16.0), 1.2)  # a and b go with the cube root of light
    chroma = (lab[:, 1:] @ hue) / np.maximum(light * float(hue @ hue), 1e-6)
    lit = (1.0 - smoothstep(over, *LIGHTER)) * (1.0 - smoothstep(-over, *DARKER))
    return lit * smoothstep(chroma, *PALER) * (1.0 - smoothstep(spread, *STRANDS))
