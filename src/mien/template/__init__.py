"""The generic head: topology, canonical UV, parts, landmarks, 52 shapes, joints, identity basis."""

from mien.template.load import load_template

__all__ = ["load_template"]
