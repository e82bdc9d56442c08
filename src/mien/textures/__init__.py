"""The maps that an asset needs: skin, eyes, mouth, lashes."""

from mien.textures.asset import asset_maps

__all__ = ["asset_maps"]
