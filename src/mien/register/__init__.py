"""Scan to template topology: linear fit, non-rigid fit, acceptance tests, expected error."""
