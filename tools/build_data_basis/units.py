"""Form modes of expressions: how ancestries differ in them, and how another sculptor made them.

The source has 34 expression units sculpted for African, Asian and Caucasian heads each, and the 52 ARKit face
units. A mode is what would be added to a shape of the template, both sides together, at full weight.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from mien.core.conventions import SHAPE_INDEX
from mien.core.face import Template
from mien.synth.identity.basis import Unit
from tools.build_data_basis.rigid import without_rigid
from tools.build_template.source import ANCESTRIES, Source
from tools.build_template.types import Skin

# ARKit's stem and the source's units that make the same movement.
OF_ANCESTRY: dict[str, tuple[str, ...]] = {
    "eyeBlink": ("eye-left-closure", "eye-right-closure"),
    "eyeWide": ("eye-left-opened-up", "eye-right-opened-up"),
    "eyeSquint": ("eye-left-slit", "eye-right-slit"),
    "browDown": ("eyebrows-left-down", "eyebrows-right-down"),
    "browOuterUp": ("eyebrows-left-extern-up", "eyebrows-right-extern-up"),
    "browInnerUp": ("eyebrows-left-inner-up", "eyebrows-right-inner-up"),
    "noseSneer": ("nose-left-elevation", "nose-right-elevation"),
    "mouthSmile": ("mouth-corner-puller",),
    "mouthFrown": ("mouth-depression",),
    "mouthLowerDown": ("mouth-depression-retraction",),
    "mouthStretch": ("mouth-retraction",),
    "mouthUpperUp": ("mouth-elevation",),
    "mouthFunnel": ("mouth-eversion",),
    "mouthPucker": ("mouth-protusion",),
    "mouthPress": ("mouth-compression",),
    "mouthDimple": ("mouth-upward-retraction",),
    "jawOpen": ("mouth-open",),
}
# Stems whose ARKit face unit lends its style.
OF_STYLE = (
    "browDown", "browInnerUp", "browOuterUp", "cheekPuff", "cheekSquint", "eyeSquint", "eyeWide",
    "mouthDimple", "mouthFrown", "mouthFunnel", "mouthLowerDown", "mouthPucker", "mouthShrugLower",
    "mouthShrugUpper", "mouthSmile", "mouthStretch", "mouthUpperUp", "noseSneer",
)  # fmt: skip
LEAST_LIKENESS = 0.25  # cosine below which a unit is another movement than the template's shape
LEAST = 0.1e-3  # metres: contrasts that are nowhere larger are left out
LARGEST = 0.6  # a mode is at most so large as the shape itself (root mean square)


def expression_units(skin: Skin, source: Source, template: Template) -> list[tuple[Unit, np.ndarray]]:
    """Each unit with its offsets of the skin (V 3), metres."""
    out = []
    for stem, names in OF_ANCESTRY.items():
        units = [
            _whole(skin, [source.target(f"expression/units/{a}/{n}") for n in names]) for a in ANCESTRIES
        ]
        whole = _whole_shape(template, stem, len(skin.vertices))
        scale = _likeness_scale(np.mean(units, axis=0), whole)
        if scale is None:
            continue
        for ancestry, unit in zip(ANCESTRIES[:2], units[:2], strict=True):
            contrast = scale * (unit - np.mean(units, axis=0))
            mode = _limited(_seen(contrast, template), whole)
            if np.abs(mode).max() > LEAST:
                out.append((Unit(stem, ancestry), mode))
    for stem in OF_STYLE:
        sides = [n for n in (stem, f"{stem}Left", f"{stem}Right") if n in SHAPE_INDEX]
        unit = _whole(skin, [source.face_unit(name) for name in sides])
        whole = _whole_shape(template, stem, len(skin.vertices))
        scale = _likeness_scale(unit, whole)
        if scale is not None:
            out.append((Unit(stem, "style"), _limited(_seen(scale * unit - whole, template), whole)))
    return out


def _whole(skin: Skin, targets: list[np.ndarray]) -> Float[np.ndarray, "V 3"]:
    """Both sides of a movement on the skin, without shift and turn of the head."""
    return without_rigid(skin.from_source(np.sum(targets, axis=0))[None], skin)[0]


def _whole_shape(template: Template, stem: str, count: int) -> Float[np.ndarray, "V 3"]:
    names = [n for n in (stem, f"{stem}Left", f"{stem}Right") if n in SHAPE_INDEX]
    return template.shapes[[SHAPE_INDEX[n] for n in names], :count].sum(axis=0)


def _likeness_scale(unit: Float[np.ndarray, "V 3"], shape: Float[np.ndarray, "V 3"]) -> float | None:
    """What brings a unit to the shape's size; None where they move other things."""
    product = float((unit * shape).sum())
    sizes = float(np.linalg.norm(unit)), float(np.linalg.norm(shape))
    if product < LEAST_LIKENESS * sizes[0] * sizes[1]:
        return None
    return sizes[1] / sizes[0]


def _limited(mode: Float[np.ndarray, "V 3"], shape: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "V 3"]:
    size = max(float(np.linalg.norm(mode)), 1e-12)
    return mode * min(1.0, LARGEST * float(np.linalg.norm(shape)) / size)


def _seen(mode: Float[np.ndarray, "V 3"], template: Template) -> Float[np.ndarray, "V 3"]:
    """The mode on the face; faded out toward ears, scalp and the neck's end."""
    weight = template.regions["measured"][: len(mode)].copy()
    for name in ("ear_left", "ear_right", "scalp"):
        weight *= 1.0 - template.regions[name][: len(mode)]
    face = template.part("face").vertices
    weight[: face.start], weight[face.stop :] = 0.0, 0.0
    return mode * weight[:, None]
