"""What goes with the skin: irises, whites of the eyes, lashes and teeth of a subject."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from mien.core.conventions import linear_to_srgb
from mien.core.mesh import Image
from mien.synth.skin.brows import hair_colour
from mien.synth.skin.look import SkinLook
from mien.synth.subject import Subject
from mien.textures.eyes import IRIS_COLOURS, EyeLook, eye_maps
from mien.textures.lashes import lash_maps
from mien.textures.mouth import ToothLook, mouth_maps


def draw_eyes(subject: Subject, look: SkinLook) -> EyeLook:
    """Iris by pigment: blue and grey where skin and hair are fair, brown to black where they are dark; whites
    yellow with age and with dark skin, and blood-shot a little by chance.
    """
    rng = subject.stream("iris")
    european, light = subject.ancestry[2], look.light
    fair = european * light * (1.35 - 0.7 * look.hair_colour + 0.2 * rng.standard_normal())
    fair = float(np.clip(fair, 0.0, 1.0))
    names, weights = _iris_chances(fair)
    first, second = rng.choice(len(names), 2, p=weights)
    share = rng.uniform(0.0, 0.35)
    colour = (1 - share) * np.array(IRIS_COLOURS[names[first]]) + share * np.array(
        IRIS_COLOURS[names[second]]
    )
    warmth = 0.03 * rng.standard_normal() * np.array([1.0, 0.0, -1.0])
    depth = 0.74 + 0.26 * min(3.0 * fair, 1.0)  # brown is darker where no ancestor was fair
    colour = np.clip(depth * colour * np.exp(0.10 * rng.standard_normal() + warmth), 0.05, 0.7)
    return EyeLook(
        iris=(float(colour[0]), float(colour[1]), float(colour[2])),
        yellowed=float(
            np.clip(0.15 + 0.5 * look.old + 0.35 * (1 - light) + 0.12 * rng.standard_normal(), 0, 1)
        ),
        bloodshot=float(np.clip(0.3 + 0.25 * look.old + 0.18 * rng.standard_normal(), 0, 1)),
        arcus=float(np.clip((look.old - 0.6) * 2.2 * rng.random(), 0, 1)),
    )


def draw_teeth(subject: Subject, look: SkinLook) -> ToothLook:
    """Yellower and darker with age, the edges worn, the gums as pigmented as the skin."""
    rng = subject.stream("teeth")
    n = rng.standard_normal(4)
    return ToothLook(
        yellowed=float(np.clip(0.2 + 0.55 * look.old + 0.18 * n[0], 0, 1)),
        dark=float(np.clip(0.15 + 0.4 * look.old + 0.15 * n[1], 0, 1)),
        translucent=float(np.clip(0.75 - 0.5 * look.old + 0.15 * n[2], 0, 1)),
        gum_melanin=float(np.clip((1 - look.light) * (0.8 + 0.25 * n[3]), 0, 1)),
    )


def feature_maps(subject: Subject, look: SkinLook, resolution: int = 1024) -> dict[str, Image]:
    """Maps of eyes, mouth and lashes by name, of this subject; the same arguments give the same pixels."""
    eyes, teeth = draw_eyes(subject, look), draw_teeth(subject, look)
    seed = look.seed % 100_003
    return {
        **eye_maps(resolution, eyes.iris, seed, look=eyes),
        **mouth_maps(resolution, seed, look=teeth),
        **lash_maps(min(resolution, 256), _lash_colour(look), seed),
    }


def _lash_colour(look: SkinLook) -> tuple[float, float, float]:
    """sRGB: darker than the hair of the head, and they hardly grey."""
    colour = linear_to_srgb(0.55 * hair_colour(look) ** 1.15)
    return float(colour[0]), float(colour[1]), float(colour[2])


def _iris_chances(fair: float) -> tuple[tuple[str, ...], Float[np.ndarray, " K"]]:
    names = ("dark_brown", "brown", "hazel", "green", "grey", "blue")
    brown = np.array([1.0, 0.5, 0.008, 0.0, 0.0, 0.0])
    middle = np.array([0.12, 0.55, 0.25, 0.08, 0.02, 0.03])
    blue = np.array([0.0, 0.05, 0.08, 0.17, 0.20, 0.50])
    low, high = np.clip(2 * fair, 0, 1) ** 1.5, np.clip(2 * fair - 1, 0, 1)
    chance = (1 - low) * brown / brown.sum() + (low - high) * middle / middle.sum() + high * blue / blue.sum()
    return names, chance / chance.sum()
