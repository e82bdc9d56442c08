"""The animatable head of one person: shapes, eyes, teeth, joints, quality."""

from mien.rig.neutralise import remove_expression
from mien.rig.personal import build_rig

__all__ = ["build_rig", "remove_expression"]
