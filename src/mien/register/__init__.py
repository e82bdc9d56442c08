"""Scan to template topology: linear fit, non-rigid fit, confidence, report."""

from mien.register.run import register

__all__ = ["register"]
