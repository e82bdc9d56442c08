"""Mien: one face scan in, a production-ready, animatable, physically-based head out.

    asset = mien.rig("head.obj", albedo="head.jpg")        # a scan's head, rigged
    asset.save("out/head")                                 # GLB, OBJ, maps, asset.json
    vertices, landmarks = asset.rig({"jawOpen": 0.5}, {"eye_left": [0, 0.3, 0]})
    mien.draw_portrait(mien.SyntheticPerson.draw(7), "person.png")

Importing Mien does nothing heavy: each name below is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mien.core.version import __version__

if TYPE_CHECKING:
    from mien.api import draw_portrait, load, load_template, rig
    from mien.core.errors import MienError
    from mien.core.face import Template
    from mien.export.asset import FaceAsset
    from mien.rigging.rig import Rig
    from mien.synth.person import SyntheticPerson

_HOMES = {
    "FaceAsset": "mien.export.asset",
    "MienError": "mien.core.errors",
    "Rig": "mien.rigging.rig",
    "SyntheticPerson": "mien.synth.person",
    "Template": "mien.core.face",
    "draw_portrait": "mien.api",
    "load": "mien.api",
    "load_template": "mien.api",
    "rig": "mien.api",
}
__all__ = [
    "FaceAsset",
    "MienError",
    "Rig",
    "SyntheticPerson",
    "Template",
    "__version__",
    "draw_portrait",
    "load",
    "load_template",
    "rig",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'mien' has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
