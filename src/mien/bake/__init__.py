"""What the scan shows, read through the registered surface into canonical UV: colour and relief."""

from mien.bake.colour import BakedColour, bake_colour
from mien.bake.relief import scan_relief

__all__ = ["BakedColour", "bake_colour", "scan_relief"]
