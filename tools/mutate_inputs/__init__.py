"""Damaged files by the thousand against every reader: whatever it gets, it reads or refuses in one line."""
