"""The 52 shapes of the template, in `SHAPE_NAMES` order."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from mien.anatomy.gaze import LOOK_DEGREES
from mien.core.conventions import SHAPE_INDEX, SHAPE_NAMES, mirrored_shape
from tools.build_template.shapes_eyes import blink_left, left_lids, look_left, slide_both, squint_left
from tools.build_template.shapes_ict import jaw_motions, lay_over, load_ict
from tools.build_template.shapes_mouth import calm_sneer, meet_lips, wall_offsets
from tools.build_template.shapes_sides import mirrored, split, symmetric
from tools.build_template.source import Source
from tools.build_template.types import Skin

STILL = 5e-6  # metres: less than this is noise of the source
_SIDED = ("jawLeft", "jawRight", "mouthLeft", "mouthRight")  # single shapes that are not symmetric


def build_shapes(skin: Skin, source: Source) -> Float[np.ndarray, "52 V 3"]:
    """Offsets (metres) of the skin: carried from ICT-FaceKit, made symmetric, split, then corrected."""
    whole = carried(skin)
    whole["noseSneer"] = calm_sneer(skin, whole["noseSneer"])
    meet_lips(skin, whole)
    shapes = _halves(skin, {stem: _cleaned(skin, stem, offsets) for stem, offsets in whole.items()})
    _seat_on_eyes(skin, shapes)
    return np.stack([shapes[name] for name in SHAPE_NAMES])


def carried(skin: Skin) -> dict[str, Float[np.ndarray, "V 3"]]:
    """Motions from ICT-FaceKit by ARKit's name without its side; both sides together where there are two."""
    ict = load_ict()
    overlay = lay_over(skin, ict)
    jaw = jaw_motions(skin)
    out: dict[str, np.ndarray] = {}
    for name, offsets in ict.expressions.items():
        stem = name.removesuffix("_L").removesuffix("_R")
        if stem in SHAPE_INDEX or f"{stem}Left" in SHAPE_INDEX:
            walls = wall_offsets(skin, jaw.get(name), overlay.offsets(offsets))
            out[stem] = out.get(stem, 0.0) + overlay.offsets(offsets, walls)
    for stem in ("jawLeft", "mouthLeft"):
        other = stem.replace("Left", "Right")
        mean = _quiet((out[stem] + mirrored(skin, out[other])) / 2)
        out[stem], out[other] = mean, mirrored(skin, mean)
    return {stem: o if stem in _SIDED else symmetric(skin, _quiet(o)) for stem, o in out.items()}


def _cleaned(skin: Skin, stem: str, offsets: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "V 3"]:
    """Exactly symmetric again after a correction."""
    return offsets if stem in _SIDED else symmetric(skin, offsets)


def _halves(skin: Skin, whole: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """All names: left and right where there are two."""
    shapes = {name: np.zeros_like(skin.vertices) for name in SHAPE_NAMES}
    for stem, offsets in whole.items():
        if stem in shapes:
            shapes[stem] = offsets
        else:
            shapes[f"{stem}Left"], shapes[f"{stem}Right"] = split(skin, offsets)
    return shapes


def _seat_on_eyes(skin: Skin, shapes: dict[str, np.ndarray]) -> None:
    """Lids of every shape onto the eyeballs; each right shape is the mirror image of the left one."""
    lids = left_lids(skin)
    blink = blink_left(skin, lids, shapes["eyeBlinkLeft"])
    for name in SHAPE_NAMES:
        if name == "eyeBlinkLeft":
            shapes[name] = blink
        elif name == "eyeSquintLeft":
            shapes[name] = squint_left(lids, shapes[name], blink)
        elif name.removesuffix("Left") in LOOK_DEGREES:
            shapes[name] = look_left(skin, lids, name, shapes[name], blink)
        elif name.endswith("Left") and name not in _SIDED:
            shapes[name] = lids.slide(shapes[name])
        elif mirrored_shape(name) == name:
            shapes[name] = slide_both(skin, lids, shapes[name])
    for name in SHAPE_NAMES:
        if name.endswith("Right"):
            shapes[name] = mirrored(skin, shapes[mirrored_shape(name)])


def _quiet(offsets: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "V 3"]:
    """Motions below the noise of the source vanish, smoothly up to ten times that."""
    size = np.linalg.norm(offsets, axis=1, keepdims=True)
    t = np.clip((size / STILL - 1) / 9, 0.0, 1.0)
    return offsets * t * t * (3 - 2 * t)
