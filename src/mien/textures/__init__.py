"""The maps that an asset needs: skin, eyes, mouth, lashes."""
