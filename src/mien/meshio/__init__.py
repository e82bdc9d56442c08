"""Mesh and image files in: OBJ, PLY, STL, glTF, textures. Nothing here knows about faces."""
