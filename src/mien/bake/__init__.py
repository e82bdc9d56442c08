"""What the scan shows, read through the registered surface into canonical UV: colour and relief."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mien.bake.colour import BakedColour, bake_colour
    from mien.bake.relief import scan_relief

__all__ = ["BakedColour", "bake_colour", "scan_relief"]


def __getattr__(name: str) -> Any:
    """Read on first use: `mien.bake.prior` alone needs neither OpenCV nor numba."""
    if name in ("BakedColour", "bake_colour"):
        from mien.bake import colour

        return getattr(colour, name)
    if name == "scan_relief":
        from mien.bake.relief import scan_relief

        return scan_relief
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
