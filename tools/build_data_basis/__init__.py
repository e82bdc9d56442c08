"""Compiles `assets/basis.safetensors`, from which the face database is made."""
