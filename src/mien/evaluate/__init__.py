"""What the designs promise, measured."""
