"""The version of Mien, written once."""

__version__ = "0.1.0"
