"""All parts beside the skin, in the order in which the template holds them."""

from __future__ import annotations

from tools.build_template.parts_eyes import build_eyes
from tools.build_template.parts_mouth import build_mouth
from tools.build_template.source import Source
from tools.build_template.types import PartMesh, Skin


def build_parts(skin: Skin, source: Source) -> list[PartMesh]:
    """Eyes, then the mouth. `source` is not needed: every part is modelled, none is copied."""
    return [*build_eyes(skin), *build_mouth(skin)]
