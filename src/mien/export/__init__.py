"""The asset folder: glTF, OBJ, maps, manifest; and the judges of what was written."""

from mien.export.folder import SUPPORTED_FORMATS, write_asset

__all__ = ["SUPPORTED_FORMATS", "write_asset"]
