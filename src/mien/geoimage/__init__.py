"""Geometry images: a mesh's offsets as a picture in canonical UV, and back."""

from mien.geoimage.codec import GeometryImageCodec, face_codec
from mien.geoimage.places import sampling_places

__all__ = ["GeometryImageCodec", "face_codec", "sampling_places"]
