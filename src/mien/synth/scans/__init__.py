"""Scans of synthetic heads with known truth, and of what is no face."""
