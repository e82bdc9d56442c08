"""All parts beside the skin, in the order in which the template holds them."""

from __future__ import annotations

from tools.build_template.parts_eyes import build_eyes
from tools.build_template.parts_lashes import build_lashes
from tools.build_template.parts_margin import build_margin_strips
from tools.build_template.parts_mouth import build_mouth
from tools.build_template.source import Source
from tools.build_template.types import PartMesh, Skin


def build_parts(skin: Skin, source: Source) -> list[PartMesh]:
    """Eyes with strips and lashes, then the mouth. `source` is unused: every part is modelled, not copied."""
    return [
        *build_eyes(skin),
        *build_margin_strips(skin),
        *build_lashes(skin),
        *build_mouth(skin),
    ]
