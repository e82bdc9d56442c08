"""Mesh and image files in; nothing about faces."""
