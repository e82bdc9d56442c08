"""Geometry images: a mesh's offsets as a picture in canonical UV, and back."""
