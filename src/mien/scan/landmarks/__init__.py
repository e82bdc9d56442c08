"""Finding the face in a scan and its 68 landmarks."""
