"""A raw scan made ready: clean, upright, in metres, with 68 landmarks."""
