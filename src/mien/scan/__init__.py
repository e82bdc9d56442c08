"""A raw scan in: a clean, upright, metric scan with 68 landmarks out."""

from mien.scan.load import load_scan

__all__ = ["load_scan"]
