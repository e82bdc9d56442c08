"""Synthetic people: every one is a function of (seed, index)."""
