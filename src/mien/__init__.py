"""Mien: one face scan in, a production-ready, animatable, physically-based head out."""

__version__ = "0.1.0"
