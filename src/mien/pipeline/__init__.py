"""The stages in order: the only room, beside the command line, that knows it."""

from mien.pipeline.rig import rig
from mien.pipeline.rig_options import RigOptions

__all__ = ["RigOptions", "rig"]
