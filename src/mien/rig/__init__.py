"""The animatable head of one person: shapes, eyes, teeth, joints, quality."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mien.rig.neutralise import remove_expression
    from mien.rig.personal import build_rig

__all__ = ["build_rig", "remove_expression"]


def __getattr__(name: str) -> Any:
    """Loaded on first use: the small modules of this room need none of what these import."""
    if name == "build_rig":
        from mien.rig.personal import build_rig

        return build_rig
    if name == "remove_expression":
        from mien.rig.neutralise import remove_expression

        return remove_expression
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
