"""Whether a variant of Mitsuba works here: run as a script, in a process of its own, which may crash.

LLVM ends the whole process where it meets what it cannot compile, and does so only once a picture is rendered
with what a head is rendered with. Prints Mitsuba's version; exits with 0 where all went well.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np


def render_a_little(mi: Any) -> float:
    """The mean of a picture of 8 pixels a side of every kind of surface and light that a head has."""

    def texture(value: float, channels: int) -> dict[str, Any]:
        pixels = np.full((2, 2, channels), value, np.float32)
        return {"type": "bitmap", "bitmap": mi.Bitmap(pixels), "raw": True, "wrap_mode": "clamp"}

    skin = {
        "type": "principled",
        "base_color": texture(0.5, 3),
        "specular": 0.4,
        "roughness": texture(0.4, 1),
    }
    bumpy = {"type": "normalmap", "normalmap": texture(0.6, 3), "bsdf": skin}
    matte = {"type": "diffuse", "reflectance": texture(0.5, 3)}
    spheres: tuple[dict[str, Any], ...] = (
        {
            "bsdf": {"type": "twosided", "bsdf": bumpy},
            "emitter": {"type": "area", "radiance": texture(0.5, 3)},
        },
        {"bsdf": {"type": "mask", "opacity": texture(0.5, 1), "bsdf": {"type": "twosided", "bsdf": matte}}},
        {"bsdf": {"type": "thindielectric", "int_ior": 1.376}},
    )
    scene: dict[str, Any] = {
        "type": "scene",
        "light": {"type": "envmap", "bitmap": mi.Bitmap(np.ones((4, 8, 3), np.float32))},
        "camera": {
            "type": "perspective",
            "to_world": mi.ScalarTransform4f().look_at([0, 0, 8], [0, 0, 0], [0, 1, 0]),
            "film": {"type": "hdrfilm", "width": 8, "height": 8, "pixel_format": "rgba"},
            "sampler": {"type": "independent", "sample_count": 2},
        },
    }
    for n, sphere in enumerate(spheres):
        scene[f"ball_{n}"] = {"type": "sphere", "center": [n - 1.0, 0.0, 0.5 * n]} | sphere
    integrator = mi.load_dict({"type": "path", "max_depth": 4})
    return float(np.array(mi.render(mi.load_dict(scene), integrator=integrator, seed=0)).mean())


if __name__ == "__main__":
    import mitsuba

    mitsuba.set_variant(sys.argv[1])
    sys.exit(0 if np.isfinite(render_a_little(mitsuba)) else 1)
