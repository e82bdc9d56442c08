"""The stages in order: the only room, beside the command line, that knows it."""

from mien.pipeline.rig import RigOptions, rig

__all__ = ["RigOptions", "rig"]
