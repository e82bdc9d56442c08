"""Face databases: a synthetic light stage whose every subject is a function of (seed, index)."""

from mien.data.subject import Subject, draw_subject

__all__ = ["Subject", "draw_subject"]
